// SPDX-License-Identifier: BSD-2-Clause
/* Raw QUIC streams (tether/stream.h). Connections and listeners of them are in quic.c. */
#include <errno.h>
#include <string.h>

#include "probes.h"
#include "quic_raw.h"

typedef void (*got_fn)(struct tether_stream stream, const void *data, ssize_t n, void *arg);
typedef void (*drained_fn)(struct tether_stream stream, void *arg);
typedef void (*over_fn)(int why, void *arg);

static struct quic_stream *find(struct tether_stream handle)
{
	struct quic_stream *stream = slot_find(handle.loop, SLOT_STREAM, handle.id);

	return stream && !stream->conn->ending ? stream : NULL;
}

static struct tether_stream handle_of(const struct quic_stream *stream)
{
	return (struct tether_stream){ stream->conn->loop, stream->id };
}

static struct raw_conn *conn_of(const struct quic_stream *stream)
{
	return container_of(stream->conn, struct raw_conn, q);
}

/* ---- sending --------------------------------------------------------------------------------- */

static void send_later(struct quic_stream *stream)
{
	struct raw_conn *conn = conn_of(stream);

	if (!stream->blocked && list_empty(&stream->sending) &&
	    (stream->write == SIDE_OPEN || stream->write == SIDE_FIN))
		list_append(&conn->sending, &stream->sending);
	quic_conn_dirty(stream->conn);
}

int raw_next(struct quic_conn *q, int64_t *sid, bool *fin, ngtcp2_vec *pieces, size_t n)
{
	struct raw_conn *conn = container_of(q, struct raw_conn, q);
	struct quic_stream *stream;
	struct iovec iov[16];
	size_t count, i;
	uint64_t len = 0;

	while (!list_empty(&conn->sending)) {
		stream = container_of(conn->sending.next, struct quic_stream, sending);
		count = queue_peek(&stream->out, iov, n < 16 ? n : 16);
		if (!count && (stream->write != SIDE_FIN || stream->fin_sent)) {
			list_remove(&stream->sending);
			continue;
		}
		for (i = 0; i < count; i++) {
			pieces[i] = (ngtcp2_vec){ iov[i].iov_base, iov[i].iov_len };
			len += iov[i].iov_len;
		}
		*sid = stream->sid;
		*fin = stream->write == SIDE_FIN && len == queue_left(&stream->out);
		conn->writing = stream;
		return count;
	}
	return 0;
}

int raw_wrote(struct quic_conn *q, int64_t sid, size_t len, bool fin)
{
	struct raw_conn *conn = container_of(q, struct raw_conn, q);
	struct quic_stream *stream = conn->writing;

	(void)sid;
	stream->out.handed += len;
	stream->fin_sent |= fin;
	/* To the end of the line: no stream holds the others up. */
	list_remove(&stream->sending);
	if (queue_left(&stream->out) || (stream->write == SIDE_FIN && !stream->fin_sent))
		list_append(&conn->sending, &stream->sending);
	return 0;
}

void raw_blocked(struct quic_conn *q, int64_t sid)
{
	struct raw_conn *conn = container_of(q, struct raw_conn, q);

	PROBE3(stream_blocked, q->id, (uint64_t)sid, (uint64_t)2);
	conn->writing->blocked = true;
	list_remove(&conn->writing->sending);
}

void raw_shut(struct quic_conn *q, int64_t sid)
{
	struct quic_stream *stream = container_of(q, struct raw_conn, q)->writing;

	(void)sid;
	list_remove(&stream->sending);
	/* By the peer: ngtcp2 has answered it, and says so only now. */
	quic_stream_shut_write(stream, SIDE_RESET);
	quic_stream_ready(stream);
}

int raw_widened(struct quic_conn *q, struct quic_stream *stream, int64_t sid)
{
	(void)q;
	(void)sid;
	if (stream && stream->blocked) {
		stream->blocked = false;
		send_later(stream);
	}
	return 0;
}

int raw_acked(struct quic_conn *q, struct quic_stream *stream, int64_t sid, uint64_t len)
{
	(void)sid;
	if (!stream)
		return 0;
	queue_drop(q->loop, &stream->out, len);
	if (stream->drains)
		quic_stream_ready(stream);
	return 0;
}

void raw_finish(struct quic_stream *stream)
{
	send_later(stream);
}

/* ---- telling --------------------------------------------------------------------------------- */

static void tell_read(struct quic_stream *stream, const void *data, ssize_t n)
{
	got_fn got = (got_fn)stream->got;

	stream->got = NULL;
	stream->fin_told |= n <= 0;
	got(handle_of(stream), data, n, stream->got_arg);
}

/* A piece, or the end, to whoever asked. False: there is nothing to tell. */
static bool give(struct quic_stream *stream)
{
	char piece[16384];
	const char *data;
	size_t len;

	if (!stream->got || stream->released || stream->conn->ending)
		return false;
	len = queue_front(&stream->in, &data);
	if (len) {
		len = len < sizeof(piece) ? len : sizeof(piece);
		/* The callback may cancel, and the queue is gone. */
		memcpy(piece, data, len);
		quic_stream_consume(stream, len);
		tell_read(stream, piece, len);
		return true;
	}
	if (stream->read == SIDE_OPEN)
		return false;
	tell_read(stream, "", stream->read == SIDE_FIN ? 0 : -ECONNRESET);
	return true;
}

static bool has_room(const struct quic_stream *stream)
{
	return stream->write != SIDE_OPEN ||
	       queue_kept(&stream->out) <= conn_of(stream)->options.queue_bytes / 2;
}

static void announce(struct quic_stream *stream)
{
	struct raw_conn *conn = conn_of(stream);

	stream->owner = NULL;
	if (conn->options.events.stream)
		conn->options.events.stream(handle_of(stream), conn->options.arg);
	else
		quic_stream_release(stream, 0, conn->options.linger_ns);
}

void raw_ready(struct quic_stream *stream)
{
	drained_fn drained;

	if (stream->owner)
		announce(stream);
	while (give(stream))
		;
	if (stream->drains && !stream->released && has_room(stream)) {
		drained = (drained_fn)stream->drained;
		stream->drains = false;
		drained(handle_of(stream), stream->drained_arg);
	}
	quic_stream_reap(stream);
}

void raw_stream_over(struct quic_stream *stream, int why)
{
	over_fn over = (over_fn)stream->over;

	if (over)
		over(why, stream->over_arg);
}

/* Whoever kept it for too long has it taken away; a peer that withholds its side is left. */
void raw_stream_late(struct quic_stream *stream)
{
	struct raw_conn *conn = conn_of(stream);
	over_fn over = (over_fn)stream->over;

	if (stream->released) {
		quic_conn_end(stream->conn, RAW_WITHHELD, -ETIMEDOUT);
		return;
	}
	quic_stream_release(stream, RAW_LATE, conn->options.linger_ns);
	if (over)
		over(-ETIMEDOUT, stream->over_arg);
}

/* ---- what a program does --------------------------------------------------------------------- */

int tether_stream_open(struct tether_quic_conn handle, enum tether_stream_kind kind,
		       struct tether_stream *out)
{
	struct raw_conn *conn = raw_find(handle);
	struct quic_stream *stream;
	int64_t sid;
	int err;

	if (!conn)
		return -EBADF;
	if (!out)
		return -EINVAL;
	if (!conn->q.opened)
		return -ENOTCONN;
	err = kind == TETHER_STREAM_UNI ? ngtcp2_conn_open_uni_stream(conn->q.ng, &sid, NULL)
					: ngtcp2_conn_open_bidi_stream(conn->q.ng, &sid, NULL);
	if (err == NGTCP2_ERR_STREAM_ID_BLOCKED) {
		if (!conn->starved)
			PROBE3(stream_blocked, conn->q.id, (uint64_t)UINT64_MAX, (uint64_t)1);
		conn->starved = true;
		return -EAGAIN;
	}
	if (err)
		return -ENOMEM;
	stream = quic_stream_new(&conn->q, sid, true);
	if (!stream) {
		ngtcp2_conn_shutdown_stream_write(conn->q.ng, 0, sid, 0);
		return -ENOMEM;
	}
	loop_deadline(conn->q.loop, &stream->deadline,
		      tether_loop_now_ns(conn->q.loop) + conn->options.stream_ns);
	*out = handle_of(stream);
	return 0;
}

int64_t tether_stream_number(struct tether_stream handle)
{
	struct quic_stream *stream = find(handle);

	return stream ? stream->sid : -EBADF;
}

int tether_stream_conn(struct tether_stream handle, struct tether_quic_conn *conn)
{
	struct quic_stream *stream = find(handle);

	if (!stream)
		return -EBADF;
	*conn = (struct tether_quic_conn){ stream->conn->loop, stream->conn->id };
	return 0;
}

int tether_stream_read(struct tether_stream handle,
		       void (*got)(struct tether_stream stream, const void *data, ssize_t n,
				   void *arg),
		       void *arg)
{
	struct quic_stream *stream = find(handle);

	if (!stream)
		return -EBADF;
	if (!got)
		return -EINVAL;
	if (stream->got)
		return -EALREADY;
	if (stream->fin_told || stream->read == SIDE_NONE || stream->read == SIDE_CANCELED)
		return -ENODATA;
	stream->got = (void *)got;
	stream->got_arg = arg;
	quic_stream_ready(stream);
	return 0;
}

int tether_stream_write(struct tether_stream handle, const void *data, size_t len)
{
	struct quic_stream *stream = find(handle);

	if (!stream)
		return -EBADF;
	if (stream->write != SIDE_OPEN)
		return -EPIPE;
	if (queue_kept(&stream->out) >= conn_of(stream)->options.queue_bytes)
		return -EAGAIN;
	if (!len)
		return 0;
	if (queue_put(stream->conn->loop, &stream->out, data, len))
		return -ENOMEM;
	send_later(stream);
	return 0;
}

int tether_stream_drained(struct tether_stream handle,
			  void (*drained)(struct tether_stream stream, void *arg), void *arg)
{
	struct quic_stream *stream = find(handle);

	if (!stream)
		return -EBADF;
	if (!drained)
		return -EINVAL;
	if (stream->drains)
		return -EALREADY;
	stream->drains = true;
	stream->drained = (void *)drained;
	stream->drained_arg = arg;
	quic_stream_ready(stream);
	return 0;
}

int tether_stream_finish(struct tether_stream handle)
{
	struct quic_stream *stream = find(handle);

	if (!stream)
		return -EBADF;
	if (stream->write != SIDE_OPEN)
		return -EPIPE;
	quic_stream_shut_write(stream, SIDE_FIN);
	send_later(stream);
	return 0;
}

int tether_stream_cancel_write(struct tether_stream handle, uint64_t code)
{
	struct quic_stream *stream = find(handle);

	if (!stream)
		return -EBADF;
	quic_stream_cancel_write(stream, code);
	return 0;
}

int tether_stream_cancel_read(struct tether_stream handle, uint64_t code)
{
	struct quic_stream *stream = find(handle);

	if (!stream)
		return -EBADF;
	stream->got = NULL;
	if (stream->read != SIDE_NONE)
		quic_stream_cancel_read(stream, code);
	/* It may have been all that it was still kept for. */
	quic_stream_ready(stream);
	return 0;
}

int tether_stream_release(struct tether_stream handle, uint64_t code)
{
	struct quic_stream *stream = find(handle);

	if (!stream)
		return -EBADF;
	stream->got = NULL;
	quic_stream_release(stream, code, conn_of(stream)->options.linger_ns);
	return 0;
}

uint64_t tether_stream_code(struct tether_stream handle)
{
	struct quic_stream *stream = find(handle);

	return stream ? stream->code : 0;
}

int tether_stream_on_end(struct tether_stream handle, void (*over)(int why, void *arg), void *arg)
{
	struct quic_stream *stream = find(handle);

	if (!stream)
		return -EBADF;
	if (stream->over)
		return -EALREADY;
	stream->over = (void *)over;
	stream->over_arg = arg;
	return 0;
}
