/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge: one pass over the connections, then the sites, the processes and the tasks.
 *
 * Most connections are healthy, so what a socket can be accused of at all is looked up by its kind
 * and state, and each rule acquits on its first test.
 */
#include "verdict/judgement.h"

#include <errno.h>
#include <string.h>

#define ASKED_MAX 12

/* Which rules to ask, in their order, by kind and state; each list ends with VERDICT_NONE. */
struct docket {
	uint8_t class[KIND_MAX][STATE_MAX][ASKED_MAX];
};

static void docket_init(struct docket *d)
{
	unsigned int kind, state, i, n;

	memset(d, 0, sizeof(*d));
	for (kind = 0; kind < KIND_MAX; kind++) {
		for (state = 0; state < STATE_MAX; state++) {
			n = 0;
			for (i = 0; rule_order[i] && n < ASKED_MAX - 1; i++)
				if (rules[rule_order[i]].states[kind] & (1u << state))
					d->class[kind][state][n++] = rule_order[i];
		}
	}
}

/* Whether there is enough to judge @c by. Before a snapshot has shown it, its state is a guess.
 * What no process has held or opened waits in an accept queue, and is its listener's matter. */
static bool judgeable(const struct conn *c)
{
	return (c->flags & CONN_SEEN) && (c->holder.proc || (c->flags & CONN_OPENER_KNOWN));
}

static int judge_conn(struct judgement *j, struct growth *g, const struct rule_ctx *x,
		      const struct docket *d, uint32_t id)
{
	const struct conn *c = ledger_conn(x->led, id);
	const uint8_t *class;
	struct match m;

	if (!c || (c->flags & CONN_LEFT) || !judgeable(c))
		return 0; /* of one that was left, its struct left is judged */
	for (class = d->class[conn_kind(c)][c->state % STATE_MAX]; *class; class ++)
		if (rules[*class].match(x, c, &m))
			return judgement_accuse(j, id, *class, &m, conn_charged(x->led, c));
	if (c->state != STATE_LISTEN)
		growth_count(g, x, id, c);
	return 0;
}

static int judge_conns(struct judgement *j, struct growth *g, const struct rule_ctx *x)
{
	uint32_t end = ledger_conn_end(x->led), id;
	struct docket d;
	int err;

	docket_init(&d);
	for (id = 0; id < end; id++) {
		err = judge_conn(j, g, x, &d, id);
		if (err)
			return err;
	}
	return 0;
}

/* Threads that are stuck on what nothing else accuses; of several on one connection, the one that
 * the ledger names its waiter. */
static int judge_tasks(struct judgement *j, const struct rule_ctx *x)
{
	uint32_t end = ledger_task_end(x->led), id;
	const struct conn *c;
	const struct task *t;
	struct match m;
	int err;

	for (id = 0; id < end; id++) {
		t = ledger_task(x->led, id);
		c = t && t->conn && t->conn < j->conn_end ? ledger_conn(x->led, t->conn) : NULL;
		if (!c || c->waiter != id || j->conns[t->conn] || !match_task_stuck(x, t, &m))
			continue;
		err = judgement_add(j, &(struct finding){
					       .class = VERDICT_TASK_STUCK,
					       .certain = m.certain,
					       .at_least = m.at_least,
					       .conn = t->conn,
					       .task = id,
					       .proc = t->proc,
					       .count = 1,
					       .since_ns = m.since_ns,
				       });
		if (err)
			return err;
	}
	return 0;
}

static int judge_all(struct judgement *j, struct growth *g, struct streams *st,
		     const struct rule_ctx *x)
{
	int err = judgement_begin(j, x->led);

	if (!err)
		err = growth_begin(g, x);
	if (!err)
		err = judge_conns(j, g, x);
	if (!err)
		err = growth_end(g, x, j);
	if (!err)
		err = past_aborts(x, j);
	if (!err)
		err = past_deaths(x, j);
	if (!err)
		err = past_left(x, j);
	if (!err)
		err = growth_threads(x, j);
	if (!err)
		err = judge_tasks(j, x);
	if (!err)
		err = streams_judge(st, x, j);
	return err;
}

int verdicts_judge_end(struct verdicts *v, const struct ledger *led,
		       const struct verdict_thresholds *t, uint64_t now_ns,
		       const struct verdict_end *end)
{
	uint64_t seen_ns = ledger_totals(led)->snapshot_time_ns;
	struct rule_ctx x = {
		.led = led,
		.t = t,
		.now_ns = now_ns,
		.seen_ns = seen_ns < now_ns ? seen_ns : now_ns,
		.ending = end && past_by_itself(end->exit_code) ? end->proc : 0,
	};
	struct judgement swap;
	int err;

	err = judge_all(&v->next, &v->growth, &v->streams, &x);
	if (err)
		return err;
	judgement_end(&v->next);
	swap = v->last;
	v->last = v->next;
	v->next = swap;
	return 0;
}

int verdicts_judge(struct verdicts *v, const struct ledger *led, const struct verdict_thresholds *t,
		   uint64_t now_ns)
{
	return verdicts_judge_end(v, led, t, now_ns, NULL);
}
