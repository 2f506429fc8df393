/* SPDX-License-Identifier: BSD-2-Clause */
/* Each allocation of a judgement fails in turn: the last judgement stands, and nothing leaks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/records.h"
#include "unit/streams.h"
#include "verdict/verdict.h"

static int fail_at; /* 0: none; n: the nth from now */

static int fails(void)
{
	return fail_at && !--fail_at;
}

/* In the place of libc's, for the whole program. */
void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (fails() || __builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}

static void leaky_world(struct world *w)
{
	struct sock *s;
	int i;

	for (i = 0; i < 300; i++) {
		s = world_conn(w, 100 + (uint32_t)i % 90, LS_ROLE_CLIENT);
		sock_sends(w, s, 1);
		s->row.tuple.state = i % 2 ? 8 : 1;
		s->row.tuple.rport = (uint16_t)i;
	}
	world_proc(w, 100, "prog");
	for (i = 0; i < 200; i++) {
		struct ls_stream open = stream_rec(w->now_ns, 100, (uint64_t)i % 7, (uint64_t)i,
						   LS_STREAM_OPEN, LS_STREAM_PEERS);
		struct ls_stream half = open;

		half.what = LS_STREAM_WRITE_CLOSED;
		world_tell(w, &open);
		world_tell(w, &half);
	}
	for (i = 0; i < 40; i++) {
		s = world_conn(w, 50, LS_ROLE_CLIENT);
		sock_sends(w, s, 1);
		sock_receives(w, s, 1);
		world_wait(w, 10);
	}
}

static void the_last_judgement_stands(void **state)
{
	struct world *w = world_new();
	struct verdict_thresholds t;
	struct verdicts *v;
	uint32_t all;
	int n, err;

	(void)state;
	verdict_thresholds_init(&t);
	world_look(w);
	leaky_world(w);
	v = verdicts_new();
	assert_int_equal(verdicts_judge(v, w->led, &t, w->now_ns), 0);
	all = verdicts_count(v);
	assert_true(all > 100);
	assert_true(verdicts_class_count(v, VERDICT_GROWTH) > 10);
	assert_int_equal(verdicts_class_count(v, VERDICT_STREAM_HALF_OPEN), 200);
	verdicts_free(v);
	for (n = 1, err = -ENOMEM; err; n++) {
		v = verdicts_new();
		fail_at = n;
		err = verdicts_judge(v, w->led, &t, w->now_ns);
		fail_at = 0;
		assert_true(err == 0 || err == -ENOMEM);
		assert_int_equal(verdicts_count(v), err ? 0 : all);
		assert_int_equal(verdicts_judge(v, w->led, &t, w->now_ns), 0);
		assert_int_equal(verdicts_count(v), all);
		fail_at = 1; /* the other half has no room yet */
		if (!err || verdicts_judge(v, w->led, &t, w->now_ns))
			assert_int_equal(verdicts_count(v), all);
		fail_at = 0;
		verdicts_free(v);
	}
	assert_true(n > 8);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_judgement_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
