// SPDX-License-Identifier: BSD-2-Clause
/*
 * expect-body: a server has answered "Expect: 100-continue" with the 25 bytes of the interim
 * response and waits for the body for ever. pid is the server. --mode thread: a thread a connection
 * is parked in recv; loop: one epoll loop, nobody is parked on it. Mended, thread: SO_RCVTIMEO
 * (--timeout, 30 s); loop: every connection is given --timeout seconds, then closed.
 * ss: 16 x ESTAB, queues empty; the server's bytes_received:72 bytes_sent:25, idle.
 */
#include "load.h"
#include <sys/epoll.h>

#define EXPECT	 "POST / HTTP/1.1\r\nHost: load\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

static struct load l;

/* The client: sends the head, reads the interim response, and waits in its turn. */
static void peer(struct load *me)
{
	struct pollfd *p = load_calloc(me->count, sizeof(*p));

	load_learn(me);
	for (int i = 0; i < me->count; i++) {
		p[i] = (struct pollfd){ .fd = load_connect(me), .events = POLLIN };
		load_send(p[i].fd, EXPECT);
		if (load_recv(p[i].fd) != strlen(CONTINUE))
			die("no 100 Continue");
	}
	load_tell(me);
	while (poll(p, me->count, -1)) {
		for (int i = 0; i < me->count; i++) {
			if (p[i].revents && load_recv(p[i].fd) <= 0) {
				close(p[i].fd);
				p[i].fd = -1;
			}
		}
	}
}

static void *wait_for_body(void *arg)
{
	int fd = *(int *)arg;

	load_recv(fd);
	close(fd);
	return NULL;
}

static void *loop(void *arg)
{
	int *fds = arg, ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN };

	for (int i = 0; i < l.count; i++)
		epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev);
	epoll_wait(ep, &ev, 1, l.leaky ? -1 : (int)(l.timeout * 1000));
	for (int i = 0; i < l.count; i++)
		close(fds[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	bool threads;
	int listener, *fds;

	load_options(&l, argc, argv);
	threads = load_mode(&l, "thread");
	fds = load_calloc(l.count, sizeof(*fds));
	load_fork(&l, peer);
	listener = load_listen(&l, 512);
	load_tell(&l);
	for (int i = 0; i < l.count; i++) {
		fds[i] = load_accept(listener);
		if (load_recv(fds[i]) <= 0)
			die("no request");
		load_send(fds[i], CONTINUE);
		if (!l.leaky)
			load_timeout(fds[i], SO_RCVTIMEO, l.timeout);
		if (threads)
			load_thread(wait_for_body, &fds[i]);
	}
	if (!threads)
		load_thread(loop, fds);
	load_learn(&l);
	load_sleep(0.1);
	load_ready(&l, "expect-body", fds, l.count, "%s", "");
	load_hold(&l);
	return load_end(&l);
}
