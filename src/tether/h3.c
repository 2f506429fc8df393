// SPDX-License-Identifier: BSD-2-Clause
/* nghttp3 and QUIC streams (h3.h). */
#include "h3.h"

#include <errno.h>
#include <string.h>

/* ---- what nghttp3 tells ---------------------------------------------------------------------- */

static int on_begin(nghttp3_conn *h3, int64_t sid, void *user, void *ptr)
{
	struct h3_conn *conn = user;

	if (!ptr)
		nghttp3_conn_set_stream_user_data(h3, sid, conn->reading);
	return 0;
}

/* The target first: it stands at the beginning of a head's text. */
static int put_target(struct h3_message *m, nghttp3_vec value)
{
	struct head *head = m->head;
	int err = head_put(head, (char *)value.base, value.len);

	if (!err)
		err = head_put(head, "", 1);
	head->target_len = err ? 0 : value.len;
	if (err && !m->status)
		m->status = err == -ENOMEM ? 503 : 414;
	return 0;
}

static void put_field(struct h3_message *m, const char *name, size_t name_len, const char *value,
		      size_t value_len)
{
	struct head *head = m->head;
	struct head_field field = { head->used, name_len, head->used + name_len + 1, value_len };
	int err = -EMSGSIZE;

	if (m->status >= 400 && m->call)
		return;
	if (head->n < head->limit_fields &&
	    head->used + name_len + value_len + 2 <= head->limit_bytes) {
		err = head_put(head, name, name_len);
		if (!err)
			err = head_put(head, "", 1);
		if (!err)
			err = head_put(head, value, value_len);
		if (!err)
			err = head_put(head, "", 1);
	}
	if (!err)
		head->fields[head->n++] = field;
	else
		m->status = err == -ENOMEM ? 503 : 431;
}

static int put_status(struct h3_message *m, nghttp3_vec value)
{
	uint16_t status = 0;
	size_t i;

	/* nghttp3 has seen to it that there are three digits. */
	for (i = 0; i < value.len && i < 3; i++)
		status = status * 10 + (value.base[i] - '0');
	m->head->status = status;
	m->interim = status < 200;
	return 0;
}

static int on_field(nghttp3_conn *h3, int64_t sid, int32_t token, nghttp3_rcbuf *name,
		    nghttp3_rcbuf *value, uint8_t flags, void *user, void *ptr)
{
	nghttp3_vec n = nghttp3_rcbuf_get_buf(name), v = nghttp3_rcbuf_get_buf(value);
	struct quic_stream *stream = ptr;
	struct h3_message *m = stream ? stream->owner : NULL;

	(void)h3;
	(void)sid;
	(void)flags;
	(void)user;
	if (!m || m->has_head)
		return 0;
	switch (token) {
	case NGHTTP3_QPACK_TOKEN__PATH:
		return put_target(m, v);
	case NGHTTP3_QPACK_TOKEN__STATUS:
		return put_status(m, v);
	case NGHTTP3_QPACK_TOKEN__METHOD:
		m->method.len = v.len < sizeof(m->method_text) ? v.len : 0;
		memcpy(m->method_text, v.base, m->method.len);
		return 0;
	case NGHTTP3_QPACK_TOKEN__AUTHORITY:
		/* Its place is behind the target, which may come later. */
		nghttp3_rcbuf_incref(value);
		m->authority = value;
		return 0;
	}
	if (n.len && n.base[0] == ':')
		return 0;
	put_field(m, (char *)n.base, n.len, (char *)v.base, v.len);
	return 0;
}

/* A second Host is the policy's business, unless it says the same. */
static void put_authority(struct h3_message *m)
{
	struct tether_text host = head_find(m->head, "host");
	nghttp3_vec v;

	if (!m->authority)
		return;
	v = nghttp3_rcbuf_get_buf(m->authority);
	if (!host.at || host.len != v.len || memcmp(host.at, v.base, v.len) != 0)
		put_field(m, "host", 4, (char *)v.base, v.len);
	nghttp3_rcbuf_decref(m->authority);
	m->authority = NULL;
}

static int on_head(nghttp3_conn *h3, int64_t sid, int fin, void *user, void *ptr)
{
	struct quic_stream *stream = ptr;
	struct h3_message *m = stream ? stream->owner : NULL;

	(void)h3;
	(void)sid;
	(void)user;
	if (!m || m->has_head)
		return 0;
	if (m->interim) {
		/* 100 and its like: the real one is still to come. */
		m->interim = false;
		m->head->n = m->head->used = 0;
		return 0;
	}
	put_authority(m);
	m->has_head = true;
	m->ended |= fin;
	quic_stream_ready(stream);
	return 0;
}

static int on_body(nghttp3_conn *h3, int64_t sid, const uint8_t *data, size_t len, void *user,
		   void *ptr)
{
	struct quic_stream *stream = ptr;
	struct h3_conn *conn = user;

	(void)h3;
	/* Nobody waits for it any more. */
	if (!stream || !stream->owner || stream->read != SIDE_OPEN) {
		quic_stream_credit(&conn->q, sid, len);
		return 0;
	}
	if (queue_put(conn->q.loop, &stream->in, data, len))
		return NGHTTP3_ERR_CALLBACK_FAILURE;
	quic_stream_ready(stream);
	return 0;
}

static int on_consumed(nghttp3_conn *h3, int64_t sid, size_t len, void *user, void *ptr)
{
	struct h3_conn *conn = user;

	(void)h3;
	(void)ptr;
	quic_stream_credit(&conn->q, sid, len);
	return 0;
}

static int on_end(nghttp3_conn *h3, int64_t sid, void *user, void *ptr)
{
	struct quic_stream *stream = ptr;
	struct h3_message *m = stream ? stream->owner : NULL;

	(void)h3;
	(void)sid;
	(void)user;
	if (m)
		m->ended = true;
	if (stream) {
		quic_stream_shut_read(stream, SIDE_FIN);
		quic_stream_ready(stream);
	}
	return 0;
}

static int on_body_acked(nghttp3_conn *h3, int64_t sid, uint64_t len, void *user, void *ptr)
{
	struct quic_stream *stream = ptr;
	struct h3_conn *conn = user;

	(void)h3;
	(void)sid;
	if (!stream)
		return 0;
	queue_drop(conn->q.loop, &stream->out, len);
	quic_stream_ready(stream);
	return 0;
}

static int on_stop(nghttp3_conn *h3, int64_t sid, uint64_t code, void *user, void *ptr)
{
	struct h3_conn *conn = user;

	(void)h3;
	(void)ptr;
	ngtcp2_conn_shutdown_stream_read(conn->q.ng, 0, sid, code);
	return 0;
}

static int on_reset_stream(nghttp3_conn *h3, int64_t sid, uint64_t code, void *user, void *ptr)
{
	struct h3_conn *conn = user;

	(void)h3;
	(void)ptr;
	ngtcp2_conn_shutdown_stream_write(conn->q.ng, 0, sid, code);
	return 0;
}

static int on_goaway(nghttp3_conn *h3, int64_t id, void *user)
{
	struct h3_conn *conn = user;

	(void)h3;
	(void)id;
	conn->goaway = true;
	quic_conn_dirty(&conn->q);
	return 0;
}

static nghttp3_ssize read_body(nghttp3_conn *h3, int64_t sid, nghttp3_vec *vec, size_t n,
			       uint32_t *flags, void *user, void *ptr)
{
	struct quic_stream *stream = ptr;
	struct iovec pieces[8];
	size_t count, i;

	(void)h3;
	(void)sid;
	(void)user;
	if (!stream)
		return NGHTTP3_ERR_CALLBACK_FAILURE;
	count = queue_peek(&stream->out, pieces, n < 8 ? n : 8);
	for (i = 0; i < count; i++) {
		vec[i] = (nghttp3_vec){ pieces[i].iov_base, pieces[i].iov_len };
		stream->out.handed += pieces[i].iov_len;
	}
	if (stream->write == SIDE_FIN && !queue_left(&stream->out))
		*flags |= NGHTTP3_DATA_FLAG_EOF;
	else if (!count)
		return NGHTTP3_ERR_WOULDBLOCK;
	return count;
}

const nghttp3_data_reader h3_reader = { read_body };

static const nghttp3_callbacks callbacks = {
	.acked_stream_data = on_body_acked,
	.recv_data = on_body,
	.deferred_consume = on_consumed,
	.begin_headers = on_begin,
	.recv_header = on_field,
	.end_headers = on_head,
	.stop_sending = on_stop,
	.end_stream = on_end,
	.reset_stream = on_reset_stream,
	.shutdown = on_goaway,
};

/* ---- what QUIC tells ------------------------------------------------------------------------- */

static struct h3_conn *self(struct quic_conn *conn)
{
	return container_of(conn, struct h3_conn, q);
}

/* Whatever nghttp3 refuses ends the connection with its code. */
static int refused(struct h3_conn *conn, int err)
{
	ngtcp2_ccerr_set_application_error(&conn->q.error,
					   nghttp3_err_infer_quic_app_error_code(err), NULL, 0);
	return -EPROTO;
}

static int on_opened(struct quic_conn *q)
{
	struct h3_conn *conn = self(q);
	int64_t control, encoder, decoder;

	quic_conn_dirty(q);
	if (ngtcp2_conn_open_uni_stream(q->ng, &control, NULL) ||
	    ngtcp2_conn_open_uni_stream(q->ng, &encoder, NULL) ||
	    ngtcp2_conn_open_uni_stream(q->ng, &decoder, NULL))
		return refused(conn, NGHTTP3_ERR_H3_STREAM_CREATION_ERROR);
	if (nghttp3_conn_bind_control_stream(conn->h3, control) ||
	    nghttp3_conn_bind_qpack_streams(conn->h3, encoder, decoder))
		return refused(conn, NGHTTP3_ERR_NOMEM);
	return 0;
}

static int on_stream(struct quic_conn *q, int64_t sid)
{
	struct h3_conn *conn = self(q);
	struct quic_stream *stream;
	struct h3_message *m;

	/* Control and QPACK streams are nghttp3's; a server that opens requests is refused by it.
	 */
	if ((sid & 2) || !q->server)
		return 0;
	stream = quic_stream_new(q, sid, false);
	m = stream ? conn->role->message(conn, stream) : NULL;
	if (!m)
		return refused(conn, NGHTTP3_ERR_NOMEM);
	return 0;
}

static int on_data(struct quic_conn *q, struct quic_stream *stream, int64_t sid,
		   const uint8_t *data, size_t len, bool fin)
{
	struct h3_conn *conn = self(q);
	nghttp3_ssize n;

	conn->reading = stream;
	n = nghttp3_conn_read_stream(conn->h3, sid, data, len, fin);
	conn->reading = NULL;
	if (n < 0)
		return refused(conn, n);
	quic_stream_credit(q, sid, n);
	return 0;
}

static int on_acked(struct quic_conn *q, struct quic_stream *stream, int64_t sid, uint64_t len)
{
	int err = nghttp3_conn_add_ack_offset(self(q)->h3, sid, len);

	(void)stream;
	return err && err != NGHTTP3_ERR_STREAM_NOT_FOUND ? -EPROTO : 0;
}

static void on_reset(struct quic_conn *q, struct quic_stream *stream, int64_t sid)
{
	nghttp3_conn_shutdown_stream_read(self(q)->h3, sid);
	if (!stream)
		return;
	quic_stream_shut_read(stream, SIDE_RESET);
	quic_stream_ready(stream);
}

static void on_stopped(struct quic_conn *q, int64_t sid)
{
	nghttp3_conn_shutdown_stream_read(self(q)->h3, sid);
}

static void on_closed(struct quic_conn *q, struct quic_stream *stream, int64_t sid, uint64_t code)
{
	nghttp3_conn_close_stream(self(q)->h3, sid, code);
	if (stream)
		quic_stream_closed(stream);
	else if ((sid & 2) && !ngtcp2_conn_is_local_stream(q->ng, sid))
		ngtcp2_conn_extend_max_streams_uni(q->ng, 1);
}

static int on_widened(struct quic_conn *q, struct quic_stream *stream, int64_t sid)
{
	(void)stream;
	return nghttp3_conn_unblock_stream(self(q)->h3, sid) == NGHTTP3_ERR_NOMEM ? -ENOMEM : 0;
}

static void on_remote_credit(struct quic_conn *q, uint64_t total)
{
	if (q->server)
		nghttp3_conn_set_max_client_streams_bidi(self(q)->h3, total);
}

static int on_next(struct quic_conn *q, int64_t *sid, bool *fin, ngtcp2_vec *pieces, size_t n)
{
	nghttp3_vec vec[16];
	nghttp3_ssize count;
	int end = 0, i;

	count = nghttp3_conn_writev_stream(self(q)->h3, sid, &end, vec, n < 16 ? n : 16);
	if (count < 0) {
		refused(self(q), count);
		return -EPROTO;
	}
	for (i = 0; i < count; i++)
		pieces[i] = (ngtcp2_vec){ vec[i].base, vec[i].len };
	*fin = end;
	return count;
}

static int on_wrote(struct quic_conn *q, int64_t sid, size_t len, bool fin)
{
	(void)fin;
	return nghttp3_conn_add_write_offset(self(q)->h3, sid, len) ? -EPROTO : 0;
}

static void on_blocked(struct quic_conn *q, int64_t sid)
{
	nghttp3_conn_block_stream(self(q)->h3, sid);
}

static void on_shut(struct quic_conn *q, int64_t sid)
{
	struct quic_stream *stream;
	struct list *item;

	for (item = q->streams.next; item != &q->streams; item = item->next) {
		stream = container_of(item, struct quic_stream, link);
		if (stream->sid != sid)
			continue;
		quic_stream_shut_write(stream, SIDE_RESET);
		quic_stream_ready(stream);
		break;
	}
	nghttp3_conn_shutdown_stream_write(self(q)->h3, sid);
}

static void on_finish(struct quic_stream *stream)
{
	nghttp3_conn_resume_stream(self(stream->conn)->h3, stream->sid);
}

static void on_ready(struct quic_stream *stream)
{
	struct h3_message *m = stream->owner;

	if (m)
		m->conn->role->serve(m);
	quic_stream_reap(stream);
}

static void on_stream_over(struct quic_stream *stream, int why)
{
	struct h3_message *m = stream->owner;

	if (!m)
		return;
	stream->owner = NULL;
	m->stream = NULL;
	m->conn->role->lost(m, why ? why : -ECONNRESET);
}

static void on_stream_late(struct quic_stream *stream)
{
	struct h3_message *m = stream->owner;

	/* Settled on this side, and withheld by the peer: there is no other way to be rid of it. */
	if (!m)
		quic_conn_end(stream->conn, NGHTTP3_H3_EXCESSIVE_LOAD, -ETIMEDOUT);
	else
		m->conn->role->late(m);
}

static void on_work(struct quic_conn *q)
{
	struct h3_conn *conn = self(q);

	if (q->opened && !conn->opened_told) {
		conn->opened_told = true;
		conn->role->conn_opened(conn);
	}
	conn->role->conn_work(conn);
}

static void on_late(struct quic_conn *q)
{
	self(q)->role->conn_late(self(q));
}

static void on_ended(struct quic_conn *q, int why)
{
	self(q)->role->conn_ended(self(q), why);
}

static void on_gone(struct quic_conn *q)
{
	struct h3_conn *conn = self(q);

	h3_conn_fini(conn);
	conn->role->conn_gone(conn);
}

const struct quic_ops h3_ops = {
	.opened = on_opened,
	.stream = on_stream,
	.data = on_data,
	.acked = on_acked,
	.reset = on_reset,
	.stopped = on_stopped,
	.closed = on_closed,
	.widened = on_widened,
	.remote_credit = on_remote_credit,
	.ready = on_ready,
	.work = on_work,
	.next = on_next,
	.wrote = on_wrote,
	.blocked = on_blocked,
	.shut = on_shut,
	.finish = on_finish,
	.stream_over = on_stream_over,
	.stream_late = on_stream_late,
	.ended = on_ended,
	.gone = on_gone,
	.late = on_late,
};

/* ---- birth and death ------------------------------------------------------------------------- */

int h3_conn_init(struct h3_conn *conn, const struct h3_role *role, bool server,
		 uint64_t header_bytes)
{
	const nghttp3_mem *mem = (const nghttp3_mem *)(void *)&conn->q.loop->quic->mem;
	nghttp3_settings settings;

	_Static_assert(sizeof(nghttp3_mem) == sizeof(ngtcp2_mem), "one allocator for both");
	nghttp3_settings_default(&settings);
	settings.max_field_section_size = header_bytes;
	settings.qpack_max_dtable_capacity = 4096;
	settings.qpack_blocked_streams = 100;
	conn->role = role;
	if (server ? nghttp3_conn_server_new(&conn->h3, &callbacks, &settings, mem, conn)
		   : nghttp3_conn_client_new(&conn->h3, &callbacks, &settings, mem, conn)) {
		conn->h3 = NULL;
		return -ENOMEM;
	}
	return 0;
}

void h3_conn_fini(struct h3_conn *conn)
{
	if (conn->h3)
		nghttp3_conn_del(conn->h3);
	conn->h3 = NULL;
}
