// SPDX-License-Identifier: BSD-2-Clause
/*
 * The server over HTTP/3: connections that come in, and what becomes of them. Calls are in
 * h3_call.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "h3_server.h"
#include "probes.h"

struct h3_listener {
	struct quic_endpoint ep;
	struct server_part *part;
	struct list link;
};

static void close_when_empty(struct server_part *part)
{
	struct h3_listener *listener;

	if (!part->draining || !list_empty(&part->h3_conns))
		return;
	while (!list_empty(&part->h3_listeners)) {
		listener = container_of(part->h3_listeners.next, struct h3_listener, link);
		list_remove(&listener->link);
		quic_endpoint_close(&listener->ep);
	}
}

static void on_endpoint_gone(struct quic_endpoint *ep)
{
	struct h3_listener *listener = container_of(ep, struct h3_listener, ep);
	struct server_part *part = listener->part;

	mem_free(ep->loop, listener);
	server_part_exit(part);
}

/* ---- the life of a connection ---------------------------------------------------------------- */

/* Without a call it is idle; with one the call has the deadline. */
void h3_server_conn_settle(struct h3_server_conn *conn)
{
	const struct tether_server_options *o = &conn->part->server->options;
	uint64_t due = tether_loop_now_ns(conn->h3.q.loop) + o->idle_ns;

	if (conn->drain != H3_OPEN)
		return;
	loop_deadline(conn->h3.q.loop, &conn->h3.q.deadline,
		      conn->n_calls || due > conn->ends_ns ? conn->ends_ns : due);
}

/* Two steps, as a client's requests may be under way: first that it is going to end, and when that
 * must have been heard, where. What is asked then is refused, and can be asked elsewhere. */
void h3_server_conn_drain(struct h3_server_conn *conn)
{
	struct quic_conn *q = &conn->h3.q;
	uint64_t wait;

	if (conn->drain != H3_OPEN || q->ending)
		return;
	conn->drain = H3_NOTICE;
	if (!q->opened || nghttp3_conn_submit_shutdown_notice(conn->h3.h3)) {
		quic_conn_end(q, NGHTTP3_H3_NO_ERROR, 0);
		return;
	}
	wait = 2 * ngtcp2_conn_get_pto(q->ng);
	loop_deadline(q->loop, &q->deadline,
		      tether_loop_now_ns(q->loop) + (wait < TETHER_S ? wait : TETHER_S));
	quic_conn_dirty(q);
}

static void on_late(struct h3_conn *h3)
{
	struct h3_server_conn *conn = container_of(h3, struct h3_server_conn, h3);

	if (conn->drain == H3_OPEN) {
		h3_server_conn_drain(conn);
		return;
	}
	conn->drain = H3_GOAWAY;
	if (nghttp3_conn_shutdown(h3->h3))
		quic_conn_end(&h3->q, NGHTTP3_H3_NO_ERROR, 0);
	quic_conn_dirty(&h3->q);
}

static void on_opened(struct h3_conn *h3)
{
	struct h3_server_conn *conn = container_of(h3, struct h3_server_conn, h3);

	if (conn->part->draining)
		quic_conn_end(&h3->q, NGHTTP3_H3_NO_ERROR, 0);
	else
		h3_server_conn_settle(conn);
}

/* Its last answer is acknowledged: now it may go. */
static void on_work(struct h3_conn *h3)
{
	struct h3_server_conn *conn = container_of(h3, struct h3_server_conn, h3);

	if (conn->drain == H3_GOAWAY && !h3->q.n_streams)
		quic_conn_end(&h3->q, NGHTTP3_H3_NO_ERROR, 0);
}

static void on_ended(struct h3_conn *h3, int why)
{
	struct h3_server_conn *conn = container_of(h3, struct h3_server_conn, h3);

	if (why == -ETIMEDOUT && (conn->n_calls || !h3->q.opened))
		count(&conn->part->timeouts, 1);
	list_remove(&conn->link);
}

static void on_gone(struct h3_conn *h3)
{
	struct h3_server_conn *conn = container_of(h3, struct h3_server_conn, h3);
	struct server_part *part = conn->part;

	mem_free(part->loop, conn);
	close_when_empty(part);
	server_part_leave(part);
}

static const struct h3_role role = {
	.message = h3_call_new,
	.serve = h3_call_serve,
	.late = h3_call_late,
	.lost = h3_call_lost,
	.conn_opened = on_opened,
	.conn_late = on_late,
	.conn_work = on_work,
	.conn_ended = on_ended,
	.conn_gone = on_gone,
};

/* ---- accepting ------------------------------------------------------------------------------- */

static void limits_of(const struct tether_server_options *o, struct quic_limits *limits)
{
	*limits = (struct quic_limits){
		.tls = o->tls,
		.alpn = "h3",
		.handshake_ns = o->handshake_ns,
		.idle_ns = o->idle_ns,
		.streams = 128,
		.uni_streams = 8,
		.stream_bytes = 256 << 10,
		.conn_bytes = 1 << 20,
	};
}

static int on_accept(struct quic_endpoint *ep, const ngtcp2_pkt_hd *hd, const ngtcp2_path *path,
		     const ngtcp2_cid *odcid, struct quic_conn **out)
{
	struct server_part *part = container_of(ep, struct h3_listener, ep)->part;
	const struct tether_server_options *o = &part->server->options;
	struct h3_server_conn *conn;
	struct quic_limits limits;

	if (!server_part_enter(part))
		return -ECONNREFUSED;
	conn = mem_new(ep->loop, sizeof(*conn));
	if (!conn || quic_conn_init(&conn->h3.q, ep, part->scope, &h3_ops)) {
		mem_free(ep->loop, conn);
		server_part_leave(part);
		return -ECONNREFUSED;
	}
	conn->part = part;
	list_init(&conn->link);
	conn->ends_ns = tether_loop_now_ns(ep->loop) + o->lifetime_ns;
	limits_of(o, &limits);
	if (h3_conn_init(&conn->h3, &role, true, o->header_bytes) ||
	    quic_conn_accept(&conn->h3.q, &limits, hd, path, odcid)) {
		quic_conn_fini(&conn->h3.q);
		h3_conn_fini(&conn->h3);
		mem_free(ep->loop, conn);
		server_part_leave(part);
		return -ECONNREFUSED;
	}
	list_append(&part->h3_conns, &conn->link);
	*out = &conn->h3.q;
	return 0;
}

static const struct quic_endpoint_ops endpoint_ops = {
	.accept = on_accept,
	.gone = on_endpoint_gone,
};

static int open_listener(struct server_part *part, struct sockaddr_storage *addr)
{
	struct h3_listener *listener = mem_new(part->loop, sizeof(*listener));
	int err = -ENOMEM, fd;

	if (!listener)
		return err;
	fd = address_open(addr, part->server->n_parts > 1);
	err = fd < 0 ? fd : gate_enter(&part->server->gate) ? 0 : -ESHUTDOWN;
	if (err)
		goto free_it;
	part->inside++;
	listener->part = part;
	listener->ep.server = true;
	err = quic_endpoint_open(&listener->ep, part->loop, fd, &endpoint_ops);
	if (!err) {
		list_prepend(&part->h3_listeners, &listener->link);
		return 0;
	}
	server_part_exit(part);
free_it:
	if (fd >= 0)
		close(fd);
	mem_free(part->loop, listener);
	return err;
}

int h3_listeners_open(struct tether_server *server, const char *address, uint16_t *port)
{
	struct sockaddr_storage addr = { 0 };
	int err = address_parse(address, &addr);
	struct h3_listener *listener;
	unsigned int i = 0;

	/* The first one has the port chosen. */
	while (i < server->n_parts && !err)
		err = open_listener(&server->parts[i++], &addr);
	if (err) { /* all or none; the last one has failed */
		while (i-- > 1) {
			listener = container_of(server->parts[i - 1].h3_listeners.next,
						struct h3_listener, link);
			list_remove(&listener->link);
			quic_endpoint_close(&listener->ep);
		}
		return err;
	}
	if (port)
		*port = address_port(&addr);
	return 0;
}

void h3_part_drain(struct server_part *part)
{
	struct list *item, *next;

	for (item = part->h3_conns.next; item != &part->h3_conns; item = next) {
		next = item->next;
		h3_server_conn_drain(container_of(item, struct h3_server_conn, link));
	}
	close_when_empty(part);
}
