/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server from inside: its part on each loop, its connections, the calls on them.
 *
 *      server ─┬─ part (a loop) ─┬─ listener
 *              │                 ├─ connection ── call (while a request is in flight)
 */
#pragma once

#include <tether/server.h>

#include "conn.h"
#include "core.h"
#include "gate.h"
#include "http1.h"
#include "stash.h"

struct server_part {
	struct tether_server *server;
	struct tether_loop *loop;
	struct scope *scope; /* of its connections */
	struct list conns;
	struct list listeners;
	struct list h3_conns;
	struct list h3_listeners;
	struct mail mail; /* shutdown, on its way to this loop */
	struct deadline grace;
	struct deadline resume; /* of accepting, after descriptors ran out */
	unsigned int inside;	/* places of this part in the gate */
	bool draining, paused;
	/* Written on this loop only, read by any. */
	_Atomic uint64_t accepted, refused, requests, bad_requests, timeouts, open;
};

struct tether_server {
	struct tether_server_options options;
	struct gate gate;
	_Atomic int state;		/* enum server_state */
	_Atomic unsigned int n_stopped; /* parts that listen no more */
	uint64_t grace_ns;
	void (*done)(void *arg);
	void *arg;
	struct mail done_mail;
	unsigned int n_parts;
	struct server_part parts[];
};

struct call;

#define SERVER_ACCOUNTS 4

struct server_conn {
	struct conn conn;
	struct server_part *part;
	struct list link; /* in part->conns */
	struct http1 codec;
	struct call *call; /* a request in flight, or whose head comes in */
	struct stash stash;
	bool busy : 1;	  /* input is being worked on: whoever ends a call need not go on */
	bool lingers : 1; /* nothing more is served: output, FIN, and until the peer's */
	uint64_t began_ns;
	uint64_t requests;
	uint64_t sent_before;		    /* conn_sent() when the last call began */
	uint64_t spent_ns[SERVER_ACCOUNTS]; /* of that call, CONN_HEADER to CONN_WRITE */
};

enum call_request {
	REQUEST_HEAD = 0,
	REQUEST_BODY,
	REQUEST_READ, /* to its end */
};

enum call_response {
	RESPONSE_NONE = 0,
	RESPONSE_BODY,
	RESPONSE_DONE,
};

/* One request and its response. Lives in a block. */
struct call {
	struct server_conn *sc; /* HTTP/1.1 */
	struct h3_message *h3;	/* or HTTP/3 */
	uint64_t id;
	uint8_t request;    /* enum call_request */
	uint8_t response;   /* enum call_response */
	bool expect : 1;    /* 100-continue is owed */
	bool keep : 1;	    /* the client would keep the connection */
	bool head_only : 1; /* HEAD */
	bool chunked : 1;   /* the response is */
	bool discard : 1;   /* nobody reads the request's body any more */
	bool expected : 1;  /* the body was asked for with 100, and has not begun */
	bool judged : 1;    /* whether the fault is to befall it */
	bool forever : 1;   /* faulty library: it is waited for without end */
	bool refused : 1;   /* the body was, by a final answer to Expect */
	bool abandoned : 1; /* too much of it is left to be thrown away */
	bool empty : 1;	    /* the end of the body has been told */
	uint64_t length;    /* of the request's body */
	uint64_t received;
	uint64_t left; /* of the response's body */
	void (*got)(struct tether_call call, const void *data, size_t len, void *arg);
	void *got_arg;
	void (*drained)(struct tether_call call, void *arg);
	void *drained_arg;
	void (*over)(int why, void *arg);
	void *over_arg;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} peer;
	struct head head;
	char text[];
};

static inline struct tether_call call_handle(const struct call *call)
{
	return (struct tether_call){ call->head.loop, call->id };
}

/* NULL: dead. */
static inline struct call *call_find(struct tether_call handle)
{
	return slot_find(handle.loop, SLOT_CALL, handle.id);
}

static inline void count(_Atomic uint64_t *counter, int64_t n)
{
	/* One writer: no locked instruction. */
	atomic_store_explicit(counter,
			      atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)n,
			      memory_order_relaxed);
}

/* Takes over an accepted socket, which has entered the gate already. */
void server_conn_accept(struct server_part *part, int fd);
/* Draining: idle ones go, the others after their call. */
void server_conn_drain(struct server_conn *sc);
/* Goes on after a call has changed, unless somebody up the stack does. */
void server_conn_go_on(struct server_conn *sc);

/* ---- server_phase.c -------------------------------------------------------------------------- */

/* After whatever has changed: what it waits for now. */
void server_conn_settle(struct server_conn *sc);
/* A new call has its accounts for itself, even where the one before left off in the same phase. */
void server_conn_account(struct server_conn *sc);
void server_conn_expired(struct conn *conn);
/* What is queued goes out, then FIN; what comes is thrown away until the peer's, or a deadline. */
void server_conn_linger(struct server_conn *sc);

/* ---- call.c, response.c ------------------------------------------------------------------------
 */

/* The library's own answer if there is none yet; the call ends with @why, and the connection too.
 */
void call_refuse(struct server_conn *sc, int status, int why);
void call_continue(struct call *call);
void call_free(struct call *call, int why);

/* ---- server.c ----------------------------------------------------------------------------------
 */

/* One more: false if it is to be turned away. */
bool server_part_enter(struct server_part *part);
/* A connection has gone. */
void server_part_leave(struct server_part *part);
/* One place in the gate is given up; who waits for the last one is told. */
void server_part_exit(struct server_part *part);

/* ---- listener.c ------------------------------------------------------------------------------ */

/* One socket on each part. @address: "127.0.0.1:0". */
int listeners_open(struct tether_server *server, const char *address, uint16_t *port);
/* A socket that listens already; it is the server's from then on, unless this fails. */
int listeners_adopt(struct tether_server *server, int fd);
/* Takes in what waits, then closes. */
void listeners_close(struct server_part *part);
/* A descriptor has come free. */
void listeners_resume(struct server_part *part);
void listeners_init(struct server_part *part);

/* ---- h3_server.c, h3_call.c: the same over HTTP/3. Arguments are checked already ---------------
 */

int h3_listeners_open(struct tether_server *server, const char *address, uint16_t *port);
void h3_part_drain(struct server_part *part);
int h3_call_reply(struct call *call, int status, const struct tether_field *fields, size_t n,
		  const void *data, size_t len);
int h3_call_begin(struct call *call, int status, const struct tether_field *fields, size_t n,
		  uint64_t length);
int h3_call_write(struct call *call, const void *data, size_t len);
int h3_call_finish(struct call *call);
void h3_call_continue(struct call *call);
void h3_call_cancel(struct call *call);
void h3_call_go_on(struct call *call);
const struct sockaddr *h3_call_peer(struct call *call);
/* The call is over. */
void h3_call_gone(struct call *call);

/* Goes on after it has changed, over whatever it came. */
static inline void call_go_on(struct call *call)
{
	if (call->h3)
		h3_call_go_on(call);
	else
		server_conn_go_on(call->sc);
}
