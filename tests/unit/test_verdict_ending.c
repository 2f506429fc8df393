// SPDX-License-Identifier: BSD-2-Clause
/* What a process leaves half open when it ends, and what it may leave. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/telling.h"

/* Streams of the peer's, answered: we have closed our side. */
static void answers(struct trial *tr, uint64_t from, uint64_t to)
{
	uint64_t id;

	for (id = from; id < to; id++)
		answered(tr, CONN, 4 * id);
}

/* How many are found as @exit_code ends it. */
static uint32_t ends(struct trial *tr, uint32_t exit_code)
{
	struct verdict_end end = {
		.proc = ledger_find_proc(tr->w->led, PID),
		.exit_code = exit_code,
	};

	tr->w->now_ns += S_NS / 100;
	assert_int_equal(verdicts_judge_end(tr->v, tr->w->led, &tr->t, tr->w->now_ns, &end), 0);
	return verdicts_count(tr->v);
}

static void left_at_the_end(void **state)
{
	struct trial *tr = *state;
	struct finding f;

	answers(tr, 0, 10);
	assert_int_equal(judge(tr), 0);
	assert_int_equal(ends(tr, 1 << 8), 1);
	f = only(tr, VERDICT_STREAM_HALF_OPEN, true, 0);
	assert_int_equal(f.count, 10);
	says(tr, &f,
	     "writing closed 10ms ago (ended), reading still open when it ended; stream 0, opened "
	     "by the peer; 10 live on its connection, 10 half open");
}

static void few_are_suspected(void **state)
{
	struct trial *tr = *state;

	answers(tr, 0, 9);
	assert_int_equal(ends(tr, 0), 1);
	assert_int_equal(only(tr, VERDICT_STREAM_HALF_OPEN, false, 0).count, 9);
}

/* It settles those that it answers, and ended in the midst of it. */
static void those_it_would_have_settled(void **state)
{
	struct trial *tr = *state;

	answers(tr, 0, 1);
	world_wait(tr->w, 1);
	tells(tr, CONN, 0, LS_STREAM_READ_CLOSED, LS_STREAM_END);
	tells(tr, CONN, 0, LS_STREAM_FREE, 0);
	answers(tr, 1, 30);
	assert_int_equal(ends(tr, 0), 1);
	only(tr, VERDICT_STREAM_HALF_OPEN, false, 0);
	/* But none for so long. */
	world_wait(tr->w, 5);
	assert_int_equal(ends(tr, 0), 1);
	assert_int_equal(only(tr, VERDICT_STREAM_HALF_OPEN, true, 5).count, 29);
}

/* Whoever waits for an answer, answers still, or has closed both sides. */
static void others_are_healthy(void **state)
{
	struct trial *tr = *state;
	uint64_t id;

	for (id = 0; id < 40; id++) {
		tells(tr, CONN, id, LS_STREAM_OPEN, id & 1 ? PEERS : 0);
		tells(tr, CONN, id, id & 1 ? LS_STREAM_READ_CLOSED : LS_STREAM_WRITE_CLOSED,
		      LS_STREAM_END);
	}
	answers(tr, 20, 40);
	for (id = 20; id < 40; id++)
		tells(tr, CONN, 4 * id, LS_STREAM_READ_CLOSED, LS_STREAM_END);
	assert_int_equal(ends(tr, 0), 0);
}

static void who_was_made_to_end(void **state)
{
	struct trial *tr = *state;

	answers(tr, 0, 20);
	assert_int_equal(ends(tr, SIGKILL), 0);
	assert_int_equal(ends(tr, (128 + SIGTERM) << 8), 0);
	world_proc_event(tr->w, PID, LS_PROC_ASKED, 0, SIGTERM);
	assert_int_equal(ends(tr, 0), 1);
	only(tr, VERDICT_STREAM_HALF_OPEN, false, 0);
}

static void asked_for_by_name(void **state)
{
	struct trial *tr = *state;

	after(tr, "stream-half-open=2s");
	answers(tr, 0, 20);
	world_wait(tr->w, 1);
	assert_int_equal(ends(tr, 0), 0);
	tr->w->now_ns += S_NS;
	assert_int_equal(ends(tr, 0), 1);
	only(tr, VERDICT_STREAM_HALF_OPEN, true, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(left_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(few_are_suspected, setup, teardown),
		cmocka_unit_test_setup_teardown(those_it_would_have_settled, setup, teardown),
		cmocka_unit_test_setup_teardown(others_are_healthy, setup, teardown),
		cmocka_unit_test_setup_teardown(who_was_made_to_end, setup, teardown),
		cmocka_unit_test_setup_teardown(asked_for_by_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
