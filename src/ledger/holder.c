// SPDX-License-Identifier: BSD-2-Clause
/*
 * Holders: the (process, descriptor) pairs that can still reach a socket. Nearly always there is
 * one, which stands in the connection itself; dup, fork and descriptor passing chain more behind
 * it.
 */
#include <errno.h>
#include "ledger/internal.h"

static struct holder *holder_next(const struct ledger *led, const struct holder *h)
{
	return h->next ? slab_get(&led->holders, h->next) : NULL;
}

void holder_charge(struct ledger *led, const struct conn *c, int n)
{
	struct proc_entry *p = proc_at(led, c->holder.proc);

	if (p && c->role != LS_ROLE_LISTEN)
		p->pub.live += n;
}

/* Anybody may dup() one socket half a million times, and each row goes along all of them: who comes
 * after that many is not told apart. */
#define HOLDERS_MAX 1024

int holder_set(struct ledger *led, struct conn *c, uint32_t proc, int32_t fd)
{
	struct holder *h = &c->holder;
	uint32_t id, n = 1;

	if (!h->proc) {
		h->proc = proc;
		h->fd = fd;
		h->gen = led->gen;
		proc_ref(led, proc);
		holder_charge(led, c, 1);
		return 0;
	}
	for (;; h = holder_next(led, h), n++) {
		/* Until a snapshot shows it, the opener's descriptor may not be known. */
		if (h->proc == proc && (h->fd == fd || h->fd < 0)) {
			h->fd = fd;
			h->gen = led->gen;
			return 0;
		}
		if (!holder_next(led, h))
			break;
	}
	if (n >= HOLDERS_MAX)
		return 0;
	id = slab_alloc(&led->holders);
	if (!id)
		return -ENOMEM;
	h->next = id;
	h = slab_get(&led->holders, id);
	h->proc = proc;
	h->fd = fd;
	h->gen = led->gen;
	proc_ref(led, proc);
	return 0;
}

/* Takes the first holder away; the next one moves up. */
static void holder_shift(struct ledger *led, struct conn *c)
{
	uint32_t next = c->holder.next;
	struct holder *h = slab_get(&led->holders, next);

	holder_charge(led, c, -1);
	proc_unref(led, c->holder.proc);
	if (!h) {
		c->holder = (struct holder){ 0 };
		return;
	}
	c->holder = *h;
	slab_free(&led->holders, next);
	holder_charge(led, c, 1);
}

void holders_sweep(struct ledger *led, struct conn *c)
{
	struct holder *h, *n;
	uint32_t gone;

	while (c->holder.proc && c->holder.gen != led->gen)
		holder_shift(led, c);
	for (h = &c->holder; (n = holder_next(led, h));) {
		if (n->gen == led->gen) {
			h = n;
			continue;
		}
		gone = h->next;
		h->next = n->next;
		proc_unref(led, n->proc);
		slab_free(&led->holders, gone);
	}
}

void holders_clear(struct ledger *led, struct conn *c)
{
	while (c->holder.proc)
		holder_shift(led, c);
}

const struct holder *ledger_holder_next(const struct ledger *led, const struct holder *h)
{
	return holder_next(led, h);
}
