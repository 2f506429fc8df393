// SPDX-License-Identifier: BSD-2-Clause
/*
 * Accounts that do not come out: a program's own counter of its connections, against those that it
 * told of and that the kernel has; and a drain that ends twice, or too early, or never.
 *
 * Numbers are compared only when they have stood still: a counter and what it counts never change
 * in the same moment.
 */
#include "verdict/judgement.h"

/* By how much the counter is off. */
static uint64_t off_by(const struct count *c)
{
	int64_t by = (int64_t)(c->says - (c->told - c->gone)) - c->before;

	return (uint64_t)(by < 0 ? -by : by);
}

static bool count_differs(const struct rule_ctx *x, const struct proc_streams *p, struct finding *f)
{
	const struct count *c = &p->count;
	uint64_t by = off_by(c);

	if (c->state != COUNT_GONE && c->state != COUNT_DIFFERS)
		return false;
	if (!lasted(x, c->changed_ns, x->t->after_ns[VERDICT_MISCOUNT]) || by <= records_lost(x))
		return false;
	f->count = by > UINT32_MAX ? UINT32_MAX : (uint32_t)by;
	f->certain = c->sure && c->state == COUNT_DIFFERS;
	f->since_ns = c->since_ns;
	return true;
}

/* Whether the drains of @p are over, and connections that were there before still are. They may be
 * another server's, which does not drain: so its counter acquits, and nothing is certain. */
static bool drained_early(const struct rule_ctx *x, const struct proc_streams *p, struct finding *f)
{
	const struct drain *d = &p->drain;
	uint64_t here = p->count.told - p->count.gone;

	if (!d->begun || d->done < d->begun || !here || here <= records_lost(x))
		return false;
	if (p->count.state != COUNT_UNKNOWN && p->count.says == here)
		return false;
	if (!lasted(x, d->done_ns, x->t->after_ns[VERDICT_MISCOUNT]))
		return false;
	f->count = here > UINT32_MAX ? UINT32_MAX : (uint32_t)here;
	f->since_ns = d->done_ns;
	return true;
}

/* Nothing is left, and nobody was told: who waits for that waits for ever. That nothing is left its
 * own counter says, too; without one, all of its connections must have been seen to begin. */
static bool never_told(const struct rule_ctx *x, const struct proc_streams *p, struct finding *f)
{
	const struct proc *proc = ledger_proc(x->led, p->proc);
	const struct drain *d = &p->drain;
	bool counts = p->count.state != COUNT_UNKNOWN, born;

	if (!d->waits || !d->empty_ns || !proc || records_lost(x))
		return false;
	born = proc->start_ns >= ledger_totals(x->led)->start_ns;
	if (counts ? p->count.says != 0 : !born)
		return false;
	f->since_ns = d->begun_ns > d->empty_ns ? d->begun_ns : d->empty_ns;
	if (!lasted(x, f->since_ns, x->t->after_ns[VERDICT_MISCOUNT]))
		return false;
	f->count = d->waits;
	f->certain = counts;
	return true;
}

static bool miscounts(const struct rule_ctx *x, const struct proc_streams *p, struct finding *f)
{
	const struct drain *d = &p->drain;

	/* What happened has happened: it needs no threshold, and stands for as long as it runs. */
	if (d->twice) {
		f->count = d->twice;
		f->certain = d->twice_sure && !records_lost(x);
		f->since_ns = d->twice_ns;
		return true;
	}
	return count_differs(x, p, f) || drained_early(x, p, f) || never_told(x, p, f);
}

int miscounts_judge(const struct rule_ctx *x, struct judgement *j)
{
	uint32_t end = ledger_proc_end(x->led), id;
	int err = 0;

	for (id = 1; id < end && !err; id++) {
		const struct proc_streams *p = ledger_proc_streams(x->led, id);
		struct finding f = { .class = VERDICT_MISCOUNT, .proc = id };

		if (p && miscounts(x, p, &f))
			err = judgement_add(j, &f);
	}
	return err;
}
