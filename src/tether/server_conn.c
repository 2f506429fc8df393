// SPDX-License-Identifier: BSD-2-Clause
/* A connection of the server: bytes in, calls out. What it waits for is in server_phase.c. */
#include "server_conn.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probes.h"
#include "tls_session.h"

static const struct tether_server_options *options(const struct server_conn *sc)
{
	return &sc->part->server->options;
}

/* ---- input ----------------------------------------------------------------------------------- */

static struct call *call_new(struct server_conn *sc)
{
	struct tether_loop *loop = sc->conn.loop;
	const struct tether_server_options *o = options(sc);
	struct call *call = block_take(loop);

	_Static_assert(sizeof(struct call) < BLOCK_BYTES / 2, "a call leaves room for its text");
	if (!call)
		return NULL;
	memset(call, 0, offsetof(struct call, head));
	head_init(&call->head, loop, call->text, BLOCK_BYTES - sizeof(*call));
	call->head.limit_bytes = o->header_bytes;
	call->head.limit_fields = o->fields;
	call->sc = sc;
	sc->call = call;
	sc->codec.target_bytes = o->target_bytes;
	server_conn_account(sc);
	http1_begin(&sc->codec, &call->head);
	return call;
}

void call_free(struct call *call, int why)
{
	struct tether_loop *loop = call->head.loop;
	void (*over)(int why, void *arg) = call->over;
	void *arg = call->over_arg;

	if (call->h3)
		h3_call_gone(call);
	else
		call->sc->call = NULL;
	slot_give(loop, call->id);
	head_fini(&call->head);
	block_give(loop, call);
	if (over)
		over(why, arg);
}

static void on_head(struct server_conn *sc)
{
	const struct tether_server_options *o = options(sc);
	struct call *call = sc->call;
	struct policy_facts facts;
	int status = policy_request(&call->head, &facts);

	call->request = REQUEST_BODY;
	call->keep = http1_keep_alive(&sc->codec);
	call->head_only = call->head.method == HTTP_HEAD;
	call->length = http1_length(&sc->codec);
	call->expect = facts.expect && call->length;
	if (!status && call->length != TETHER_LENGTH_UNKNOWN && call->length > o->body_bytes)
		status = 413;
	if (!status) {
		call->id = slot_take(sc->conn.loop, SLOT_CALL, call);
		status = call->id ? 0 : 503;
	}
	if (status) {
		call_refuse(sc, status, status == 413 ? -EMSGSIZE : -EPROTO);
		return;
	}
	count(&sc->part->requests, 1);
	if (++sc->requests >= o->requests || sc->part->draining ||
	    tether_loop_now_ns(sc->conn.loop) - sc->began_ns >= o->lifetime_ns)
		call->keep = false;
	o->handler(call_handle(call), o->arg);
}

static void give_body(struct call *call, const void *data, size_t len)
{
	void (*got)(struct tether_call call, const void *data, size_t len, void *arg) = call->got;

	if (!got)
		return;
	call->got = NULL;
	call->empty = !len;
	got(call_handle(call), data, len, call->got_arg);
}

static void on_body(struct server_conn *sc)
{
	struct call *call = sc->call;

	call->expect = call->expected = false;
	call->received += sc->codec.body_len;
	if (call->received > options(sc)->body_bytes ||
	    (call->discard && call->received > options(sc)->discard_bytes)) {
		call_refuse(sc, 413, call->response == RESPONSE_DONE ? 0 : -EMSGSIZE);
		return;
	}
	if (!call->discard)
		give_body(call, sc->codec.body, sc->codec.body_len);
}

static void on_end(struct server_conn *sc)
{
	sc->call->request = REQUEST_READ;
	give_body(sc->call, "", 0);
}

/* Is there a call that has to do something before input goes on, or too much output? */
static bool waits(const struct server_conn *sc)
{
	const struct call *call = sc->call;

	if (sc->conn.closing || sc->lingers)
		return true;
	/* Many small requests can ask for much: who does not read is not served on. */
	if (!call)
		return conn_queued(&sc->conn) >= options(sc)->queue_bytes;
	if (call->request == REQUEST_HEAD)
		return false;
	if (call->request == REQUEST_READ)
		return true;
	/* Without a body its end is already here. */
	return !call->got && !call->discard && call->length;
}

/* The call has been answered and read: what becomes of the connection? */
static void reap(struct server_conn *sc)
{
	struct call *call = sc->call;

	if (!call || sc->conn.closing || sc->lingers || call->response != RESPONSE_DONE)
		return;
	if (call->request != REQUEST_READ && !call->abandoned)
		return;
	sc->lingers = !call->keep || call->abandoned;
	call_free(call, 0);
}

static size_t parse(struct server_conn *sc, const char *data, size_t len)
{
	enum http1_event event;
	size_t used = 0, n;

	while (!waits(sc)) {
		if (!sc->call && used == len)
			break;
		if (!sc->call && !call_new(sc)) {
			conn_close(&sc->conn, -ENOMEM);
			break;
		}
		event = http1_step(&sc->codec, data + used, len - used, &n);
		used += n;
		if (event == HTTP1_MORE)
			break;
		if (event == HTTP1_HEAD)
			on_head(sc);
		else if (event == HTTP1_BODY)
			on_body(sc);
		else if (event == HTTP1_END)
			on_end(sc);
		else
			call_refuse(sc, sc->codec.status, -EPROTO);
		reap(sc);
	}
	return used;
}

static void work(struct server_conn *sc, const char *data, size_t len)
{
	size_t used;

	sc->busy = true;
	reap(sc);
	used = parse(sc, data, len);
	if (sc->conn.closing || sc->lingers)
		used = len;
	if ((used < len || sc->stash.bytes) &&
	    stash_set(sc->conn.loop, &sc->stash, data + used, len - used))
		conn_close(&sc->conn, -ENOMEM);
	conn_flush(&sc->conn);
	sc->busy = false;
	/* Nothing more will come: what it waits for in vain ends here. */
	if (sc->conn.eof && !sc->stash.bytes && !sc->conn.closing && !sc->lingers &&
	    (!sc->call || sc->call->request != REQUEST_READ) && !conn_queued(&sc->conn))
		conn_close(&sc->conn, sc->call ? -ECONNRESET : 0);
	server_conn_settle(sc);
}

void server_conn_go_on(struct server_conn *sc)
{
	if (!sc->busy && !sc->conn.closing)
		work(sc, sc->stash.bytes, sc->stash.len);
}

static void on_bytes(struct conn *conn, const char *data, size_t len)
{
	struct server_conn *sc = container_of(conn, struct server_conn, conn);

	if (!sc->stash.bytes)
		work(sc, data, len);
	else if (stash_add(conn->loop, &sc->stash, data, len))
		conn_close(conn, -ENOMEM);
	else
		server_conn_go_on(sc);
}

static void on_ready(struct conn *conn)
{
	struct server_conn *sc = container_of(conn, struct server_conn, conn);

	conn_phase(conn, CONN_IDLE, tether_loop_now_ns(conn->loop) + options(sc)->idle_ns);
	server_conn_settle(sc);
}

static void on_eof(struct conn *conn)
{
	server_conn_go_on(container_of(conn, struct server_conn, conn));
}

static void on_flushed(struct conn *conn)
{
	struct server_conn *sc = container_of(conn, struct server_conn, conn);
	struct call *call = sc->call;
	void (*drained)(struct tether_call call, void *arg);

	if (conn->phase == CONN_LINGER) {
		conn_linger(conn, conn->deadline.at_ns);
		return;
	}
	if (call && call->drained) {
		drained = call->drained;
		call->drained = NULL;
		sc->busy = true;
		drained(call_handle(call), call->drained_arg);
		sc->busy = false;
	}
	server_conn_go_on(sc);
}

/* ---- birth and death ------------------------------------------------------------------------- */

static void on_ending(struct conn *conn, int why)
{
	struct server_conn *sc = container_of(conn, struct server_conn, conn);

	if (sc->call)
		call_free(sc->call, why ? why : -ECONNABORTED);
	list_remove(&sc->link);
}

static void on_gone(struct conn *conn)
{
	struct server_conn *sc = container_of(conn, struct server_conn, conn);
	struct server_part *part = sc->part;
	struct tether_loop *loop = conn->loop;

	stash_set(loop, &sc->stash, NULL, 0);
	mem_free(loop, sc);
	server_part_leave(part);
}

static const struct conn_ops ops = {
	.bytes = on_bytes,
	.ready = on_ready,
	.eof = on_eof,
	.flushed = on_flushed,
	.expired = server_conn_expired,
	.ending = on_ending,
	.gone = on_gone,
};

void server_conn_drain(struct server_conn *sc)
{
	if (sc->call && sc->call->request != REQUEST_HEAD)
		sc->call->keep = false;
	server_conn_settle(sc);
}

/* Until there is a connection to close, the descriptor is closed here. */
static struct server_conn *conn_new(struct server_part *part)
{
	struct server_conn *sc = mem_new(part->loop, sizeof(*sc));

	if (!sc)
		return NULL;
	sc->part = part;
	list_init(&sc->link);
	http1_init(&sc->codec, HTTP_REQUEST);
	if (!conn_init(&sc->conn, part->loop, part->scope, &ops, CONN_SERVER))
		return sc;
	mem_free(part->loop, sc);
	return NULL;
}

void server_conn_accept(struct server_part *part, int fd)
{
	const struct tether_server_options *o = &part->server->options;
	uint64_t now = tether_loop_now_ns(part->loop);
	struct server_conn *sc = conn_new(part);
	int err;

	if (!sc) {
		close(fd);
		server_part_leave(part);
		return;
	}
	list_append(&part->conns, &sc->link);
	err = uv_tcp_open(&sc->conn.tcp, fd);
	if (err)
		close(fd);
	else if (o->tls)
		err = tls_session_new(&sc->conn, o->tls, NULL);
	if (err) {
		conn_close(&sc->conn, err);
		return;
	}
	conn_opened(&sc->conn);
	sc->began_ns = now;
	if (o->tls)
		conn_phase(&sc->conn, CONN_HANDSHAKE, now + o->handshake_ns);
	server_conn_settle(sc);
	conn_read_start(&sc->conn);
}
