// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a connection of the server waits for, and until when: it follows from the connection's state
 * in one place, server_conn_settle(). Each phase has a total; a phase that comes back has what is
 * left of it.
 */
#include "server_conn.h"

#include <string.h>

/* A connection that is younger, and has not asked for anything yet, is spared by a drain. */
#define NEWCOMER_NS (500 * TETHER_MS)

static const struct tether_server_options *options(const struct server_conn *sc)
{
	return &sc->part->server->options;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What a phase may take in all: @total, and for bytes that flow no more than their floor allows. */
static uint64_t flowing(const struct server_conn *sc, uint64_t total_ns, uint64_t bytes)
{
	const struct tether_server_options *o = options(sc);

	return least(total_ns,
		     o->floor_grace_ns + (uint64_t)((double)bytes / o->floor_bytes_per_s * 1e9));
}

static uint64_t allowed(const struct server_conn *sc, enum conn_phase phase)
{
	const struct tether_server_options *o = options(sc);

	switch (phase) {
	case CONN_BODY:
		return flowing(sc, o->body_ns, sc->call->received);
	case CONN_HANDLER:
		return o->handler_ns;
	case CONN_WRITE:
		return flowing(sc, o->write_ns, conn_sent(&sc->conn) - sc->sent_before);
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

/* Of the phases that a call comes back to, what it has spent there; NULL for others. */
static uint64_t *spent(struct server_conn *sc, enum conn_phase phase)
{
	_Static_assert(CONN_WRITE - CONN_HEADER + 1 == SERVER_ACCOUNTS, "one for each");
	return phase >= CONN_HEADER && phase <= CONN_WRITE ? &sc->spent_ns[phase - CONN_HEADER]
							   : NULL;
}

/* A new call has its accounts for itself, even where the one before it left off in the same phase.
 */
void server_conn_account(struct server_conn *sc)
{
	memset(sc->spent_ns, 0, sizeof(sc->spent_ns));
	sc->conn.phase_began_ns = tether_loop_now_ns(sc->conn.loop);
	sc->sent_before = conn_sent(&sc->conn);
}

/* When the phase ends that began at @began_ns. */
static uint64_t due_ns(struct server_conn *sc, enum conn_phase phase, uint64_t began_ns)
{
	const uint64_t *account = spent(sc, phase);
	uint64_t due = began_ns + allowed(sc, phase) - (account ? *account : 0);

	if (phase != CONN_IDLE)
		return due;
	/* What has only just come is about to ask for something. */
	if (sc->part->draining && !sc->requests)
		due = least(due, sc->began_ns + NEWCOMER_NS);
	return least(due, sc->began_ns + options(sc)->lifetime_ns);
}

/* Between requests while the server drains: is there one on its way? */
static bool is_asking(const struct server_conn *sc)
{
	uint64_t now = tether_loop_now_ns(sc->conn.loop);

	return conn_readable(&sc->conn) || (!sc->requests && now < sc->began_ns + NEWCOMER_NS);
}

/*
 * What the connection waits for now. Time goes to the account of the phase that was; a phase that
 * comes back has what is left of its total, so that no gap between bytes extends it.
 */
void server_conn_settle(struct server_conn *sc)
{
	struct conn *conn = &sc->conn;
	enum conn_phase phase = phase_of(sc), was = (enum conn_phase)conn->phase;
	uint64_t now = tether_loop_now_ns(conn->loop), began = now, due;

	if (conn->closing || was == CONN_HANDSHAKE || was == CONN_LINGER)
		return;
	if (phase == CONN_IDLE && sc->part->draining && !is_asking(sc))
		sc->lingers = true;
	/* The answer goes out under its own deadline before the one of lingering begins. */
	if (sc->lingers && phase != CONN_WRITE) {
		conn_linger(conn, now + options(sc)->linger_ns);
		return;
	}
	if (was == phase && phase != CONN_IDLE)
		began = conn->phase_began_ns;
	else if (spent(sc, was))
		*spent(sc, was) += now - conn->phase_began_ns;
	due = due_ns(sc, phase, began);
	if (phase == CONN_BODY && sc->call->expected && !sc->call->judged) {
		sc->call->judged = true;
		sc->call->forever = fault_hit(conn, FAULT_EXPECT);
	}
	if (phase == CONN_BODY && sc->call->forever)
		due = now + TETHER_WITHIN_MAX_NS;
	conn_phase(conn, phase, due);
	if (!sc->lingers && (phase == CONN_WRITE || sc->stash.bytes))
		conn_read_stop(conn);
	else
		conn_read_start(conn);
}

void server_conn_linger(struct server_conn *sc)
{
	sc->lingers = true;
	conn_flush(&sc->conn);
	server_conn_settle(sc);
}

void server_conn_expired(struct conn *conn)
{
	struct server_conn *sc = container_of(conn, struct server_conn, conn);
	enum conn_phase phase = (enum conn_phase)conn->phase;
	struct call *call = sc->call;
	uint64_t due;

	if (phase == CONN_LINGER) {
		conn_close(conn, 0);
		return;
	}
	if (phase == CONN_IDLE) {
		server_conn_linger(sc);
		return;
	}
	/* How much of its output has gone, the kernel says only now. */
	due = phase == CONN_WRITE ? due_ns(sc, phase, conn->phase_began_ns) : 0;
	if (due > tether_loop_now_ns(conn->loop)) {
		conn_phase(conn, phase, due);
		return;
	}
	count(&sc->part->timeouts, 1);
	/* Whoever was too slow with its request is told so, where that is still possible. */
	if (!call || call->response != RESPONSE_NONE)
		conn_close(conn, -ETIMEDOUT);
	else if (phase == CONN_HEADER || phase == CONN_BODY)
		call_refuse(sc, 408, -ETIMEDOUT);
	else if (phase == CONN_HANDLER)
		call_refuse(sc, 503, -ETIMEDOUT);
	else
		conn_close(conn, -ETIMEDOUT);
}
