// SPDX-License-Identifier: BSD-2-Clause
/* The drain gate (gate.h). */
#include "gate.h"

bool gate_enter(struct gate *gate)
{
	uint64_t word = atomic_load_explicit(&gate->word, memory_order_relaxed);

	do {
		if (word & 1)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&gate->word, &word, word + 2, memory_order_acq_rel, memory_order_relaxed));
	return true;
}

bool gate_leave(struct gate *gate)
{
	return atomic_fetch_sub_explicit(&gate->word, 2, memory_order_acq_rel) == 3;
}

bool gate_drain(struct gate *gate, bool *empty)
{
	uint64_t word = atomic_fetch_or_explicit(&gate->word, 1, memory_order_acq_rel);

	*empty = word == 0;
	return !(word & 1);
}
