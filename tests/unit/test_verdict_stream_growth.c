// SPDX-License-Identifier: BSD-2-Clause
/* stream-growth and stream-starved: what is accused, and the healthy twin of each, which must not
 * be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/telling.h"

/* ---- stream-growth */

/* One more every five seconds on a connection that was there, and none ever goes. */
static void leak_grows(void **state)
{
	struct trial *tr = *state;
	struct finding f;
	uint64_t id;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	world_wait(tr->w, 300);
	for (id = 0; id < 60; id++) {
		tells(tr, 1, 4 * id, LS_STREAM_OPEN, PEERS);
		tells(tr, 1, 4 * id + 1, LS_STREAM_OPEN, PEERS); /* and short uses beside it */
		tells(tr, 1, 4 * id + 1, LS_STREAM_FREE, 0);
		world_wait(tr->w, 5);
	}
	judge(tr);
	f = only(tr, VERDICT_STREAM_GROWTH, false, 300);
	assert_int_equal(f.count, 41);
	says(tr, &f,
	     "41 stay and are never freed, while new ones are opened; 60 open from this site, the "
	     "oldest for 5m; 60 live on its connection");
	for (; id < 400; id++) {
		tells(tr, 1, 4 * id, LS_STREAM_OPEN, PEERS);
		world_wait(tr->w, 5);
	}
	judge(tr);
	assert_false(find(tr, VERDICT_STREAM_GROWTH).certain); /* they may be in use */
}

/* Both sides are closed, and they are never given back: nobody can use them. */
static void shut_and_kept_is_certain(void **state)
{
	struct trial *tr = *state;
	uint64_t id;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	world_wait(tr->w, 300);
	for (id = 0; id < 200; id++) {
		answered(tr, 1, 4 * id);
		tells(tr, 1, 4 * id, LS_STREAM_READ_CLOSED, LS_STREAM_END);
		world_wait(tr->w, 5);
	}
	judge(tr);
	assert_true(find(tr, VERDICT_STREAM_GROWTH).certain);
}

/* A stream or two for each new connection, and users keep coming. */
static void chat_that_fills(void **state)
{
	struct trial *tr = *state;
	uint64_t conn;

	for (conn = 1; conn < 150; conn++) {
		says_conn(tr, conn, LS_STREAM_CONN_OPEN, 0);
		tells(tr, conn, 0, LS_STREAM_OPEN, PEERS);
		tells(tr, conn, 4, LS_STREAM_OPEN, PEERS);
		assert_int_equal(wait_and_judge(tr, 5), 0);
	}
}

/* It levels off; or the old do go. */
static void levels_off(void **state)
{
	struct trial *tr = *state;
	uint64_t id;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	world_wait(tr->w, 300);
	for (id = 0; id < 30; id++) {
		tells(tr, 1, 4 * id, LS_STREAM_OPEN, PEERS);
		world_wait(tr->w, 2);
	}
	for (id = 0; id < 30; id++)
		assert_int_equal(wait_and_judge(tr, 20), 0);
}

static void the_old_go(void **state)
{
	struct trial *tr = *state;
	uint64_t id;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	world_wait(tr->w, 300);
	for (id = 0; id < 200; id++) {
		tells(tr, 1, 4 * id, LS_STREAM_OPEN, PEERS);
		if (id >= 40)
			tells(tr, 1, 4 * (id - 40), LS_STREAM_FREE, 0);
		assert_int_equal(wait_and_judge(tr, 5), 0);
	}
}

/* One leak is accused once. */
static void half_open_is_no_growth(void **state)
{
	struct trial *tr = *state;
	uint64_t id;

	after(tr, "1s");
	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	world_wait(tr->w, 30);
	for (id = 0; id < 60; id++) {
		answered(tr, 1, 4 * id);
		world_wait(tr->w, 1);
	}
	world_wait(tr->w, 1);
	judge(tr);
	assert_int_equal(only(tr, VERDICT_STREAM_HALF_OPEN, true, 61).count, 60);
}

/* ---- stream-starved */

static void starved(void **state)
{
	struct trial *tr = *state;
	struct finding f;
	uint64_t id;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	for (id = 0; id < 10; id++)
		tells(tr, 1, 4 * id, LS_STREAM_OPEN, 0);
	tells(tr, 1, LS_STREAM_NONE, LS_STREAM_BLOCKED, 1);
	assert_int_equal(wait_and_judge(tr, 59), 0);
	tells(tr, 1, LS_STREAM_NONE, LS_STREAM_BLOCKED, 1);
	wait_and_judge(tr, 11);
	f = only(tr, VERDICT_STREAM_STARVED, false, 70);
	says(tr, &f,
	     "none could be opened for 1m 10s, tried again 11s ago; 10 of its own are live, 0 half "
	     "open in all");
	tells(tr, 1, 0, LS_STREAM_FREE, 0);
	assert_int_equal(judge(tr), 0);
}

/* What holds the credit is lost itself: no request will bring it back. */
static void starved_by_half_open(void **state)
{
	struct trial *tr = *state;
	uint64_t id;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	for (id = 0; id < 10; id++) {
		tells(tr, 1, 4 * id, LS_STREAM_OPEN, 0);
		tells(tr, 1, 4 * id, LS_STREAM_READ_CLOSED, LS_STREAM_END);
	}
	tells(tr, 1, LS_STREAM_NONE, LS_STREAM_BLOCKED, 1);
	wait_and_judge(tr, 60);
	assert_int_equal(verdicts_count(tr->v), 2);
	assert_true(find(tr, VERDICT_STREAM_STARVED).certain);
	tells(tr, 1, 3, LS_STREAM_CREDIT, 0);
	judge(tr);
	only(tr, VERDICT_STREAM_HALF_OPEN, true, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(leak_grows),      CASE(shut_and_kept_is_certain),
		CASE(chat_that_fills), CASE(levels_off),
		CASE(the_old_go),      CASE(half_open_is_no_growth),
		CASE(starved),	       CASE(starved_by_half_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
