// SPDX-License-Identifier: BSD-2-Clause
/* miscount: counters and drains that are wrong, and the healthy twin of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/telling.h"

/* Two ticks without news: what it says is taken as what it is. */
static void settled(struct trial *tr)
{
	world_wait(tr->w, 1);
	world_wait(tr->w, 1);
	assert_int_equal(judge(tr), 0);
}

static void counter_off(void **state)
{
	struct trial *tr = *state;
	struct finding f;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	says_conn(tr, 0, LS_STREAM_CONN_COUNT, 1);
	settled(tr);
	says_conn(tr, 0, LS_STREAM_CONN_COUNT, 2);
	assert_int_equal(wait_and_judge(tr, 59), 0);
	wait_and_judge(tr, 1);
	f = only(tr, VERDICT_MISCOUNT, true, 60);
	assert_int_equal(f.count, 1);
	says(tr, &f, "its counter says 2 for 1m, open are 1");
	loses(tr, 1);
	assert_int_equal(judge(tr), 0); /* that may have been the other */
}

/* While connections come and go the two are never the same for long. */
static void busy_counters_are_no_miscount(void **state)
{
	struct trial *tr = *state;
	uint64_t n = 0, i;

	after(tr, "miscount=1s");
	for (i = 1; i < 200; i++) {
		says_conn(tr, 0, LS_STREAM_CONN_COUNT, ++n);
		world_wait(tr->w, 1);
		says_conn(tr, i, LS_STREAM_CONN_OPEN, 0);
		if (i % 3 == 0) {
			says_conn(tr, 0, LS_STREAM_CONN_COUNT, --n);
			says_conn(tr, i, LS_STREAM_CONN_CLOSE, 0);
		}
		assert_int_equal(judge(tr), 0);
	}
	assert_int_equal(wait_and_judge(tr, 100), 0);
}

/* One is always under way: counted, and not told of yet. */
static void always_one_ahead(void **state)
{
	struct trial *tr = *state;
	uint64_t i;

	after(tr, "miscount=5s");
	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	says_conn(tr, 0, LS_STREAM_CONN_COUNT, 1);
	settled(tr);
	says_conn(tr, 0, LS_STREAM_CONN_COUNT, 2);
	for (i = 2; i < 100; i++) {
		says_conn(tr, 0, LS_STREAM_CONN_COUNT, i + 1);
		says_conn(tr, i, LS_STREAM_CONN_OPEN, 0);
		assert_int_equal(wait_and_judge(tr, 1), 0);
	}
	assert_int_equal(wait_and_judge(tr, 5), 1); /* now nothing moves */
}

/* A client that counts what it opened, a server with clients of its own. */
static void whatever_is_counted(void **state)
{
	struct trial *tr = *state;
	struct ls_stream_conn client =
		stream_conn_rec(tr->w->now_ns, PID, 9, LS_STREAM_CONN_OPEN, 0);

	client.role = LS_ROLE_CLIENT;
	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	says_conn(tr, 0, LS_STREAM_CONN_COUNT, 1);
	settled(tr);
	world_tell(tr->w, &client);
	client.conn = 10;
	world_tell(tr->w, &client);
	assert_int_equal(wait_and_judge(tr, 100), 0); /* 1 accepted */
	says_conn(tr, 0, LS_STREAM_CONN_COUNT, 2);
	assert_int_equal(wait_and_judge(tr, 100), 0); /* 2 connected */
	says_conn(tr, 0, LS_STREAM_CONN_COUNT, 3);
	assert_int_equal(wait_and_judge(tr, 100), 0); /* 3 in all */
	says_conn(tr, 0, LS_STREAM_CONN_COUNT, 4);
	wait_and_judge(tr, 100);
	only(tr, VERDICT_MISCOUNT, true, 100);
}

static void counted_without_a_socket(void **state)
{
	struct trial *tr = *state;
	struct sock *one = used(tr->w, LS_ROLE_SERVER);
	struct finding f;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, one->row.cookie);
	says_conn(tr, 0, LS_STREAM_CONN_COUNT, 1);
	settled(tr);
	sock_ends(tr->w, one);
	assert_int_equal(wait_and_judge(tr, 1), 0);
	wait_and_judge(tr, 60);
	f = only(tr, VERDICT_MISCOUNT, false, 60);
	says(tr, &f, "its counter says 1 for 1m, open are 0 (1 have no socket any more)");
}

static void drained_twice(void **state)
{
	struct trial *tr = *state;
	struct finding f;

	says_conn(tr, 3, LS_STREAM_DRAIN_BEGIN, 5);
	says_conn(tr, 3, LS_STREAM_DRAIN_DONE, 0);
	assert_int_equal(wait_and_judge(tr, 100), 0);
	says_conn(tr, 3, LS_STREAM_DRAIN_DONE, 0);
	wait_and_judge(tr, 2);
	f = only(tr, VERDICT_MISCOUNT, true, 2);
	says(tr, &f, "told 1 time too often that 3 has drained, first 2s ago");
}

static void drained_early(void **state)
{
	struct trial *tr = *state;
	struct finding f;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	says_conn(tr, 3, LS_STREAM_DRAIN_BEGIN, 1);
	says_conn(tr, 3, LS_STREAM_DRAIN_DONE, 0);
	assert_int_equal(wait_and_judge(tr, 59), 0);
	wait_and_judge(tr, 1);
	f = only(tr, VERDICT_MISCOUNT, false, 60);
	says(tr, &f, "all has drained, it said 1m ago, and 1 connections are still open");
	says_conn(tr, 1, LS_STREAM_CONN_CLOSE, 0);
	assert_int_equal(wait_and_judge(tr, 1), 0);
}

static void drained_and_not_told(void **state)
{
	struct trial *tr = *state;
	struct finding f;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	says_conn(tr, 3, LS_STREAM_CONN_COUNT, 1);
	says_conn(tr, 3, LS_STREAM_DRAIN_BEGIN, 1);
	says_conn(tr, 4, LS_STREAM_DRAIN_BEGIN, 0);
	assert_int_equal(wait_and_judge(tr, 300), 0); /* it is still open */
	says_conn(tr, 1, LS_STREAM_CONN_CLOSE, 0);
	says_conn(tr, 3, LS_STREAM_CONN_COUNT, 0);
	assert_int_equal(wait_and_judge(tr, 59), 0);
	wait_and_judge(tr, 1);
	f = only(tr, VERDICT_MISCOUNT, true, 60);
	assert_int_equal(f.count, 2);
	says(tr, &f,
	     "began to drain 6m ago, none is open for 1m, and nobody was told that it has drained");
	says_conn(tr, 4, LS_STREAM_DRAIN_DONE, 0);
	judge(tr);
	assert_int_equal(only(tr, VERDICT_MISCOUNT, true, 60).count, 1);
	says_conn(tr, 3, LS_STREAM_DRAIN_DONE, 0);
	assert_int_equal(wait_and_judge(tr, 1), 0);
	says_conn(tr, 3, LS_STREAM_DRAIN_DONE, 0); /* and that once more is twice */
	assert_int_equal(wait_and_judge(tr, 1), 1);
}

/* Its own words may be among what was lost, or another server's; or it has just begun. */
static void not_told_yet(void **state)
{
	struct trial *tr = *state;

	says_conn(tr, 3, LS_STREAM_CONN_COUNT, 1);
	says_conn(tr, 3, LS_STREAM_DRAIN_BEGIN, 1);
	assert_int_equal(wait_and_judge(tr, 30), 0);
	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	assert_int_equal(wait_and_judge(tr, 200), 0); /* the counter speaks of it */
	says_conn(tr, 1, LS_STREAM_CONN_CLOSE, 0);
	says_conn(tr, 3, LS_STREAM_CONN_COUNT, 0);
	loses(tr, 1);
	assert_int_equal(wait_and_judge(tr, 200), 0);
}

/* Another server of the same process does not drain, and counts what it has. */
static void another_goes_on(void **state)
{
	struct trial *tr = *state;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	says_conn(tr, 8, LS_STREAM_CONN_COUNT, 1);
	says_conn(tr, 3, LS_STREAM_DRAIN_BEGIN, 0);
	says_conn(tr, 3, LS_STREAM_DRAIN_DONE, 0);
	assert_int_equal(wait_and_judge(tr, 100), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(counter_off),
		CASE(busy_counters_are_no_miscount),
		CASE(always_one_ahead),
		CASE(whatever_is_counted),
		CASE(counted_without_a_socket),
		CASE(drained_twice),
		CASE(drained_early),
		CASE(drained_and_not_told),
		CASE(not_told_yet),
		CASE(another_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
