// SPDX-License-Identifier: BSD-2-Clause
/* The pool (tether/pool.h): options, birth and end, who waits for what. */
#include <errno.h>
#include <string.h>

#include "client.h"

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
	    o->lifetime_ns > TETHER_WITHIN_MAX_NS / 2 || o->held_ns > TETHER_WITHIN_MAX_NS ||
	    o->backoff_ns > o->backoff_max_ns || o->backoff_max_ns > TETHER_WITHIN_MAX_NS)
		return -ERANGE;
	return 0;
}

/* xorshift64: spreads things, nothing depends on it being unknown. */
uint64_t pool_random_below(struct tether_pool *pool, uint64_t n)
{
	pool->random ^= pool->random << 13;
	pool->random ^= pool->random >> 7;
	pool->random ^= pool->random << 17;
	return n ? pool->random % n : 0;
}

/* ---- work ------------------------------------------------------------------------------------ */

static void pool_free(struct tether_pool *pool)
{
	struct lease *lease;

	while (!list_empty(&pool->places))
		place_free(container_of(pool->places.next, struct place, link));
	while (pool->spare) {
		lease = pool->spare;
		pool->spare = lease->next_spare;
		mem_free(pool->loop, lease);
	}
	loop_deadline_drop(pool->loop, &pool->work);
	loop_deadline_drop(pool->loop, &pool->grace);
	scope_free(pool->scope);
	mem_free(pool->loop, pool);
}

static void look_at_end(struct tether_pool *pool)
{
	void (*done)(void *arg) = pool->done;
	void *arg = pool->arg;

	if (!pool->draining || pool->scope->count || pool->stats.waiting || pool->stats.active)
		return;
	pool_free(pool);
	if (done)
		done(arg);
}

static void end_waiting(struct tether_pool *pool)
{
	struct place *place;

	while (!list_empty(&pool->hungry)) {
		place = container_of(pool->hungry.next, struct place, hungry);
		lease_drop(container_of(place->waiting.next, struct lease, link), -ESHUTDOWN, true,
			   false);
	}
}

/* Only the places where somebody waits: each once, whatever callbacks do to the list. */
static void on_work(struct deadline *d)
{
	struct tether_pool *pool = container_of(d, struct tether_pool, work);
	struct list todo, *item;
	struct place *place;

	list_init(&todo);
	while (!list_empty(&pool->hungry)) {
		item = pool->hungry.next;
		list_remove(item);
		list_append(&todo, item);
	}
	while (!list_empty(&todo)) {
		place = container_of(todo.next, struct place, hungry);
		list_remove(&place->hungry);
		list_append(&pool->hungry, &place->hungry);
		/* It is kept: a callback may not forget it. */
		place->serving = true;
		if (!pool->draining)
			place_serve(place);
		place->serving = false;
	}
	/* A callback may have shut it down: what was on the list here was not seen there. */
	if (pool->draining)
		end_waiting(pool);
	look_at_end(pool);
}

void pool_serve_later(struct tether_pool *pool)
{
	loop_deadline(pool->loop, &pool->work, tether_loop_now_ns(pool->loop));
}

/* ---- birth and death ------------------------------------------------------------------------- */

static void on_grace(struct deadline *d)
{
	scope_cancel(container_of(d, struct tether_pool, grace)->scope, -ETIMEDOUT);
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
	list_init(&pool->hungry);
	list_init(&pool->oldest);
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

/* The idle, and those that are still being made: nobody is there to use them. */
static void end_unused(struct tether_pool *pool)
{
	struct list *item, *next;
	struct client_conn *cc;

	while (!list_empty(&pool->oldest))
		conn_close(&container_of(pool->oldest.next, struct client_conn, oldest)->conn, 0);
	for (item = pool->conns.next; item != &pool->conns; item = next) {
		next = item->next;
		cc = container_of(item, struct client_conn, link);
		if (!cc->connected)
			conn_close(&cc->conn, -ESHUTDOWN);
	}
	for (item = pool->places.next; item != &pool->places; item = item->next)
		h3_client_end_unused(container_of(item, struct place, link));
}

int tether_pool_shutdown(struct tether_pool *pool, uint64_t grace_ns, void (*done)(void *arg),
			 void *arg)
{
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
	end_waiting(pool);
	end_unused(pool);
	loop_deadline(pool->loop, &pool->grace, at_ns);
	pool_serve_later(pool);
	return 0;
}

struct tether_pool_stats tether_pool_stats(const struct tether_pool *pool)
{
	return pool->stats;
}

/* ---- acquire --------------------------------------------------------------------------------- */

static int check(struct tether_pool *pool, const struct tether_dest *dest,
		 const struct scope *scope)
{
	if (!pool || !dest || !dest->host || !dest->port || !*dest->host ||
	    strlen(dest->host) > 255 || (dest->h3 && !dest->tls))
		return -EINVAL;
	if (!scope || scope->loop != pool->loop)
		return -EBADF;
	return pool->draining ? -ESHUTDOWN : 0;
}

static void take_stack(struct lease *lease)
{
	if (lease->pool->options.late)
		lease->depth = stack_take(&lease->pool->bounds, lease->stack);
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

	err = got ? check(pool, dest, scope) : -EINVAL;
	if (!err)
		err = place_get(pool, dest, &place);
	if (err)
		return err;
	if (place->n_waiting >= pool->options.waiters)
		return -EAGAIN;
	lease = lease_new(place, scope, &err);
	if (!lease)
		return err;
	lease->got = got;
	lease->arg = arg;
	take_stack(lease);
	place_wait(place, lease, false);
	if (out)
		*out = (struct tether_lease){ pool->loop, lease->id };
	return 0;
}

int tether_pool_try_acquire(struct tether_pool *pool, const struct tether_dest *dest,
			    struct tether_scope in, struct tether_lease *out)
{
	struct scope *scope = scope_find(in);
	struct place *place;
	struct lease *lease;
	int err;

	err = out ? check(pool, dest, scope) : -EINVAL;
	if (err)
		return err;
	place = place_find(pool, dest);
	if (!place || place->n_waiting || list_empty(&place->idle))
		return -EAGAIN;
	lease = lease_new(place, scope, &err);
	if (!lease)
		return err;
	lease->got = NULL;
	take_stack(lease);
	lease_grant(lease, container_of(place->idle.next, struct client_conn, link));
	*out = (struct tether_lease){ pool->loop, lease->id };
	return 0;
}
