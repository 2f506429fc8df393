// SPDX-License-Identifier: BSD-2-Clause
/* Listeners and connections of raw streams (tether/stream.h). */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "quic_raw.h"
#include "tls_session.h"

struct tether_quic {
	struct quic_endpoint ep;
	struct tether_loop *loop;
	struct tether_quic_options options;
	struct tether_tls *tls;
	struct scope *scope;
	struct deadline grace;
	char *alpn;
	bool draining;
	void (*done)(void *arg);
	void *arg;
};

/* A client's connection, and the socket that it has to itself. */
struct client {
	struct raw_conn raw;
	struct quic_endpoint ep;
};

/* ---- options --------------------------------------------------------------------------------- */

#define DEFAULT(field, value) (o->field = o->field ? o->field : (value))

static int fill_options(struct tether_quic_options *o)
{
	DEFAULT(handshake_ns, 10 * TETHER_S);
	DEFAULT(idle_ns, 30 * TETHER_S);
	DEFAULT(lifetime_ns, 3600 * TETHER_S);
	DEFAULT(stream_ns, 300 * TETHER_S);
	DEFAULT(linger_ns, 5 * TETHER_S);
	DEFAULT(streams, 100);
	DEFAULT(uni_streams, 100);
	DEFAULT(stream_bytes, 256 << 10);
	DEFAULT(conn_bytes, 1 << 20);
	DEFAULT(queue_bytes, 256 << 10);
	DEFAULT(conns, 10000);
	DEFAULT(unproven, 256);
	if (!o->alpn || !*o->alpn || strlen(o->alpn) > 255)
		return -EINVAL;
	const uint64_t times[] = { o->handshake_ns, o->idle_ns, o->lifetime_ns, o->stream_ns,
				   o->linger_ns };
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
		if (times[i] > TETHER_WITHIN_MAX_NS)
			return -ERANGE;
	return 0;
}

static void limits_of(const struct tether_quic_options *o, struct tether_tls *tls, const char *name,
		      struct quic_limits *limits)
{
	*limits = (struct quic_limits){
		.tls = tls,
		.alpn = o->alpn,
		.name = name,
		.handshake_ns = o->handshake_ns,
		.idle_ns = o->idle_ns,
		.streams = o->streams,
		.uni_streams = o->uni_streams,
		.stream_bytes = o->stream_bytes,
		.conn_bytes = o->conn_bytes,
	};
}

/* ---- connections ----------------------------------------------------------------------------- */

static struct raw_conn *self(struct quic_conn *q)
{
	return container_of(q, struct raw_conn, q);
}

static struct tether_quic_conn handle_of(const struct raw_conn *conn)
{
	return (struct tether_quic_conn){ conn->q.loop, conn->q.id };
}

struct raw_conn *raw_find(struct tether_quic_conn handle)
{
	struct quic_conn *q = slot_find(handle.loop, SLOT_QUIC, handle.id);

	/* HTTP/3 has no such handles. */
	return q && !q->ending && q->ops->next == raw_next ? self(q) : NULL;
}

static int on_opened(struct quic_conn *q)
{
	quic_conn_dirty(q);
	return 0;
}

static int on_stream(struct quic_conn *q, int64_t sid)
{
	struct quic_stream *stream = quic_stream_new(q, sid, true);

	if (!stream)
		return -ENOMEM;
	loop_deadline(q->loop, &stream->deadline,
		      tether_loop_now_ns(q->loop) + self(q)->options.stream_ns);
	/* Not announced yet. */
	stream->owner = stream;
	quic_stream_ready(stream);
	return 0;
}

static int on_data(struct quic_conn *q, struct quic_stream *stream, int64_t sid,
		   const uint8_t *data, size_t len, bool fin)
{
	if (!stream || stream->read != SIDE_OPEN) {
		quic_stream_credit(q, sid, len);
	} else if (len && queue_put(q->loop, &stream->in, data, len)) {
		return -ENOMEM;
	} else {
		if (fin)
			quic_stream_shut_read(stream, SIDE_FIN);
		quic_stream_ready(stream);
	}
	return 0;
}

static void on_reset(struct quic_conn *q, struct quic_stream *stream, int64_t sid)
{
	(void)q;
	(void)sid;
	if (!stream)
		return;
	quic_stream_shut_read(stream, SIDE_RESET);
	quic_stream_ready(stream);
}

static void on_closed(struct quic_conn *q, struct quic_stream *stream, int64_t sid, uint64_t code)
{
	(void)q;
	(void)sid;
	(void)code;
	if (stream)
		quic_stream_closed(stream);
}

static void on_credit(struct quic_conn *q)
{
	self(q)->fed = true;
	quic_conn_dirty(q);
}

static void on_work(struct quic_conn *q)
{
	struct raw_conn *conn = self(q);
	const struct tether_quic_events *events = &conn->options.events;

	if (q->opened && !conn->opened_told) {
		conn->opened_told = true;
		if (events->opened)
			events->opened(handle_of(conn), conn->options.arg);
	}
	if (conn->starved && conn->fed && !q->ending) {
		conn->starved = conn->fed = false;
		if (events->credit)
			events->credit(handle_of(conn), conn->options.arg);
	}
}

static void on_late(struct quic_conn *q)
{
	quic_conn_end(q, 0, -ETIMEDOUT);
}

static void on_ended(struct quic_conn *q, int why)
{
	struct raw_conn *conn = self(q);

	if (conn->options.events.ended)
		conn->options.events.ended(handle_of(conn), why, conn->options.arg);
}

static void on_gone(struct quic_conn *q)
{
	struct raw_conn *conn = self(q);
	struct tether_quic *quic = conn->listener;

	if (!quic) {
		quic_endpoint_close(q->ep);
		return;
	}
	mem_free(q->loop, conn);
	if (quic->draining && !quic->ep.n_conns)
		quic_endpoint_close(&quic->ep);
}

static const struct quic_ops ops = {
	.opened = on_opened,
	.stream = on_stream,
	.data = on_data,
	.acked = raw_acked,
	.reset = on_reset,
	.closed = on_closed,
	.widened = raw_widened,
	.credit = on_credit,
	.ready = raw_ready,
	.work = on_work,
	.next = raw_next,
	.wrote = raw_wrote,
	.blocked = raw_blocked,
	.shut = raw_shut,
	.finish = raw_finish,
	.stream_over = raw_stream_over,
	.stream_late = raw_stream_late,
	.ended = on_ended,
	.gone = on_gone,
	.late = on_late,
};

static int raw_init(struct raw_conn *conn, struct quic_endpoint *ep, struct scope *scope,
		    const struct tether_quic_options *options)
{
	int err = quic_conn_init(&conn->q, ep, scope, &ops);

	if (err)
		return err;
	conn->options = *options;
	list_init(&conn->sending);
	loop_deadline(ep->loop, &conn->q.deadline,
		      tether_loop_now_ns(ep->loop) + options->lifetime_ns);
	return 0;
}

int tether_quic_conn_end(struct tether_quic_conn handle, uint64_t code)
{
	struct raw_conn *conn = raw_find(handle);

	if (!conn)
		return -EBADF;
	quic_conn_end(&conn->q, code, code ? -ECANCELED : 0);
	return 0;
}

/* ---- listeners ------------------------------------------------------------------------------- */

static int on_accept(struct quic_endpoint *ep, const ngtcp2_pkt_hd *hd, const ngtcp2_path *path,
		     const ngtcp2_cid *odcid, struct quic_conn **out)
{
	struct tether_quic *quic = container_of(ep, struct tether_quic, ep);
	struct quic_limits limits;
	struct raw_conn *conn;

	if (quic->draining || ep->n_conns >= quic->options.conns)
		return -ECONNREFUSED;
	conn = mem_new(quic->loop, sizeof(*conn));
	if (!conn || raw_init(conn, ep, quic->scope, &quic->options)) {
		mem_free(quic->loop, conn);
		return -ECONNREFUSED;
	}
	conn->listener = quic;
	limits_of(&conn->options, quic->tls, NULL, &limits);
	if (quic_conn_accept(&conn->q, &limits, hd, path, odcid)) {
		quic_conn_fini(&conn->q);
		mem_free(quic->loop, conn);
		return -ECONNREFUSED;
	}
	*out = &conn->q;
	return 0;
}

static void free_quic(struct tether_quic *quic)
{
	loop_deadline_drop(quic->loop, &quic->grace);
	scope_free(quic->scope);
	tether_tls_free(quic->tls);
	mem_free(quic->loop, quic->alpn);
	mem_free(quic->loop, quic);
}

static void on_listener_gone(struct quic_endpoint *ep)
{
	struct tether_quic *quic = container_of(ep, struct tether_quic, ep);
	void (*done)(void *arg) = quic->done;
	void *arg = quic->arg;

	free_quic(quic);
	if (done)
		done(arg);
}

static const struct quic_endpoint_ops listener_ops = {
	.accept = on_accept,
	.gone = on_listener_gone,
};

static void on_grace(struct deadline *d)
{
	scope_cancel(container_of(d, struct tether_quic, grace)->scope, -ETIMEDOUT);
}

static int listen_on(struct tether_quic *quic, const char *address, uint16_t *port)
{
	struct sockaddr_storage addr = { 0 };
	int err = address_parse(address, &addr), fd;

	if (err)
		return err;
	fd = address_open(&addr, false);
	if (fd < 0)
		return fd;
	quic->ep.server = true;
	err = quic_endpoint_open(&quic->ep, quic->loop, fd, &listener_ops);
	if (err) {
		close(fd);
		return err;
	}
	quic->ep.retry_above = quic->options.unproven;
	if (port)
		*port = address_port(&addr);
	return 0;
}

int tether_quic_listen(struct tether_loop *loop, const char *address, struct tether_tls *tls,
		       const struct tether_quic_options *options, struct tether_quic **out,
		       uint16_t *port)
{
	struct tether_quic_options filled;
	struct tether_quic *quic;
	int err;

	if (!loop || !tls || !options || !out)
		return -EINVAL;
	filled = *options;
	err = fill_options(&filled);
	if (err)
		return err;
	quic = mem_new(loop, sizeof(*quic));
	if (!quic)
		return -ENOMEM;
	quic->loop = loop;
	quic->options = filled;
	deadline_init(&quic->grace, on_grace);
	quic->scope = scope_root(loop);
	quic->alpn = mem_new(loop, strlen(filled.alpn) + 1);
	quic->tls = tls_ref(tls);
	err = quic->scope && quic->alpn ? 0 : -ENOMEM;
	if (!err) {
		memcpy(quic->alpn, filled.alpn, strlen(filled.alpn));
		quic->options.alpn = quic->alpn;
		err = listen_on(quic, address, port);
	}
	if (err)
		free_quic(quic);
	else
		*out = quic;
	return err;
}

int tether_quic_shutdown(struct tether_quic *quic, uint64_t grace_ns, void (*done)(void *arg),
			 void *arg)
{
	uint64_t at_ns;
	int err;

	if (!quic)
		return -EINVAL;
	if (quic->draining)
		return -EALREADY;
	err = loop_due(quic->loop, grace_ns, &at_ns);
	if (err)
		return err;
	quic->draining = true;
	quic->done = done;
	quic->arg = arg;
	if (quic->ep.n_conns)
		loop_deadline(quic->loop, &quic->grace, at_ns);
	else
		quic_endpoint_close(&quic->ep);
	return 0;
}

struct tether_quic_stats tether_quic_stats(const struct tether_quic *quic)
{
	const struct quic_counts *c = &quic->ep.counts;

	return (struct tether_quic_stats){
		.accepted = c->accepted,
		.refused = c->refused,
		.datagrams = c->datagrams,
		.garbage = c->garbage,
		.unknown = c->unknown,
		.versions = c->versions,
		.resets = c->resets,
		.retries = c->retries,
		.open = quic->ep.n_conns,
	};
}

/* ---- clients --------------------------------------------------------------------------------- */

static void on_client_gone(struct quic_endpoint *ep)
{
	mem_free(ep->loop, container_of(ep, struct client, ep));
}

static const struct quic_endpoint_ops client_ops = { .gone = on_client_gone };

int tether_quic_connect(struct tether_scope handle, const struct tether_dest *dest,
			const struct tether_quic_options *options, struct tether_quic_conn *out)
{
	struct scope *scope = scope_find(handle);
	struct tether_quic_options filled;
	struct quic_address to = { 0 };
	struct quic_limits limits;
	struct client *client;
	int err, fd;

	if (!scope)
		return -EBADF;
	if (!dest || !dest->host || !dest->port || !dest->tls || !options)
		return -EINVAL;
	filled = *options;
	err = fill_options(&filled);
	if (!err)
		err = address_of(dest->host, dest->port, &to.u.storage, &to.len);
	if (err)
		return err;
	fd = address_connect(&to.u.any, to.len);
	if (fd < 0)
		return fd;
	client = mem_new(scope->loop, sizeof(*client));
	err = client ? quic_endpoint_open(&client->ep, scope->loop, fd, &client_ops) : -ENOMEM;
	if (err) {
		mem_free(scope->loop, client);
		close(fd);
		return err;
	}
	client->ep.connected = true;
	err = raw_init(&client->raw, &client->ep, scope, &filled);
	if (!err) {
		limits_of(&filled, dest->tls, dest->host, &limits);
		err = quic_conn_connect(&client->raw.q, &limits, &to);
		if (err)
			quic_conn_fini(&client->raw.q);
		else if (out)
			*out = handle_of(&client->raw);
	}
	if (err)
		quic_endpoint_close(&client->ep);
	return err;
}
