/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults on purpose. In libtether-faulty (TETHER_FAULTS) the variable TETHER_FAULT names one bug of
 * docs/DESIGN.md, and the library commits it:
 *
 *      TETHER_FAULT=reader|expect|half-close|cancel-early|cancel-never|drain-race[:every=N][:seed=S]
 *
 * and says on standard error what it has leaked. In the release library fault_hit() is the constant
 * false, and nothing of this is left in it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tether_loop;

enum fault {
	FAULT_NONE = 0,
	FAULT_READER,
	FAULT_EXPECT,
	FAULT_HALF_CLOSE,
	FAULT_CANCEL_EARLY,
	FAULT_CANCEL_NEVER,
	FAULT_DRAIN_RACE,
};

#ifdef TETHER_FAULTS

struct fault_plan {
	enum fault fault;
	uint64_t every; /* 1 in so many */
	uint64_t seen;
	uint64_t random;
};

void fault_load(struct fault_plan *plan);
/* Is it to be committed here and now? Writes the ground truth: which, and the ids it leaks. */
bool fault_hit(struct tether_loop *loop, enum fault fault, uint64_t id, uint64_t second_id);

#else

struct fault_plan {
	char none[1];
};

static inline void fault_load(struct fault_plan *plan)
{
	(void)plan;
}

static inline bool fault_hit(struct tether_loop *loop, enum fault fault, uint64_t id,
			     uint64_t second_id)
{
	(void)loop;
	(void)fault;
	(void)id;
	(void)second_id;
	return false;
}

#endif
