// SPDX-License-Identifier: BSD-2-Clause
/*
 * idle CONNECTIONS COUPLES FIRST: holds CONNECTIONS established connections, both ends, each of
 * which has carried one byte there and one back. A couple is two processes, a client and a server,
 * on an address of its own (127.1.0.FIRST and on): a process may not have descriptors for all, an
 * address not ports. Prints "ready SOCKETS" and stays until it is killed, and the couples with it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 1024 /* what waits in an accept queue at most */

static void fail(const char *what)
{
	fprintf(stderr, "idle: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void send_byte(int fd)
{
	if (send(fd, "x", 1, 0) != 1)
		fail("send");
}

static void recv_byte(int fd)
{
	char c;

	if (recv(fd, &c, 1, 0) != 1)
		fail("recv");
}

static pid_t child(pid_t parent)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
	}
	return pid;
}

static void serve(int listener, int count)
{
	int i, fd;

	for (i = 0; i < count; i++) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			fail("accept");
		recv_byte(fd);
		send_byte(fd);
	}
	close(listener);
}

static void use(const int *fds, int count)
{
	int i;

	for (i = 0; i < count; i++)
		send_byte(fds[i]);
	for (i = 0; i < count; i++)
		recv_byte(fds[i]);
}

static void connect_all(const struct sockaddr_in *to, int count)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr = to->sin_addr };
	int fds[BATCH], i, n = 0;

	for (i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0)
			fail("socket");
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
		if (bind(fd, (void *)&from, sizeof(from)) ||
		    connect(fd, (const void *)to, sizeof(*to)))
			fail("connect");
		fds[n++] = fd;
		if (n == BATCH || i == count - 1) {
			use(fds, n);
			n = 0;
		}
	}
}

static void couple(int number, int count, int done)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(7000) };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	pid_t parent = getpid();

	addr.sin_addr.s_addr = htonl(0x7f010000 + number);
	if (listener < 0 || bind(listener, (void *)&addr, sizeof(addr)) || listen(listener, BATCH))
		fail("listen");
	if (!child(parent)) {
		serve(listener, count);
		for (;;)
			pause();
	}
	if (!child(parent)) {
		close(listener);
		connect_all(&addr, count);
		if (write(done, "x", 1) != 1)
			fail("tell");
		for (;;)
			pause();
	}
	close(listener);
}

int main(int argc, char **argv)
{
	int count, couples, first, i, done[2];
	struct rlimit limit;
	char c;

	if (argc != 4) {
		fprintf(stderr, "usage: idle CONNECTIONS COUPLES FIRST\n");
		return 2;
	}
	count = atoi(argv[1]);
	couples = atoi(argv[2]);
	first = atoi(argv[3]);
	if (count < 1 || couples < 1 || first < 1 || first + couples > 255) {
		errno = EINVAL;
		fail("arguments");
	}
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (pipe(done))
		fail("pipe");
	for (i = 0; i < couples; i++)
		couple(first + i, count / couples + (i < count % couples), done[1]);
	close(done[1]);
	for (i = 0; i < couples; i++)
		if (read(done[0], &c, 1) != 1) {
			errno = ECHILD;
			fail("a couple ended early");
		}
	printf("ready %d\n", 2 * count);
	fflush(stdout);
	for (;;)
		pause();
}
