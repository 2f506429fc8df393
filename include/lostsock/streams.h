/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The lostsock stream protocol, for any program in C or C++: copy this file, nothing else is needed
 * but <sys/sdt.h> (systemtap-sdt-dev). docs/STREAMS.md says what to call when.
 *
 * In one source file of the program, before it is included:
 *
 *	#define LOSTSOCK_STREAMS_DEFINE
 *	#include "streams.h"
 *
 * While nobody listens, a call costs a load and a branch, and its arguments are not computed beyond
 * what the caller does. Calls are safe from any thread and any context that may trap.
 */
#ifndef LOSTSOCK_STREAMS_H
#define LOSTSOCK_STREAMS_H

#include <stdint.h>

/* sys/sdt.h reads this once: where a program has other probes, these go first, or it says the same
 * before it includes sys/sdt.h itself. */
#if defined(_SYS_SDT_H) && !defined(_SDT_HAS_SEMAPHORES)
#error "include lostsock/streams.h before sys/sdt.h, or define _SDT_HAS_SEMAPHORES before both"
#endif
#ifndef _SDT_HAS_SEMAPHORES
#define _SDT_HAS_SEMAPHORES 1
#endif
#include <sys/sdt.h>

enum lostsock_role {
	LOSTSOCK_SERVER = 1,
	LOSTSOCK_CLIENT = 2,
};

enum lostsock_proto {
	LOSTSOCK_OTHER = 0,
	LOSTSOCK_HTTP1 = 1,
	LOSTSOCK_HTTP2 = 2,
	LOSTSOCK_QUIC = 3,
};

/* Of a stream; they may be added. */
enum lostsock_kind {
	LOSTSOCK_OURS = 0,
	LOSTSOCK_PEERS = 1, /* the peer opened it */
	LOSTSOCK_UNI = 2,   /* one direction only */
};

/* How a side of a stream was closed. */
enum lostsock_how {
	LOSTSOCK_ENDED = 1,	/* all was read; or written, and its end as well */
	LOSTSOCK_RESET = 2,	/* by the peer */
	LOSTSOCK_CANCELLED = 3, /* by us */
	LOSTSOCK_LOST = 4,	/* with its connection */
};

#define LOSTSOCK_NO_STREAM UINT64_MAX

#define LOSTSOCK_PROBES(X)     \
	X(conn_open)           \
	X(conn_close)          \
	X(conn_count)          \
	X(stream_open)         \
	X(stream_read_closed)  \
	X(stream_write_closed) \
	X(stream_release)      \
	X(stream_free)         \
	X(stream_blocked)      \
	X(drain_begin)         \
	X(drain_refused)       \
	X(drain_done)

#ifdef __cplusplus
extern "C" {
#endif

/* Raised by the kernel while somebody listens. */
#define LOSTSOCK_DECLARE(name) extern volatile unsigned short tether_##name##_semaphore;
LOSTSOCK_PROBES(LOSTSOCK_DECLARE)
#undef LOSTSOCK_DECLARE

#ifdef LOSTSOCK_STREAMS_DEFINE
/* Weak, so that two copies in one program (a library and what uses it) are one. */
#define LOSTSOCK_SEMAPHORE(name) \
	__attribute__((weak,     \
		       section(".probes"))) volatile unsigned short tether_##name##_semaphore = 0;
LOSTSOCK_PROBES(LOSTSOCK_SEMAPHORE)
#undef LOSTSOCK_SEMAPHORE
#endif

/* Whether it is worth while to find out what a call would need: an address, a cookie. */
#define LOSTSOCK_LISTENS(name) __builtin_expect(tether_##name##_semaphore, 0)

/* A connection: @conn is any number but 0 that no other connection has while it lives. @fd,
 * @cookie: its socket's, SO_COOKIE; -1 and 0 where they are not known. For QUIC, those of the UDP
 * socket. */
static inline void lostsock_conn_open(uint64_t conn, int fd, uint64_t cookie,
				      enum lostsock_role role, enum lostsock_proto proto)
{
	if (LOSTSOCK_LISTENS(conn_open))
		DTRACE_PROBE5(tether, conn_open, conn, (int64_t)fd, cookie, (uint64_t)role,
			      (uint64_t)proto);
}

/* All its streams are gone with it. @why: 0, or a negative errno. */
static inline void lostsock_conn_close(uint64_t conn, int why)
{
	if (LOSTSOCK_LISTENS(conn_close))
		DTRACE_PROBE2(tether, conn_close, conn, (int64_t)why);
}

/* The program's own counter of the connections it has accepted; one for each thread that calls. */
static inline void lostsock_conn_count(uint64_t open)
{
	if (LOSTSOCK_LISTENS(conn_count))
		DTRACE_PROBE1(tether, conn_count, open);
}

/* @id: the stream's number in its connection. @kind: a sum of enum lostsock_kind. */
static inline void lostsock_stream_open(uint64_t conn, uint64_t id, unsigned int kind)
{
	if (LOSTSOCK_LISTENS(stream_open))
		DTRACE_PROBE3(tether, stream_open, conn, id, (uint64_t)kind);
}

static inline void lostsock_stream_read_closed(uint64_t conn, uint64_t id, enum lostsock_how how)
{
	if (LOSTSOCK_LISTENS(stream_read_closed))
		DTRACE_PROBE3(tether, stream_read_closed, conn, id, (uint64_t)how);
}

static inline void lostsock_stream_write_closed(uint64_t conn, uint64_t id, enum lostsock_how how)
{
	if (LOSTSOCK_LISTENS(stream_write_closed))
		DTRACE_PROBE3(tether, stream_write_closed, conn, id, (uint64_t)how);
}

/* The program has given it up: what is left is for the peer to do. */
static inline void lostsock_stream_release(uint64_t conn, uint64_t id)
{
	if (LOSTSOCK_LISTENS(stream_release))
		DTRACE_PROBE2(tether, stream_release, conn, id);
}

/* It is gone: its memory, and the place for another. */
static inline void lostsock_stream_free(uint64_t conn, uint64_t id)
{
	if (LOSTSOCK_LISTENS(stream_free))
		DTRACE_PROBE2(tether, stream_free, conn, id);
}

/* The peer takes no more of what is written. */
static inline void lostsock_stream_blocked(uint64_t conn, uint64_t id)
{
	if (LOSTSOCK_LISTENS(stream_blocked))
		DTRACE_PROBE3(tether, stream_blocked, conn, id, (uint64_t)2);
}

/* A stream was wanted, and the peer's limit allows none. Tell it at each try. */
static inline void lostsock_stream_starved(uint64_t conn)
{
	if (LOSTSOCK_LISTENS(stream_blocked))
		DTRACE_PROBE3(tether, stream_blocked, conn, LOSTSOCK_NO_STREAM, (uint64_t)1);
}

/* A server, or a part of one, takes no more connections, and has so many left. @what: its number.
 */
static inline void lostsock_drain_begin(uint64_t what, uint64_t open)
{
	if (LOSTSOCK_LISTENS(drain_begin))
		DTRACE_PROBE2(tether, drain_begin, what, open);
}

static inline void lostsock_drain_refused(uint64_t what)
{
	if (LOSTSOCK_LISTENS(drain_refused))
		DTRACE_PROBE1(tether, drain_refused, what);
}

/* The last one has gone: once for each time that it began. */
static inline void lostsock_drain_done(uint64_t what)
{
	if (LOSTSOCK_LISTENS(drain_done))
		DTRACE_PROBE1(tether, drain_done, what);
}

#ifdef __cplusplus
}
#endif

#endif
