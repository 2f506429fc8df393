/* SPDX-License-Identifier: BSD-2-Clause */
/* A close look at one process, the child: what the source delivers of it kept in lists, and its
 * frames by name. */
#pragma once

#include <signal.h>

#include "child.h"
#include "source/live_internal.h"

#define FRAMES 256

struct close_look {
	struct source src;
	unsigned int n, frames;
	bool copy_seen;
	struct ls_unix rec[KEPT];
	struct {
		struct ls_frame head;
		char text[800];
	} frame[FRAMES];
	pid_t child;
	int to_child, from_child;
	uint16_t port;
	int listener, listener6;
};

static inline int take(void *ctx, const struct ls_hdr *rec)
{
	struct close_look *c = ctx;
	size_t len = rec->len;

	if (rec->type == LS_COPY)
		c->copy_seen = true;
	if (rec->type == LS_FRAME && c->frames < FRAMES) {
		len = len < sizeof(c->frame[0]) ? len : sizeof(c->frame[0]);
		memcpy(&c->frame[c->frames++], rec, len);
	} else if (c->n < KEPT) {
		len = len < sizeof(c->rec[0]) ? len : sizeof(c->rec[0]);
		memcpy(&c->rec[c->n++], rec, len);
	}
	return 0;
}

/* The @nth record of @type. */
static inline const void *nth(const struct close_look *c, uint16_t type, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (c->rec[i].sock.hdr.type == type && !n--)
			return &c->rec[i];
	return NULL;
}

/* Is there a frame of this function in the stack? Its index, -1 if there is none. */
static inline int frame_of(const struct close_look *c, int32_t stack, const char *function)
{
	unsigned int i;

	for (i = 0; i < c->frames; i++)
		if (c->frame[i].head.stack == stack && !strcmp(c->frame[i].text, function))
			return c->frame[i].head.index;
	return -1;
}

static inline void look(struct close_look *c)
{
	c->n = 0;
	assert_int_equal(c->src.ops->snapshot(c->src.arg, LS_PASS_FILES | LS_PASS_TASKS, take, c),
			 0);
}

static inline void pump(struct close_look *c)
{
	assert_int_equal(c->src.ops->pump(c->src.arg, take, c), 0);
}

/* @detail: what is asked of the source. @by_parent: who is watched does nothing but have a child
 * before that, and this one does it all. */
static inline int close_look(void **state, uint32_t detail, bool by_parent)
{
	struct close_look *c = calloc(1, sizeof(*c));
	struct live_options opt = { .detail = detail, .pid_count = 1 };
	char err[LIVE_ERROR_LEN];
	int to[2], from[2];
	uint32_t pid;

	assert(c);
	*state = c;
	c->listener = listen_on_loopback(AF_INET, 64);
	c->listener6 = listen_on_loopback(AF_INET6, 64);
	c->port = port_of(c->listener);
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return -1;
	c->child = fork();
	if (!c->child) {
		close(to[1]);
		if (by_parent && fork())
			pause();
		child_main(to[0], from[1], c->port, (int[]){ c->listener, c->listener6 });
	}
	close(to[0]);
	close(from[1]);
	usleep(by_parent ? 50000 : 0);
	c->to_child = to[1];
	c->from_child = from[0];
	pid = (uint32_t)c->child;
	opt.pids = &pid;
	if (!live_open(&c->src, &opt, err))
		return 0;
	print_error("%s\n", err);
	return -1;
}

static inline int end(void **state)
{
	struct close_look *c = *state;

	close(c->to_child);
	close(c->from_child);
	kill(c->child, SIGKILL);
	waitpid(c->child, NULL, 0);
	close(c->listener);
	close(c->listener6);
	c->src.ops->close(c->src.arg);
	free(c);
	return 0;
}

static inline void tell_child(struct close_look *c, char what)
{
	char done = 0;

	assert_int_equal(write(c->to_child, &what, 1), 1);
	assert_int_equal(read(c->from_child, &done, 1), 1);
	assert_int_equal(done, what);
}

/* The record of what the child opens, told by @what to open one thing. */
static inline const struct ls_open *opened_by(struct close_look *c, char what)
{
	const struct ls_open *open;

	tell_child(c, what);
	c->n = 0;
	pump(c);
	open = nth(c, LS_OPEN, 0);
	assert_non_null(open);
	return open;
}

#define CLOSELY(f, how) cmocka_unit_test_setup_teardown(f, how, end)
