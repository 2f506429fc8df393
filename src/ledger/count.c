// SPDX-License-Identifier: BSD-2-Clause
/*
 * A program's own account of its connections, against what it told of each and what the kernel has.
 *
 * Numbers that are compared while they move differ all the time, and who looks late does not know
 * what was there before. So what stands still from one snapshot to the next is taken as what it is,
 * and whoever judges asks for how long the numbers have stood.
 */
#include <errno.h>
#include <string.h>
#include "ledger/internal.h"

#define GAUGES_EACH 256 /* for one process: a counter a thread is meant */

static struct gauge *gauge_at(const struct ledger *led, uint32_t id)
{
	return slab_get(&led->gauges, id);
}

/* A counter has a number of its own, or is one of its thread; a drain has its number. */
static struct gauge *gauge_get(struct ledger *led, struct streams_entry *e,
			       const struct ls_stream_conn *rec)
{
	bool drains = rec->what != LS_STREAM_CONN_COUNT;
	uint32_t tid = drains || rec->conn ? 0 : rec->who.tid, id;
	struct gauge *g;

	for (id = e->gauge; id; id = g->next) {
		g = gauge_at(led, id);
		if (g->of == rec->conn && g->tid == tid && g->library == rec->library &&
		    g->drains == drains)
			return g;
	}
	id = e->gauges < GAUGES_EACH ? slab_alloc(&led->gauges) : 0;
	if (!id)
		return NULL;
	g = gauge_at(led, id);
	g->of = rec->conn;
	g->tid = tid;
	g->library = rec->library;
	g->drains = drains;
	g->next = e->gauge;
	e->gauge = id;
	e->gauges++;
	return g;
}

void gauges_drop(struct ledger *led, struct streams_entry *e)
{
	uint32_t next;

	for (; e->gauge; e->gauge = next) {
		next = gauge_at(led, e->gauge)->next;
		slab_free(&led->gauges, e->gauge);
	}
	e->gauges = 0;
}

static void drain_applies(struct streams_entry *e, struct gauge *g,
			  const struct ls_stream_conn *rec)
{
	struct drain *d = &e->pub.drain;

	switch (rec->what) {
	case LS_STREAM_DRAIN_BEGIN:
		g->begun++;
		d->begun++;
		d->begun_ns = rec->hdr.time_ns;
		d->waits += g->begun == g->done + 1;
		break;
	case LS_STREAM_DRAIN_REFUSED:
		d->refused++;
		break;
	case LS_STREAM_DRAIN_DONE:
		d->done++;
		d->done_ns = rec->hdr.time_ns;
		d->waits -= g->begun == g->done + 1;
		/* The first may be that of one that began before we looked. */
		if (++g->done <= (g->begun ? g->begun : 1))
			break;
		if (!d->twice++)
			d->twice_ns = rec->hdr.time_ns;
		d->twice_of = g->of;
		d->twice_sure |= g->begun > 0;
		break;
	}
}

static void counter_applies(struct streams_entry *e, struct gauge *g, uint64_t value)
{
	uint64_t step = value > g->value ? value - g->value : g->value - value;

	/* One that is told of each change moves by one. */
	if (g->told && step != 1)
		e->jumps = true;
	e->pub.count.says += value - g->value;
	g->value = value;
	g->told = true;
}

/* Nothing was open before we looked: the program began since, and counts from the first. */
static bool counts_from_birth(const struct ledger *led, const struct streams_entry *e,
			      const struct ls_stream_conn *rec)
{
	const struct proc *p = &proc_at(led, e->pub.proc)->pub;
	uint64_t born_ns = p->exec_ns > p->start_ns ? p->exec_ns : p->start_ns;

	return rec->value <= 1 && born_ns >= led->totals.start_ns;
}

int count_apply(struct ledger *led, struct streams_entry *e, const struct ls_stream_conn *rec)
{
	struct gauge *g = gauge_get(led, e, rec);

	if (!g)
		return -ENOMEM;
	if (!g->drains) {
		if (!e->counted)
			e->calibrated = counts_from_birth(led, e, rec);
		else if (!g->told)
			e->calibrated &= rec->value <= 1; /* one more, with what it had */
		e->counted = true;
		counter_applies(e, g, rec->value);
	} else {
		drain_applies(e, g, rec);
	}
	return 0;
}

static void count_add(uint64_t of[COUNT_OF_MAX], uint8_t role, int n)
{
	of[COUNT_ALL] += n;
	if (role == LS_ROLE_SERVER)
		of[COUNT_ACCEPTED] += n;
	else if (role == LS_ROLE_CLIENT)
		of[COUNT_CONNECTED] += n;
}

void count_open(struct streams_entry *e, uint8_t role, int n)
{
	count_add(e->open, role, n);
	if (n > 0)
		count_add(e->ever, role, n);
}

void count_gone(struct streams_entry *e, uint8_t role, int n)
{
	count_add(e->gone, role, n);
}

/* What it says may be the number of those that it accepted, that it opened, or of all: whichever
 * fits acquits. */
static enum count_state compare(const struct streams_entry *e)
{
	int64_t says = (int64_t)e->pub.count.says;
	enum count_state state = COUNT_DIFFERS;
	unsigned int of;

	for (of = 0; of < COUNT_OF_MAX; of++) {
		int64_t told = (int64_t)e->open[of], here = told - (int64_t)e->gone[of];
		/* Of a kind that it has none of, it counts none. */
		bool base = e->calibrated && (e->ever[of] || !e->ever[COUNT_ALL]);

		if (says == here || (base && says == here + e->base[of]))
			return COUNT_SAME;
		if (says == told || (base && says == told + e->base[of]))
			state = COUNT_GONE;
	}
	return e->calibrated ? state : COUNT_SAME;
}

void count_settle(struct streams_entry *e, uint64_t now_ns)
{
	struct count *c = &e->pub.count, was = e->settled;
	unsigned int of = e->open[COUNT_ACCEPTED] ? COUNT_ACCEPTED : COUNT_ALL;

	c->told = e->open[of];
	c->gone = e->gone[of];
	c->before = e->calibrated ? e->base[of] : 0;
	of = e->ever[COUNT_ACCEPTED] ? COUNT_ACCEPTED : COUNT_ALL;
	if (e->open[of] > e->gone[of])
		e->pub.drain.empty_ns = 0;
	else if (!e->pub.drain.empty_ns)
		e->pub.drain.empty_ns = now_ns;
	if (!e->counted)
		return;
	c->state = compare(e);
	c->sure = !e->jumps && e->calibrated && !e->base[of];
	if (c->state != was.state)
		c->since_ns = now_ns;
	if (c->state != was.state || c->says != e->settled.says || c->told != was.told ||
	    c->gone != was.gone)
		c->changed_ns = now_ns;
	e->settled = *c;
}

void count_tick(struct streams_entry *e, uint64_t now_ns)
{
	bool moved = e->moved;
	unsigned int of;

	e->moved = false;
	if (!moved && !e->calibrated && e->counted) {
		for (of = 0; of < COUNT_OF_MAX; of++)
			e->base[of] = (int64_t)e->pub.count.says - (int64_t)e->open[of];
		e->calibrated = true;
	}
	count_settle(e, now_ns);
}
