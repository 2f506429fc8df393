/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop: one thread's events, deadlines and objects. A program that wants more cores runs more
 * loops, each on its own thread, and gives them all to one server (SO_REUSEPORT spreads the
 * connections); loops talk to each other by tether_loop_post() only.
 */
#pragma once

#include <tether/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tether_loop;

/* Where memory comes from. resize(arg, NULL, n) allocates, resize(arg, p, 0) frees and returns
 * NULL, NULL otherwise means that there is none. Called on the loop's thread; by tether_loop_post()
 * on any. libuv's and GnuTLS's own allocations do not come through here. */
struct tether_alloc {
	void *(*resize)(void *arg, void *old, size_t bytes);
	void *arg;
};

/* What time it is, in nanoseconds, never backwards. With a clock of one's own nothing sleeps for a
 * deadline: they are looked at in each turn of the loop (tests turn the clock, then the loop). */
struct tether_clock {
	uint64_t (*now_ns)(void *arg);
	void *arg;
};

struct tether_loop_options {
	const struct tether_alloc *alloc; /* NULL: realloc() and free() */
	const struct tether_clock *clock; /* NULL: CLOCK_MONOTONIC, in milliseconds */
	size_t read_bytes;		  /* most that one read takes (64 KiB); one buffer a loop */
	size_t spare_blocks;		  /* request blocks of 8 KiB kept for reuse (256) */
};

/* What lives on a loop: at the end of a well-behaved program (or test) all are back at zero. */
struct tether_loop_counts {
	uint64_t scopes;
	uint64_t tasks;
	uint64_t conns;
	uint64_t leases;
	uint64_t bodies;
	uint64_t calls;
	uint64_t quic_conns;
	uint64_t streams;    /* QUIC streams whose handle is not given up */
	uint64_t quic_bytes; /* memory that ngtcp2 and nghttp3 hold */
	uint64_t threads;    /* of connections that have their own */
};

/* @options may be NULL. -ENOMEM, -EMFILE. The caller owns *@loop. */
TETHER_API int tether_loop_new(const struct tether_loop_options *options,
			       struct tether_loop **loop);

/* -EBUSY (and nothing freed) as long as something lives on it: shut servers and pools down, join
 * scopes, run the loop until it returns. NULL is fine. */
TETHER_API int tether_loop_free(struct tether_loop *loop);

/* Runs until tether_loop_stop(), or until there is nothing left to wait for. 1 if stopped, 0 if
 * nothing is left. The thread that runs a loop is the one that its objects may be used on. */
TETHER_API int tether_loop_run(struct tether_loop *loop);

/* One turn. @wait: sleep until something happens. 1 while there is something left to wait for. */
TETHER_API int tether_loop_turn(struct tether_loop *loop, bool wait);

/* Ends tether_loop_run() after the current turn. Any thread, and signal handlers. */
TETHER_API void tether_loop_stop(struct tether_loop *loop);

/* Runs fn(arg) once on the loop's thread. Any thread. -ENOMEM. */
TETHER_API int tether_loop_post(struct tether_loop *loop, void (*fn)(void *arg), void *arg);

/* The loop's clock. */
TETHER_API uint64_t tether_loop_now_ns(const struct tether_loop *loop);

TETHER_API struct tether_loop_counts tether_loop_count(const struct tether_loop *loop);

/* The uv_loop_t *, for a program that has other libuv handles. */
TETHER_API void *tether_loop_uv(struct tether_loop *loop);

#ifdef __cplusplus
}
#endif
