// SPDX-License-Identifier: BSD-2-Clause
/* The pool (tether/pool.h): places, who is served next, what becomes of connections. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <tether/tls.h>

#include "client.h"
#include "probes.h"
#include "tls_session.h"

#define DEFAULT(field, value) (o->field = o->field ? o->field : (value))

static int fill_options(struct tether_pool_options *o)
{
	DEFAULT(active, 64);
	DEFAULT(idle, 16);
	DEFAULT(total, 1024);
	DEFAULT(waiters, 1024);
	DEFAULT(dests, 1024);
	DEFAULT(connect_ns, 10 * TETHER_S);
	DEFAULT(idle_ns, 60 * TETHER_S);
	DEFAULT(lifetime_ns, 1800 * TETHER_S);
	DEFAULT(held_ns, 60 * TETHER_S);
	DEFAULT(backoff_ns, 100 * TETHER_MS);
	DEFAULT(backoff_max_ns, 10 * TETHER_S);
	DEFAULT(header_bytes, 32 << 10);
	if (o->header_bytes > HEAD_BYTES_MAX)
		return -EINVAL;
	if (o->connect_ns > TETHER_WITHIN_MAX_NS || o->idle_ns > TETHER_WITHIN_MAX_NS ||
	    o->lifetime_ns > TETHER_WITHIN_MAX_NS)
		return -ERANGE;
	return 0;
}

/* xorshift64: spreads things, nothing depends on it being unknown. */
static uint64_t random_below(struct tether_pool *pool, uint64_t n)
{
	pool->random ^= pool->random << 13;
	pool->random ^= pool->random >> 7;
	pool->random ^= pool->random << 17;
	return n ? pool->random % n : 0;
}

/* ---- places ---------------------------------------------------------------------------------- */

static void on_retry(struct deadline *d)
{
	pool_serve_later(container_of(d, struct place, retry)->pool);
}

static struct place *place_find(struct tether_pool *pool, const struct tether_dest *dest)
{
	struct list *item;
	struct place *place;

	for (item = pool->places.next; item != &pool->places; item = item->next) {
		place = container_of(item, struct place, link);
		if (place->port == dest->port && place->tls == dest->tls &&
		    !strcasecmp(place->host, dest->host))
			return place;
	}
	return NULL;
}

static void place_free(struct place *place)
{
	struct tether_pool *pool = place->pool;

	list_remove(&place->link);
	loop_deadline_drop(pool->loop, &place->retry);
	tether_tls_free(place->tls);
	pool->n_places--;
	mem_free(pool->loop, place);
}

static bool place_unused(const struct place *place)
{
	return !place->serving && !place->n_waiting && !place->n_idle && !place->n_active &&
	       !place->n_connecting;
}

static void forget_one(struct tether_pool *pool)
{
	struct list *item;

	for (item = pool->places.next; item != &pool->places; item = item->next) {
		if (place_unused(container_of(item, struct place, link))) {
			place_free(container_of(item, struct place, link));
			return;
		}
	}
}

static int place_get(struct tether_pool *pool, const struct tether_dest *dest, struct place **out)
{
	struct place *place = place_find(pool, dest);

	if (place) {
		*out = place;
		return 0;
	}
	if (pool->n_places >= pool->options.dests)
		forget_one(pool);
	if (pool->n_places >= pool->options.dests)
		return -EAGAIN;
	place = mem_new(pool->loop, sizeof(*place));
	if (!place)
		return -ENOMEM;
	place->pool = pool;
	list_init(&place->waiting);
	list_init(&place->idle);
	deadline_init(&place->retry, on_retry);
	place->tls = tls_ref(dest->tls);
	place->port = dest->port;
	memcpy(place->host, dest->host, strlen(dest->host) + 1);
	list_append(&pool->places, &place->link);
	pool->n_places++;
	*out = place;
	return 0;
}

/* ---- serving --------------------------------------------------------------------------------- */

static size_t conns_of(const struct tether_pool *pool)
{
	return pool->stats.active + pool->stats.idle + pool->stats.connecting;
}

static bool may_connect(const struct place *place)
{
	const struct tether_pool *pool = place->pool;

	return place->n_connecting < place->n_waiting &&
	       place->n_active + place->n_connecting < pool->options.active &&
	       conns_of(pool) < pool->options.total &&
	       tether_loop_now_ns(pool->loop) >= place->not_before_ns;
}

static void place_serve(struct place *place)
{
	struct lease *lease;
	struct client_conn *cc;
	int err;

	while (place->n_waiting && !list_empty(&place->idle)) {
		lease = container_of(place->waiting.next, struct lease, link);
		cc = container_of(place->idle.next, struct client_conn, link);
		lease_grant(lease, cc);
	}
	while (may_connect(place)) {
		err = client_conn_open(place);
		if (!err)
			continue;
		lease_drop(container_of(place->waiting.next, struct lease, link), err, true, false);
	}
	if (place->n_waiting && !place->n_connecting &&
	    place->not_before_ns > tether_loop_now_ns(place->pool->loop))
		loop_deadline(place->pool->loop, &place->retry, place->not_before_ns);
}

static void on_work(struct deadline *d)
{
	struct tether_pool *pool = container_of(d, struct tether_pool, work);
	struct list *item, *next;

	for (item = pool->places.next; item != &pool->places; item = next) {
		struct place *place = container_of(item, struct place, link);

		/* A place that is being served is kept: a callback may not forget it. */
		place->serving = true;
		place_serve(place);
		next = item->next;
		place->serving = false;
	}
	pool_gone(pool);
}

void pool_serve_later(struct tether_pool *pool)
{
	loop_deadline(pool->loop, &pool->work, tether_loop_now_ns(pool->loop));
}

/* ---- connections ----------------------------------------------------------------------------- */

static void back_off(struct place *place)
{
	const struct tether_pool_options *o = &place->pool->options;
	uint64_t pause = o->backoff_ns << (place->failures < 20 ? place->failures : 20);

	if (pause > o->backoff_max_ns)
		pause = o->backoff_max_ns;
	place->failures++;
	pause = pause / 2 + random_below(place->pool, pause);
	place->not_before_ns = tether_loop_now_ns(place->pool->loop) + pause;
}

static void make_idle(struct client_conn *cc)
{
	struct tether_pool *pool = cc->pool;
	uint64_t now = tether_loop_now_ns(pool->loop), due = now + pool->options.idle_ns;

	list_remove(&cc->link);
	list_prepend(&cc->place->idle, &cc->link);
	cc->idle = true;
	cc->place->n_idle++;
	pool->stats.idle++;
	conn_phase(&cc->conn, CONN_IDLE, due < cc->ends_ns ? due : cc->ends_ns);
	/* Stays armed: whatever comes now, a byte or the end, evicts it. */
	conn_read_start(&cc->conn);
	pool_serve_later(pool);
}

void place_connected(struct client_conn *cc, int err)
{
	struct tether_pool *pool = cc->pool;
	struct place *place = cc->place;
	uint64_t life = pool->options.lifetime_ns;

	place->n_connecting--;
	pool->stats.connecting--;
	if (!err) {
		place->failures = 0;
		pool->stats.connects++;
		cc->connected = true;
		cc->ends_ns = tether_loop_now_ns(pool->loop) + life - life / 10 +
			      random_below(pool, life / 5 + 1);
		if (pool->draining)
			conn_close(&cc->conn, 0);
		else
			make_idle(cc);
		return;
	}
	pool->stats.connect_errors++;
	back_off(place);
	if (place->n_waiting)
		lease_drop(container_of(place->waiting.next, struct lease, link), err, true, false);
	pool_serve_later(pool);
}

void pool_put(struct client_conn *cc, bool reuse)
{
	struct tether_pool *pool = cc->pool;
	bool worn = (pool->options.requests && cc->requests >= pool->options.requests) ||
		    tether_loop_now_ns(pool->loop) >= cc->ends_ns;

	cc->place->n_active--;
	pool->stats.active--;
	pool_serve_later(pool);
	if (cc->conn.closing)
		return;
	pool->stats.expired += reuse && worn;
	if (!reuse || worn || cc->stash.bytes || conn_queued(&cc->conn) || pool->draining ||
	    (cc->place->n_idle >= pool->options.idle && !cc->place->n_waiting))
		conn_close(&cc->conn, 0);
	else
		make_idle(cc);
}

void pool_lost(struct client_conn *cc, int why)
{
	if (cc->idle) {
		cc->idle = false;
		cc->place->n_idle--;
		cc->pool->stats.idle--;
	} else if (!cc->connected) {
		cc->connected = true;
		place_connected(cc, why ? why : -ECONNABORTED);
	}
	list_remove(&cc->link);
	pool_serve_later(cc->pool);
}

/* ---- birth and death ------------------------------------------------------------------------- */

static void on_grace(struct deadline *d)
{
	scope_cancel(container_of(d, struct tether_pool, grace)->scope, -ETIMEDOUT);
}

void pool_gone(struct tether_pool *pool)
{
	void (*done)(void *arg) = pool->done;
	void *arg = pool->arg;

	if (!pool->draining || pool->scope->count || pool->stats.waiting || pool->stats.active)
		return;
	while (!list_empty(&pool->places))
		place_free(container_of(pool->places.next, struct place, link));
	loop_deadline_drop(pool->loop, &pool->work);
	loop_deadline_drop(pool->loop, &pool->grace);
	scope_free(pool->scope);
	mem_free(pool->loop, pool);
	if (done)
		done(arg);
}

int tether_pool_new(struct tether_loop *loop, const struct tether_pool_options *options,
		    struct tether_pool **out)
{
	const struct tether_pool_options none = { 0 };
	struct tether_pool *pool;
	int err;

	if (!loop || !out)
		return -EINVAL;
	pool = mem_new(loop, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->loop = loop;
	pool->options = options ? *options : none;
	pool->random = (tether_loop_now_ns(loop) ^ (uintptr_t)pool) | 1;
	list_init(&pool->places);
	list_init(&pool->conns);
	deadline_init(&pool->work, on_work);
	deadline_init(&pool->grace, on_grace);
	err = fill_options(&pool->options);
	pool->scope = err ? NULL : scope_root(loop);
	if (!pool->scope) {
		mem_free(loop, pool);
		return err ? err : -ENOMEM;
	}
	*out = pool;
	return 0;
}

int tether_pool_shutdown(struct tether_pool *pool, uint64_t grace_ns, void (*done)(void *arg),
			 void *arg)
{
	struct list *item;
	uint64_t at_ns;
	int err;

	if (!pool)
		return -EINVAL;
	if (pool->draining)
		return -EALREADY;
	err = loop_due(pool->loop, grace_ns, &at_ns);
	if (err)
		return err;
	pool->draining = true;
	pool->done = done;
	pool->arg = arg;
	for (item = pool->places.next; item != &pool->places; item = item->next) {
		struct place *place = container_of(item, struct place, link);

		while (!list_empty(&place->idle))
			conn_close(&container_of(place->idle.next, struct client_conn, link)->conn,
				   0);
		while (!list_empty(&place->waiting))
			lease_drop(container_of(place->waiting.next, struct lease, link),
				   -ESHUTDOWN, true, false);
	}
	loop_deadline(pool->loop, &pool->grace, at_ns);
	pool_serve_later(pool);
	return 0;
}

struct tether_pool_stats tether_pool_stats(const struct tether_pool *pool)
{
	return pool->stats;
}

/* ---- acquire --------------------------------------------------------------------------------- */

static void on_scope(struct member *member, int why)
{
	struct lease *lease = container_of(member, struct lease, member);

	if (why == -ETIMEDOUT && !lease->cc)
		lease->pool->stats.acquire_timeouts++;
	lease_drop(lease, why, true, true);
}

int tether_pool_acquire(struct tether_pool *pool, const struct tether_dest *dest,
			struct tether_scope in,
			void (*got)(struct tether_lease lease, int status, void *arg), void *arg,
			struct tether_lease *out)
{
	struct scope *scope = scope_find(in);
	struct place *place;
	struct lease *lease;
	int err;

	if (!pool || !dest || !dest->host || !dest->port || !got || strlen(dest->host) > 255)
		return -EINVAL;
	if (!scope || scope->loop != pool->loop)
		return -EBADF;
	if (pool->draining)
		return -ESHUTDOWN;
	err = place_get(pool, dest, &place);
	if (err)
		return err;
	if (place->n_waiting >= pool->options.waiters)
		return -EAGAIN;
	lease = mem_new(pool->loop, sizeof(*lease));
	if (!lease)
		return -ENOMEM;
	*lease = (struct lease){ .pool = pool, .place = place, .got = got, .arg = arg };
	lease->since_ns = tether_loop_now_ns(pool->loop);
	list_init(&lease->link);
	lease->id = slot_take(pool->loop, SLOT_LEASE, lease);
	err = lease->id ? scope_enter(scope, &lease->member, on_scope) : -ENOMEM;
	if (err) {
		slot_give(pool->loop, lease->id);
		mem_free(pool->loop, lease);
		return err;
	}
	list_append(&place->waiting, &lease->link);
	place->n_waiting++;
	pool->stats.waiting++;
	pool_serve_later(pool);
	if (out)
		*out = (struct tether_lease){ pool->loop, lease->id };
	return 0;
}
