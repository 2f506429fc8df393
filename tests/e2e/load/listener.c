// SPDX-License-Identifier: BSD-2-Clause
/*
 * listener: healthy. A server that nobody calls. --mode accept: its thread is blocked in accept;
 * poll, epoll: in a wait without a timeout.
 * ss: one LISTEN, Recv-Q 0.
 */
#include "load.h"
#include <sys/epoll.h>

static struct load l;

static void *wait_for_client(void *arg)
{
	int listener = *(int *)arg, ep;
	struct pollfd p = { .fd = listener, .events = POLLIN };
	struct epoll_event ev = { .events = EPOLLIN };

	if (load_mode(&l, "accept"))
		load_accept(listener);
	if (load_mode(&l, "poll"))
		poll(&p, 1, -1);
	ep = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
	epoll_wait(ep, &ev, 1, -1);
	return NULL;
}

int main(int argc, char **argv)
{
	int listener;

	load_options(&l, argc, argv);
	load_mode(&l, "accept");
	listener = load_listen(&l, 512);
	load_thread(wait_for_client, &listener);
	load_sleep(0.1);
	l.count = 0;
	load_ready(&l, NULL, &listener, 1, "%s", "");
	load_hold(&l);
	return load_end(&l);
}
