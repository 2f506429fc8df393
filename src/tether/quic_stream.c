// SPDX-License-Identifier: BSD-2-Clause
/*
 * Streams (quic_conn.h): two sides that are settled one by one, credit that is given back in one
 * place, and a release that cannot leave half of a stream behind.
 */
#include <errno.h>

#include "probes.h"
#include "quic_conn.h"

/* How a side ended, as the probes say it. */
static uint64_t how_of(enum quic_side side)
{
	return side == SIDE_FIN ? 1 : side == SIDE_RESET ? 2 : side == SIDE_CANCELED ? 3 : 4;
}

static void on_deadline(struct deadline *d)
{
	struct quic_stream *stream = container_of(d, struct quic_stream, deadline);

	if (!stream->conn->ending)
		stream->conn->ops->stream_late(stream);
}

struct quic_stream *quic_stream_new(struct quic_conn *conn, int64_t sid, bool handle)
{
	struct quic_stream *stream = mem_new(conn->loop, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->conn = conn;
	stream->sid = sid;
	stream->remote = (sid & 1) != conn->server;
	stream->uni = sid & 2;
	if (stream->uni)
		*(stream->remote ? &stream->write : &stream->read) = SIDE_NONE;
	list_init(&stream->ready);
	list_init(&stream->sending);
	deadline_init(&stream->deadline, on_deadline);
	if (handle) {
		stream->id = slot_take(conn->loop, SLOT_STREAM, stream);
		if (!stream->id) {
			mem_free(conn->loop, stream);
			return NULL;
		}
	}
	list_append(&conn->streams, &stream->link);
	conn->n_streams++;
	ngtcp2_conn_set_stream_user_data(conn->ng, sid, stream);
	PROBE3(stream_open, conn->id, (uint64_t)sid,
	       (uint64_t)(stream->remote | (stream->uni ? 2 : 0)));
	return stream;
}

void quic_stream_ready(struct quic_stream *stream)
{
	if (list_empty(&stream->ready))
		list_append(&stream->conn->ready, &stream->ready);
	quic_conn_dirty(stream->conn);
}

/* ---- credit ---------------------------------------------------------------------------------- */

void quic_stream_credit(struct quic_conn *conn, int64_t sid, uint64_t len)
{
	if (!len || conn->sweeping)
		return;
	ngtcp2_conn_extend_max_stream_offset(conn->ng, sid, len);
	ngtcp2_conn_extend_max_offset(conn->ng, len);
	quic_conn_dirty(conn);
}

void quic_stream_consume(struct quic_stream *stream, uint64_t len)
{
	queue_drop(stream->conn->loop, &stream->in, len);
	/* Nothing more can come on a stream that has ended; the connection's window still counts.
	 */
	if (stream->read == SIDE_OPEN) {
		quic_stream_credit(stream->conn, stream->sid, len);
	} else if (len && !stream->conn->sweeping) {
		ngtcp2_conn_extend_max_offset(stream->conn->ng, len);
		quic_conn_dirty(stream->conn);
	}
}

/* ---- sides ----------------------------------------------------------------------------------- */

void quic_stream_shut_read(struct quic_stream *stream, enum quic_side how)
{
	if (stream->read != SIDE_OPEN)
		return;
	stream->read = how;
	PROBE3(stream_read_closed, stream->conn->id, (uint64_t)stream->sid, how_of(how));
	/* What came before a reset is of no use to anybody. */
	if (how != SIDE_FIN)
		quic_stream_consume(stream, queue_kept(&stream->in));
}

void quic_stream_shut_write(struct quic_stream *stream, enum quic_side how)
{
	bool first = stream->write == SIDE_OPEN;

	if (!first && (stream->write != SIDE_FIN || how == SIDE_FIN))
		return;
	stream->write = how;
	/* What was sent stays until ngtcp2 has forgotten the stream: it may still look at it. */
	if (how != SIDE_FIN)
		list_remove(&stream->sending);
	if (first)
		PROBE3(stream_write_closed, stream->conn->id, (uint64_t)stream->sid, how_of(how));
}

void quic_stream_cancel_read(struct quic_stream *stream, uint64_t code)
{
	stream->fin_told = true;
	quic_stream_consume(stream, queue_kept(&stream->in));
	if (stream->read != SIDE_OPEN)
		return;
	if (!stream->closed && !stream->conn->sweeping)
		ngtcp2_conn_shutdown_stream_read(stream->conn->ng, 0, stream->sid, code);
	quic_stream_shut_read(stream, SIDE_CANCELED);
	quic_conn_dirty(stream->conn);
}

void quic_stream_cancel_write(struct quic_stream *stream, uint64_t code)
{
	if (stream->write != SIDE_OPEN && stream->write != SIDE_FIN)
		return;
	if (!stream->closed && !stream->conn->sweeping)
		ngtcp2_conn_shutdown_stream_write(stream->conn->ng, 0, stream->sid, code);
	quic_stream_shut_write(stream, SIDE_CANCELED);
	quic_conn_dirty(stream->conn);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Closing as other libraries mean it: the writing side ends in order, nobody thinks of the other,
 * and nothing will ever remind anybody. */
static bool half_close(struct quic_stream *stream)
{
	if (stream->uni || !stream->remote ||
	    !fault_stream(stream->conn->loop, FAULT_HALF_CLOSE, stream->conn->id,
			  stream->conn->ep->cookie, stream->sid))
		return false;
	quic_stream_shut_write(stream, SIDE_FIN);
	if (stream->conn->ops->finish)
		stream->conn->ops->finish(stream);
	loop_deadline_drop(stream->conn->loop, &stream->deadline);
	quic_conn_dirty(stream->conn);
	return true;
}

void quic_stream_release(struct quic_stream *stream, uint64_t code, uint64_t within_ns)
{
	struct tether_loop *loop = stream->conn->loop;

	if (stream->released)
		return;
	stream->released = true;
	slot_give(loop, stream->id);
	stream->id = 0;
	stream->drains = false;
	/* Only where there is something to be forgotten. */
	if (stream->read == SIDE_OPEN && half_close(stream))
		return;
	PROBE2(stream_release, stream->conn->id, (uint64_t)stream->sid);
	if (stream->write == SIDE_OPEN)
		quic_stream_cancel_write(stream, code);
	quic_stream_cancel_read(stream, code);
	loop_deadline(loop, &stream->deadline, tether_loop_now_ns(loop) + within_ns);
	quic_stream_ready(stream);
}

void quic_stream_closed(struct quic_stream *stream)
{
	stream->closed = true;
	quic_stream_shut_read(stream, SIDE_LOST);
	quic_stream_shut_write(stream, SIDE_LOST);
	quic_stream_ready(stream);
}

/* ngtcp2 0.12 never closes a unidirectional stream of the peer's that has been read to its end. Its
 * own part of it goes with the connection; ours, and the credit, need not wait. */
static void close_read_only(struct quic_stream *stream)
{
	if (!stream->uni || !stream->remote || stream->closed || stream->read != SIDE_FIN)
		return;
	ngtcp2_conn_set_stream_user_data(stream->conn->ng, stream->sid, NULL);
	stream->closed = true;
}

bool quic_stream_reap(struct quic_stream *stream)
{
	bool fine;

	close_read_only(stream);
	if (!stream->closed)
		return false;
	/* There is still something to be read. */
	if (!stream->released && stream->read == SIDE_FIN && !stream->fin_told)
		return false;
	fine = stream->read != SIDE_RESET && stream->write != SIDE_RESET;
	quic_stream_free(stream, fine ? 0 : -ECONNRESET);
	return true;
}

void quic_stream_free(struct quic_stream *stream, int why)
{
	struct quic_conn *conn = stream->conn;
	struct tether_loop *loop = conn->loop;

	quic_stream_shut_read(stream, SIDE_LOST);
	quic_stream_shut_write(stream, SIDE_LOST);
	quic_stream_consume(stream, queue_kept(&stream->in));
	PROBE2(stream_free, conn->id, (uint64_t)stream->sid);
	/* A place for the peer's next one: here, and nowhere else. */
	if (stream->remote && !conn->sweeping) {
		if (stream->uni)
			ngtcp2_conn_extend_max_streams_uni(conn->ng, 1);
		else
			ngtcp2_conn_extend_max_streams_bidi(conn->ng, 1);
		quic_conn_dirty(conn);
	}
	loop_deadline_drop(loop, &stream->deadline);
	list_remove(&stream->link);
	list_remove(&stream->ready);
	list_remove(&stream->sending);
	conn->n_streams--;
	slot_give(loop, stream->id);
	if (!stream->released)
		conn->ops->stream_over(stream, why);
	queue_drop(loop, &stream->out, queue_kept(&stream->out));
	mem_free(loop, stream);
}
