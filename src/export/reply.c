// SPDX-License-Identifier: BSD-2-Clause
/* How answers are sent (reply.h). */
#include "export/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include "export/accept.h"

#define PIECE_BYTES 65536

/* ---- a few words */

void reply_line_with(struct tether_call call, int status, const char *line, const char *name,
		     const char *value)
{
	const struct tether_field fields[] = {
		{ "Content-Type", "text/plain; charset=utf-8" },
		{ "Cache-Control", "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
		{ name, value },
	};
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s\n", line);

	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	/* A call that is over by now has nobody to answer. */
	tether_call_reply(call, status, fields, name ? 4 : 3, text, (size_t)n);
}

void reply_line(struct tether_call call, int status, const char *line)
{
	reply_line_with(call, status, line, NULL, NULL);
}

/* ---- long texts */

void reply_body_set(struct reply_body *b, struct channel_text *text)
{
	channel_text_drop(b->text);
	channel_text_drop(b->gzip);
	*b = (struct reply_body){ .text = text };
}

static struct channel_text *compress_text(const struct channel_text *t)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)t->at, .avail_in = (uInt)t->len };
	/* Of a long one the loop shall not hear for seconds. */
	int level = t->len > 1 << 20 ? 1 : 6;
	struct channel_text *out;

	if (deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	out = channel_text_new(deflateBound(&z, t->len));
	if (out) {
		z.next_out = (Bytef *)out->at;
		z.avail_out = (uInt)out->len;
		if (deflate(&z, Z_FINISH) == Z_STREAM_END) {
			out->len = z.total_out;
		} else {
			channel_text_drop(out);
			out = NULL;
		}
	}
	deflateEnd(&z);
	return out;
}

/* A text on its way to one client. */
struct sending {
	struct channel_text *text;
	size_t at;
};

static void over(int why, void *arg)
{
	struct sending *s = arg;

	(void)why;
	channel_text_drop(s->text);
	free(s);
}

static void send_piece(struct tether_call call, void *arg)
{
	struct sending *s = arg;
	size_t left = s->text->len - s->at, n = left < PIECE_BYTES ? left : PIECE_BYTES;
	int err;

	if (!left) {
		tether_call_finish(call);
		return;
	}
	/* The call may be over, and @s gone, when this returns with an error. */
	s->at += n;
	err = tether_call_write(call, s->text->at + s->at - n, n);
	if (!err)
		err = tether_call_drained(call, send_piece, s);
	if (err)
		tether_call_cancel(call);
}

static void stream(struct tether_call call, const struct tether_field *fields, size_t n,
		   struct channel_text *text)
{
	struct sending *s = malloc(sizeof(*s));

	if (!s) {
		tether_call_cancel(call);
		return;
	}
	*s = (struct sending){ .text = channel_text_ref(text) };
	if (tether_call_on_end(call, over, s))
		over(0, s);
	else if (tether_call_begin(call, 200, fields, n, text->len))
		tether_call_cancel(call);
	else
		send_piece(call, s);
}

void reply_shared(struct tether_call call, const char *type, struct reply_body *b)
{
	struct tether_field fields[] = {
		{ "Content-Type", type },
		{ "Cache-Control", "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Vary", "Accept, Accept-Encoding" },
		{ "Content-Encoding", "gzip" },
	};
	struct channel_text *text = b->text;
	struct tether_text method = tether_call_method(call);
	size_t n = 4;

	if (accept_gzip(tether_call_header(call, "accept-encoding").at)) {
		if (!b->gzip)
			b->gzip = compress_text(b->text);
		if (b->gzip) {
			text = b->gzip;
			n = 5;
		}
	}
	if (text->len <= PIECE_BYTES || (method.at && !strcmp(method.at, "HEAD")))
		tether_call_reply(call, 200, fields, n, text->at, text->len);
	else
		stream(call, fields, n, text);
}
