/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that stand still: stopped by a signal, held by a debugger, frozen with their cgroup.
 *
 * Such a one cannot close, read or accept, so time in which it stood still shows no bug of its own.
 * Those who wait for it are stuck all the same, and must be told why.
 */
#include "verdict/rules.h"

/* When all who hold @c last stood still at once. */
static bool stopped(const struct ledger *led, const struct conn *c, uint64_t *from_ns,
		    uint64_t *to_ns)
{
	const struct holder *h;
	const struct proc *p;

	*from_ns = 0;
	*to_ns = UINT64_MAX;
	if (!c->holder.proc)
		return false;
	for (h = &c->holder; h; h = ledger_holder_next(led, h)) {
		p = ledger_proc(led, h->proc);
		if (!p || !p->stopped_to_ns)
			return false;
		if (p->stopped_from_ns > *from_ns)
			*from_ns = p->stopped_from_ns;
		if (p->stopped_to_ns < *to_ns)
			*to_ns = p->stopped_to_ns;
	}
	return *from_ns <= *to_ns;
}

bool stopped_weigh(const struct rule_ctx *x, const struct conn *c, uint32_t class, struct match *m)
{
	uint64_t after_ns = x->t->after_ns[class], from_ns, to_ns;

	if (!stopped(x->led, c, &from_ns, &to_ns))
		return true;
	/* It had time enough before, or has had it since. */
	if (from_ns >= m->since_ns + after_ns || lasted(x, to_ns, after_ns))
		return true;
	if (to_ns < x->seen_ns || rules[class].text.kind == VERDICT_LEAK)
		return false;
	m->certain = false;
	return true;
}

bool stopped_now(const struct ledger *led, uint32_t proc)
{
	const struct proc *p = ledger_proc(led, proc);

	return p && p->stopped_to_ns && p->stopped_to_ns >= ledger_totals(led)->snapshot_time_ns;
}
