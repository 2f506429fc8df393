// SPDX-License-Identifier: BSD-2-Clause
/* What becomes of a pool's connections: connected, taken, held too long, put back, lost. */
#include <errno.h>
#include <string.h>

#include "client.h"
#include "probes.h"

/* ---- held ------------------------------------------------------------------------------------ */

static void tell_late(struct client_conn *cc, bool returned)
{
	const struct tether_pool_options *o = &cc->pool->options;
	struct held *held = &cc->held;
	struct tether_lease lease = { cc->pool->loop, held->lease_id };

	if (o->late)
		o->late(lease, tether_loop_now_ns(lease.loop) - held->since_ns, returned,
			held->stack, held->depth, o->arg);
}

static void on_late(struct deadline *d)
{
	struct client_conn *cc = container_of(d, struct client_conn, held.late);

	cc->held.told = true;
	cc->pool->stats.late++;
	tell_late(cc, false);
}

void held_init(struct held *held)
{
	deadline_init(&held->late, on_late);
}

/* ---- in and out ------------------------------------------------------------------------------ */

void pool_take(struct client_conn *cc, struct lease *lease)
{
	struct tether_pool *pool = cc->pool;
	struct held *held = &cc->held;

	list_remove(&cc->link);
	list_remove(&cc->oldest);
	list_append(&pool->conns, &cc->link);
	cc->idle = false;
	cc->place->n_idle--;
	cc->place->n_active++;
	pool->stats.idle--;
	pool->stats.active++;
	pool->stats.reuses += cc->requests > 0;
	held->lease_id = lease->id;
	held->since_ns = tether_loop_now_ns(pool->loop);
	held->told = false;
	held->depth = lease->depth;
	memcpy(held->stack, lease->stack, lease->depth * sizeof(*lease->stack));
	loop_deadline(pool->loop, &held->late, held->since_ns + pool->options.held_ns);
}

static void make_idle(struct client_conn *cc)
{
	struct tether_pool *pool = cc->pool;
	uint64_t now = tether_loop_now_ns(pool->loop), due = now + pool->options.idle_ns;

	list_remove(&cc->link);
	list_prepend(&cc->place->idle, &cc->link);
	list_append(&pool->oldest, &cc->oldest);
	cc->idle = true;
	cc->place->n_idle++;
	pool->stats.idle++;
	conn_phase(&cc->conn, CONN_IDLE, due < cc->ends_ns ? due : cc->ends_ns);
	/* Stays armed: whatever comes now, a byte or the end, evicts it. */
	conn_read_start(&cc->conn);
}

static bool has_room(const struct client_conn *cc)
{
	return cc->place->n_idle < cc->pool->options.idle || cc->place->n_waiting;
}

static void is_connected(struct client_conn *cc)
{
	struct tether_pool *pool = cc->pool;
	uint64_t life = pool->options.lifetime_ns;

	cc->place->failures = 0;
	pool->stats.connects++;
	cc->connected = true;
	cc->ends_ns = tether_loop_now_ns(pool->loop) + life - life / 10 +
		      pool_random_below(pool, life / 5 + 1);
	if (has_room(cc))
		make_idle(cc);
	else
		conn_close(&cc->conn, 0);
}

void pool_connected(struct client_conn *cc, int err)
{
	struct tether_pool *pool = cc->pool;
	struct place *place = cc->place;

	place->n_connecting--;
	pool->stats.connecting--;
	pool_serve_later(pool);
	if (!err) {
		is_connected(cc);
		return;
	}
	if (pool->draining)
		return;
	pool->stats.connect_errors++;
	place_back_off(place);
	if (place->n_waiting)
		lease_drop(container_of(place->waiting.next, struct lease, link), err, true, false);
}

void pool_put(struct client_conn *cc, bool reuse)
{
	struct tether_pool *pool = cc->pool;
	bool worn = (pool->options.requests && cc->requests >= pool->options.requests) ||
		    tether_loop_now_ns(pool->loop) >= cc->ends_ns;

	cc->place->n_active--;
	pool->stats.active--;
	/* It stays where it stands in the heap until its old time: no work for each lease. */
	deadline_set(&pool->loop->deadlines, &cc->held.late, DEADLINE_NONE);
	if (!list_empty(&pool->hungry) || pool->draining)
		pool_serve_later(pool);
	pool->stats.expired += reuse && worn;
	if (cc->conn.closing)
		;
	else if (!reuse || worn || cc->stash.bytes || conn_queued(&cc->conn) || cc->conn.failed ||
		 cc->conn.eof || pool->draining || !has_room(cc))
		conn_close(&cc->conn, 0);
	else
		make_idle(cc);
	if (cc->held.told)
		tell_late(cc, true);
}

void pool_lost(struct client_conn *cc, int why)
{
	struct tether_pool *pool = cc->pool;

	if (cc->idle) {
		cc->idle = false;
		cc->place->n_idle--;
		pool->stats.idle--;
	} else if (!cc->connected) {
		cc->connected = true;
		pool_connected(cc, why ? why : -ECONNABORTED);
	}
	loop_deadline_drop(pool->loop, &cc->held.late);
	list_remove(&cc->oldest);
	list_remove(&cc->link);
	pool_serve_later(pool);
}
