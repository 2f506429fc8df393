// SPDX-License-Identifier: BSD-2-Clause
/*
 * Shapes: how the kernel knows a stack again without copying it.
 *
 * Every word of the copy that equals one of the stack's return addresses is part of its shape, not
 * only those that the unwinder found: which of two equal words it found, it does not say, and the
 * other may be a leftover of an earlier call. With all of them in it the true ones are, too: where
 * all are unchanged, the unwinder would go the same way.
 */
#include <stdlib.h>
#include <string.h>
#include "source/live_stack.h"

/* What was taught about one process, to be taken back when it ends. */
struct live_taught {
	uint32_t n, room;
	struct ls_shape_key keys[];
};

static void key_of(struct ls_shape_key *key, const struct ls_copy *copy)
{
	*key = (struct ls_shape_key){ .pid = copy->who.pid };
#if defined(__x86_64__)
	key->sp = copy->regs[7];
	key->ip = copy->regs[16];
#elif defined(__aarch64__)
	key->lr = copy->regs[30];
	key->sp = copy->regs[31];
	key->ip = copy->regs[32];
#endif
}

/* Which of the addresses is it? -1: none. */
static int which(const struct live_known *known, uint64_t word)
{
	uint32_t i;

	for (i = 1; i < known->depth; i++)
		if (known->ip[i] == word)
			return i;
	return -1;
}

static uint64_t bit_of(uint64_t word)
{
	return 1ull << (word * 0x9e3779b97f4a7c15ull >> 58);
}

/* False where the stack cannot be known by its words. */
static bool shape_of(struct ls_shape *shape, const struct ls_shape_key *key, const uint64_t *memory,
		     size_t words, const struct live_known *known)
{
	uint64_t bits = 0, missing = 0;
	uint32_t i;
	size_t w;
	int k;

	for (i = 1; i < known->depth; i++) {
		bits |= bit_of(known->ip[i]);
		if (known->ip[i] != key->lr)
			missing |= 1ull << i;
	}
	for (w = 0; w < words; w++) {
		if (!(bits & bit_of(memory[w])))
			continue;
		k = which(known, memory[w]);
		if (k < 0)
			continue;
		if (shape->words == LS_SHAPE_WORDS)
			return false;
		shape->at[shape->words++] = w;
		shape->hash = ls_shape_mix(shape->hash, memory[w]);
		missing &= ~(1ull << k);
	}
	/* An address that stands twice in the list is found once, and is enough. */
	for (i = 1; i < known->depth; i++)
		if ((missing & 1ull << i) && which(known, known->ip[i]) == (int)i)
			return false;
	return shape->words > 0;
}

/* Where to put it: a place of its own number's, an empty one, or another's in turn. -1: it stands
 * there already. */
static int place(struct live_stacks *s, const struct ls_shapes *all, const struct ls_shape *shape)
{
	int i, empty = -1;

	for (i = 0; i < LS_SHAPES; i++) {
		if (!memcmp(&all->shape[i], shape, sizeof(*shape)))
			return -1;
		if (empty < 0 && !all->shape[i].words)
			empty = i;
	}
	return empty >= 0 ? empty : (int)(s->taught_at++ % LS_SHAPES);
}

static void note(struct live_stacks *s, const struct ls_shape_key *key)
{
	PPvoid_t slot = JudyLIns(&s->taught, key->pid, PJE0);
	struct live_taught *t, *more;
	uint32_t room;

	if (!slot || slot == PPJERR)
		return;
	t = *slot;
	if (!t || t->n == t->room) {
		room = t ? 2 * t->room : 4;
		more = realloc(t, sizeof(*t) + room * sizeof(t->keys[0]));
		if (!more)
			return; /* it stays in the map, and hardly any other process can match it */
		more->n = t ? more->n : 0;
		more->room = room;
		*slot = t = more;
	}
	t->keys[t->n++] = *key;
}

void live_shape_teach(struct live *live, const struct ls_copy *copy, const void *memory, size_t len,
		      int32_t number, const struct live_known *known)
{
	int fd = bpf_map__fd(live->skel->maps.shapes), at;
	struct ls_shape shape = { .stack = number };
	struct ls_shapes all = { 0 };
	struct ls_shape_key key;
	bool first;

	key_of(&key, copy);
	if (key.sp % 8 || len / 8 > UINT16_MAX)
		return;
	if (!shape_of(&shape, &key, memory, len / 8, known))
		return;
	first = bpf_map_lookup_elem(fd, &key, &all) != 0;
	at = place(live->stacks, &all, &shape);
	if (at < 0)
		return;
	all.shape[at] = shape;
	if (!bpf_map_update_elem(fd, &key, &all, BPF_ANY) && first)
		note(live->stacks, &key);
}

void live_shape_forget(struct live *live, uint32_t pid)
{
	int fd = bpf_map__fd(live->skel->maps.shapes);
	struct live_stacks *s = live->stacks;
	PPvoid_t slot = JudyLGet(s->taught, pid, PJE0);
	struct live_taught *t;
	uint32_t i;

	if (!slot || slot == PPJERR)
		return;
	t = *slot;
	for (i = 0; t && i < t->n; i++)
		bpf_map_delete_elem(fd, &t->keys[i]);
	free(t);
	JudyLDel(&s->taught, pid, PJE0);
}

void live_shapes_free(struct live_stacks *s)
{
	Word_t pid = 0;
	PPvoid_t slot;

	while ((slot = JudyLNext(s->taught, &pid, PJE0)))
		free(*slot);
	JudyLFreeArray(&s->taught, PJE0);
}
