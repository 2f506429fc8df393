// SPDX-License-Identifier: BSD-2-Clause
/*
 * ramppool: healthy. The demand on a client pool rises from 1 request at a time to --count (40)
 * over
 * --seconds (5), so that one line of code opens connection after connection and closes none; then
 * it levels off. Ten times a second all of them are taken, used and returned.
 * ss: up to 40 pairs of ESTAB; lastsnd below 200 ms on all.
 */
#include "load.h"

static void peer(struct load *l)
{
	int listener = load_listen(l, 512);

	load_tell(l);
	load_serve(listener, LOAD_ANSWERS);
}

int main(int argc, char **argv)
{
	struct load l = { .count = 40, .seconds = 5 };
	int n = 0, *fds;
	double start;

	load_options(&l, argc, argv);
	fds = load_calloc(l.count, sizeof(*fds));
	load_fork(&l, peer);
	load_learn(&l);
	load_ready(&l, NULL, NULL, 0, "%s", "");
	start = load_now();
	do {
		double ramp = (load_now() - start) / l.seconds;
		int demand = ramp >= 1 ? l.count : 1 + (int)(ramp * l.count);

		while (n < demand && n < l.count)
			fds[n++] = load_connect(&l);
		for (int i = 0; i < n; i++)
			load_send(fds[i], LOAD_REQUEST);
		for (int i = 0; i < n; i++)
			load_recv(fds[i]);
	} while (load_wait(&l, 0.1));
	return load_end(&l);
}
