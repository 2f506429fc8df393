// SPDX-License-Identifier: BSD-2-Clause
/*
 * An exchange (tether/pool.h): a request sent and its response read. It owns the connection and the
 * deadline from the first byte to the last, and exchange_end() is the only way out.
 */
#include <errno.h>
#include <string.h>

#include "client.h"
#include "probes.h"

#define QUEUE_BYTES (256 << 10)
#define TEXT(s)	    s, sizeof(s) - 1

static struct exchange *find(struct tether_body handle)
{
	return slot_find(handle.loop, SLOT_BODY, handle.id);
}

static void is_leaving(struct member *member, int why)
{
	(void)member;
	(void)why;
}

void exchange_end(struct exchange *x, int why)
{
	struct tether_loop *loop = x->loop;
	struct client_conn *cc = x->cc;
	struct tether_body handle = { loop, x->id };
	bool clean = x->ended && x->keep && x->sent;

	/* Its connection is lost already while it is still being made: told in the next turn. */
	if (x->starting) {
		x->why = why ? why : -ECONNRESET;
		return;
	}
	PROBE2(body_end, x->id, (int64_t)why);
	x->member.cancel = is_leaving;
	loop_deadline_drop(loop, &x->deadline);
	slot_give(loop, x->id);
	if (cc) {
		cc->x = NULL;
		x->cc = NULL;
		pool_put(cc, clean);
	}
	if (x->events.end)
		x->events.end(handle, why, x->arg);
	scope_leave(&x->member);
	head_fini(&x->head);
	block_give(loop, x);
}

static void on_deadline(struct deadline *d)
{
	struct exchange *x = container_of(d, struct exchange, deadline);

	exchange_end(x, x->why ? x->why : -ETIMEDOUT);
}

static void on_scope(struct member *member, int why)
{
	exchange_end(container_of(member, struct exchange, member), why);
}

void exchange_begin_head(struct exchange *x)
{
	head_fini(&x->head);
	head_init(&x->head, x->loop, x->text, BLOCK_BYTES - sizeof(*x));
	x->head.limit_bytes = x->cc->pool->options.header_bytes;
	http1_begin(&x->cc->codec, &x->head);
}

/* ---- sending --------------------------------------------------------------------------------- */

static bool is_word(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	for (; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	return p != (const unsigned char *)s;
}

static int check(const struct tether_request *r, const struct tether_body_events *events)
{
	size_t i;

	if (!r || !events || !r->target || !is_word(r->target))
		return -EINVAL;
	if ((r->method && !is_word(r->method)) || (r->authority && !is_word(r->authority)))
		return -EINVAL;
	if ((r->n_fields && !r->fields) || (r->data && r->length == TETHER_LENGTH_UNKNOWN))
		return -EINVAL;
	for (i = 0; i < r->n_fields; i++)
		if (field_check(&r->fields[i]))
			return -EINVAL;
	return 0;
}

static void write_text(struct conn *conn, const char *text)
{
	conn_write(conn, text, strlen(text));
}

static void write_length(struct conn *conn, const char *method, uint64_t length)
{
	char line[64];

	if (length == TETHER_LENGTH_UNKNOWN)
		write_text(conn, "Transfer-Encoding: chunked\r\n");
	else if (length || !strcmp(method, "POST") || !strcmp(method, "PUT")) {
		snprintf(line, sizeof(line), "Content-Length: %llu\r\n",
			 (unsigned long long)length);
		write_text(conn, line);
	}
}

static void write_request(struct client_conn *cc, const struct tether_request *r,
			  const char *method)
{
	struct conn *conn = &cc->conn;
	const struct place *place = cc->place;
	bool six = strchr(place->host, ':');
	char port[8];
	size_t i;

	write_text(conn, method);
	write_text(conn, " ");
	write_text(conn, r->target);
	write_text(conn, " HTTP/1.1\r\nHost: ");
	if (r->authority) {
		write_text(conn, r->authority);
	} else {
		snprintf(port, sizeof(port), ":%u", place->port);
		write_text(conn, six ? "[" : "");
		write_text(conn, place->host);
		write_text(conn, six ? "]" : "");
		write_text(conn, place->port == (place->tls ? 443 : 80) ? "" : port);
	}
	write_text(conn, "\r\n");
	for (i = 0; i < r->n_fields; i++) {
		write_text(conn, r->fields[i].name);
		write_text(conn, ": ");
		write_text(conn, r->fields[i].value);
		write_text(conn, "\r\n");
	}
	write_length(conn, method, r->length);
	write_text(conn, "\r\n");
	if (r->data)
		conn_write(conn, r->data, r->length);
	conn_flush(conn);
}

static struct exchange *exchange_new(struct tether_loop *loop, struct scope *scope, int *err)
{
	struct exchange *x = block_take(loop);

	_Static_assert(sizeof(struct exchange) < BLOCK_BYTES / 2, "room for the head's text");
	*err = -ENOMEM;
	if (!x)
		return NULL;
	memset(x, 0, offsetof(struct exchange, head));
	x->head.grown = false;
	x->loop = loop;
	deadline_init(&x->deadline, on_deadline);
	x->id = slot_take(loop, SLOT_BODY, x);
	if (x->id)
		*err = scope_enter(scope, &x->member, on_scope);
	if (*err) {
		slot_give(loop, x->id);
		block_give(loop, x);
		return NULL;
	}
	return x;
}

int tether_exchange(struct tether_lease handle, const struct tether_request *request,
		    uint64_t within_ns, const struct tether_body_events *events, void *arg,
		    struct tether_body *out)
{
	struct lease *lease = lease_find(handle);
	const char *method = request && request->method ? request->method : "GET";
	struct exchange *x;
	uint64_t at_ns;
	int err;

	if (!lease || !lease->cc)
		return -EBADF;
	err = check(request, events);
	if (!err)
		err = loop_due(handle.loop, within_ns, &at_ns);
	if (err)
		return err;
	x = exchange_new(handle.loop, lease->member.scope, &err);
	if (!x)
		return err;
	x->events = *events;
	x->arg = arg;
	x->headless = !strcmp(method, "HEAD");
	x->chunked = request->length == TETHER_LENGTH_UNKNOWN;
	x->left = request->data ? 0 : request->length;
	x->sent = !x->left;
	x->cc = lease_spend(lease);
	x->cc->x = x;
	x->cc->requests++;
	exchange_begin_head(x);
	loop_deadline(x->loop, &x->deadline, at_ns);
	conn_phase(&x->cc->conn, CONN_HEADER, at_ns + TETHER_S);
	PROBE3(body_begin, x->id, x->cc->conn.id, at_ns);
	if (out)
		*out = (struct tether_body){ x->loop, x->id };
	x->starting = true;
	write_request(x->cc, request, method);
	x->starting = false;
	if (x->why) {
		x->cc->x = NULL;
		pool_put(x->cc, false);
		x->cc = NULL;
		loop_deadline(x->loop, &x->deadline, tether_loop_now_ns(x->loop));
	}
	return 0;
}

int tether_body_write(struct tether_body handle, const void *data, size_t len)
{
	struct exchange *x = find(handle);
	char size[24];

	if (!x || !x->cc)
		return -EBADF;
	if (x->sent)
		return -EINVAL;
	if (!x->chunked && len > x->left)
		return -EMSGSIZE;
	if (conn_queued(&x->cc->conn) >= QUEUE_BYTES)
		return -EAGAIN;
	if (!len)
		return 0;
	if (!x->chunked)
		x->left -= len;
	if (x->chunked) {
		snprintf(size, sizeof(size), "%zx\r\n", len);
		write_text(&x->cc->conn, size);
	}
	conn_write(&x->cc->conn, data, len);
	if (x->chunked)
		write_text(&x->cc->conn, "\r\n");
	conn_flush(&x->cc->conn);
	return 0;
}

int tether_body_drained(struct tether_body handle,
			void (*drained)(struct tether_body body, void *arg), void *arg)
{
	struct exchange *x = find(handle);

	if (!x || !x->cc)
		return -EBADF;
	if (!drained)
		return -EINVAL;
	if (x->drained)
		return -EALREADY;
	x->drained = drained;
	x->drained_arg = arg;
	if (!conn_queued(&x->cc->conn))
		conn_poke(&x->cc->conn);
	return 0;
}

int tether_body_finish(struct tether_body handle)
{
	struct exchange *x = find(handle);

	if (!x || !x->cc)
		return -EBADF;
	if (x->sent)
		return -EINVAL;
	if (!x->chunked && x->left) {
		exchange_end(x, -EPROTO);
		return -EPROTO;
	}
	x->sent = true;
	if (x->chunked) {
		conn_write(&x->cc->conn, TEXT("0\r\n\r\n"));
		conn_flush(&x->cc->conn);
	}
	return 0;
}

/* ---- receiving ------------------------------------------------------------------------------- */

int tether_body_read(struct tether_body handle,
		     void (*got)(struct tether_body body, const void *data, size_t len, void *arg),
		     void *arg)
{
	struct exchange *x = find(handle);

	if (!x || x->ended)
		return -EBADF;
	if (!got)
		return -EINVAL;
	if (x->got)
		return -EALREADY;
	x->got = got;
	x->got_arg = arg;
	if (x->cc)
		client_conn_go_on(x->cc);
	return 0;
}

int tether_body_end(struct tether_body handle)
{
	struct exchange *x = find(handle);

	if (!x)
		return -EBADF;
	exchange_end(x, -ECANCELED);
	return 0;
}

int tether_body_status(struct tether_body handle)
{
	struct exchange *x = find(handle);

	return x ? x->status : -EBADF;
}

struct tether_text tether_body_header(struct tether_body handle, const char *name)
{
	struct exchange *x = find(handle);

	return x && x->status ? head_find(&x->head, name) : (struct tether_text){ NULL, 0 };
}

int tether_body_header_at(struct tether_body handle, size_t i, struct tether_text *name,
			  struct tether_text *value)
{
	struct exchange *x = find(handle);

	if (!x)
		return -EBADF;
	if (!x->status || i >= x->head.n)
		return -ENOENT;
	*name = head_name(&x->head, i);
	*value = head_value(&x->head, i);
	return 0;
}

uint64_t tether_body_length(struct tether_body handle)
{
	struct exchange *x = find(handle);

	return x ? x->length : 0;
}
