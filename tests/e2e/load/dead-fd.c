// SPDX-License-Identifier: BSD-2-Clause
/*
 * dead-fd: the peer has reset the connection (SO_LINGER 0), the socket is CLOSED, we hold the
 * descriptor. Mended: the error is read and the descriptor closed, over and over.
 * ss: nothing at all, it does not list CLOSED sockets; the descriptors are in /proc/PID/fd.
 */
#include "load.h"

static void peer(struct load *l)
{
	int listener = load_listen(l, 512);

	load_tell(l);
	load_serve(listener, LOAD_RESETS);
}

static int open_and_ask(struct load *l)
{
	int fd = load_connect(l);

	load_ask(fd);
	load_await(fd, POLLERR);
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
		fds[i] = open_and_ask(&l);
		load_await_state(fds[i], TCP_CLOSE);
	}
	load_ready(&l, "dead-fd", fds, l.leaky ? l.count : 0, "%s", "");
	while (load_wait(&l, 0.1)) {
		if (!l.leaky)
			close(open_and_ask(&l));
	}
	return load_end(&l);
}
