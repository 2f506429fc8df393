// SPDX-License-Identifier: BSD-2-Clause
/* What QUIC tells, handed to nghttp3; what that tells is in h3_events.c. */
#include "h3.h"

#include <errno.h>
#include <string.h>

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
	if (server ? nghttp3_conn_server_new(&conn->h3, &h3_callbacks, &settings, mem, conn)
		   : nghttp3_conn_client_new(&conn->h3, &h3_callbacks, &settings, mem, conn)) {
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
