// SPDX-License-Identifier: BSD-2-Clause
/*
 * forkserver: healthy. A server forks a child for each connection and closes its own copy; the
 * child serves it. Only a process other than the opener holds the connection, and that is right.
 * --mode epoll: the child waits as PostgreSQL's backends do, without a timeout; recv: in recv.
 * --family unix: over UNIX sockets. The clients are a pool that idles.
 * ss -p: 8 x ESTAB, each of one "backend", a child of the listener's process.
 */
#include "load.h"
#include <sys/epoll.h>

static struct load l;

static void serve(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NAME, "backend");
	signal(SIGTERM, load_on_term_peer);
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	for (;;) {
		if (load_mode(&l, "epoll"))
			epoll_wait(ep, &ev, 1, -1);
		if (load_recv(fd) <= 0)
			_exit(0);
		load_send(fd, LOAD_ANSWER);
	}
}

int main(int argc, char **argv)
{
	int listener;

	load_options(&l, argc, argv);
	load_mode(&l, "epoll");
	load_fork(&l, load_pool_peer);
	listener = load_listen(&l, 512);
	load_tell(&l);
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < l.count; i++) {
		int fd = load_accept(listener);

		if (!fork()) {
			close(listener);
			serve(fd);
		}
		close(fd);
	}
	load_learn(&l);
	load_ready(&l, NULL, NULL, 0, "%s", "");
	load_hold(&l);
	return load_end(&l);
}
