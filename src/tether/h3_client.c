// SPDX-License-Identifier: BSD-2-Clause
/*
 * The client over HTTP/3: connections that the places of a pool share. To the pool a place on one
 * is a connection like any other: leased, idle, held too long, lost.
 */
#include "h3_client.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "address.h"

#define CAPACITY_UNKNOWN 32 /* before the handshake says how many streams there may be */

static struct h3_client_conn *self(struct h3_conn *h3)
{
	return container_of(h3, struct h3_client_conn, h3);
}

static struct client_conn *slot_of_link(struct list *item)
{
	return container_of(item, struct client_conn, h3_link);
}

static uint64_t now_ns(const struct h3_client_conn *conn)
{
	return tether_loop_now_ns(conn->h3.q.loop);
}

/* An unused one is kept for as long as other idle connections are. */
static void nobody_left(struct h3_client_conn *conn)
{
	struct quic_conn *q = &conn->h3.q;
	uint64_t due = now_ns(conn) + conn->pool->options.idle_ns;

	if (conn->n_slots || q->ending)
		return;
	if (conn->pool->draining || conn->h3.goaway || now_ns(conn) >= conn->ends_ns)
		quic_conn_end(q, NGHTTP3_H3_NO_ERROR, 0);
	else
		loop_deadline(q->loop, &q->deadline, due < conn->ends_ns ? due : conn->ends_ns);
}

void h3_client_end_unused(struct place *place)
{
	struct list *item;

	for (item = place->h3_conns.next; item != &place->h3_conns; item = item->next)
		nobody_left(container_of(item, struct h3_client_conn, link));
}

void h3_client_leave(struct client_conn *cc)
{
	struct h3_client_conn *conn = cc->h3;

	list_remove(&cc->h3_link);
	conn->n_slots--;
	cc->h3 = NULL;
	nobody_left(conn);
}

static void join(struct h3_client_conn *conn, struct client_conn *cc)
{
	cc->h3 = conn;
	list_append(&conn->slots, &cc->h3_link);
	conn->n_slots++;
	conn_phase(&cc->conn, CONN_HANDSHAKE, cc->connect_by_ns);
	loop_deadline(cc->conn.loop, &conn->h3.q.deadline, conn->ends_ns);
	quic_conn_dirty(&conn->h3.q);
}

/* ---- what the connection tells --------------------------------------------------------------- */

/* A peer gives credit back when it has forgotten a stream, which is later than we have: with half
 * of it in use there is always some left. */
static void on_opened(struct h3_conn *h3)
{
	const ngtcp2_transport_params *params = ngtcp2_conn_get_remote_transport_params(h3->q.ng);
	uint64_t streams = params ? params->initial_max_streams_bidi : 0;

	self(h3)->capacity = streams > 2000 ? 1000 : streams > 1 ? streams / 2 : 1;
}

static void on_work(struct h3_conn *h3)
{
	struct h3_client_conn *conn = self(h3);
	struct list *item, *next;
	struct client_conn *cc;

	if (h3->goaway)
		list_remove(&conn->link);
	for (item = conn->slots.next; h3->q.opened && item != &conn->slots; item = next) {
		next = item->next;
		cc = slot_of_link(item);
		if (h3->goaway && (cc->idle || !cc->connected))
			conn_close(&cc->conn, -ECONNRESET);
		else if (!cc->connected)
			pool_connected(cc, 0);
	}
}

static void on_ended(struct h3_conn *h3, int why)
{
	struct h3_client_conn *conn = self(h3);
	struct client_conn *cc;

	list_remove(&conn->link);
	while (!list_empty(&conn->slots)) {
		cc = slot_of_link(conn->slots.next);
		conn_close(&cc->conn, why ? why : -ECONNRESET);
	}
}

static void on_gone(struct h3_conn *h3)
{
	quic_endpoint_close(h3->q.ep);
	/* It may be what the pool's end has waited for. */
	pool_serve_later(self(h3)->pool);
}

/* Unused for too long, or too old: then it goes with the last place on it. */
static void on_late(struct h3_conn *h3)
{
	struct h3_client_conn *conn = self(h3);

	list_remove(&conn->link);
	conn->ends_ns = 0;
	nobody_left(conn);
}

/* Never: it sets no deadline on streams, and takes none from the peer. */
static void on_stream_late(struct h3_message *m)
{
	quic_conn_end(&m->conn->q, NGHTTP3_H3_INTERNAL_ERROR, -ETIMEDOUT);
}

static struct h3_message *on_message(struct h3_conn *conn, struct quic_stream *stream)
{
	(void)conn;
	(void)stream;
	return NULL;
}

static const struct h3_role role = {
	.message = on_message,
	.serve = h3_exchange_serve,
	.late = on_stream_late,
	.lost = h3_exchange_lost,
	.conn_opened = on_opened,
	.conn_late = on_late,
	.conn_work = on_work,
	.conn_ended = on_ended,
	.conn_gone = on_gone,
};

/* ---- connecting ------------------------------------------------------------------------------ */

static void on_endpoint_gone(struct quic_endpoint *ep)
{
	mem_free(ep->loop, container_of(ep, struct h3_client_conn, ep));
}

static const struct quic_endpoint_ops endpoint_ops = { .gone = on_endpoint_gone };

static int begin(struct h3_client_conn *conn, struct place *place, const struct quic_address *to)
{
	struct tether_pool *pool = place->pool;
	struct quic_limits limits = {
		.tls = place->tls,
		.alpn = "h3",
		.name = place->host,
		.handshake_ns = pool->options.connect_ns,
		.idle_ns = pool->options.idle_ns,
		.streams = 0,
		.uni_streams = 8,
		.stream_bytes = 1 << 20,
		.conn_bytes = 4 << 20,
	};
	struct quic_conn *q = &conn->h3.q;
	int err = quic_conn_init(q, &conn->ep, pool->scope, &h3_ops);

	if (err)
		return err;
	err = h3_conn_init(&conn->h3, &role, false, pool->options.header_bytes);
	if (!err)
		err = quic_conn_connect(q, &limits, to);
	if (err) {
		quic_conn_fini(q);
		h3_conn_fini(&conn->h3);
		return err;
	}
	conn->ends_ns = now_ns(conn) + pool->options.lifetime_ns;
	return 0;
}

static int open_new(struct place *place, const struct sockaddr *addr, struct h3_client_conn **out)
{
	struct tether_loop *loop = place->pool->loop;
	struct quic_address to = { .len = addr->sa_family == AF_INET6
						  ? sizeof(struct sockaddr_in6)
						  : sizeof(struct sockaddr_in) };
	struct h3_client_conn *conn;
	int err, fd;

	memcpy(&to.u, addr, to.len);
	fd = address_connect(addr, to.len);
	if (fd < 0)
		return fd;
	conn = mem_new(loop, sizeof(*conn));
	err = conn ? quic_endpoint_open(&conn->ep, loop, fd, &endpoint_ops) : -ENOMEM;
	if (err) {
		mem_free(loop, conn);
		close(fd);
		return err;
	}
	conn->ep.connected = true;
	conn->pool = place->pool;
	conn->capacity = CAPACITY_UNKNOWN;
	list_init(&conn->slots);
	list_init(&conn->link);
	err = begin(conn, place, &to);
	if (err) {
		quic_endpoint_close(&conn->ep);
		return err;
	}
	list_append(&place->h3_conns, &conn->link);
	*out = conn;
	return 0;
}

int h3_client_open(struct client_conn *cc, const struct sockaddr *addr)
{
	struct h3_client_conn *conn;
	struct list *item;
	int err;

	for (item = cc->place->h3_conns.next; item != &cc->place->h3_conns; item = item->next) {
		conn = container_of(item, struct h3_client_conn, link);
		if (!conn->h3.goaway && !conn->h3.q.ending && conn->n_slots < conn->capacity) {
			join(conn, cc);
			return 0;
		}
	}
	err = open_new(cc->place, addr, &conn);
	if (!err)
		join(conn, cc);
	return err;
}
