/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client from inside.
 *
 *      pool ── place (a destination) ─┬─ waiting leases, oldest first
 *                                     ├─ idle connections, used last first
 *                                     └─ connections in use ── lease, or exchange
 *
 * A connection in use has either a lease or an exchange; whichever it is owns it, and lets it go in
 * lease_drop() or exchange_end(). pool_put() is where connections come back.
 */
#pragma once

#include <tether/pool.h>

#include "conn.h"
#include "core.h"
#include "fault_client.h"
#include "http1.h"
#include "stack.h"
#include "stash.h"

#define PLACE_BUCKETS 256
#define HOST_BYTES    300 /* of a place, with its port */

struct lease;
struct exchange;

struct place {
	struct tether_pool *pool;
	struct list link;
	struct place *next_same; /* in its bucket */
	struct list hungry;	 /* in pool->hungry while somebody waits */
	struct list waiting;	 /* leases */
	struct list idle;	 /* connections */
	size_t n_waiting, n_idle, n_active, n_connecting;
	uint32_t failures;	/* connects in a row */
	uint64_t not_before_ns; /* backoff */
	struct deadline retry;
	struct tether_tls *tls;
	uint32_t hash;
	uint16_t port;
	bool h3;
	struct list h3_conns; /* that requests may go over */
	bool serving;	      /* somebody walks past it: not to be forgotten now */
	char host[256];
};

struct tether_pool {
	struct tether_loop *loop;
	struct tether_pool_options options;
	struct scope *scope; /* of its connections */
	struct list places;
	struct place *buckets[PLACE_BUCKETS];
	size_t n_places;
	struct list hungry;   /* places with somebody waiting */
	struct list conns;    /* all that are not idle */
	struct list oldest;   /* all that are, of whatever place: the one unused longest first */
	struct lease *spare;  /* leases to be used again */
	struct deadline work; /* waiters are served from the loop, never from inside a call */
	struct deadline grace;
	struct tether_pool_stats stats;
	struct stack_bounds bounds;
	uint64_t random;
	bool draining;
	void (*done)(void *arg);
	void *arg;
};

/* Since when a connection is out, and who took it. */
struct held {
	struct deadline late;
	uint64_t lease_id, since_ns;
	void *stack[STACK_DEPTH];
	uint8_t depth;
	bool told;
};

struct client_conn {
	struct conn conn;
	struct tether_pool *pool;
	struct place *place;
	struct list link;   /* in place->idle or pool->conns */
	struct list oldest; /* in pool->oldest */
	struct http1 codec;
	struct lease *lease;
	struct exchange *x;
	struct stash stash;
	struct lookup *lookup;
	struct addrinfo *addrs, *addr; /* what the name stands for; the one being tried */
	uint64_t connect_by_ns;
	struct held held;
	/* HTTP/3: a place on that connection. What stands for TCP here is never opened. */
	struct h3_client_conn *h3;
	struct list h3_link;
	uint64_t ends_ns;
	uint64_t requests;
	bool idle : 1;
	bool connected : 1;
	bool busy : 1;
	uv_connect_t connect;
};

struct lease {
	struct tether_pool *pool;
	struct place *place;
	uint64_t id;
	struct list link; /* in place->waiting */
	struct member member;
	struct client_conn *cc; /* NULL: it waits */
	struct exchange *x;	/* whose request is sent again, in place of got() */
	void (*got)(struct tether_lease lease, int status, void *arg);
	void *arg;
	struct lease *next_spare;
	void *stack[STACK_DEPTH];
	uint8_t depth;
};

/* Lives in a block. */
struct exchange {
	struct client_conn *cc;
	struct h3_message *h3; /* HTTP/3: its stream */
	struct tether_loop *loop;
	uint64_t id;
	struct member member;
	struct deadline deadline;
	struct tether_body_events events;
	void *arg;
	void (*got)(struct tether_body body, const void *data, size_t len, void *arg);
	void *got_arg;
	void (*drained)(struct tether_body body, void *arg);
	void *drained_arg;
	struct lease *lease;  /* it waits for another connection */
	struct stash copy;    /* of the request, as long as it may be sent again */
	uint64_t began_bytes; /* conn_sent() when it began */
	uint64_t left;	      /* of a streamed request */
	uint64_t length;
	int status;
	bool safe : 1;	   /* to be sent again, though it was sent */
	bool heard : 1;	   /* something of an answer came */
	bool headless : 1; /* HEAD: no body comes */
	bool chunked : 1;  /* the request is */
	bool sent : 1;	   /* the request is, to its end */
	bool keep : 1;
	bool ended : 1;
	uint8_t fault; /* enum fault: none in the release library */
	struct head head;
	char text[];
};

/* place.c */
int place_get(struct tether_pool *pool, const struct tether_dest *dest, struct place **out);
/* NULL: it is not known. */
struct place *place_find(struct tether_pool *pool, const struct tether_dest *dest);
void place_free(struct place *place);
void place_back_off(struct place *place);
void place_serve(struct place *place);
/* @first: it was served before. */
void place_wait(struct place *place, struct lease *lease, bool first);
void place_wait_no_more(struct lease *lease);

/* pool.c */
void pool_serve_later(struct tether_pool *pool);
uint64_t pool_random_below(struct tether_pool *pool, uint64_t n);

/* pool_conn.c: what becomes of connections */
void pool_connected(struct client_conn *cc, int err);
void pool_take(struct client_conn *cc, struct lease *lease);
void pool_put(struct client_conn *cc, bool reuse);
/* The connection counts no more. */
void pool_lost(struct client_conn *cc, int why);
void held_init(struct held *held);

/* lease.c */
struct lease *lease_find(struct tether_lease handle);
struct lease *lease_new(struct place *place, struct scope *scope, int *err);
void lease_grant(struct lease *lease, struct client_conn *cc);
/* Ends it; with @tell, and if it still waited, got() hears why. */
void lease_drop(struct lease *lease, int why, bool tell, bool reuse);
/* An exchange takes over. */
struct client_conn *lease_spend(struct lease *lease);

/* client_conn.c */
int client_conn_open(struct place *place);
void client_conn_go_on(struct client_conn *cc);

/* h3_client.c, h3_exchange.c: the same over HTTP/3 */
int h3_client_open(struct client_conn *cc, const struct sockaddr *addr);
void h3_client_leave(struct client_conn *cc);
/* Connections that nobody has a place on: the pool is shut down. */
void h3_client_end_unused(struct place *place);
int h3_exchange_start(struct exchange *x, const struct tether_request *r, const char *method);
void h3_exchange_gone(struct exchange *x);
int h3_exchange_write(struct exchange *x, const void *data, size_t len);
void h3_exchange_finish(struct exchange *x);
void h3_exchange_go_on(struct exchange *x);

/* exchange.c: the one end of all exchanges */
void exchange_end(struct exchange *x, int why);
/* The connection is lost: its end, or another try. */
void exchange_lost(struct exchange *x, int why);
void exchange_resume(struct exchange *x, struct lease *lease);
void exchange_begin_head(struct exchange *x);

/* request.c */
int request_check(const struct tether_request *r, const struct tether_body_events *events);
bool request_is_safe(const struct tether_request *r, const char *method);
void request_write(struct client_conn *cc, const struct tether_request *r, const char *method);
/* "host:port", without a port that goes without saying. */
int request_host(const struct place *place, char *buf, size_t len);
/* All that request_write() writes, in memory. -ENOMEM. */
int request_copy(struct client_conn *cc, const struct tether_request *r, const char *method,
		 struct stash *copy);
