// SPDX-License-Identifier: BSD-2-Clause
/*
 * never-used: connected, not a byte either way; the peer has accepted and waits.
 * Mended: each connection is used once, then kept.
 * ss: 16 x ESTAB, queues empty, neither bytes_sent nor bytes_received.
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
	struct load l = { 0 };
	int *fds;

	load_options(&l, argc, argv);
	fds = load_calloc(l.count, sizeof(*fds));
	load_fork(&l, peer);
	load_learn(&l);
	for (int i = 0; i < l.count; i++) {
		fds[i] = load_connect(&l);
		if (!l.leaky)
			load_ask(fds[i]);
	}
	load_sleep(0.1);
	load_ready(&l, "never-used", fds, l.count, "%s", "");
	load_hold(&l);
	return load_end(&l);
}
