/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the client share: a server that does what the test says, byte by byte, and a
 * client that notes what it is told. Real sockets over loopback, in one thread, under a clock that
 * is turned by hand.
 */
#pragma once

#include "world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RESPONSE "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* Descriptors of this process: the same before and after each test. */
static inline int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	/* cppcheck-suppress readdirCalled */
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* ---- the server ------------------------------------------------------------------------------ */

static inline int peer_listen(int backlog, uint16_t *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*port = ntohs(addr.sin_port);
	return fd;
}

/* Who has come, or -1. */
static inline int peer_come(int listener)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	return accept4(listener, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static inline int peer_accept(struct tether_loop *loop, int listener)
{
	int fd = -1, i;

	for (i = 0; i < 200000 && fd < 0; i++) {
		tether_loop_turn(loop, false);
		fd = peer_come(listener);
	}
	assert_true(fd >= 0);
	return fd;
}

static inline void peer_send(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until the head of a request has come; returns how many bytes came. */
static inline size_t peer_read(struct tether_loop *loop, int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;
	int i;

	for (i = 0; i < 200000; i++) {
		tether_loop_turn(loop, false);
		n = recv(fd, buf + len, size - 1 - len, 0);
		if (n > 0)
			len += n;
		buf[len] = '\0';
		if (strstr(buf, "\r\n\r\n"))
			return len;
	}
	fail_msg("no request came: %s", buf);
	return 0;
}

/* Until the client has closed; what comes before is thrown away. */
static inline void peer_closed(struct tether_loop *loop, int fd)
{
	char buf[4096];
	ssize_t n;
	int i;

	for (i = 0; i < 200000; i++) {
		tether_loop_turn(loop, false);
		n = recv(fd, buf, sizeof(buf), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return;
	}
	fail_msg("it stays open");
}

static inline void peer_reset(int fd)
{
	struct linger linger = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* ---- the client ------------------------------------------------------------------------------ */

struct client {
	struct fake_clock fake;
	struct tether_loop *loop;
	struct tether_pool *pool;
	struct tether_dest dest;
	int listener, fds, stopped;
};

/* One request and what became of it. */
struct asked {
	struct client *client;
	struct tether_scope scope;
	struct tether_lease lease;
	struct tether_body body;
	struct tether_request request;
	uint64_t within_ns;
	int got, status; /* the lease */
	int head, answer;
	int ended, why;
	int order; /* which it was to be served */
	size_t len;
	char data[64];
	bool only_lease, no_read;
};

static inline void asked_piece(struct tether_body body, const void *data, size_t len, void *arg)
{
	struct asked *a = arg;

	if (a->len + len < sizeof(a->data))
		memcpy(a->data + a->len, data, len);
	a->len += len;
	if (len)
		assert_int_equal(tether_body_read(body, asked_piece, a), 0);
}

static inline void asked_head(struct tether_body body, int status, void *arg)
{
	struct asked *a = arg;

	a->head++;
	a->answer = status;
	if (!a->no_read)
		assert_int_equal(tether_body_read(body, asked_piece, a), 0);
}

static inline void asked_end(struct tether_body body, int why, void *arg)
{
	struct asked *a = arg;

	(void)body;
	a->ended++;
	a->why = why;
}

static const struct tether_body_events asked_events = { asked_head, asked_end };

static inline void asked_send(struct asked *a)
{
	assert_int_equal(
		tether_exchange(a->lease, &a->request, a->within_ns, &asked_events, a, &a->body),
		0);
}

static inline void asked_lease(struct tether_lease lease, int status, void *arg)
{
	static int order;
	struct asked *a = arg;

	assert_int_equal(a->got, 0);
	a->got++;
	a->status = status;
	a->order = ++order;
	a->lease = lease;
	if (status || a->only_lease)
		return;
	asked_send(a);
}

static inline void asked_init(struct asked *a, struct client *c)
{
	*a = (struct asked){ .client = c, .within_ns = 5 * TETHER_S };
	a->request.target = "/";
	assert_int_equal(tether_scope_new(c->loop, 30 * TETHER_S, &a->scope), 0);
}

static inline void ask_pool(struct asked *a)
{
	assert_int_equal(tether_pool_acquire(a->client->pool, &a->client->dest, a->scope,
					     asked_lease, a, &a->lease),
			 0);
}

static inline void asked_fini(struct asked *a)
{
	assert_int_equal(tether_scope_join(a->scope, NULL, NULL), 0);
}

/* A whole round: returns the server's descriptor of the connection that it went over. */
static inline int round_trip(struct client *c, int fd)
{
	struct asked a;
	char buf[4096];

	asked_init(&a, c);
	ask_pool(&a);
	if (fd < 0)
		fd = peer_accept(c->loop, c->listener);
	peer_read(c->loop, fd, buf, sizeof(buf));
	peer_send(fd, RESPONSE);
	turn_until(c->loop, &a.ended);
	assert_int_equal(a.why, 0);
	assert_int_equal(a.answer, 200);
	assert_int_equal(a.len, 5);
	asked_fini(&a);
	return fd;
}

static inline void client_init(struct client *c, const struct tether_pool_options *options)
{
	/* libuv opens a pair of pipes for its first loop, once. */
	end_loop(fake_loop(&c->fake));
	*c = (struct client){ .fds = count_fds() };
	c->loop = fake_loop(&c->fake);
	c->dest.host = "127.0.0.1";
	c->listener = peer_listen(64, &c->dest.port);
	assert_int_equal(tether_pool_new(c->loop, options, &c->pool), 0);
}

static inline void client_stopped(void *arg)
{
	(*(int *)arg)++;
}

/* Everything is back where it was: counts, descriptors. */
static inline void client_fini(struct client *c)
{
	assert_int_equal(tether_pool_shutdown(c->pool, TETHER_S, client_stopped, &c->stopped), 0);
	turn_until(c->loop, &c->stopped);
	close(c->listener);
	end_loop(c->loop);
	assert_int_equal(count_fds(), c->fds);
}
