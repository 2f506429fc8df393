/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/1 as a machine that is pulled: bytes in, one event out. Wraps llhttp (whose callbacks only
 * note things down), so that nothing of ours runs inside of the parser.
 */
#pragma once

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "head.h"
#include "policy.h"

enum http1_event {
	HTTP1_MORE = 0, /* every byte is used up */
	HTTP1_HEAD,	/* the head is complete */
	HTTP1_BODY,	/* a piece of body: in `body`, `body_len` */
	HTTP1_END,	/* of the message */
	HTTP1_ERROR,	/* `status` says which: a server answers it and closes */
};

struct http1 {
	llhttp_t parser;
	struct head *head; /* set by http1_begin() */
	const char *body;
	size_t body_len;
	uint32_t head_bytes;	/* of this head so far */
	uint32_t target_bytes;	/* limit */
	uint64_t framing_bytes; /* chunk sizes, extensions, trailers */
	uint64_t body_bytes;
	struct policy_scan scan;
	uint16_t status;
	uint8_t seen; /* enum http1_event that a callback left */
	bool in_head;
	bool in_value; /* the last field has its value */
};

/* @type: HTTP_REQUEST or HTTP_RESPONSE. */
void http1_init(struct http1 *h, int type);

/* Before the first byte of each message: where its head goes. */
void http1_begin(struct http1 *h, struct head *head);

/* Uses up *@used of @len bytes. Called with no bytes left it may still have an event to tell; only
 * MORE says that it has not. */
enum http1_event http1_step(struct http1 *h, const char *data, size_t len, size_t *used);

/* The bytes end here. HTTP1_END: that was the end of the body; HTTP1_MORE: between messages;
 * HTTP1_ERROR: in the middle of one. */
enum http1_event http1_eof(struct http1 *h);

/* After HEAD. */
uint64_t http1_length(const struct http1 *h); /* TETHER_LENGTH_UNKNOWN: chunks, or until EOF */
bool http1_keep_alive(const struct http1 *h);
/* The answer to HEAD: lengths are of a body that does not come. */
void http1_skip_body(struct http1 *h);
