// SPDX-License-Identifier: BSD-2-Clause
/*
 * growth: one line of code opens a connection every 100 ms (--rate), uses it once, and never
 * closes nor reuses it. Its server sees its own accept site grow likewise. Mended: it is closed.
 * "count" in the ready line is what was open then; it goes on rising until the end.
 * ss: ESTAB on both sides, queues empty, bytes_sent:30 bytes_received:40; ten more a second.
 */
#include "load.h"

static void peer(struct load *l)
{
	int listener = load_listen(l, 512);

	load_tell(l);
	load_serve(listener, LOAD_ANSWERS);
}

__attribute__((noinline)) static int open_and_use(struct load *l)
{
	int fd = load_connect(l);

	load_ask(fd);
	return fd;
}

int main(int argc, char **argv)
{
	struct load l = { .rate = 10 };
	int n = 0, *fds;

	load_options(&l, argc, argv);
	fds = load_calloc(l.hold * l.rate + l.count + 1, sizeof(*fds));
	load_fork(&l, peer);
	load_learn(&l);
	while (n < l.count)
		fds[n++] = open_and_use(&l);
	for (int i = 0; !l.leaky && i < n; i++)
		close(fds[i]);
	load_ready(&l, "growth", fds, l.leaky ? n : 0, "%s", "");
	while (load_wait(&l, 1 / l.rate)) {
		fds[n] = open_and_use(&l);
		if (!l.leaky)
			close(fds[n]);
		n++;
	}
	return load_end(&l);
}
