// SPDX-License-Identifier: BSD-2-Clause
/*
 * Streams. No kernel keeps a clock of them: that one is open, or half open, for long proves
 * nothing. A request's sender closes its side and waits; whoever answers may take hours (a feed, a
 * slow report), and that looks as this does from the other end.
 *
 * So a stream is accused where its state has no use in it: the answer's side is closed and the
 * question's is not, or its program has released it. And where records were lost, only of more
 * streams than those could explain.
 */
#include "verdict/judgement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* So many of one site, none of which was ever settled so late, are no coincidence. */
#define CERTAIN_MIN 10
#define CERTAIN_NS  (30 * NS_S)
#define GROWTH_MIN  10

/* How a stream that stands half open looks. */
enum half {
	HALF_NONE = 0,
	HALF_WAITS,    /* asked, and not answered yet; or it answers still */
	HALF_ANSWERED, /* the answer's side is closed, the question's is not */
	HALF_RELEASED, /* the program is done with it, and the peer has not let it go */
};

static enum half half_of(const struct stream *s, uint64_t *since_ns)
{
	*since_ns = s->release_ns;
	if (s->release_ns)
		return HALF_RELEASED;
	if (!stream_half_open(s))
		return HALF_NONE;
	*since_ns = stream_half_ns(s);
	return stream_answered(s) ? HALF_ANSWERED : HALF_WAITS;
}

/* Whether the stream's own program can be believed about it. */
static bool judgeable(const struct rule_ctx *x, const struct stream *s)
{
	const struct carrier *c = ledger_carrier(x->led, s->carrier);

	/* With its socket gone, nothing is left that it could hold up. */
	return c && !(s->flags & STREAM_DOUBTED) && !(c->flags & CARRIER_GONE);
}

/* Whether the records of @s may be among those that were lost. */
static bool unsure(const struct rule_ctx *x, const struct stream *s)
{
	return s->open_ns <= ledger_totals(x->led)->lost_ns;
}

/* ---- stream-half-open */

static uint64_t certain_ns(const struct rule_ctx *x)
{
	uint64_t after_ns = x->t->after_ns[VERDICT_STREAM_HALF_OPEN];

	return after_ns > CERTAIN_NS ? after_ns : CERTAIN_NS;
}

/* Answered, and its program ends by itself: nobody is left to end the other side. That is so
 * whenever it began, unless somebody asks for just this. */
static bool left_half(const struct rule_ctx *x, const struct stream *s, uint64_t since_ns)
{
	const struct carrier *c = ledger_carrier(x->led, s->carrier);
	uint64_t after_ns = x->t->given[VERDICT_STREAM_HALF_OPEN]
				    ? x->t->after_ns[VERDICT_STREAM_HALF_OPEN]
				    : 0;

	return c->proc == x->ending && ns_since(x->now_ns, since_ns) >= after_ns;
}

static bool half_accused(const struct rule_ctx *x, const struct stream *s, struct stream_accused *a)
{
	uint64_t after_ns = x->t->after_ns[VERDICT_STREAM_HALF_OPEN];
	enum half half = half_of(s, &a->since_ns);

	a->at_end = x->ending && half == HALF_ANSWERED && left_half(x, s, a->since_ns);
	if (half == HALF_NONE || (!a->at_end && !lasted(x, a->since_ns, after_ns)))
		return false;
	/* An answer may take as long as it likes, unless somebody asks for just this. */
	if (half == HALF_WAITS && !x->t->given[VERDICT_STREAM_HALF_OPEN])
		return false;
	a->carrier = s->carrier;
	a->site = s->site;
	a->unsure = unsure(x, s);
	a->strong = a->at_end || (half == HALF_ANSWERED && lasted(x, a->since_ns, certain_ns(x)));
	return true;
}

static int by_site(const void *a, const void *b)
{
	const struct stream_accused *x = a, *y = b;

	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	if (x->carrier != y->carrier)
		return x->carrier < y->carrier ? -1 : 1;
	if (x->since_ns != y->since_ns)
		return x->since_ns < y->since_ns ? -1 : 1;
	return (x->stream > y->stream) - (x->stream < y->stream);
}

/* Whether any at @site that had been half open for @for_ns was settled after all. */
static bool settles_late(const struct rule_ctx *x, uint32_t site, uint64_t for_ns)
{
	const struct stream_site *s = ledger_stream_site(x->led, site);
	unsigned int i;

	if (!s)
		return true;
	for (i = 0; i < AGE_BUCKETS; i++) {
		uint64_t upper_ns = i == AGE_BUCKETS - 1 ? UINT64_MAX : (2ull << i) * NS_S;

		if (upper_ns > for_ns && s->settle_ns[i])
			return true;
	}
	return false;
}

/* A program that mostly tells nonsense is no witness. */
static bool believable(const struct rule_ctx *x, uint32_t carrier)
{
	const struct carrier *c = ledger_carrier(x->led, carrier);
	const struct proc_streams *p = c ? ledger_proc_streams(x->led, c->proc) : NULL;

	return p && p->nonsense * 10 <= p->opened;
}

static int add_half_open(const struct rule_ctx *x, struct judgement *j,
			 const struct stream_accused *first, uint32_t count, bool certain)
{
	const struct carrier *c = ledger_carrier(x->led, first->carrier);

	return judgement_add(j, &(struct finding){
					.class = VERDICT_STREAM_HALF_OPEN,
					.certain = certain && believable(x, first->carrier),
					.at_end = first->at_end,
					.conn = ledger_carrier_conn(x->led, c),
					.stream = first->stream,
					.stream_site = first->site,
					.carrier = first->carrier,
					.proc = c->proc,
					.count = count,
					.since_ns = first->since_ns,
				});
}

/* Whether so many of one site, [@from, @to), are no coincidence. Of a program that ends, those that
 * it would have settled in a moment are not told apart by their age, but by whether it settles any
 * that late; and it may have been told to end. */
static bool site_certain(const struct rule_ctx *x, const struct streams *st, uint32_t from,
			 uint32_t to)
{
	uint64_t for_ns = x->t->after_ns[VERDICT_STREAM_HALF_OPEN];
	const struct stream_accused *a = &st->accused[from];
	uint64_t oldest_ns = x->now_ns;
	uint32_t strong = 0, i;

	for (i = from; i < to; i++) {
		strong += st->accused[i].strong;
		if (st->accused[i].since_ns < oldest_ns)
			oldest_ns = st->accused[i].since_ns;
	}
	if (a->at_end && ledger_proc(x->led, x->ending)->asked)
		return false;
	if (a->at_end && ns_since(x->now_ns, oldest_ns) < for_ns)
		for_ns = ns_since(x->now_ns, oldest_ns);
	return strong >= CERTAIN_MIN && !settles_late(x, a->site, for_ns);
}

/* The accused of one site, [@from, @to): a finding a connection. */
static int judge_site(const struct rule_ctx *x, struct judgement *j, const struct streams *st,
		      uint32_t from, uint32_t to)
{
	bool certain = site_certain(x, st, from, to);
	uint32_t strong = 0, i, first = from;
	int err = 0;

	for (i = from; i < to && !err; i++) {
		strong += st->accused[i].strong;
		if (i + 1 < to && st->accused[i + 1].carrier == st->accused[first].carrier)
			continue;
		err = add_half_open(x, j, &st->accused[first], i + 1 - first,
				    certain && strong * 2 > i + 1 - first);
		first = i + 1;
		strong = 0;
	}
	return err;
}

/* Lost records explain no more streams than they are; which ones, nobody knows. Those that stood
 * when something was lost are taken back, the youngest of a site first. */
static void acquit_unsure(const struct rule_ctx *x, struct streams *st)
{
	uint64_t left = records_lost(x);
	uint32_t i, kept = 0;

	if (!ledger_totals(x->led)->lost_ns || !left)
		return;
	for (i = st->n; i-- && left;)
		if (st->accused[i].unsure) {
			st->accused[i].carrier = 0;
			left--;
		}
	for (i = 0; i < st->n; i++)
		if (st->accused[i].carrier)
			st->accused[kept++] = st->accused[i];
	st->n = kept;
}

static int judge_half_open(const struct rule_ctx *x, struct judgement *j, struct streams *st)
{
	uint32_t from, to;
	int err = 0;

	if (st->n)
		qsort(st->accused, st->n, sizeof(*st->accused), by_site);
	acquit_unsure(x, st);
	for (from = 0; from < st->n && !err; from = to) {
		for (to = from + 1; to < st->n && st->accused[to].site == st->accused[from].site;)
			to++;
		err = judge_site(x, j, st, from, to);
	}
	return err;
}

/* ---- stream-growth */

/* Streams of a connection that is older than the window: a stream or two for each new connection
 * is a server that fills. */
static void growth_counts(const struct rule_ctx *x, struct streams *st, const struct stream *s,
			  uint32_t id)
{
	uint64_t window_ns = x->t->after_ns[VERDICT_STREAM_GROWTH], since_ns;
	const struct carrier *c = ledger_carrier(x->led, s->carrier);
	struct stream_growth *g;
	uint64_t third;

	if (!st->growing || !s->site || s->site >= st->site_end || unsure(x, s) ||
	    !lasted(x, c->open_ns, window_ns))
		return;
	g = &st->growth[s->site];
	third = ns_since(x->seen_ns, s->open_ns) / (window_ns / 3 + 1);
	if (third < 9)
		g->opened[third]++;
	if (!lasted(x, s->open_ns, window_ns / 3))
		return;
	g->old++;
	g->done += half_of(s, &since_ns) == HALF_RELEASED || stream_shut(s);
	if (g->oldest && s->open_ns >= g->oldest_ns)
		return;
	g->oldest = id;
	g->oldest_ns = s->open_ns;
}

static bool growth_is_certain(const struct rule_ctx *x, const struct stream_growth *g,
			      const struct stream_site *site, uint64_t window_ns)
{
	/* What is open on both sides may be in use, and what waits may be answered. */
	return g->done * 5ull >= g->old * 4ull &&
	       window_ns >= rules[VERDICT_STREAM_GROWTH].text.bare_min_ns &&
	       watched(x, 3 * window_ns) && rises_throughout(g->opened + 3) &&
	       rises_throughout(g->opened + 6) &&
	       !old_ended(x, site->free_ns, window_ns, 3 * window_ns);
}

static int judge_growth(const struct rule_ctx *x, struct judgement *j, const struct streams *st)
{
	uint64_t window_ns = x->t->after_ns[VERDICT_STREAM_GROWTH];
	uint32_t id;
	int err = 0;

	for (id = 1; st->growing && id < st->site_end && !err; id++) {
		const struct stream_site *site = ledger_stream_site(x->led, id);
		const struct stream_growth *g = &st->growth[id];
		const struct stream *s = ledger_stream(x->led, g->oldest);

		if (!site || !s || !rises_throughout(g->opened) ||
		    old_ended(x, site->free_ns, window_ns, window_ns))
			continue;
		err = judgement_add(
			j, &(struct finding){
				   .class = VERDICT_STREAM_GROWTH,
				   .certain = growth_is_certain(x, g, site, window_ns) &&
					      believable(x, s->carrier),
				   .conn = ledger_carrier_conn(x->led,
							       ledger_carrier(x->led, s->carrier)),
				   .stream = g->oldest,
				   .stream_site = id,
				   .carrier = s->carrier,
				   .proc = site->proc,
				   .count = g->old,
				   .since_ns = s->open_ns,
			   });
	}
	return err;
}

/* ---- stream-starved */

/* The program tries, and none can be opened. Once proves nothing: it may have given up, and nobody
 * tells that credit came. What it holds half open itself explains it. */
static int judge_starved(const struct rule_ctx *x, struct judgement *j, const struct streams *st)
{
	uint64_t after_ns = x->t->after_ns[VERDICT_STREAM_STARVED];
	uint32_t end = ledger_carrier_end(x->led), id;
	int err = 0;

	for (id = 1; id < end && !err; id++) {
		const struct carrier *c = ledger_carrier(x->led, id);

		if (!c || !c->starved_ns || (c->flags & (CARRIER_CLOSED | CARRIER_GONE)))
			continue;
		if (!lasted(x, c->starved_ns, after_ns) ||
		    c->starved_ns <= ledger_totals(x->led)->lost_ns)
			continue;
		err = judgement_add(j, &(struct finding){
					       .class = VERDICT_STREAM_STARVED,
					       .certain = id < st->carrier_end && c->own &&
							  st->own_stuck[id] * 2ull >= c->own,
					       .conn = ledger_carrier_conn(x->led, c),
					       .carrier = id,
					       .proc = c->proc,
					       .count = 1,
					       .since_ns = c->starved_ns,
				       });
	}
	return err;
}

/* ---- all of them */

static int streams_begin(struct streams *st, const struct rule_ctx *x)
{
	uint64_t window_ns = x->t->after_ns[VERDICT_STREAM_GROWTH];

	st->n = 0;
	st->site_end = ledger_stream_site_end(x->led);
	st->carrier_end = ledger_carrier_end(x->led);
	st->growing = window_ns && watched(x, window_ns);
	if (array_reserve(&st->growth, &st->growth_cap, st->site_end, sizeof(*st->growth)) ||
	    array_reserve(&st->own_stuck, &st->own_cap, st->carrier_end, sizeof(*st->own_stuck)))
		return -ENOMEM;
	memset(st->growth, 0, st->site_end * sizeof(*st->growth));
	memset(st->own_stuck, 0, st->carrier_end * sizeof(*st->own_stuck));
	return 0;
}

static int judge_stream(const struct rule_ctx *x, struct streams *st, uint32_t id)
{
	const struct stream *s = ledger_stream(x->led, id);
	struct stream_accused a = { .stream = id };

	if (!s || !judgeable(x, s))
		return 0;
	if (!half_accused(x, s, &a)) {
		growth_counts(x, st, s, id);
		return 0;
	}
	if (array_reserve(&st->accused, &st->cap, st->n + 1, sizeof(*st->accused)))
		return -ENOMEM;
	st->accused[st->n++] = a;
	st->own_stuck[s->carrier] += stream_ours(s) && a.strong;
	return 0;
}

int streams_judge(struct streams *st, const struct rule_ctx *x, struct judgement *j)
{
	uint32_t end = ledger_stream_end(x->led), id;
	int err = 0;

	if (ledger_carrier_end(x->led) > 1) {
		err = streams_begin(st, x);
		for (id = 1; id < end && !err; id++)
			err = judge_stream(x, st, id);
		if (!err)
			err = judge_half_open(x, j, st);
		if (!err)
			err = judge_growth(x, j, st);
		if (!err)
			err = judge_starved(x, j, st);
	}
	return err ? err : miscounts_judge(x, j);
}

void streams_fini(struct streams *st)
{
	free(st->accused);
	free(st->growth);
	free(st->own_stuck);
	*st = (struct streams){ 0 };
}
