// SPDX-License-Identifier: BSD-2-Clause
/* What nghttp3 tells of a connection: heads and bodies as they come, and which body goes out. */
#include "h3.h"

#include <errno.h>
#include <string.h>

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

const nghttp3_callbacks h3_callbacks = {
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
