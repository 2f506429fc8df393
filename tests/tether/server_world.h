/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server under a clock that is turned by hand, and raw sockets for its peers: tests of the server
 * say every byte and every gap between them.
 */
#pragma once

#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer_world {
	struct fake_clock fake;
	struct tether_loop *loop;
	struct tether_server *server;
	struct tether_server_options options;
	struct tether_tls *tls;
	uint16_t port;
	int peer; /* a socket of ours, -1: none */
	struct tether_call call;
	int came, over, why, done, fds;
	char got[256 * 1024];
	size_t got_len;
	int gone; /* the server has closed */
};

static inline int open_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* What libraries open once and keep is not of the tests: setup of each group. */
static inline int warm_up(void **state)
{
	struct tether_loop *loop;
	struct tether_tls *tls;

	(void)state;
	assert_int_equal(tether_loop_new(NULL, &loop), 0);
	assert_int_equal(tether_loop_free(loop), 0);
	assert_int_equal(tether_tls_client_insecure(&tls), 0);
	tether_tls_free(tls);
	return 0;
}

static inline void note_over(int why, void *arg)
{
	struct peer_world *w = arg;

	w->over++;
	w->why = why;
}

static inline void note_done(void *arg)
{
	(*(int *)arg)++;
}

static inline void peer_connect(struct peer_world *w)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(w->port) };
	int small = 4096;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(w->peer >= 0);
	setsockopt(w->peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_int_equal(connect(w->peer, (struct sockaddr *)&addr, sizeof(addr)), 0);
	w->got_len = 0;
	w->gone = 0;
}

static inline void peer_close(struct peer_world *w)
{
	if (w->peer >= 0)
		close(w->peer);
	w->peer = -1;
}

/* Goes without a word: a reset. */
static inline void peer_reset(struct peer_world *w)
{
	struct linger hard = { .l_onoff = 1 };

	setsockopt(w->peer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	peer_close(w);
}

static inline void turns(struct peer_world *w, int n)
{
	while (n--)
		tether_loop_turn(w->loop, false);
}

/* What has come, without waiting. */
static inline void peer_read(struct peer_world *w)
{
	ssize_t n;

	while (w->got_len < sizeof(w->got) - 1) {
		n = recv(w->peer, w->got + w->got_len, sizeof(w->got) - 1 - w->got_len,
			 MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			w->gone = 1;
			break;
		}
		w->got_len += n;
	}
	w->got[w->got_len] = '\0';
}

static inline void peer_send(struct peer_world *w, const char *text)
{
	assert_int_equal(send(w->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	turns(w, 8);
}

/* Until the server has said so much, or closed. */
static inline void peer_await(struct peer_world *w, const char *text)
{
	int i;

	for (i = 0; i < 100000 && !w->gone && !strstr(w->got, text); i++) {
		turns(w, 1);
		peer_read(w);
	}
	if (!strstr(w->got, text))
		fail_msg("no \"%s\" in: %.300s", text, w->got);
}

static inline void peer_await_end(struct peer_world *w)
{
	int i;

	for (i = 0; i < 100000 && !w->gone; i++) {
		turns(w, 1);
		peer_read(w);
	}
	assert_true(w->gone);
}

static inline int peers(struct peer_world *w)
{
	return (int)tether_loop_count(w->loop).conns;
}

/* Until no connection is left. */
static inline void await_nobody(struct peer_world *w)
{
	int i;

	for (i = 0; i < 100000 && peers(w); i++)
		turns(w, 1);
	assert_int_equal(peers(w), 0);
	assert_int_equal(tether_loop_count(w->loop).calls, 0);
}

static inline void world_listen(struct peer_world *w)
{
	assert_int_equal(tether_server_new(&w->loop, 1, &w->options, &w->server), 0);
	assert_int_equal(tether_server_listen(w->server, "127.0.0.1:0", &w->port), 0);
}

static inline struct peer_world *world_new(tether_handler_fn handler)
{
	struct peer_world *w = test_calloc(1, sizeof(*w));

	w->fds = open_fds();
	w->peer = -1;
	w->loop = fake_loop(&w->fake);
	w->options.handler = handler;
	w->options.arg = w;
	return w;
}

/* Drains, and finds everything given back. */
static inline void world_free(struct peer_world *w)
{
	if (!w->done)
		assert_int_equal(tether_server_shutdown(w->server, TETHER_S, note_done, &w->done),
				 0);
	peer_close(w);
	pass(w->loop, &w->fake, TETHER_S / 2);
	pass(w->loop, &w->fake, TETHER_S);
	turn_until(w->loop, &w->done);
	assert_int_equal(w->done, 1);
	assert_int_equal(tether_server_stats(w->server).open, 0);
	assert_int_equal(tether_server_free(w->server), 0);
	end_loop(w->loop);
	tether_tls_free(w->tls);
	assert_int_equal(open_fds(), w->fds);
	test_free(w);
}
