// SPDX-License-Identifier: BSD-2-Clause
/* What is kept on a loop: memory, blocks for requests in flight, and the table of handles. */
#include <errno.h>
#include <string.h>

#include "core.h"

#define SLOT_BITS 20
#define SLOT_MASK ((1u << SLOT_BITS) - 1)

void *mem_resize(struct tether_loop *loop, void *old, size_t bytes)
{
	return loop->alloc.resize(loop->alloc.arg, old, bytes);
}

void *mem_new(struct tether_loop *loop, size_t bytes)
{
	void *p = mem_resize(loop, NULL, bytes);

	return p ? memset(p, 0, bytes) : NULL;
}

void mem_free(struct tether_loop *loop, void *old)
{
	if (old)
		mem_resize(loop, old, 0);
}

void *block_take(struct tether_loop *loop)
{
	void *block = loop->blocks;

	if (!block)
		return mem_resize(loop, NULL, BLOCK_BYTES);
	memcpy(&loop->blocks, block, sizeof(void *));
	loop->n_blocks--;
	return block;
}

void block_give(struct tether_loop *loop, void *block)
{
	if (!block)
		return;
	if (loop->n_blocks >= loop->max_blocks) {
		mem_free(loop, block);
		return;
	}
	memcpy(block, &loop->blocks, sizeof(void *));
	loop->blocks = block;
	loop->n_blocks++;
}

/* ---- handles: | loop 12 | generation 32 | slot 20 | ------------------------------------------ */

static bool slots_grow(struct tether_loop *loop)
{
	uint32_t n = loop->n_slots ? loop->n_slots * 2 : 64, i;
	struct slot *slots;

	if (n > SLOT_MASK + 1)
		return false;
	slots = mem_resize(loop, loop->slots, n * sizeof(*slots));
	if (!slots)
		return false;
	/* The first one stays empty: 0 ends the list of free ones, and is no id. */
	for (i = loop->n_slots ? loop->n_slots : 1; i < n; i++)
		slots[i] = (struct slot){ .next_free = i + 1 < n ? i + 1 : 0 };
	slots[0] = (struct slot){ .kind = SLOT_FREE };
	loop->free_slot = loop->n_slots ? loop->n_slots : 1;
	loop->slots = slots;
	loop->n_slots = n;
	return true;
}

uint64_t slot_take(struct tether_loop *loop, enum slot_kind kind, void *object)
{
	struct slot *slot;
	uint32_t i;

	if (!loop->free_slot && !slots_grow(loop))
		return 0;
	i = loop->free_slot;
	slot = &loop->slots[i];
	loop->free_slot = slot->next_free;
	slot->object = object;
	slot->kind = kind;
	slot->generation++;
	loop->live[kind]++;
	return loop->id_base | (uint64_t)slot->generation << SLOT_BITS | i;
}

static struct slot *slot_of(struct tether_loop *loop, uint64_t id)
{
	struct slot *slot;

	if ((id & SLOT_MASK) >= loop->n_slots)
		return NULL;
	slot = &loop->slots[id & SLOT_MASK];
	if ((loop->id_base | (uint64_t)slot->generation << SLOT_BITS | (id & SLOT_MASK)) != id)
		return NULL;
	return slot;
}

void *slot_find(struct tether_loop *loop, enum slot_kind kind, uint64_t id)
{
	struct slot *slot = loop ? slot_of(loop, id) : NULL;

	return slot && slot->kind == kind ? slot->object : NULL;
}

void slot_give(struct tether_loop *loop, uint64_t id)
{
	struct slot *slot = id ? slot_of(loop, id) : NULL;

	if (!slot || slot->kind == SLOT_FREE)
		return;
	loop->live[slot->kind]--;
	slot->kind = SLOT_FREE;
	slot->object = NULL;
	slot->next_free = loop->free_slot;
	loop->free_slot = id & SLOT_MASK;
}

struct tether_loop_counts tether_loop_count(const struct tether_loop *loop)
{
	return (struct tether_loop_counts){
		.scopes = loop->live[SLOT_SCOPE],
		.tasks = loop->live[SLOT_TASK],
		.conns = loop->live[SLOT_CONN],
		.leases = loop->live[SLOT_LEASE],
		.bodies = loop->live[SLOT_BODY],
		.calls = loop->live[SLOT_CALL],
		.quic_conns = loop->live[SLOT_QUIC],
		.streams = loop->live[SLOT_STREAM],
		.quic_bytes = loop->quic_bytes,
		.threads = loop->live[SLOT_THREAD],
	};
}
