/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client: a pool of connections, leases of them, and what is asked over a lease.
 *
 *      acquire ──► lease ──► exchange ──► body ──► end
 *
 * A lease is the right to use one connection (one stream, in HTTP/3). An exchange uses it up: from
 * then on the *body* owns the connection and the deadline, and the lease's handle is dead. That the
 * head of a response has come changes neither. However a body ends (read to its end, ended by the
 * caller, deadline, scope cancelled, connection lost) it ends in one place, which gives the
 * connection back if it is clean and closes it if not.
 */
#pragma once

#include <tether/base.h>
#include <tether/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tether_loop;
struct tether_pool;
struct tether_tls;

struct tether_lease {
	struct tether_loop *loop;
	uint64_t id;
};

struct tether_body {
	struct tether_loop *loop;
	uint64_t id;
};

/* Where to. Connections are shared between destinations that are equal in all of these. */
struct tether_dest {
	const char *host; /* name or address, at most 255 bytes */
	uint16_t port;
	struct tether_tls *tls; /* NULL: plain. The pool keeps a reference. */
	bool h3; /* over HTTP/3, which needs tls: a lease is then a place on a shared connection */
};

struct tether_pool_options {
	size_t active;	   /* 64: connections in use, a destination */
	size_t idle;	   /* 16: kept unused, a destination */
	size_t total;	   /* 1024: connections of the pool */
	size_t waiters;	   /* 1024: queued acquires, a destination; more are refused with -EAGAIN */
	size_t dests;	   /* 1024: destinations; those without connections are forgotten */
	uint64_t requests; /* 0: no limit but the lifetime: on one connection */

	uint64_t connect_ns;	 /* 10 s: name, TCP and TLS */
	uint64_t idle_ns;	 /* 60 s: below what servers keep */
	uint64_t lifetime_ns;	 /* 30 min, each connection ±10 % */
	uint64_t held_ns;	 /* 60 s: a lease older than this is reported to @late once */
	uint64_t backoff_ns;	 /* 100 ms: first pause after a failed connect, doubled, ±50 % */
	uint64_t backoff_max_ns; /* 10 s */
	size_t header_bytes;	 /* 32 KiB: of a response, at most 60 KiB */

	/* Each connection has a reader and a writer thread that block in the kernel, in place of
	 * the loop's polling. Callbacks stay on the loop's thread; the figures are worse. For
	 * programs whose connections are to be seen by tools that look at threads. */
	bool threads;

	/* A connection is held (by a lease, then its body) for longer than held_ns, and once more
	 * when it is given back after all. @lease: its handle, over if it was used. @stack: return
	 * addresses of the acquire, innermost first, for the program to symbolize.
	 */
	void (*late)(struct tether_lease lease, uint64_t held_ns, bool returned, void *const *stack,
		     size_t depth, void *arg);
	void *arg;
};

struct tether_pool_stats {
	uint64_t active, idle, waiting, connecting; /* now */
	uint64_t connects, connect_errors, reuses;
	uint64_t evicted; /* idle ones that the peer ended, or that broke the silence */
	uint64_t expired; /* by idle_ns, lifetime_ns or requests */
	uint64_t acquire_timeouts, late;
	uint64_t replays; /* requests that were sent again, as their idle connection had died */
};

/* @options may be NULL. -EINVAL, -ERANGE, -ENOMEM. The caller owns *@pool. */
TETHER_API int tether_pool_new(struct tether_loop *loop, const struct tether_pool_options *options,
			       struct tether_pool **pool);

/* Refuses new acquires (-ESHUTDOWN), ends the waiting ones, closes idle connections; then done(arg)
 * when the last body and lease has ended, after at most @grace_ns, and the pool is freed. */
TETHER_API int tether_pool_shutdown(struct tether_pool *pool, uint64_t grace_ns,
				    void (*done)(void *arg), void *arg);

TETHER_API struct tether_pool_stats tether_pool_stats(const struct tether_pool *pool);

/* Waits, as long as @scope lives, for a connection: an idle one (the one used last), a new one, or
 * the first that is given back (oldest waiter first). Then got(lease, status, arg), exactly once;
 * never before this function returns. With a status other than 0 the lease is over: -ETIMEDOUT or
 * -ECANCELED of the scope, -ECONNREFUSED and its like, -EHOSTUNREACH: no such name, -EPROTO: TLS.
 * *@lease, unless NULL, can be ended while it waits; got() is then not called.
 * -EAGAIN: too many wait already; -EBADF: @scope; -ESHUTDOWN; -EINVAL; -ENOMEM. */
TETHER_API int tether_pool_acquire(struct tether_pool *pool, const struct tether_dest *dest,
				   struct tether_scope scope,
				   void (*got)(struct tether_lease lease, int status, void *arg),
				   void *arg, struct tether_lease *lease);

/* The same at once, where that needs no waiting: 0 and a lease if a connection is idle and nobody
 * waits for one, -EAGAIN if not; other errors as above. No callback, no system call, no memory. */
TETHER_API int tether_pool_try_acquire(struct tether_pool *pool, const struct tether_dest *dest,
				       struct tether_scope scope, struct tether_lease *lease);

/* Gives an unused lease back. @reuse: the connection is as good as before. -EBADF: it is over, or
 * an exchange has taken it. */
TETHER_API int tether_lease_end(struct tether_lease lease, bool reuse);

struct tether_request {
	const char *method;    /* NULL: "GET" */
	const char *target;    /* "/path?query" */
	const char *authority; /* NULL: Host from the destination */
	const struct tether_field *fields;
	size_t n_fields;
	const void *data; /* body, copied where it cannot be sent at once */
	uint64_t length;  /* of data; with data NULL: streamed by tether_body_write() */

	/* An idle connection may die in the moment that it is used again. A request that is not
	 * streamed, and has no more than 1 MiB, is then sent once more, on another connection, if
	 * nothing of it had been sent, or if not a byte of an answer came and its method is safe to
	 * repeat (GET, HEAD, OPTIONS, PUT, DELETE, TRACE), or this says that the request is. */
	bool replay;
};

struct tether_body_events {
	/* The head of the response is there. May be NULL. */
	void (*head)(struct tether_body body, int status, void *arg);
	/* The exchange is over, whoever ended it: exactly once, and last. @why: 0 after the last
	 * byte was read, -ECANCELED (by the caller or the scope), -ETIMEDOUT, -ECONNRESET,
	 * -EPROTO: no HTTP, -EMSGSIZE: head too large. The handle is dead by then. */
	void (*end)(struct tether_body body, int why, void *arg);
};

/* Sends @request over @lease, and has the answer by @within_ns from now or not at all: the deadline
 * is for all of it, the last byte of the body included, and never later than that of the lease's
 * scope, which the body now belongs to. No callback comes before this function has returned.
 * -EBADF, -EINVAL, -ERANGE, -ENOMEM: the lease is as it was. */
TETHER_API int tether_exchange(struct tether_lease lease, const struct tether_request *request,
			       uint64_t within_ns, const struct tether_body_events *events,
			       void *arg, struct tether_body *body);

/* A piece of a streamed request; -EAGAIN and tether_body_drained() as with tether_call_write(). */
TETHER_API int tether_body_write(struct tether_body body, const void *data, size_t len);
TETHER_API int tether_body_drained(struct tether_body body,
				   void (*drained)(struct tether_body body, void *arg), void *arg);
TETHER_API int tether_body_finish(struct tether_body body);

/* Of the response, from the head callback on. Texts live as long as the body. Status 0: none yet.
 */
TETHER_API int tether_body_status(struct tether_body body);
TETHER_API struct tether_text tether_body_header(struct tether_body body, const char *name);
TETHER_API int tether_body_header_at(struct tether_body body, size_t i, struct tether_text *name,
				     struct tether_text *value);
TETHER_API uint64_t tether_body_length(struct tether_body body);

/* Asks for the next piece: got(body, data, len, arg) once, with @data living during the callback,
 * which may ask for more. @len 0 is the end of the body, and end(0) follows. As long as nobody asks
 * nothing is read and the server is held back; the deadline goes on. -EBADF, -EALREADY. */
TETHER_API int tether_body_read(struct tether_body body,
				void (*got)(struct tether_body body, const void *data, size_t len,
					    void *arg),
				void *arg);

/* Ends it, read or not; end(-ECANCELED) comes from inside. The connection goes back to the pool if
 * the response was read to its end, and is closed if not. -EBADF: it is over. */
TETHER_API int tether_body_end(struct tether_body body);

#ifdef __cplusplus
}
#endif
