/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The live source, looked at by itself: a network namespace of our own, a watch that sees only it,
 * what it delivers kept in a list, and real sockets to be seen.
 */
#pragma once

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "source/live.h"

#define KEPT 4096

struct watch {
	struct source src;
	uint32_t netns;
	unsigned int n;
	struct ls_unix rec[KEPT]; /* the longest that a test reads; others are cut */
};

/* The program and all that it starts live in a network of their own, with a loopback. */
static inline int own_network(void **state)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd, err;

	(void)state;
	if (unshare(CLONE_NEWNET)) {
		print_error("unshare(CLONE_NEWNET): %s (root is needed)\n", strerror(errno));
		return -1;
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	err = ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
	return err;
}

static inline int keep(void *ctx, const struct ls_hdr *rec)
{
	struct watch *w = ctx;

	if (w->n < KEPT)
		memcpy(&w->rec[w->n++], rec,
		       rec->len < sizeof(w->rec[0]) ? rec->len : sizeof(w->rec[0]));
	return 0;
}

static inline int watch_setup(void **state)
{
	struct watch *w = calloc(1, sizeof(*w));
	struct live_options opt = { 0 };
	char err[LIVE_ERROR_LEN];
	struct stat st;

	assert(w);
	stat("/proc/self/ns/net", &st);
	opt.netns = w->netns = (uint32_t)st.st_ino;
	if (live_open(&w->src, &opt, err)) {
		print_error("%s\n", err);
		free(w);
		return -1;
	}
	*state = w;
	return 0;
}

static inline int watch_teardown(void **state)
{
	struct watch *w = *state;

	w->src.ops->close(w->src.arg);
	free(w);
	return 0;
}

#define WATCHED(f) cmocka_unit_test_setup_teardown(f, watch_setup, watch_teardown)

/* What has happened so far, in place of what was kept before. */
static inline void watch_events(struct watch *w)
{
	w->n = 0;
	assert_int_equal(w->src.ops->pump(w->src.arg, keep, w), 0);
	assert_true(w->n < KEPT);
}

static inline void watch_look(struct watch *w, uint32_t passes)
{
	w->n = 0;
	assert_int_equal(w->src.ops->snapshot(w->src.arg, passes, keep, w), 0);
	assert_true(w->n < KEPT);
}

static inline uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	return cookie;
}

/* The @nth record of @type that is about @cookie (0: of any), NULL if there is none. */
static inline const void *nth_about(const struct watch *w, uint16_t type, uint64_t cookie,
				    unsigned int nth)
{
	unsigned int i;

	for (i = 0; i < w->n; i++) {
		const void *rec = &w->rec[i];
		uint64_t of = 0;

		switch (w->rec[i].sock.hdr.type) {
		case LS_OPEN:
			of = ((const struct ls_open *)rec)->cookie;
			break;
		case LS_END:
			of = ((const struct ls_end *)rec)->cookie;
			break;
		case LS_ABORT:
			of = ((const struct ls_abort *)rec)->cookie;
			break;
		case LS_DEAD:
			of = ((const struct ls_dead *)rec)->cookie;
			break;
		case LS_SOCK:
			of = w->rec[i].sock.cookie;
			break;
		case LS_TASK:
			of = ((const struct ls_task *)rec)->cookie;
			break;
		}
		if (w->rec[i].sock.hdr.type == type && (!cookie || of == cookie) && !nth--)
			return rec;
	}
	return NULL;
}

static inline const void *about(const struct watch *w, uint16_t type, uint64_t cookie)
{
	return nth_about(w, type, cookie, 0);
}

/* ---- real sockets */

struct pair {
	int listener, client, server;
	uint16_t port, client_port;
};

static inline uint16_t port_of(int fd)
{
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	return ntohs(sa.sin6_port); /* at the same place for both families */
}

static inline socklen_t loopback(struct sockaddr_storage *ss, int family, uint16_t port)
{
	struct sockaddr_in *v4 = (void *)ss;
	struct sockaddr_in6 *v6 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	v6->sin6_addr = in6addr_loopback;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

static inline int listen_on_loopback(int family, int backlog)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage ss;
	socklen_t len = loopback(&ss, family, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static inline int connect_to(int family, uint16_t port)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage ss;
	socklen_t len = loopback(&ss, family, port);

	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

static inline struct pair pair_open(int family)
{
	struct pair p = { .listener = listen_on_loopback(family, 16) };

	p.port = port_of(p.listener);
	p.client = connect_to(family, p.port);
	p.client_port = port_of(p.client);
	p.server = accept(p.listener, NULL, NULL);
	assert_true(p.server >= 0);
	return p;
}

static inline void pair_close(struct pair *p)
{
	close(p->client);
	close(p->server);
	close(p->listener);
}

static inline void say(int fd, size_t bytes)
{
	char buf[4096] = { 0 };

	assert_true(bytes <= sizeof(buf));
	assert_int_equal(send(fd, buf, bytes, MSG_NOSIGNAL), bytes);
}

static inline void hear(int fd, size_t bytes)
{
	char buf[4096];

	assert_true(bytes <= sizeof(buf));
	assert_int_equal(recv(fd, buf, bytes, MSG_WAITALL), bytes);
}
