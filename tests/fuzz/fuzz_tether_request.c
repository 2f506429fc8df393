/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as requests on a connection: parser and policy say the same however the bytes are cut.
 * The first byte says at how many places, the next ones where.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tether/core.h"
#include "tether/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CUTS_MAX 7

/* All that a server would learn of the bytes, in order. */
struct story {
	char text[32768];
	size_t len;
	size_t body; /* bytes of it since the last head */
	bool over;
};

struct reader {
	struct http1 h;
	struct head head;
	char room[4096];
	bool begun;
	struct story *story;
};

static void tell(struct story *story, const char *data, size_t len)
{
	if (len > sizeof(story->text) - story->len)
		len = sizeof(story->text) - story->len;
	memcpy(story->text + story->len, data, len);
	story->len += len;
}

static void tell_number(struct story *story, const char *what, uint64_t n)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "\n%s %llu\n", what, (unsigned long long)n);

	tell(story, text, len);
}

static void on_head(struct reader *r)
{
	struct policy_facts facts;
	int status = policy_request(&r->head, &facts);
	struct tether_text text = head_target(&r->head);
	size_t i;

	tell_number(r->story, "head", status);
	tell(r->story, text.at, text.len);
	for (i = 0; i < r->head.n; i++) {
		text = head_name(&r->head, i);
		tell(r->story, text.at, text.len + 1);
		text = head_value(&r->head, i);
		tell(r->story, text.at, text.len + 1);
	}
	tell_number(r->story, "length", http1_length(&r->h));
	tell_number(r->story, "keep", http1_keep_alive(&r->h));
	/* The policy knows of chunks what the parser does. */
	if (!status && facts.chunked != (http1_length(&r->h) == TETHER_LENGTH_UNKNOWN))
		abort();
	r->story->over = status;
}

static void on_event(struct reader *r, enum http1_event event)
{
	if (event == HTTP1_HEAD) {
		on_head(r);
	} else if (event == HTTP1_BODY) {
		tell(r->story, r->h.body, r->h.body_len);
		r->story->body += r->h.body_len;
	} else if (event == HTTP1_END) {
		tell_number(r->story, "end", r->story->body);
		r->story->over = !http1_keep_alive(&r->h);
		r->story->body = 0;
		r->begun = false;
		head_fini(&r->head);
	} else {
		/* Not with which status: of two errors the one that shows first depends on it. */
		if (r->h.status < 400 || r->h.status > 505)
			abort();
		tell_number(r->story, "refused", 0);
		r->story->over = true;
	}
}

static void feed(struct reader *r, struct tether_loop *loop, const char *data, size_t len)
{
	enum http1_event event;
	size_t used;

	while (!r->story->over) {
		if (!r->begun) {
			if (!len)
				return;
			head_init(&r->head, loop, r->room, sizeof(r->room));
			r->head.limit_bytes = 512;
			r->head.limit_fields = 8;
			http1_begin(&r->h, &r->head);
			r->begun = true;
		}
		event = http1_step(&r->h, data, len, &used);
		if (used > len)
			abort();
		data += used;
		len -= used;
		if (event == HTTP1_MORE)
			return;
		on_event(r, event);
	}
}

/* @cuts: lengths of all pieces but the last. */
static void read_all(struct story *story, struct tether_loop *loop, const char *data, size_t size,
		     const uint8_t *cuts, size_t n)
{
	static struct reader r;
	size_t i, len;

	story->len = story->body = 0;
	story->over = false;
	r.begun = false;
	r.story = story;
	http1_init(&r.h, HTTP_REQUEST);
	r.h.target_bytes = 64;
	for (i = 0; i <= n; i++) {
		len = i < n && cuts[i] < size ? cuts[i] : size;
		feed(&r, loop, data, len);
		data += len;
		size -= len;
	}
	if (r.begun)
		head_fini(&r.head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct story whole, pieces;
	static struct tether_loop *loop;
	static uint8_t ones[4096];
	size_t n;

	if (!loop && tether_loop_new(NULL, &loop))
		abort();
	if (!size || size > 4096 || size < 1 + (n = data[0] % (CUTS_MAX + 1)))
		return 0;
	read_all(&whole, loop, (const char *)data + 1 + n, size - 1 - n, ones, 0);
	read_all(&pieces, loop, (const char *)data + 1 + n, size - 1 - n, data + 1, n);
	if (whole.len != pieces.len || memcmp(whole.text, pieces.text, whole.len) != 0) {
		fprintf(stderr, "whole: %.*s\npieces: %.*s\n", (int)whole.len, whole.text,
			(int)pieces.len, pieces.text);
		abort();
	}
	/* Byte by byte. */
	memset(ones, 1, sizeof(ones));
	read_all(&pieces, loop, (const char *)data + 1 + n, size - 1 - n, ones, size);
	if (whole.len != pieces.len || memcmp(whole.text, pieces.text, whole.len) != 0) {
		fprintf(stderr, "whole: %.*s\nbytes: %.*s\n", (int)whole.len, whole.text,
			(int)pieces.len, pieces.text);
		abort();
	}
	return 0;
}
