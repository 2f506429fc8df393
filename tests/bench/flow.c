// SPDX-License-Identifier: BSD-2-Clause
/*
 * flow pingpong|bulk SECONDS: how much goes through one connection on loopback that is established
 * before the clock starts. Prints round trips, or bytes, a second.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WARM_S	 0.2
#define PING_LEN 64
#define BULK_LEN (128 << 10)

static char buf[BULK_LEN];

static void fail(const char *what)
{
	fprintf(stderr, "flow: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* The peer: sends back what comes in a ping-pong, swallows it otherwise. */
static void serve(int fd, int pingpong)
{
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (pingpong && send(fd, buf, n, 0) != n)
			break;
	_exit(0);
}

static int connected(int pingpong)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
	pid_t pid;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (void *)&addr, len) || listen(listener, 1) ||
	    getsockname(listener, (void *)&addr, &len))
		fail("listen");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			fail("accept");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
		serve(fd, pingpong);
	}
	close(listener);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (void *)&addr, len))
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	return fd;
}

/* One unit of work: a round trip, or a buffer handed over. */
static double step(int fd, int pingpong)
{
	ssize_t n;

	if (pingpong) {
		if (send(fd, buf, PING_LEN, 0) != PING_LEN ||
		    recv(fd, buf, PING_LEN, MSG_WAITALL) != PING_LEN)
			fail("ping");
		return 1;
	}
	n = send(fd, buf, BULK_LEN, 0);
	if (n < 0)
		fail("send");
	return n;
}

static double rate(int fd, int pingpong, double seconds)
{
	double start = now(), t = start, done = 0;

	while (t < start + seconds) {
		done += step(fd, pingpong);
		t = now();
	}
	return done / (t - start);
}

int main(int argc, char **argv)
{
	int fd, pingpong;

	if (argc != 3 || (strcmp(argv[1], "pingpong") && strcmp(argv[1], "bulk"))) {
		fprintf(stderr, "usage: flow pingpong|bulk SECONDS\n");
		return 2;
	}
	pingpong = !strcmp(argv[1], "pingpong");
	signal(SIGPIPE, SIG_IGN);
	fd = connected(pingpong);
	rate(fd, pingpong, WARM_S);
	printf("%.0f\n", rate(fd, pingpong, atof(argv[2])));
	return 0;
}
