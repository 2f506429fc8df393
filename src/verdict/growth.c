/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Growth: telling a leak from a pool that warms up and a server that fills.
 *
 * A number that rises proves nothing. What a leak shows, and the healthy do not, is all of this at
 * once: it goes on rising in every third of the window, nothing old ever closes, and the old stand
 * idle while new ones are opened beside them. A pool opens a new one only when all others are in
 * use; a chat sends to its old connections as to the new.
 */
#include "verdict/judgement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROWTH_MIN  10		/* fewer new ones than this in a window are no growth */
#define EXCHANGE_NS (30 * NS_S) /* silence between a request and its answer is use */

bool watched(const struct rule_ctx *x, uint64_t for_ns)
{
	uint64_t start_ns = ledger_totals(x->led)->start_ns;

	return lasted(x, start_ns ? start_ns : 1, for_ns);
}

bool old_ended(const struct rule_ctx *x, const uint64_t ends[AGE_BUCKETS], uint64_t window_ns,
	       uint64_t for_ns)
{
	unsigned int i;

	for (i = 0; i < AGE_BUCKETS; i++) {
		uint64_t upper_ns = i == AGE_BUCKETS - 1 ? UINT64_MAX : (2ull << i) * NS_S;

		if (upper_ns > window_ns / 2 && ends[i] && ends[i] + for_ns > x->seen_ns)
			return true;
	}
	return false;
}

bool rises_throughout(const uint32_t thirds[3])
{
	uint64_t sum = (uint64_t)thirds[0] + thirds[1] + thirds[2];
	unsigned int i;

	for (i = 0; i < 3; i++)
		if (thirds[i] * 5ull < sum)
			return false;
	return sum >= GROWTH_MIN;
}

/* ---- connections by site */

static bool site_may_grow(const struct growth *g, const struct rule_ctx *x, const struct site *s)
{
	if (s->live < GROWTH_MIN || s->role == LS_ROLE_LISTEN)
		return false;
	/* An AF_UNIX server's side is its clients' doing; a socketpair only serves. */
	if (s->family == AF_UNIX && s->role != LS_ROLE_CLIENT)
		return false;
	return !old_ended(x, s->close_ns, g->window_ns, g->window_ns);
}

int growth_begin(struct growth *g, const struct rule_ctx *x)
{
	uint32_t end = ledger_site_end(x->led), id;
	const struct site *s;

	g->window_ns = x->t->after_ns[VERDICT_GROWTH];
	g->n = g->site_end = 0;
	if (!g->window_ns || !watched(x, g->window_ns))
		return 0;
	if (array_reserve(&g->of_site, &g->site_cap, end, sizeof(*g->of_site)))
		return -ENOMEM;
	for (id = 0; id < end; id++) {
		g->of_site[id] = 0;
		s = ledger_site(x->led, id);
		if (!s || !site_may_grow(g, x, s))
			continue;
		if (array_reserve(&g->sites, &g->cap, g->n + 1, sizeof(*g->sites)))
			return -ENOMEM;
		g->sites[g->n] = (struct growth_site){ .site = id };
		g->of_site[id] = ++g->n;
	}
	g->site_end = end;
	return 0;
}

static struct growth_site *site_of(struct growth *g, const struct conn *c)
{
	if (!g->n || c->site >= g->site_end || !g->of_site[c->site])
		return NULL;
	return &g->sites[g->of_site[c->site] - 1];
}

/* Opened before the last third of the window. */
static bool is_old(const struct growth *g, const struct rule_ctx *x, const struct conn *c)
{
	return (c->flags & CONN_AT_LEAST) || lasted(x, c->open_ns, g->window_ns / 3);
}

/* Asked and not answered: in use, for as long as an answer may take. In a short window many are. */
static bool in_exchange(const struct rule_ctx *x, const struct conn *c)
{
	if (lasted(x, conn_active_ns(c), EXCHANGE_NS))
		return false;
	return c->role == LS_ROLE_CLIENT ? c->send_ns > c->recv_ns : c->recv_ns > c->send_ns;
}

static bool is_idle(const struct growth *g, const struct rule_ctx *x, const struct conn *c)
{
	return lasted(x, conn_active_ns(c), g->window_ns / 3) && !in_exchange(x, c);
}

void growth_count(struct growth *g, const struct rule_ctx *x, uint32_t id, const struct conn *c)
{
	struct growth_site *s = site_of(g, c);
	uint64_t third;

	if (!s)
		return;
	if (!(c->flags & CONN_AT_LEAST)) {
		third = ns_since(x->seen_ns, c->open_ns) / (g->window_ns / 3 + 1);
		if (third < 9)
			s->opened[third]++;
	}
	if (!is_old(g, x, c))
		return;
	s->old++;
	if (!is_idle(g, x, c))
		return;
	s->idle++;
	if (s->oldest && c->open_ns >= s->oldest_ns)
		return;
	s->oldest = id;
	s->oldest_ns = c->open_ns;
	s->at_least = c->flags & CONN_AT_LEAST;
}

/* It went on for three windows that are not too short for that, and on the one kind of connection
 * that says when it was used, and that only we can end. */
static bool growth_certain(const struct growth *g, const struct rule_ctx *x,
			   const struct growth_site *s, const struct site *site)
{
	if (site->role != LS_ROLE_CLIENT || site->proto != IPPROTO_TCP)
		return false;
	if (g->window_ns < rules[VERDICT_GROWTH].text.bare_min_ns)
		return false;
	return watched(x, 3 * g->window_ns) && rises_throughout(s->opened + 3) &&
	       rises_throughout(s->opened + 6) &&
	       !old_ended(x, site->close_ns, g->window_ns, 3 * g->window_ns);
}

static int growth_judge(const struct growth *g, const struct rule_ctx *x, struct growth_site *s,
			struct judgement *j)
{
	const struct conn *example = ledger_conn(x->led, s->oldest);
	const struct site *site = ledger_site(x->led, s->site);
	struct finding f;

	if (!s->idle || !example || !site || !rises_throughout(s->opened))
		return 0;
	if (s->idle * 5ull < s->old * 4ull)
		return 0;
	s->grows = true;
	f = (struct finding){
		.class = VERDICT_GROWTH,
		.certain = growth_certain(g, x, s, site),
		.at_least = s->at_least,
		.conn = s->oldest,
		.site = s->site,
		.proc = conn_charged(x->led, example),
		.count = s->idle,
		.since_ns = s->oldest_ns,
	};
	return judgement_add(j, &f);
}

static void growth_mark(struct growth *g, const struct rule_ctx *x, struct judgement *j)
{
	uint32_t id;

	for (id = 0; id < j->conn_end; id++) {
		const struct conn *c = j->conns[id] ? NULL : ledger_conn(x->led, id);
		const struct growth_site *s = c && (c->flags & CONN_SEEN) ? site_of(g, c) : NULL;

		if (s && s->grows && c->state != STATE_LISTEN && is_old(g, x, c) &&
		    is_idle(g, x, c))
			j->conns[id] = VERDICT_GROWTH;
	}
}

int growth_end(struct growth *g, const struct rule_ctx *x, struct judgement *j)
{
	bool any = false;
	uint32_t i;
	int err;

	for (i = 0; i < g->n; i++) {
		err = growth_judge(g, x, &g->sites[i], j);
		if (err)
			return err;
		any |= g->sites[i].grows;
	}
	if (any)
		growth_mark(g, x, j);
	return 0;
}

void growth_fini(struct growth *g)
{
	free(g->sites);
	free(g->of_site);
	*g = (struct growth){ 0 };
}

/* ---- threads by process */

/* The slot of the newest snapshot not after @time_ns, PROC_TREND if the trend begins later. */
static uint32_t trend_slot(const struct proc *p, uint64_t time_ns)
{
	uint32_t i;

	for (i = p->trend_len; i--;)
		if (p->trend_ns[i] <= time_ns)
			return i;
	return PROC_TREND;
}

static uint32_t rise(const uint32_t *trend, uint32_t from, uint32_t to)
{
	return trend[to] > trend[from] ? trend[to] - trend[from] : 0;
}

static bool threads_grow(const struct rule_ctx *x, const struct proc *p, struct finding *f)
{
	uint64_t window_ns = x->t->after_ns[VERDICT_TASK_GROWTH];
	uint32_t slot[4], thirds[3], threads, conns, i;

	if (p->exit_ns || p->threads_started < p->threads_ended + GROWTH_MIN)
		return false;
	for (i = 0; i < 4; i++) {
		slot[i] = trend_slot(p, x->seen_ns - window_ns * i / 3);
		if (slot[i] == PROC_TREND)
			return false;
	}
	for (i = 0; i < 3; i++)
		thirds[i] = rise(p->thread_trend, slot[i + 1], slot[i]);
	if (!rises_throughout(thirds) || old_ended(x, p->thread_end_ns, window_ns, window_ns))
		return false;
	/* A thread for each connection, and connections still come: a server that fills. If those
	 * are leaked, they are accused themselves. */
	threads = rise(p->thread_trend, slot[3], slot[0]);
	conns = rise(p->trend, slot[3], slot[0]);
	if (threads < conns + GROWTH_MIN)
		return false;
	f->count = threads - conns;
	f->since_ns = p->trend_ns[slot[3]];
	return true;
}

int growth_threads(const struct rule_ctx *x, struct judgement *j)
{
	uint64_t window_ns = x->t->after_ns[VERDICT_TASK_GROWTH];
	uint32_t end = ledger_proc_end(x->led), id;
	const struct proc *p;
	int err;

	if (!window_ns || x->seen_ns < window_ns || !watched(x, window_ns))
		return 0;
	for (id = 0; id < end; id++) {
		struct finding f = {
			.class = VERDICT_TASK_GROWTH,
			.at_least = true,
			.proc = id,
		};

		p = ledger_proc(x->led, id);
		if (!p || !threads_grow(x, p, &f))
			continue;
		err = judgement_add(j, &f);
		if (err)
			return err;
	}
	return 0;
}
