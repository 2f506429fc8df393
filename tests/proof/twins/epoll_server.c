// SPDX-License-Identifier: BSD-2-Clause
/*
 * A server on epoll itself. The leaky twin, told that a guest has something to say, reads until
 * read() returns 0, and takes that for "no more for now".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "twin.h"

static int listen_at(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(fd, (void *)&at, sizeof(at)) || listen(fd, 128))
		twin_fail("listen");
	return fd;
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		twin_fail("epoll_ctl");
}

__attribute__((noinline)) static void accept_guests(int epoll, int listener)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	int fd;

	while ((fd = accept4(listener, (void *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		watch(epoll, fd);
}

__attribute__((noinline)) static void serve_guest(int fd, bool leaky)
{
	char buf[512];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (write(fd, "ok\n", 3) != 3)
			break;
	}
	if (!leaky && (n == 0 || errno != EAGAIN))
		close(fd);
}

int main(int argc, char **argv)
{
	struct twin t = twin_begin(argc, argv);
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener = listen_at(t.port);
	struct epoll_event event;

	watch(epoll, listener);
	watch(epoll, 0);
	puts("opened");
	fflush(stdout);
	for (;;) {
		if (epoll_wait(epoll, &event, 1, -1) < 1)
			continue;
		if (event.data.fd == 0)
			return 0;
		if (event.data.fd == listener)
			accept_guests(epoll, listener);
		else
			serve_guest(event.data.fd, t.leaky);
	}
}
