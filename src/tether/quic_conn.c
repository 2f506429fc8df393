// SPDX-License-Identifier: BSD-2-Clause
/* A QUIC connection (quic_conn.h): datagrams in, datagrams out, and its one end. */
#include "quic_conn.h"

#include <errno.h>
#include <string.h>

#include "probes.h"

#define PIECES	  16
#define PROTO_UDP 3
#define H3_OK	  0x100

/* ---- sending --------------------------------------------------------------------------------- */

enum sent {
	SENT_NOTHING, /* there is nothing, or the network takes no more for now */
	SENT_PART,    /* of a packet: go on */
	SENT_PACKET,
	SENT_FAILED,
};

static size_t sum(const ngtcp2_vec *pieces, size_t n)
{
	size_t len = 0;

	while (n--)
		len += pieces[n].len;
	return len;
}

/* What became of an attempt to write @sid. */
static enum sent written(struct quic_conn *conn, int64_t sid, ngtcp2_ssize n)
{
	switch (n) {
	case NGTCP2_ERR_STREAM_DATA_BLOCKED:
		/* Nobody says when the connection's window is wider again: it is tried each time.
		 */
		if (!ngtcp2_conn_get_max_data_left(conn->ng))
			conn->choked = true;
		else
			conn->ops->blocked(conn, sid);
		return SENT_PART;
	case NGTCP2_ERR_STREAM_SHUT_WR:
	case NGTCP2_ERR_STREAM_NOT_FOUND:
		conn->ops->shut(conn, sid);
		return SENT_PART;
	case NGTCP2_ERR_WRITE_MORE:
		return SENT_PART;
	}
	if (n < 0) {
		quic_conn_fail(conn, n);
		return SENT_FAILED;
	}
	return n ? SENT_PACKET : SENT_NOTHING;
}

static enum sent send_one(struct quic_conn *conn, ngtcp2_path_storage *ps, uint64_t now)
{
	size_t max = ngtcp2_conn_get_max_tx_udp_payload_size(conn->ng);
	uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_MORE;
	ngtcp2_vec pieces[PIECES];
	ngtcp2_ssize n, taken = -1;
	bool fin = false;
	int64_t sid = -1;
	enum sent sent;
	int count;

	count = conn->opened && !conn->choked ? conn->ops->next(conn, &sid, &fin, pieces, PIECES)
					      : 0;
	if (count < 0) {
		quic_conn_fail(conn, NGTCP2_ERR_INTERNAL);
		return SENT_FAILED;
	}
	if (fin)
		flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
	n = ngtcp2_conn_writev_stream(conn->ng, &ps->path, NULL, quic_send_room(conn->ep), max,
				      &taken, flags, sid, pieces, count, now);
	sent = written(conn, sid, n);
	if (sent == SENT_FAILED)
		return sent;
	if (sid >= 0 && taken >= 0 &&
	    conn->ops->wrote(conn, sid, taken, fin && (size_t)taken == sum(pieces, count))) {
		quic_conn_fail(conn, NGTCP2_ERR_INTERNAL);
		return SENT_FAILED;
	}
	if (sent == SENT_PACKET)
		quic_send_add(conn->ep, &ps->path.remote, n);
	return sent;
}

/* False: there is more, and others shall have their turn first. */
static bool send_output(struct quic_conn *conn)
{
	uint64_t now = quic_now_ns(conn->loop);
	ngtcp2_path_storage ps;
	enum sent sent;
	int packets = 0;

	ngtcp2_path_storage_zero(&ps);
	conn->choked = false;
	do {
		sent = send_one(conn, &ps, now);
		packets += sent == SENT_PACKET;
	} while (sent != SENT_NOTHING && sent != SENT_FAILED && packets < 64 &&
		 quic_send_ready(conn->ep));
	quic_send_flush(conn->ep);
	return sent == SENT_NOTHING || sent == SENT_FAILED;
}

/* ---- the end --------------------------------------------------------------------------------- */

void quic_conn_drop(struct quic_conn *conn, int why)
{
	if (conn->ending)
		return;
	conn->ending = conn->silent = true;
	conn->why = why;
	quic_conn_dirty(conn);
}

void quic_conn_end(struct quic_conn *conn, uint64_t code, int why)
{
	if (conn->ending)
		return;
	ngtcp2_ccerr_set_application_error(&conn->error, code, NULL, 0);
	conn->ending = true;
	conn->why = why;
	quic_conn_dirty(conn);
}

void quic_conn_fail(struct quic_conn *conn, int liberr)
{
	if (conn->ending)
		return;
	if (liberr == NGTCP2_ERR_CRYPTO)
		ngtcp2_ccerr_set_tls_alert(&conn->error, ngtcp2_conn_get_tls_alert(conn->ng), NULL,
					   0);
	/* An owner that had a better reason has said so. */
	else if (liberr != NGTCP2_ERR_CALLBACK_FAILURE || !conn->error.error_code)
		ngtcp2_ccerr_set_liberr(&conn->error, liberr, NULL, 0);
	conn->ending = true;
	conn->why = liberr == NGTCP2_ERR_NOMEM ? -ENOMEM : -EPROTO;
	quic_conn_dirty(conn);
}

/* The peer has ended it. */
static void drained(struct quic_conn *conn)
{
	bool fine;

	ngtcp2_conn_get_ccerr(conn->ng, &conn->error);
	fine = conn->error.type == NGTCP2_CCERR_TYPE_APPLICATION
		       ? !conn->error.error_code || conn->error.error_code == H3_OK
		       : conn->error.type == NGTCP2_CCERR_TYPE_TRANSPORT &&
				 !conn->error.error_code && conn->opened;
	quic_conn_drop(conn, fine ? 0 : conn->opened ? -ECONNRESET : -ECONNREFUSED);
}

static void say_goodbye(struct quic_conn *conn)
{
	ngtcp2_path_storage ps;
	ngtcp2_ssize n;

	if (conn->silent || !conn->ng || ngtcp2_conn_in_draining_period(conn->ng))
		return;
	ngtcp2_path_storage_zero(&ps);
	n = ngtcp2_conn_write_connection_close(conn->ng, &ps.path, NULL, quic_send_room(conn->ep),
					       NGTCP2_MAX_UDP_PAYLOAD_SIZE, &conn->error,
					       quic_now_ns(conn->loop));
	if (n > 0)
		quic_send_add(conn->ep, &ps.path.remote, n);
	quic_send_flush(conn->ep);
}

void quic_conn_fini(struct quic_conn *conn)
{
	struct quic_endpoint *ep = conn->ep;

	loop_deadline_drop(conn->loop, &conn->expiry);
	loop_deadline_drop(conn->loop, &conn->deadline);
	while (!list_empty(&conn->cids))
		quic_cid_free(ep, container_of(conn->cids.next, struct quic_cid, link));
	if (conn->ng)
		ngtcp2_conn_del(conn->ng);
	conn->ng = NULL;
	quic_tls_free(conn);
	if (!list_empty(&conn->link))
		ep->n_conns--;
	list_remove(&conn->link);
	list_remove(&conn->dirty);
	slot_give(conn->loop, conn->id);
	scope_leave(&conn->member);
}

/* The state that could answer late datagrams goes with it: a stateless reset does as well. */
static void finish(struct quic_conn *conn)
{
	struct quic_endpoint *ep = conn->ep;

	say_goodbye(conn);
	PROBE2(conn_close, conn->id, (int64_t)conn->why);
	conn->sweeping = true;
	slot_give(conn->loop, conn->id);
	/* ngtcp2 says nothing of streams that are open at the end. */
	while (!list_empty(&conn->streams))
		quic_stream_free(container_of(conn->streams.next, struct quic_stream, link),
				 conn->why ? conn->why : -ECONNRESET);
	if (conn->server && !conn->opened)
		ep->n_shaking--;
	conn->ops->ended(conn, conn->why);
	quic_conn_fini(conn);
	conn->ops->gone(conn);
}

/* ---- turns ----------------------------------------------------------------------------------- */

static void set_expiry(struct quic_conn *conn)
{
	uint64_t at = ngtcp2_conn_get_expiry(conn->ng);

	loop_deadline(conn->loop, &conn->expiry, at == UINT64_MAX ? DEADLINE_NONE : at);
}

bool quic_conn_work(struct quic_conn *conn)
{
	struct quic_stream *stream;
	bool done = true;

	while (!conn->ending && !list_empty(&conn->ready)) {
		stream = container_of(conn->ready.next, struct quic_stream, ready);
		list_remove(&stream->ready);
		conn->ops->ready(stream);
	}
	if (!conn->ending && conn->ops->work)
		conn->ops->work(conn);
	if (!conn->ending)
		done = send_output(conn);
	if (conn->ending) {
		finish(conn);
		return true;
	}
	set_expiry(conn);
	return done && list_empty(&conn->ready);
}

static void on_expiry(struct deadline *d)
{
	struct quic_conn *conn = container_of(d, struct quic_conn, expiry);
	int err;

	if (conn->ending)
		return;
	err = ngtcp2_conn_handle_expiry(conn->ng, quic_now_ns(conn->loop));
	if (err == NGTCP2_ERR_IDLE_CLOSE || err == NGTCP2_ERR_HANDSHAKE_TIMEOUT)
		quic_conn_drop(conn, -ETIMEDOUT);
	else if (err)
		quic_conn_fail(conn, err);
	quic_conn_dirty(conn);
}

static void on_late(struct deadline *d)
{
	struct quic_conn *conn = container_of(d, struct quic_conn, deadline);

	if (!conn->ending)
		conn->ops->late(conn);
}

static void on_scope(struct member *member, int why)
{
	quic_conn_end(container_of(member, struct quic_conn, member), 0, why);
}

void quic_conn_read(struct quic_conn *conn, const ngtcp2_path *path, const uint8_t *data,
		    size_t len)
{
	int err = ngtcp2_conn_read_pkt(conn->ng, path, NULL, data, len, quic_now_ns(conn->loop));

	switch (err) {
	case 0:
		return;
	case NGTCP2_ERR_DRAINING:
		drained(conn);
		return;
	case NGTCP2_ERR_DROP_CONN:
	case NGTCP2_ERR_RETRY:
	case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
		quic_conn_drop(conn, -EPROTO);
		return;
	default:
		quic_conn_fail(conn, err);
	}
}

/* ---- birth ----------------------------------------------------------------------------------- */

int quic_conn_init(struct quic_conn *conn, struct quic_endpoint *ep, struct scope *scope,
		   const struct quic_ops *ops)
{
	int err;

	conn->ep = ep;
	conn->loop = ep->loop;
	conn->ops = ops;
	list_init(&conn->link);
	list_init(&conn->dirty);
	list_init(&conn->cids);
	list_init(&conn->streams);
	list_init(&conn->ready);
	deadline_init(&conn->expiry, on_expiry);
	deadline_init(&conn->deadline, on_late);
	ngtcp2_ccerr_default(&conn->error);
	conn->id = slot_take(conn->loop, SLOT_QUIC, conn);
	if (!conn->id)
		return -ENOMEM;
	err = scope_enter(scope, &conn->member, on_scope);
	if (err)
		slot_give(conn->loop, conn->id);
	return err;
}

void quic_conn_opened(struct quic_conn *conn)
{
	list_append(&conn->ep->conns, &conn->link);
	conn->ep->n_conns++;
	conn->ep->n_shaking += conn->server;
	PROBE5(conn_open, conn->id, (uint64_t)conn->ep->fd, conn->ep->cookie,
	       (uint64_t)(conn->server ? CONN_SERVER : CONN_CLIENT), (uint64_t)PROTO_UDP);
	quic_conn_dirty(conn);
}
