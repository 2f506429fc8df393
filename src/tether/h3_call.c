// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls over HTTP/3: the same states, limits and deadlines as over HTTP/1.1 (server_conn.c), on a
 * stream of their own. Which deadline holds follows from the state in one place: settle().
 */
#include <errno.h>
#include <llhttp.h>
#include <string.h>

#include "h3_server.h"
#include "policy.h"
#include "status.h"

static struct h3_server_conn *conn_of(const struct h3_message *m)
{
	return container_of(m->conn, struct h3_server_conn, h3);
}

static const struct tether_server_options *options(const struct h3_message *m)
{
	return &conn_of(m)->part->server->options;
}

/* ---- birth and death ------------------------------------------------------------------------- */

static void settle(struct h3_message *m);

struct h3_message *h3_call_new(struct h3_conn *conn, struct quic_stream *stream)
{
	struct tether_loop *loop = conn->q.loop;
	struct h3_message *m = mem_new(loop, sizeof(*m));
	struct call *call = m ? block_take(loop) : NULL;

	if (!call) {
		mem_free(loop, m);
		return NULL;
	}
	memset(call, 0, offsetof(struct call, head));
	head_init(&call->head, loop, call->text, BLOCK_BYTES - sizeof(*call));
	m->conn = conn;
	m->call = call;
	m->head = &call->head;
	call->h3 = m;
	call->head.limit_bytes = options(m)->header_bytes;
	call->head.limit_fields = options(m)->fields;
	call->head.target_len = 0;
	m->phase_began_ns = tether_loop_now_ns(loop);
	h3_message_bind(m, stream);
	conn_of(m)->n_calls++;
	h3_server_conn_settle(conn_of(m));
	settle(m);
	return m;
}

void h3_call_gone(struct call *call)
{
	struct h3_server_conn *conn = conn_of(call->h3);

	h3_message_free(call->h3);
	conn->n_calls--;
	h3_server_conn_settle(conn);
}

/* The one end of calls: what is on its way still goes, the rest of the request is not wanted. */
static void end(struct h3_message *m, int why)
{
	const struct tether_server_options *o = options(m);
	struct quic_stream *stream = m->stream;
	bool more = stream->write == SIDE_FIN && queue_kept(&stream->out);

	call_free(m->call, why);
	/* The callback of the call's end cannot have freed the stream: only its own turn does. */
	quic_stream_release(stream, why ? NGHTTP3_H3_REQUEST_CANCELLED : NGHTTP3_H3_NO_ERROR,
			    more ? o->write_ns : o->linger_ns);
}

static void break_off(struct h3_message *m, uint64_t code, int why)
{
	h3_abort(m->stream, code);
	end(m, why);
}

void h3_call_lost(struct h3_message *m, int why)
{
	call_free(m->call, why);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static enum conn_phase phase_of(const struct h3_message *m)
{
	const struct call *call = m->call;

	if (queue_kept(&m->stream->out))
		return CONN_WRITE;
	if (call->request == REQUEST_HEAD)
		return CONN_HEADER;
	if (call->request == REQUEST_BODY && call->got)
		return CONN_BODY;
	return CONN_HANDLER;
}

static uint64_t allowed(const struct h3_message *m, enum conn_phase phase)
{
	const struct tether_server_options *o = options(m);
	uint64_t by_rate;

	switch (phase) {
	case CONN_BODY:
		by_rate = o->floor_grace_ns +
			  (uint64_t)((double)m->call->received / o->floor_bytes_per_s * 1e9);
		return by_rate < o->body_ns ? by_rate : o->body_ns;
	case CONN_WRITE:
		return o->write_ns;
	case CONN_HEADER:
		return o->header_ns;
	default:
		return o->handler_ns;
	}
}

/* Time goes to the account of the phase that was; one that comes back has what is left. */
static void settle(struct h3_message *m)
{
	enum conn_phase phase = phase_of(m), was = (enum conn_phase)m->phase;
	struct tether_loop *loop = m->conn->q.loop;
	uint64_t now = tether_loop_now_ns(loop);

	if (phase != was) {
		m->spent_ns[was] += now - m->phase_began_ns;
		m->phase_began_ns = now;
		m->phase = phase;
	}
	loop_deadline(loop, &m->stream->deadline,
		      m->phase_began_ns - m->spent_ns[phase] + allowed(m, phase));
}

/* ---- the request ----------------------------------------------------------------------------- */

static int method_of(const struct h3_message *m)
{
#define METHOD(num, name, string)                                                                  \
	if (m->method.len == sizeof(#string) - 1 && !memcmp(m->method.at, #string, m->method.len)) \
		return num;
	HTTP_METHOD_MAP(METHOD)
#undef METHOD
	/* No method of HTTP: the policy refuses it. */
	return HTTP_SOURCE;
}

static uint64_t length_of(const struct h3_message *m)
{
	struct tether_text value = head_find(m->head, "content-length");
	uint64_t length = 0;
	size_t i;

	if (!value.at)
		return m->ended ? 0 : TETHER_LENGTH_UNKNOWN;
	/* nghttp3 has refused what is no number, and what does not fit the body. */
	for (i = 0; i < value.len && length < UINT64_MAX / 16; i++)
		length = length * 10 + (value.at[i] - '0');
	return length;
}

static void refuse(struct h3_message *m, int status)
{
	static const struct tether_field type = { "Content-Type", "text/plain" };
	const char *name = status_name(status);
	int why = status == 408 ? -ETIMEDOUT : status == 413 ? -EMSGSIZE : -EPROTO;

	count(&conn_of(m)->part->bad_requests, 1);
	if (m->call->response != RESPONSE_NONE ||
	    h3_call_reply(m->call, status, &type, 1, name, strlen(name)))
		break_off(m, NGHTTP3_H3_INTERNAL_ERROR, why);
	else
		end(m, why);
}

static int check(struct h3_message *m, struct policy_facts *facts)
{
	const struct tether_server_options *o = options(m);
	struct call *call = m->call;
	int status = m->status;

	if (!status && call->head.target_len > o->target_bytes)
		status = 414;
	/* The rules for fields are those of HTTP/1.1. */
	call->head.major = call->head.minor = 1;
	call->head.method = method_of(m);
	if (!status)
		status = policy_request(&call->head, facts);
	call->head.major = 3;
	call->head.minor = 0;
	call->length = length_of(m);
	if (!status && call->length != TETHER_LENGTH_UNKNOWN && call->length > o->body_bytes)
		status = 413;
	if (status)
		return status;
	call->id = slot_take(call->head.loop, SLOT_CALL, call);
	return call->id ? 0 : 503;
}

static void on_head(struct h3_message *m)
{
	const struct tether_server_options *o = options(m);
	struct h3_server_conn *conn = conn_of(m);
	struct policy_facts facts = { 0 };
	struct call *call = m->call;
	int status;

	call->request = REQUEST_BODY;
	status = check(m, &facts);
	call->head_only = call->head.method == HTTP_HEAD;
	call->expect = facts.expect && call->length;
	if (status) {
		refuse(m, status);
		return;
	}
	count(&conn->part->requests, 1);
	if (++conn->requests >= o->requests)
		h3_server_conn_drain(conn);
	settle(m);
	o->handler(call_handle(call), o->arg);
}

static void give(struct call *call, const void *data, size_t len)
{
	void (*got)(struct tether_call call, const void *data, size_t len, void *arg) = call->got;

	call->got = NULL;
	call->empty = !len;
	got(call_handle(call), data, len, call->got_arg);
}

/* A piece of the body to whoever asked for it. False: there is none. */
static bool give_body(struct h3_message *m)
{
	struct quic_stream *stream = m->stream;
	struct call *call = m->call;
	char piece[16384];
	const char *data;
	size_t len;

	if (call->request != REQUEST_BODY)
		return false;
	len = queue_front(&stream->in, &data);
	if (len > sizeof(piece))
		len = sizeof(piece);
	if (len && call->got) {
		call->expect = false;
		call->received += len;
		if (call->received > options(m)->body_bytes) {
			refuse(m, 413);
			return true;
		}
		/* The callback may throw the queue away. */
		memcpy(piece, data, len);
		quic_stream_consume(stream, len);
		give(call, piece, len);
		return true;
	}
	/* The end waits for a reader as data does. */
	if (len || !m->ended || !call->got)
		return false;
	call->request = REQUEST_READ;
	stream->fin_told = true;
	give(call, "", 0);
	return true;
}

/* ---- its turn -------------------------------------------------------------------------------- */

static bool has_room(const struct h3_message *m)
{
	return queue_kept(&m->stream->out) <= options(m)->queue_bytes / 2;
}

static void tell_drained(struct h3_message *m)
{
	void (*drained)(struct tether_call call, void *arg) = m->call->drained;

	m->call->drained = NULL;
	drained(call_handle(m->call), m->call->drained_arg);
}

static bool is_over(const struct h3_message *m)
{
	const struct quic_stream *stream = m->stream;

	return stream->read == SIDE_RESET || stream->write == SIDE_RESET || stream->closed;
}

void h3_call_serve(struct h3_message *m)
{
	struct quic_stream *stream = m->stream;

	/* Any of these may end the call, and with it the message. */
	if (is_over(m)) {
		bool answered = m->call->response == RESPONSE_DONE;

		break_off(m, NGHTTP3_H3_REQUEST_CANCELLED, answered ? 0 : -ECONNRESET);
		return;
	}
	if (m->call->request == REQUEST_HEAD && m->status && !m->has_head) {
		/* A head that is too large is refused before it ends. */
		m->call->request = REQUEST_BODY;
		refuse(m, m->status);
		return;
	}
	if (m->call->request == REQUEST_HEAD && m->has_head)
		on_head(m);
	while (stream->owner && m->call->response != RESPONSE_DONE && give_body(m))
		;
	if (stream->owner && m->call->drained && has_room(m))
		tell_drained(m);
	if (stream->owner && m->call->response == RESPONSE_DONE)
		end(m, 0);
	if (stream->owner)
		settle(m);
}

void h3_call_late(struct h3_message *m)
{
	count(&conn_of(m)->part->timeouts, 1);
	if (m->call->response == RESPONSE_NONE &&
	    (m->phase == CONN_HEADER || m->phase == CONN_BODY))
		refuse(m, 408);
	else
		break_off(m, NGHTTP3_H3_REQUEST_CANCELLED, -ETIMEDOUT);
	quic_conn_dirty(&m->conn->q);
}

/* ---- the response ---------------------------------------------------------------------------- */

static int submit(struct call *call, int status, const struct tether_field *fields, size_t n,
		  uint64_t length, bool body)
{
	struct h3_message *m = call->h3;
	struct tether_loop *loop = call->head.loop;
	struct h3_fields f;
	int err;

	if (h3_fields_new(loop, n, fields, &f))
		return -ENOMEM;
	h3_fields_add_number(&f, ":status", status);
	h3_fields_add(&f, "date", loop_date(loop), 29);
	if (length != TETHER_LENGTH_UNKNOWN && status != 204 && status != 304)
		h3_fields_add_number(&f, "content-length", length);
	h3_fields_add_all(&f, fields, n);
	err = nghttp3_conn_submit_response(m->conn->h3, m->stream->sid, f.nv, f.n,
					   body ? &h3_reader : NULL);
	mem_free(loop, f.nv);
	quic_conn_dirty(&m->conn->q);
	return err ? err == NGHTTP3_ERR_NOMEM ? -ENOMEM : -ECONNRESET : 0;
}

int h3_call_reply(struct call *call, int status, const struct tether_field *fields, size_t n,
		  const void *data, size_t len)
{
	struct h3_message *m = call->h3;
	bool body = len && !call->head_only && status != 204 && status != 304;
	int err;

	if (body && queue_put(call->head.loop, &m->stream->out, data, len))
		return -ENOMEM;
	err = submit(call, status, fields, n, len, body);
	if (err) {
		queue_drop(call->head.loop, &m->stream->out, queue_kept(&m->stream->out));
		return err;
	}
	call->response = RESPONSE_DONE;
	h3_finish(m->stream);
	h3_call_go_on(call);
	return 0;
}

int h3_call_begin(struct call *call, int status, const struct tether_field *fields, size_t n,
		  uint64_t length)
{
	int err = submit(call, status, fields, n, length, true);

	if (err)
		return err;
	call->left = length;
	call->response = RESPONSE_BODY;
	return 0;
}

int h3_call_write(struct call *call, const void *data, size_t len)
{
	struct h3_message *m = call->h3;

	if (queue_kept(&m->stream->out) >= options(m)->queue_bytes)
		return -EAGAIN;
	if (!call->head_only && len && h3_write(m->stream, data, len))
		return -ENOMEM;
	if (call->left != TETHER_LENGTH_UNKNOWN)
		call->left -= len;
	h3_call_go_on(call);
	return 0;
}

int h3_call_finish(struct call *call)
{
	struct h3_message *m = call->h3;

	if (call->left && call->left != TETHER_LENGTH_UNKNOWN && !call->head_only) {
		break_off(m, NGHTTP3_H3_INTERNAL_ERROR, -EPROTO);
		return -EPROTO;
	}
	call->response = RESPONSE_DONE;
	h3_finish(m->stream);
	h3_call_go_on(call);
	return 0;
}

void h3_call_continue(struct call *call)
{
	nghttp3_nv nv = { (uint8_t *)":status", (uint8_t *)"100", 7, 3, NGHTTP3_NV_FLAG_NONE };

	nghttp3_conn_submit_info(call->h3->conn->h3, call->h3->stream->sid, &nv, 1);
	quic_conn_dirty(&call->h3->conn->q);
}

void h3_call_cancel(struct call *call)
{
	break_off(call->h3, NGHTTP3_H3_INTERNAL_ERROR, -ECANCELED);
}

void h3_call_go_on(struct call *call)
{
	quic_stream_ready(call->h3->stream);
}

const struct sockaddr *h3_call_peer(struct call *call)
{
	const ngtcp2_path *path = ngtcp2_conn_get_path(call->h3->conn->q.ng);
	size_t len = path->remote.addrlen;

	memcpy(&call->peer, path->remote.addr, len < sizeof(call->peer) ? len : sizeof(call->peer));
	return &call->peer.any;
}
