// SPDX-License-Identifier: BSD-2-Clause
/* The heap of deadlines (deadline.h). Pairing: meld is the only operation that orders. */
#include "deadline.h"

#include <stddef.h>

static struct deadline *meld(struct deadline *a, struct deadline *b)
{
	struct deadline *tmp;

	if (!a || !b)
		return a ? a : b;
	if (b->queued_ns < a->queued_ns) {
		tmp = a;
		a = b;
		b = tmp;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	a->child = b;
	a->next = a->prev = NULL;
	return a;
}

/* Melds the children of a root that goes: in pairs from the left, then the pairs from the right. */
static struct deadline *meld_all(struct deadline *first)
{
	struct deadline *pairs = NULL, *root = NULL, *a, *b;

	while (first) {
		a = first;
		b = a->next;
		first = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		a = pairs;
		pairs = a->next;
		a->next = NULL;
		root = meld(root, a);
	}
	return root;
}

static void detach(struct deadlines *all, struct deadline *d)
{
	struct deadline *sub = meld_all(d->child);

	if (d == all->root) {
		all->root = sub;
	} else {
		if (d->prev->child == d)
			d->prev->child = d->next;
		else
			d->prev->next = d->next;
		if (d->next)
			d->next->prev = d->prev;
		all->root = meld(all->root, sub);
	}
	d->child = d->next = d->prev = NULL;
	d->queued = false;
}

static void attach(struct deadlines *all, struct deadline *d)
{
	d->queued_ns = d->at_ns;
	d->queued = true;
	all->root = meld(all->root, d);
}

void deadline_init(struct deadline *d, void (*fire)(struct deadline *d))
{
	*d = (struct deadline){ .at_ns = DEADLINE_NONE, .fire = fire };
}

void deadline_set(struct deadlines *all, struct deadline *d, uint64_t at_ns)
{
	d->at_ns = at_ns;
	if (d->queued && d->queued_ns <= at_ns)
		return;
	if (d->queued)
		detach(all, d);
	if (at_ns != DEADLINE_NONE)
		attach(all, d);
}

void deadline_drop(struct deadlines *all, struct deadline *d)
{
	d->at_ns = DEADLINE_NONE;
	if (d->queued)
		detach(all, d);
}

void deadlines_run(struct deadlines *all, uint64_t now_ns)
{
	struct deadline *d;

	while ((d = all->root) && d->queued_ns <= now_ns) {
		detach(all, d);
		/* It has moved since: to its own place, so that all fire in their order. */
		if (d->at_ns != d->queued_ns) {
			if (d->at_ns != DEADLINE_NONE)
				attach(all, d);
			continue;
		}
		d->at_ns = DEADLINE_NONE;
		d->fire(d);
	}
}
