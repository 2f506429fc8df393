/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All deadlines of a loop, in one pairing heap inside of their owners: setting one cannot fail. It
 * knows nothing of clocks; its owner says what time it is.
 *
 * A deadline that moves to a later time stays where it stands, and is put right when its old time
 * comes. A connection that serves requests moves its deadline several times a request and almost
 * always to a later time: that costs one store.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DEADLINE_NONE UINT64_MAX

struct deadline {
	struct deadline *child, *next;
	struct deadline *prev; /* sibling before it, or the parent of the first child */
	uint64_t at_ns;	       /* when it is due */
	uint64_t queued_ns;    /* where it stands in the heap: never later than at_ns */
	void (*fire)(struct deadline *deadline);
	bool queued;
};

struct deadlines {
	struct deadline *root;
};

void deadline_init(struct deadline *d, void (*fire)(struct deadline *d));

/* @at_ns: DEADLINE_NONE for none. */
void deadline_set(struct deadlines *all, struct deadline *d, uint64_t at_ns);

/* Out of the heap; must come before its memory goes. */
void deadline_drop(struct deadlines *all, struct deadline *d);

/* Fires what is due, in order. It may set and drop whatever it likes meanwhile. */
void deadlines_run(struct deadlines *all, uint64_t now_ns);

/* When to look again, at the latest; DEADLINE_NONE if there is none. */
static inline uint64_t deadlines_next(const struct deadlines *all)
{
	return all->root ? all->root->queued_ns : DEADLINE_NONE;
}
