// SPDX-License-Identifier: BSD-2-Clause
/*
 * not-accepted: --count connections wait in the accept queue of a server whose acceptor is stuck
 * elsewhere. pid is the server, count what waits. Its clients have sent a request and wait with a
 * timeout. Mended: the acceptor accepts and answers.
 * ss: LISTEN Recv-Q 8, and 8 x ESTAB Recv-Q 30 that no process holds; UNIX: LISTEN Recv-Q 8.
 */
#include "load.h"

static void peer(struct load *l)
{
	struct pollfd *p = load_calloc(l->count, sizeof(*p));

	load_learn(l);
	for (int i = 0; i < l->count; i++) {
		p[i] = (struct pollfd){ .fd = load_connect(l), .events = POLLIN };
		load_send(p[i].fd, LOAD_REQUEST);
	}
	load_tell(l);
	for (;;) {
		poll(p, l->count, 60000);
		for (int i = 0; i < l->count; i++) {
			if (p[i].revents && load_recv(p[i].fd) <= 0)
				_exit(0);
		}
	}
}

int main(int argc, char **argv)
{
	struct load l = { 0 };
	int listener, *fds;

	load_options(&l, argc, argv);
	fds = load_calloc(l.count, sizeof(*fds));
	load_fork(&l, peer);
	listener = load_listen(&l, 512);
	load_tell(&l);
	for (int i = 0; !l.leaky && i < l.count; i++) {
		fds[i] = load_accept(listener);
		load_recv(fds[i]);
		load_send(fds[i], LOAD_ANSWER);
	}
	load_learn(&l);
	load_sleep(0.1);
	load_ready(&l, "not-accepted", l.leaky ? &listener : fds, l.leaky ? 1 : l.count, "%s", "");
	load_hold(&l);
	return load_end(&l);
}
