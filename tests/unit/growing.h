/* SPDX-License-Identifier: BSD-2-Clause */
/* What may grow, and the only finding that is about it. Include it after cmocka.h. */
#pragma once

#include "unit/trial.h"

/* One connection, with a request and its answer. */
static inline struct sock *opened(struct trial *tr, uint8_t role)
{
	struct sock *s = world_conn(tr->w, PID, role);

	sock_sends(tr->w, s, 100);
	sock_receives(tr->w, s, 500);
	return s;
}

static inline struct finding only_growth(struct trial *tr, bool certain)
{
	struct finding f;

	assert_int_equal(verdicts_count(tr->v), 1);
	verdicts_get(tr->v, 0, &f);
	assert_int_equal(f.class, VERDICT_GROWTH);
	assert_int_equal(f.certain, certain);
	return f;
}
