// SPDX-License-Identifier: BSD-2-Clause
/* An exchange over HTTP/3: a request on a stream of its own, and its answer. */
#include <errno.h>
#include <string.h>

#include "h3_client.h"

#define QUEUE_BYTES (256 << 10)
#define LINGER_NS   (5 * TETHER_S)

/* ---- the request ----------------------------------------------------------------------------- */

static int submit(struct h3_message *m, const struct tether_request *r, const char *method)
{
	const struct place *place = m->x->cc->place;
	struct tether_loop *loop = m->conn->q.loop;
	bool body = r->length > 0;
	char host[HOST_BYTES];
	struct h3_fields f;
	int err;

	if (h3_fields_new(loop, r->n_fields, r->fields, &f))
		return -ENOMEM;
	request_host(place, host, sizeof(host));
	h3_fields_add(&f, ":method", method, strlen(method));
	h3_fields_add(&f, ":scheme", "https", 5);
	h3_fields_add(&f, ":authority", r->authority ? r->authority : host,
		      strlen(r->authority ? r->authority : host));
	h3_fields_add(&f, ":path", r->target, strlen(r->target));
	if (r->length != TETHER_LENGTH_UNKNOWN &&
	    (body || !strcmp(method, "POST") || !strcmp(method, "PUT")))
		h3_fields_add_number(&f, "content-length", r->length);
	h3_fields_add_all(&f, r->fields, r->n_fields);
	err = nghttp3_conn_submit_request(m->conn->h3, m->stream->sid, f.nv, f.n,
					  body ? &h3_reader : NULL, m->stream);
	mem_free(loop, f.nv);
	if (err)
		return err == NGHTTP3_ERR_NOMEM ? -ENOMEM : -ECONNRESET;
	if (r->data && body && h3_write(m->stream, r->data, r->length))
		return -ENOMEM;
	if (r->data || !body)
		h3_finish(m->stream);
	return 0;
}

static void settle(struct h3_message *m, uint64_t code)
{
	struct quic_stream *stream = m->stream;

	h3_message_free(m);
	if (!stream)
		return;
	quic_stream_release(stream, code, LINGER_NS);
}

int h3_exchange_start(struct exchange *x, const struct tether_request *r, const char *method)
{
	struct h3_client_conn *conn = x->cc->h3;
	struct quic_conn *q = &conn->h3.q;
	struct quic_stream *stream;
	struct h3_message *m;
	int64_t sid;
	int err;

	if (q->ending)
		return -ECONNRESET;
	m = mem_new(x->loop, sizeof(*m));
	if (!m)
		return -ENOMEM;
	err = ngtcp2_conn_open_bidi_stream(q->ng, &sid, NULL);
	stream = err ? NULL : quic_stream_new(q, sid, false);
	if (!stream) {
		if (!err)
			ngtcp2_conn_shutdown_stream_write(q->ng, 0, sid,
							  NGHTTP3_H3_REQUEST_CANCELLED);
		mem_free(x->loop, m);
		return err == NGTCP2_ERR_STREAM_ID_BLOCKED ? -EAGAIN : -ENOMEM;
	}
	m->conn = &conn->h3;
	m->x = x;
	m->head = &x->head;
	h3_message_bind(m, stream);
	head_init(&x->head, x->loop, x->text, BLOCK_BYTES - sizeof(*x));
	x->head.limit_bytes = conn->pool->options.header_bytes;
	err = submit(m, r, method);
	if (err) {
		settle(m, NGHTTP3_H3_REQUEST_CANCELLED);
		return err;
	}
	x->h3 = m;
	quic_conn_dirty(q);
	return 0;
}

int h3_exchange_write(struct exchange *x, const void *data, size_t len)
{
	struct quic_stream *stream = x->h3->stream;

	if (!stream)
		return -EBADF;
	if (queue_kept(&stream->out) >= QUEUE_BYTES)
		return -EAGAIN;
	if (len && h3_write(stream, data, len))
		return -ENOMEM;
	if (!x->chunked)
		x->left -= len;
	return 0;
}

void h3_exchange_finish(struct exchange *x)
{
	if (x->h3->stream)
		h3_finish(x->h3->stream);
}

void h3_exchange_go_on(struct exchange *x)
{
	if (x->h3->stream)
		quic_stream_ready(x->h3->stream);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static uint64_t length_of(const struct exchange *x, const struct h3_message *m)
{
	struct tether_text value = head_find(&x->head, "content-length");
	uint64_t length = 0;
	size_t i;

	if (x->headless || (m->ended && !queue_kept(&m->stream->in)))
		return 0;
	if (!value.at)
		return TETHER_LENGTH_UNKNOWN;
	for (i = 0; i < value.len && length < UINT64_MAX / 16; i++)
		length = length * 10 + (value.at[i] - '0');
	return length;
}

static void on_head(struct h3_message *m)
{
	struct exchange *x = m->x;

	x->status = x->head.status;
	x->head.major = 3;
	x->heard = x->keep = true;
	x->length = length_of(x, m);
	if (x->events.head)
		x->events.head((struct tether_body){ x->loop, x->id }, x->status, x->arg);
}

static void give(struct exchange *x, const void *data, size_t len)
{
	void (*got)(struct tether_body body, const void *data, size_t len, void *arg) = x->got;

	x->got = NULL;
	got((struct tether_body){ x->loop, x->id }, data, len, x->got_arg);
}

/* A piece of the body, or its end, to whoever asked for it. False: there is nothing to tell. */
static bool give_body(struct h3_message *m)
{
	struct quic_stream *stream = m->stream;
	struct exchange *x = m->x;
	char piece[16384];
	const char *data;
	size_t len = queue_front(&stream->in, &data);

	if (!x->got && x->length)
		return false;
	if (len) {
		if (!x->got)
			return false;
		len = len < sizeof(piece) ? len : sizeof(piece);
		memcpy(piece, data, len);
		quic_stream_consume(stream, len);
		give(x, piece, len);
		return true;
	}
	if (!m->ended)
		return false;
	x->ended = stream->fin_told = true;
	if (x->got)
		give(x, "", 0);
	/* The callback may have ended it. */
	if (stream->owner == m)
		exchange_end(x, 0);
	return true;
}

static void tell_drained(struct h3_message *m)
{
	void (*drained)(struct tether_body body, void *arg) = m->x->drained;

	m->x->drained = NULL;
	drained((struct tether_body){ m->x->loop, m->x->id }, m->x->drained_arg);
}

void h3_exchange_serve(struct h3_message *m)
{
	struct quic_stream *stream = m->stream;
	struct exchange *x = m->x;

	/* Any of these may end the exchange, and with it the message. */
	if (m->status) {
		exchange_end(x, m->status == 503 ? -ENOMEM : -EMSGSIZE);
		return;
	}
	if (stream->read == SIDE_RESET || (stream->closed && !m->ended)) {
		exchange_end(x, -ECONNRESET);
		return;
	}
	if (m->has_head && !x->status)
		on_head(m);
	while (stream->owner && x->status && give_body(m))
		;
	if (stream->owner && x->drained &&
	    (stream->write != SIDE_OPEN || queue_kept(&stream->out) <= QUEUE_BYTES / 2))
		tell_drained(m);
}

void h3_exchange_lost(struct h3_message *m, int why)
{
	exchange_end(m->x, why);
}

void h3_exchange_gone(struct exchange *x)
{
	struct h3_message *m = x->h3;

	x->h3 = NULL;
	if (m->stream && !m->ended)
		h3_abort(m->stream, NGHTTP3_H3_REQUEST_CANCELLED);
	settle(m, NGHTTP3_H3_NO_ERROR);
}
