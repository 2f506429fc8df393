/* SPDX-License-Identifier: BSD-2-Clause */
/* A world, a judge, and what a test asks of them: the bench of the tests of single classes. Include
 * it after cmocka.h. */
#pragma once

#include "unit/records.h"
#include "verdict/verdict.h"

#define PID 100

struct trial {
	struct world *w;
	struct verdicts *v;
	struct verdict_thresholds t;
};

static inline int setup(void **state)
{
	struct trial *tr = calloc(1, sizeof(*tr));

	tr->w = world_new();
	tr->v = verdicts_new();
	verdict_thresholds_init(&tr->t);
	world_proc(tr->w, PID, "server");
	world_look(tr->w);
	*state = tr;
	return 0;
}

static inline int teardown(void **state)
{
	struct trial *tr = *state;

	verdicts_free(tr->v);
	world_free(tr->w);
	free(tr);
	return 0;
}

static inline void after(struct trial *tr, const char *arg)
{
	char why[VERDICT_WHY_LEN];

	assert_int_equal(verdict_thresholds_parse(&tr->t, arg, why, sizeof(why)), 0);
}

/* Starts over with a world that nobody has looked at: what stands in it at the first look was there
 * before. */
static inline void unseen(struct trial *tr)
{
	world_free(tr->w);
	tr->w = world_new();
	world_proc(tr->w, PID, "server");
	tr->w->now_ns += 86400 * S_NS;
}

static inline uint32_t judge(struct trial *tr)
{
	assert_int_equal(verdicts_judge(tr->v, tr->w->led, &tr->t, tr->w->now_ns), 0);
	return verdicts_count(tr->v);
}

static inline uint32_t wait_and_judge(struct trial *tr, uint64_t seconds)
{
	world_wait(tr->w, seconds);
	return judge(tr);
}

/* The only finding, which must be of @class, certain or not, and as old as @age_s. */
static inline struct finding only(struct trial *tr, enum verdict_class class, bool certain,
				  uint64_t age_s)
{
	struct finding f;

	assert_int_equal(verdicts_count(tr->v), 1);
	verdicts_get(tr->v, 0, &f);
	assert_string_equal(verdict_rule(f.class)->name, verdict_rule(class)->name);
	assert_int_equal(f.certain, certain);
	assert_int_equal((tr->w->now_ns - f.since_ns) / S_NS, age_s);
	return f;
}

static inline void says(struct trial *tr, const struct finding *f, const char *want)
{
	char buf[256];

	verdict_explain(tr->v, tr->w->led, f, tr->w->now_ns, buf, sizeof(buf));
	assert_string_equal(buf, want);
}

static inline void to_state(struct sock *s, uint8_t state)
{
	s->row.tuple.state = state;
}

/* A client that asked and was answered, as a pool keeps it. */
static inline struct sock *used(struct world *w, uint8_t role)
{
	struct sock *s = world_conn(w, PID, role);

	world_look(w);
	if (role == LS_ROLE_CLIENT)
		sock_sends(w, s, 118);
	else
		sock_receives(w, s, 118);
	world_wait(w, 1);
	if (role == LS_ROLE_CLIENT)
		sock_receives(w, s, 500);
	else
		sock_sends(w, s, 500);
	world_look(w);
	return s;
}

static inline struct sock *listener(struct world *w, uint8_t family)
{
	struct sock *s = world_sock(w, PID, LS_ROLE_LISTEN, 10);

	s->row.tuple.family = family;
	s->row.tuple.proto = family == AF_UNIX ? 0 : IPPROTO_TCP;
	s->row.tuple.rport = 0;
	s->row.flags = 0;
	s->row.unsent = 128;
	return s;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
