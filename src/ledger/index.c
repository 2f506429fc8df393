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

uint32_t index_alloc(Pvoid_t *index, Word_t key, struct slab *slab)
{
	uint32_t id = slab_alloc(slab);
	PPvoid_t slot;

	if (!id)
		return 0;
	slot = JudyLIns(index, key, PJE0);
	if (!slot || slot == PPJERR) {
		slab_free(slab, id);
		return 0;
	}
	*slot = (void *)(uintptr_t)id;
	return id;
}

void index_drop(Pvoid_t *index, Word_t key)
{
	PPvoid_t slot = JudyLGet(*index, key, PJE0);

	if (!slot)
		return;
	*slot = NULL;
	JudyLDel(index, key, PJE0);
}
