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
#include "http1.h"
#include "stash.h"

struct lease;
struct exchange;

struct place {
	struct tether_pool *pool;
	struct list link;
	struct list waiting; /* leases */
	struct list idle;    /* connections */
	size_t n_waiting, n_idle, n_active, n_connecting;
	uint32_t failures;	/* connects in a row */
	uint64_t not_before_ns; /* backoff */
	struct deadline retry;
	struct tether_tls *tls;
	uint16_t port;
	bool serving; /* somebody walks past it: not to be forgotten now */
	char host[256];
};

struct tether_pool {
	struct tether_loop *loop;
	struct tether_pool_options options;
	struct scope *scope; /* of its connections */
	struct list places;
	size_t n_places;
	struct list conns;    /* all that are not idle */
	struct deadline work; /* waiters are served from the loop, never from inside a call */
	struct deadline grace;
	struct tether_pool_stats stats;
	uint64_t random;
	bool draining;
	void (*done)(void *arg);
	void *arg;
};

struct client_conn {
	struct conn conn;
	struct tether_pool *pool;
	struct place *place;
	struct list link; /* in place->idle or pool->conns */
	struct http1 codec;
	struct lease *lease;
	struct exchange *x;
	struct stash stash;
	struct lookup *lookup;
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
	void (*got)(struct tether_lease lease, int status, void *arg);
	void *arg;
	uint64_t since_ns;
};

/* Lives in a block. */
struct exchange {
	struct client_conn *cc;
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
	uint64_t left; /* of a streamed request */
	uint64_t length;
	int why; /* with starting: it ended before it was handed out */
	int status;
	bool starting : 1;
	bool headless : 1; /* HEAD: no body comes */
	bool chunked : 1;  /* the request is */
	bool sent : 1;	   /* the request is, to its end */
	bool keep : 1;
	bool ended : 1;
	struct head head;
	char text[];
};

/* pool.c */
void pool_put(struct client_conn *cc, bool reuse);
void pool_serve_later(struct tether_pool *pool);
void place_connected(struct client_conn *cc, int err);
/* The connection counts no more. */
void pool_lost(struct client_conn *cc, int why);
void pool_gone(struct tether_pool *pool);

/* lease.c */
struct lease *lease_find(struct tether_lease handle);
void lease_grant(struct lease *lease, struct client_conn *cc);
/* Ends it; with @tell, and if it still waited, got() hears why. */
void lease_drop(struct lease *lease, int why, bool tell, bool reuse);
/* An exchange takes over. */
struct client_conn *lease_spend(struct lease *lease);

/* client_conn.c */
int client_conn_open(struct place *place);
void client_conn_go_on(struct client_conn *cc);

/* exchange.c: the one end of all exchanges */
void exchange_end(struct exchange *x, int why);
void exchange_begin_head(struct exchange *x);
