/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The drain gate: how many are inside and whether it is closing, in one word: (count << 1) |
 * draining. Each change is one atomic operation that sees both, so that exactly one operation makes
 * the word 1 (closing, nobody inside), and that one notifies. Any thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gate {
	_Atomic uint64_t word;
};

/* False once draining has begun: whoever comes then is to go away. */
bool gate_enter(struct gate *gate);

/* True for the one that has to notify: the last one out of a gate that is closing. */
bool gate_leave(struct gate *gate);

/* Begins to drain. @empty: nobody was inside, the caller has to notify. False: it has begun before.
 */
bool gate_drain(struct gate *gate, bool *empty);

static inline uint64_t gate_count(const struct gate *gate)
{
	return atomic_load_explicit(&gate->word, memory_order_relaxed) >> 1;
}

static inline bool gate_draining(const struct gate *gate)
{
	return atomic_load_explicit(&gate->word, memory_order_acquire) & 1;
}
