// SPDX-License-Identifier: BSD-2-Clause
/* Growth of threads: leaks, and all that grows and is healthy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/growing.h"

static void start_threads(struct trial *tr, uint32_t n)
{
	while (n--) {
		world_proc_event(tr->w, PID, LS_PROC_THREAD, tr->w->now_ns, 0);
		tr->w->proc[0].threads++;
	}
}

static void threads_leak(void **state)
{
	struct trial *tr = *state;
	struct finding f;
	char buf[256];
	int i;

	for (i = 0; i < 31; i++) {
		start_threads(tr, 1);
		world_wait(tr->w, 10);
	}
	assert_int_equal(judge(tr), 1);
	verdicts_get(tr->v, 0, &f);
	assert_int_equal(f.class, VERDICT_TASK_GROWTH);
	assert_false(f.certain);
	assert_int_equal(f.count, 30);
	assert_int_equal(verdicts_proc(tr->v, f.proc)->leaked, 0);
	verdict_explain(tr->v, tr->w->led, &f, tr->w->now_ns, buf, sizeof(buf));
	assert_string_equal(buf, "30 threads more than at least 5m ago, beyond what its "
				 "connections explain; 32 now");
}

/* Ticks of a second leave marks that reach back far enough for the window of five minutes. */
static void threads_leak_second_by_second(void **state)
{
	struct trial *tr = *state;
	int i;

	for (i = 1; i <= 330; i++) {
		start_threads(tr, i % 3 == 0);
		world_wait(tr->w, 1);
		assert_true(judge(tr) == 0 || i >= 300);
	}
	assert_int_equal(verdicts_class_count(tr->v, VERDICT_TASK_GROWTH) / 10, 10);
	for (i = 0; i < 7200; i++)
		world_wait(tr->w, 1);
	assert_int_equal(judge(tr), 0);
	for (i = 0; i < 330; i++) {
		start_threads(tr, i % 3 == 0);
		world_wait(tr->w, 1);
	}
	assert_int_equal(judge(tr), 1);
}

static uint32_t seconds_until_threads_accuse(struct trial *tr, const char *arg)
{
	uint32_t i;

	after(tr, arg);
	for (i = 1; i < 100; i++) {
		start_threads(tr, 3);
		world_wait(tr->w, 1);
		if (judge(tr))
			return i;
	}
	return 0;
}

static void threads_leak_soon_when_asked(void **state)
{
	assert_in_range(seconds_until_threads_accuse(*state, "2s"), 30, 32);
}

static void threads_leak_in_four_seconds(void **state)
{
	assert_in_range(seconds_until_threads_accuse(*state, "task-growth=4s"), 4, 6);
}

/* A thread a connection, and clients keep coming. */
static void threads_follow_connections(void **state)
{
	struct trial *tr = *state;
	uint32_t i, k;

	for (i = 0; i < 60; i++) {
		start_threads(tr, 1);
		opened(tr, LS_ROLE_SERVER);
		for (k = 0; k < tr->w->socks; k++)
			sock_sends(tr->w, &tr->w->sock[k], 10);
		world_wait(tr->w, 10);
		assert_int_equal(judge(tr), 0);
	}
}

static void threads_level_off(void **state)
{
	struct trial *tr = *state;
	int i;

	for (i = 0; i < 60; i++) {
		if (i < 20)
			start_threads(tr, 2);
		world_wait(tr->w, 10);
		assert_int_equal(judge(tr), 0);
	}
}

static void threads_old_end(void **state)
{
	struct trial *tr = *state;
	int i;

	for (i = 0; i < 60; i++) {
		start_threads(tr, 3);
		if (i % 10 == 9) {
			world_proc_event(tr->w, PID, LS_PROC_THREAD_EXIT,
					 tr->w->now_ns - 200 * S_NS, 0);
			tr->w->proc[0].threads--;
		}
		world_wait(tr->w, 10);
		assert_int_equal(judge(tr), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(threads_leak),
		CASE(threads_leak_second_by_second),
		CASE(threads_leak_soon_when_asked),
		CASE(threads_leak_in_four_seconds),
		CASE(threads_follow_connections),
		CASE(threads_level_off),
		CASE(threads_old_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
