/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the collector tells the HTTP part, over a pipe: frames of a kind and a text. A pipe, as a
 * pair of sockets would be two more connections for lostsock to look at.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum channel_kind {
	CHANNEL_NONE = 0,
	CHANNEL_SAYS,	     /* what it is about, until there are metrics */
	CHANNEL_METRICS,     /* Prometheus' text */
	CHANNEL_OPENMETRICS, /* ... of the same look, without its end */
	CHANNEL_FINDINGS,    /* JSON, as it was asked for */
	CHANNEL_FINDINGS_NO, /* why there are none */
	CHANNEL_END,	     /* the collector ends in good order */
	CHANNEL_MAX
};

#define CHANNEL_TEXT_MAX (64u << 20)

/* ---- the collector's end, which does not block */

/* Writes all of it, and waits for room: no longer than @patience_ms in a row without any.
 * -ETIMEDOUT, -EPIPE, ... */
int channel_send(int fd, enum channel_kind kind, const void *text, size_t len, int patience_ms);

/* ---- the HTTP part's end, which does not block either */

/* A text that several answers share; `at` has `len` bytes, and a NUL behind them. */
struct channel_text {
	unsigned int refs;
	size_t len;
	char at[];
};

/* NULL: no memory. The caller owns one reference. */
struct channel_text *channel_text_new(size_t len);
struct channel_text *channel_text_ref(struct channel_text *t);
void channel_text_drop(struct channel_text *t);

struct channel_reader {
	int fd;
	uint32_t head[2]; /* kind, length */
	size_t head_len;
	struct channel_text *text; /* what comes in */
	size_t text_len;
};

/* Reads on. 1: *@text is whole, and the caller's; 0: that was all for now; -EPIPE: the other end is
 * gone; -EBADMSG; -ENOMEM. */
int channel_read(struct channel_reader *r, enum channel_kind *kind, struct channel_text **text);
void channel_reader_fini(struct channel_reader *r);
