// SPDX-License-Identifier: BSD-2-Clause
/* llhttp, pulled (http1.h). */
#include "http1.h"

#include <errno.h>
#include <string.h>

#include "list.h"

static struct http1 *self(llhttp_t *parser)
{
	return container_of(parser, struct http1, parser);
}

/* Notes an error down and stops the parser. */
static int fail(struct http1 *h, int status)
{
	h->status = status;
	return HPE_USER;
}

static int put(struct http1 *h, const char *at, size_t len, int too_large)
{
	int err = head_put(h->head, at, len);

	if (!err)
		return 0;
	return fail(h, err == -ENOMEM ? 503 : too_large);
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
	struct http1 *h = self(parser);

	if (h->head->target_len + len > h->target_bytes)
		return fail(h, 414);
	h->head->target_len += len;
	return put(h, at, len, 414);
}

static int on_line_end(llhttp_t *parser)
{
	return put(self(parser), "", 1, 431);
}

static int on_field(llhttp_t *parser, const char *at, size_t len)
{
	struct http1 *h = self(parser);
	struct head *head = h->head;
	struct head_field *field;

	if (!h->in_head) /* a trailer: thrown away, counted as framing */
		return 0;
	if (!h->in_value && !head->n)
		h->in_value = true;
	if (h->in_value) {
		if (head->n >= head->limit_fields)
			return fail(h, 431);
		h->in_value = false;
		head->fields[head->n++] = (struct head_field){ .name = head->used };
	}
	field = &head->fields[head->n - 1];
	field->name_len += len;
	return put(h, at, len, 431);
}

static int on_field_end(llhttp_t *parser)
{
	struct http1 *h = self(parser);

	if (!h->in_head)
		return 0;
	h->in_value = true;
	if (put(h, "", 1, 431))
		return HPE_USER;
	h->head->fields[h->head->n - 1].value = h->head->used;
	return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
	struct http1 *h = self(parser);

	if (!h->in_head)
		return 0;
	h->head->fields[h->head->n - 1].value_len += len;
	return put(h, at, len, 431);
}

static int on_value_end(llhttp_t *parser)
{
	struct http1 *h = self(parser);
	struct head_field *field;

	if (!h->in_head)
		return 0;
	field = &h->head->fields[h->head->n - 1];
	while (field->value_len &&
	       strchr(" \t", h->head->text[field->value + field->value_len - 1]))
		field->value_len--;
	if (put(h, "", 1, 431))
		return HPE_USER;
	h->head->text[field->value + field->value_len] = '\0';
	return 0;
}

static int on_head(llhttp_t *parser)
{
	struct http1 *h = self(parser);

	h->head->major = parser->http_major;
	h->head->minor = parser->http_minor;
	h->head->method = parser->method;
	h->head->status = parser->status_code;
	h->seen = HTTP1_HEAD;
	return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct http1 *h = self(parser);

	if (!len)
		return 0;
	h->body = at;
	h->body_len = len;
	h->seen = HTTP1_BODY;
	return HPE_PAUSED;
}

static int on_end(llhttp_t *parser)
{
	self(parser)->seen = HTTP1_END;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_url_complete = on_line_end,
	.on_header_field = on_field,
	.on_header_field_complete = on_field_end,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_end,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_end,
};

void http1_init(struct http1 *h, int type)
{
	memset(h, 0, sizeof(*h));
	llhttp_init(&h->parser, type, &settings);
}

void http1_begin(struct http1 *h, struct head *head)
{
	h->head = head;
	h->head_bytes = 0;
	h->framing_bytes = 0;
	h->body_bytes = 0;
	h->scan = (struct policy_scan){ 0 };
	h->in_head = true;
	h->in_value = false;
}

static enum http1_event error(struct http1 *h, int status)
{
	if (!h->status)
		h->status = status;
	return HTTP1_ERROR;
}

static int status_of(llhttp_errno_t code)
{
	return code == HPE_INVALID_VERSION ? 505 : 400;
}

/* Empty lines before a request are no part of its first line. */
static size_t blank(const struct http1 *h, const char *data, size_t len)
{
	size_t n = 0;

	while (!h->head_bytes && n < len && (data[n] == '\r' || data[n] == '\n'))
		n++;
	return n;
}

static int account(struct http1 *h, const char *data, size_t used, bool head)
{
	size_t skip;

	if (head) {
		skip = blank(h, data, used);
		h->head_bytes += used - skip;
		if (policy_scan(&h->scan, data + skip, used - skip))
			return 400;
		if (h->head_bytes > h->head->limit_bytes)
			return h->head->n ? 431 : 414;
		return 0;
	}
	h->framing_bytes += used - h->body_len;
	h->body_bytes += h->body_len;
	/* One byte a chunk costs 5 more; whoever needs 16 times the body has no body in mind. */
	return h->framing_bytes > 16384 + 16 * h->body_bytes ? 400 : 0;
}

enum http1_event http1_step(struct http1 *h, const char *data, size_t len, size_t *used)
{
	bool head = h->in_head;
	llhttp_errno_t code;
	int status;

	h->seen = HTTP1_MORE;
	h->body_len = 0;
	*used = 0;
	llhttp_resume(&h->parser);
	/* A piece of body that goes on is marked by a pointer, which NULL would lose. */
	if (!data)
		data = "";
	code = llhttp_execute(&h->parser, data, len);
	if (code != HPE_OK && code != HPE_PAUSED)
		return error(h, status_of(code));
	*used = code == HPE_PAUSED ? (size_t)(llhttp_get_error_pos(&h->parser) - data) : len;
	status = account(h, data, *used, head);
	if (status)
		return error(h, status);
	if (h->seen == HTTP1_HEAD) {
		h->in_head = false;
		/* An offer to speak something else, which is not taken up. */
		h->parser.upgrade = 0;
	}
	return (enum http1_event)h->seen;
}

enum http1_event http1_eof(struct http1 *h)
{
	llhttp_errno_t code;

	h->seen = HTTP1_MORE;
	h->body_len = 0;
	llhttp_resume(&h->parser);
	code = llhttp_finish(&h->parser);
	if (code != HPE_OK && code != HPE_PAUSED)
		return error(h, 400);
	return (enum http1_event)h->seen;
}

uint64_t http1_length(const struct http1 *h)
{
	const llhttp_t *p = &h->parser;

	if (p->flags & F_SKIPBODY)
		return 0;
	if (p->flags & F_CHUNKED)
		return TETHER_LENGTH_UNKNOWN;
	if (p->flags & F_CONTENT_LENGTH)
		return p->content_length;
	return llhttp_message_needs_eof(p) ? TETHER_LENGTH_UNKNOWN : 0;
}

bool http1_keep_alive(const struct http1 *h)
{
	return llhttp_should_keep_alive(&h->parser);
}

void http1_skip_body(struct http1 *h)
{
	h->parser.flags |= F_SKIPBODY;
}
