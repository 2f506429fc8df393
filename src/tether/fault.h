/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults on purpose. In libtether-faulty (TETHER_FAULTS) the variable TETHER_FAULT names one bug of
 * docs/DESIGN.md, and the library commits it:
 *
 *      TETHER_FAULT=reader|expect|half-close|cancel-early|cancel-never|drain-race|drain-never[:every=N][:seed=S]
 *
 * and says what it has leaked: a line of JSON each, appended to the file that TETHER_FAULT_LOG
 * names, or on standard error. In the release library nothing of this is left.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct tether_loop;

enum fault {
	FAULT_NONE = 0,
	FAULT_READER,
	FAULT_EXPECT,
	FAULT_HALF_CLOSE,
	FAULT_CANCEL_EARLY,
	FAULT_CANCEL_NEVER,
	FAULT_DRAIN_RACE,
	FAULT_DRAIN_NEVER,
};

#ifdef TETHER_FAULTS

struct fault_plan {
	enum fault fault;
	uint64_t every; /* 1 in so many */
	uint64_t seen;
	uint64_t random;
};

void fault_load(struct fault_plan *plan);
/* Is it to be committed now? */
bool fault_due(struct tether_loop *loop, enum fault fault);
/* The ground truth. @count: how many connections it is about. @conn: one of them, or NULL. */
void fault_log(enum fault fault, const struct conn *conn, uint64_t count);
/* Both, for faults that are committed where they are decided. */
bool fault_hit(struct conn *conn, enum fault fault);
/* The same for a stream of a QUIC connection. @cookie: of its UDP socket. */
bool fault_stream(struct tether_loop *loop, enum fault fault, uint64_t conn, uint64_t cookie,
		  uint64_t stream);
/* Waits for what never comes, with no end of its own. */
void fault_park(void);
/* The last connection but @open has left @part of a server that drains: says so twice. */
void fault_drain(struct tether_loop *loop, uint64_t part, uint64_t open);
/* The last of all has left a server that drains: is nobody to hear of it? */
bool fault_forget(struct tether_loop *loop);

#else

struct fault_plan {
	char none[1];
};

static inline void fault_load(struct fault_plan *plan)
{
	(void)plan;
}

static inline bool fault_hit(struct conn *conn, enum fault fault)
{
	(void)conn;
	(void)fault;
	return false;
}

static inline bool fault_stream(struct tether_loop *loop, enum fault fault, uint64_t conn,
				uint64_t cookie, uint64_t stream)
{
	(void)loop;
	(void)fault;
	(void)conn;
	(void)cookie;
	(void)stream;
	return false;
}

static inline void fault_park(void)
{
}

static inline void fault_drain(struct tether_loop *loop, uint64_t part, uint64_t open)
{
	(void)loop;
	(void)part;
	(void)open;
}

static inline bool fault_forget(struct tether_loop *loop)
{
	(void)loop;
	return false;
}

#endif
