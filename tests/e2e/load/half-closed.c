// SPDX-License-Identifier: BSD-2-Clause
/*
 * half-closed: we have shut down writing and hold the descriptor for the rest, which never comes:
 * FIN-WAIT-2. The peer answers, reads the end of input and never closes either, so that it is
 * rightly a close-wait. Mended: the peer closes in turn, we read to the end and close.
 * ss: 8 x FIN-WAIT-2 with our fds (no timewait timer), 8 x CLOSE-WAIT with the peer's, all queues
 * 0.
 */
#include "load.h"

static void peer(struct load *l)
{
	int listener = load_listen(l, 512);

	load_tell(l);
	load_serve(listener, l->leaky ? LOAD_NEVER_ENDS : LOAD_ANSWERS);
}

static int open_and_shut(struct load *l)
{
	int fd = load_connect(l);

	load_ask(fd);
	if (shutdown(fd, SHUT_WR))
		die("shutdown");
	return fd;
}

int main(int argc, char **argv)
{
	struct load l = { 0 };
	int *fds;

	load_options(&l, argc, argv);
	fds = load_calloc(l.count, sizeof(*fds));
	load_fork(&l, peer);
	load_learn(&l);
	for (int i = 0; l.leaky && i < l.count; i++) {
		fds[i] = open_and_shut(&l);
		load_await_state(fds[i], TCP_FIN_WAIT2);
	}
	load_ready(&l, "half-closed", fds, l.leaky ? l.count : 0, "%s", "");
	while (load_wait(&l, 0.1)) {
		if (l.leaky)
			continue;
		fds[0] = open_and_shut(&l);
		while (load_recv(fds[0]) > 0)
			;
		close(fds[0]);
	}
	return load_end(&l);
}
