// SPDX-License-Identifier: BSD-2-Clause
/*
 * Indexes of numbers, by libJudy. It may need memory to take a key out, and then leaves it in: so
 * the number goes first, and a key without one counts as not there.
 */
#include "ledger/internal.h"

uint32_t index_get(Pcvoid_t index, Word_t key)
{
	PPvoid_t slot = JudyLGet(index, key, PJE0);

	return slot ? (uint32_t)(uintptr_t)*slot : 0;
}

void index_drop(Pvoid_t *index, Word_t key)
{
	PPvoid_t slot = JudyLGet(*index, key, PJE0);

	if (!slot)
		return;
	*slot = NULL;
	JudyLDel(index, key, PJE0);
}
