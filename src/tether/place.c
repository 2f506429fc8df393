// SPDX-License-Identifier: BSD-2-Clause
/* Places, the destinations of a pool: found by hash, served in order, spared after failures. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <tether/tls.h>

#include "client.h"
#include "tls_session.h"

/* ---- which ----------------------------------------------------------------------------------- */

static uint32_t hash_of(const struct tether_dest *dest)
{
	const char *p;
	uint32_t hash = 2166136261u ^ dest->port;

	/* ASCII letters alike in both cases; that others may meet as well does no harm. */
	for (p = dest->host; *p; p++)
		hash = (hash ^ (*p | 0x20)) * 16777619u;
	return hash ^ (uint32_t)((uintptr_t)dest->tls >> 4) ^ dest->h3;
}

static struct place *find(struct tether_pool *pool, const struct tether_dest *dest, uint32_t hash)
{
	struct place *place = pool->buckets[hash % PLACE_BUCKETS];

	for (; place; place = place->next_same)
		if (place->hash == hash && place->port == dest->port && place->tls == dest->tls &&
		    place->h3 == dest->h3 && !strcasecmp(place->host, dest->host))
			return place;
	return NULL;
}

struct place *place_find(struct tether_pool *pool, const struct tether_dest *dest)
{
	return find(pool, dest, hash_of(dest));
}

void place_free(struct place *place)
{
	struct tether_pool *pool = place->pool;
	struct place **at = &pool->buckets[place->hash % PLACE_BUCKETS];

	while (*at != place)
		at = &(*at)->next_same;
	*at = place->next_same;
	list_remove(&place->link);
	list_remove(&place->hungry);
	loop_deadline_drop(pool->loop, &place->retry);
	tether_tls_free(place->tls);
	pool->n_places--;
	mem_free(pool->loop, place);
}

static bool is_unused(const struct place *place)
{
	return !place->serving && list_empty(&place->h3_conns) && !place->n_waiting &&
	       !place->n_idle && !place->n_active && !place->n_connecting;
}

/* The one unused that was made first. */
static void forget_one(struct tether_pool *pool)
{
	struct list *item;

	for (item = pool->places.next; item != &pool->places; item = item->next) {
		if (is_unused(container_of(item, struct place, link))) {
			place_free(container_of(item, struct place, link));
			return;
		}
	}
}

static void on_retry(struct deadline *d)
{
	pool_serve_later(container_of(d, struct place, retry)->pool);
}

int place_get(struct tether_pool *pool, const struct tether_dest *dest, struct place **out)
{
	uint32_t hash = hash_of(dest);
	struct place *place = find(pool, dest, hash);

	*out = place;
	if (place)
		return 0;
	if (pool->n_places >= pool->options.dests)
		forget_one(pool);
	if (pool->n_places >= pool->options.dests)
		return -EAGAIN;
	place = mem_new(pool->loop, sizeof(*place));
	if (!place)
		return -ENOMEM;
	place->pool = pool;
	place->hash = hash;
	list_init(&place->waiting);
	list_init(&place->idle);
	list_init(&place->hungry);
	deadline_init(&place->retry, on_retry);
	place->tls = tls_ref(dest->tls);
	place->port = dest->port;
	place->h3 = dest->h3;
	list_init(&place->h3_conns);
	memcpy(place->host, dest->host, strlen(dest->host) + 1);
	list_append(&pool->places, &place->link);
	place->next_same = pool->buckets[hash % PLACE_BUCKETS];
	pool->buckets[hash % PLACE_BUCKETS] = place;
	pool->n_places++;
	*out = place;
	return 0;
}

/* ---- serving --------------------------------------------------------------------------------- */

void place_wait(struct place *place, struct lease *lease, bool first)
{
	if (first)
		list_prepend(&place->waiting, &lease->link);
	else
		list_append(&place->waiting, &lease->link);
	if (!place->n_waiting++)
		list_append(&place->pool->hungry, &place->hungry);
	place->pool->stats.waiting++;
	pool_serve_later(place->pool);
}

void place_wait_no_more(struct lease *lease)
{
	struct place *place = lease->place;

	list_remove(&lease->link);
	place->pool->stats.waiting--;
	if (!--place->n_waiting)
		list_remove(&place->hungry);
}

static size_t conns_of(const struct tether_pool *pool)
{
	return pool->stats.active + pool->stats.idle + pool->stats.connecting;
}

/* Room for one more: where the total is reached, the connection unused longest makes it. */
static bool make_room(struct tether_pool *pool)
{
	struct client_conn *cc;

	if (conns_of(pool) < pool->options.total)
		return true;
	if (list_empty(&pool->oldest))
		return false;
	cc = container_of(pool->oldest.next, struct client_conn, oldest);
	pool->stats.expired++;
	conn_close(&cc->conn, 0);
	return true;
}

static bool wants_connection(const struct place *place)
{
	const struct tether_pool *pool = place->pool;

	return place->n_connecting < place->n_waiting &&
	       place->n_active + place->n_connecting < pool->options.active &&
	       tether_loop_now_ns(pool->loop) >= place->not_before_ns;
}

static struct lease *oldest_waiter(const struct place *place)
{
	return container_of(place->waiting.next, struct lease, link);
}

void place_serve(struct place *place)
{
	struct tether_pool *pool = place->pool;
	int err;

	while (place->n_waiting && !list_empty(&place->idle))
		lease_grant(oldest_waiter(place),
			    container_of(place->idle.next, struct client_conn, link));
	while (wants_connection(place) && make_room(pool)) {
		err = client_conn_open(place);
		if (err && place->n_waiting)
			lease_drop(oldest_waiter(place), err, true, false);
	}
	if (place->n_waiting && !place->n_connecting &&
	    place->not_before_ns > tether_loop_now_ns(pool->loop))
		loop_deadline(pool->loop, &place->retry, place->not_before_ns);
}

void place_back_off(struct place *place)
{
	const struct tether_pool_options *o = &place->pool->options;
	uint64_t pause = o->backoff_ns;
	uint32_t i;

	for (i = 0; i < place->failures && pause < o->backoff_max_ns; i++)
		pause *= 2;
	if (pause > o->backoff_max_ns)
		pause = o->backoff_max_ns;
	place->failures++;
	pause = pause / 2 + pool_random_below(place->pool, pause);
	place->not_before_ns = tether_loop_now_ns(place->pool->loop) + pause;
}
