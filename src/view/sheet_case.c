// SPDX-License-Identifier: BSD-2-Clause
/*
 * The processes of an account. A long run has more of them than anybody reads: of those that have
 * ended and of which nothing was found, only the newest stay.
 */
#include "view/sheet_internal.h"

#include <Judy.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CASES_MAX      65536
#define CASES_INNOCENT 8192		    /* looked through once there are so many */
#define RECENT_NS      (10 * 1000000000ull) /* its end may still be told a second time */

int sheet_room(void **array, uint32_t n, uint32_t *room, uint32_t max, size_t size)
{
	uint32_t more = *room ? *room * 2 : 16;
	void *p;

	if (n < *room)
		return 0;
	if (n >= max)
		return -ENOSPC;
	p = reallocarray(*array, more, size);
	if (!p)
		return -ENOMEM;
	*array = p;
	*room = more;
	return 0;
}

static Word_t key_of(uint32_t pid, uint64_t start_ns)
{
	return (Word_t)(start_ns ^ (uint64_t)pid << 42);
}

static int index_set(struct sheet *s, uint32_t at)
{
	const struct proc_row *r = &s->owner[at].row;
	PPvoid_t slot = JudyLIns(&s->by_proc, key_of(r->pid, r->start_ns), PJE0);

	if (!slot || slot == PPJERR)
		return -ENOMEM;
	*slot = (void *)(uintptr_t)at;
	return 0;
}

struct sheet_case *case_find(struct sheet *s, const struct proc *p, uint32_t *at)
{
	PPvoid_t slot = JudyLGet(s->by_proc, key_of(p->pid, p->start_ns), PJE0);
	struct sheet_case *c;

	if (!slot)
		return NULL;
	*at = (uint32_t)(uintptr_t)*slot;
	c = &s->owner[*at];
	return c->row.pid == p->pid && c->row.start_ns == p->start_ns ? c : NULL;
}

/* Who was ended by a signal may yet be accused of that. */
static bool may_go(const struct sheet_case *c, uint64_t now_ns)
{
	return c->taken && !c->guilty && !(c->row.exit_code & 0x7f) &&
	       c->end_ns + RECENT_NS < now_ns;
}

/* The others move up, and what names them with them. */
static int forget_innocent(struct sheet *s, uint64_t now_ns)
{
	uint32_t *moved = calloc(s->owners, sizeof(*moved)), i, n = 0;
	int err = 0;

	if (!moved)
		return -ENOMEM;
	JudyLFreeArray(&s->by_proc, PJE0);
	for (i = 0; i < s->owners; i++) {
		moved[i] = n;
		if (may_go(&s->owner[i], now_ns)) {
			s->forgotten++;
			continue;
		}
		s->owner[n++] = s->owner[i];
		if (index_set(s, n - 1))
			err = -ENOMEM;
	}
	s->owners = n;
	for (i = 0; i < s->entries; i++)
		s->entry[i].owner = moved[s->entry[i].owner];
	free(moved);
	return err;
}

static int find_room(struct sheet *s, uint64_t now_ns)
{
	int err = 0;

	if (s->owners >= CASES_INNOCENT && s->owners >= s->look_at) {
		err = forget_innocent(s, now_ns);
		s->look_at = s->owners + CASES_INNOCENT / 2;
	}
	return err
		       ?: sheet_room((void **)&s->owner, s->owners, &s->owner_room, CASES_MAX,
				     sizeof(*s->owner));
}

int case_get(struct sheet *s, const struct view_input *in, uint32_t proc, uint32_t *at)
{
	const struct proc *p = ledger_proc(in->ledger, proc);
	struct sheet_case *c = p ? case_find(s, p, at) : NULL;
	int err;

	if (c)
		return 0;
	if (!p)
		return -ENOENT;
	err = find_room(s, in->now_ns);
	if (err)
		return err;
	c = &s->owner[s->owners];
	*c = (struct sheet_case){ .end_ns = p->exit_ns, .exec_ns = p->exec_ns };
	row_fill(&c->row, in, proc);
	err = index_set(s, s->owners);
	if (err)
		return err;
	*at = s->owners++;
	s->totals.processes++;
	s->totals.opened += p->opened;
	return 0;
}

void cases_fini(struct sheet *s)
{
	free(s->owner);
	JudyLFreeArray(&s->by_proc, PJE0);
}
