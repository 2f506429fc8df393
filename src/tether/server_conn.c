// SPDX-License-Identifier: BSD-2-Clause
/*
 * A connection of the server: bytes in, calls out. What it waits for, and until when, follows from
 * its state in one place: settle().
 */
#include "server_conn.h"

#include <errno.h>
#include <string.h>

#include "probes.h"
#include "tls_session.h"

static const struct tether_server_options *options(const struct server_conn *sc)
{
	return &sc->part->server->options;
}

/* ---- phases ---------------------------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What a phase may take in all: @total, and for bytes that flow no more than their floor allows. */
static uint64_t allowed(const struct server_conn *sc, enum conn_phase phase)
{
	const struct tether_server_options *o = options(sc);
	uint64_t by_rate;

	switch (phase) {
	case CONN_BODY:
		by_rate = o->floor_grace_ns +
			  (uint64_t)((double)sc->call->received / o->floor_bytes_per_s * 1e9);
		return least(o->body_ns, by_rate);
	case CONN_HANDLER:
		return o->handler_ns;
	case CONN_WRITE:
		return o->write_ns;
	case CONN_HEADER:
		return o->header_ns;
	default:
		return o->idle_ns;
	}
}

static enum conn_phase phase_of(const struct server_conn *sc)
{
	const struct call *call = sc->call;

	if (conn_queued(&sc->conn))
		return CONN_WRITE;
	if (!call)
		return CONN_IDLE;
	if (call->request == REQUEST_HEAD)
		return CONN_HEADER;
	if (call->request == REQUEST_BODY && (call->got || call->discard))
		return CONN_BODY;
	return CONN_HANDLER;
}

/* Time goes to the account of the phase that was; a phase that comes back has what is left of its
 * total. Output of a connection without a call (the last bytes of a response) is timed afresh. */
static void settle(struct server_conn *sc)
{
	struct conn *conn = &sc->conn;
	enum conn_phase phase = phase_of(sc), was = (enum conn_phase)conn->phase;
	uint64_t now = tether_loop_now_ns(conn->loop), spent = 0, due;

	if (conn->closing || sc->lingers || was == CONN_HANDSHAKE)
		return;
	if (sc->call) {
		if (was != phase)
			sc->call->spent_ns[was] += now - conn->phase_began_ns;
		spent = sc->call->spent_ns[phase];
	}
	due = (was == phase && (phase != CONN_IDLE) ? conn->phase_began_ns : now) - spent +
	      allowed(sc, phase);
	if (phase == CONN_IDLE)
		due = least(due, sc->ends_ns);
	if (phase == CONN_BODY && sc->call->expect &&
	    fault_hit(conn->loop, FAULT_EXPECT, conn->id, sc->call->id))
		due = now + TETHER_WITHIN_MAX_NS;
	conn_phase(conn, phase, due);
	if (phase == CONN_WRITE || sc->stash.bytes || sc->last)
		conn_read_stop(conn);
	else
		conn_read_start(conn);
}

static void on_expired(struct conn *conn)
{
	struct server_conn *sc = container_of(conn, struct server_conn, conn);
	struct call *call = sc->call;

	if (conn->phase == CONN_IDLE || conn->phase == CONN_LINGER) {
		conn_close(conn, 0);
		return;
	}
	count(&sc->part->timeouts, 1);
	/* Whoever was too slow with its request is told so, where that is still possible. */
	if (call && call->response == RESPONSE_NONE &&
	    (conn->phase == CONN_HEADER || conn->phase == CONN_BODY))
		call_refuse(sc, 408);
	else
		conn_close(conn, -ETIMEDOUT);
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
		call_refuse(sc, status);
		return;
	}
	count(&sc->part->requests, 1);
	if (++sc->requests >= o->requests || sc->part->draining ||
	    tether_loop_now_ns(sc->conn.loop) >= sc->ends_ns)
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

	call->expect = false;
	call->received += sc->codec.body_len;
	if (call->received > options(sc)->body_bytes ||
	    (call->discard && call->received > options(sc)->discard_bytes)) {
		if (call->response == RESPONSE_NONE)
			call_refuse(sc, 413);
		else
			conn_close(&sc->conn, -EMSGSIZE);
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

/* Is there a call that has to do something before input goes on? */
static bool waits(const struct server_conn *sc)
{
	const struct call *call = sc->call;

	if (sc->conn.closing || sc->lingers || sc->close_flushed)
		return true;
	if (!call || call->request == REQUEST_HEAD)
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
	if (call->request != REQUEST_READ) {
		if (call->discard || !sc->last)
			return;
		/* The rest of the body is not wanted: the answer goes out before the reset. */
		call_free(call, 0);
		sc->lingers = true;
		conn_linger(&sc->conn, tether_loop_now_ns(sc->conn.loop) + options(sc)->linger_ns);
		return;
	}
	sc->last |= !call->keep;
	call_free(call, 0);
	if (sc->last && !sc->conn.closing)
		sc->close_flushed = true;
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
			call_refuse(sc, sc->codec.status);
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
	if (sc->conn.closing || sc->lingers || sc->close_flushed)
		used = len;
	if ((used < len || sc->stash.bytes) &&
	    stash_set(sc->conn.loop, &sc->stash, data + used, len - used))
		conn_close(&sc->conn, -ENOMEM);
	conn_flush(&sc->conn);
	sc->busy = false;
	if (sc->close_flushed && !conn_queued(&sc->conn))
		conn_close(&sc->conn, 0);
	/* Nothing more will come: what it waits for in vain ends here. */
	if (sc->conn.eof && !sc->stash.bytes && !sc->conn.closing &&
	    (!sc->call || sc->call->request != REQUEST_READ) && !conn_queued(&sc->conn))
		conn_close(&sc->conn, sc->call ? -ECONNRESET : 0);
	settle(sc);
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

	if (sc->lingers) {
		conn_linger(conn, tether_loop_now_ns(conn->loop) + options(sc)->linger_ns);
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
	.expired = on_expired,
	.ending = on_ending,
	.gone = on_gone,
};

void server_conn_drain(struct server_conn *sc)
{
	if (sc->call && sc->call->request != REQUEST_HEAD) {
		sc->call->keep = false;
		return;
	}
	if (sc->call || conn_queued(&sc->conn))
		sc->last = sc->close_flushed = !sc->call;
	else
		conn_close(&sc->conn, 0);
}

void server_conn_accept(struct server_part *part, uv_stream_t *listener)
{
	struct tether_loop *loop = part->loop;
	const struct tether_server_options *o = &part->server->options;
	struct server_conn *sc = mem_new(loop, sizeof(*sc));
	int err = -ENOMEM;

	if (sc) {
		sc->part = part;
		list_init(&sc->link);
		http1_init(&sc->codec, HTTP_REQUEST);
		err = conn_init(&sc->conn, loop, part->scope, &ops, CONN_SERVER);
	}
	if (err) {
		mem_free(loop, sc);
		server_part_leave(part);
		return;
	}
	list_append(&part->conns, &sc->link);
	err = uv_accept(listener, (uv_stream_t *)&sc->conn.tcp);
	if (!err && o->tls)
		err = tls_session_new(&sc->conn, o->tls, NULL);
	if (err) {
		conn_close(&sc->conn, err);
		return;
	}
	conn_opened(&sc->conn);
	sc->ends_ns = tether_loop_now_ns(loop) + o->lifetime_ns;
	conn_phase(&sc->conn, o->tls ? CONN_HANDSHAKE : CONN_IDLE,
		   tether_loop_now_ns(loop) + (o->tls ? o->handshake_ns : o->idle_ns));
	conn_read_start(&sc->conn);
}
