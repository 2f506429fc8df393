// SPDX-License-Identifier: BSD-2-Clause
/* Hours in which nobody looked: the machine was halted, or we were. What stood still in them did
 * not take too long; what was lost before is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/trial.h"

#define NIGHT (8 * 3600)

static void look_often(struct trial *tr, uint32_t looks, uint64_t apart_s)
{
	while (looks--)
		world_wait(tr->w, apart_s);
}

/* In the middle of a request when the night came. */
static struct sock *busy(struct trial *tr)
{
	struct sock *s = world_conn(tr->w, PID, LS_ROLE_SERVER);

	look_often(tr, 40, 1);
	sock_receives(tr->w, s, 400);
	s->row.unread = 400;
	look_often(tr, 1, 1);
	return s;
}

static void nothing_at_once(void **state)
{
	struct trial *tr = *state;
	struct sock *idle = world_conn(tr->w, PID, LS_ROLE_SERVER);
	struct sock *asked = world_conn(tr->w, PID, LS_ROLE_CLIENT);

	sock_receives(tr->w, idle, 100);
	sock_sends(tr->w, idle, 100);
	sock_sends(tr->w, asked, 100);
	busy(tr);
	assert_int_equal(wait_and_judge(tr, NIGHT), 0);
	look_often(tr, 50, 1);
	assert_int_equal(judge(tr), 0);
}

/* The night counts for nothing, the time before and after it does; and its age is its age. */
static void later_what_stays(void **state)
{
	struct trial *tr = *state;

	busy(tr);
	wait_and_judge(tr, NIGHT);
	look_often(tr, 58, 1);
	assert_int_equal(judge(tr), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	only(tr, VERDICT_UNREAD, false, NIGHT + 60);
}

static void what_was_lost_before(void **state)
{
	struct trial *tr = *state;

	busy(tr);
	look_often(tr, 70, 1);
	assert_int_equal(judge(tr), 1);
	assert_int_equal(wait_and_judge(tr, NIGHT), 1);
}

/* Many nights. */
static void one_after_the_other(void **state)
{
	struct trial *tr = *state;
	uint32_t i;

	busy(tr);
	for (i = 0; i < 10; i++)
		assert_int_equal(wait_and_judge(tr, NIGHT + i), 0);
	look_often(tr, 61, 1);
	assert_int_equal(judge(tr), 1);
	for (i = 0; i < 100; i++)
		wait_and_judge(tr, NIGHT);
	assert_int_equal(judge(tr), 1);
}

/* Who looks once a minute has no gaps, though now and then two looks follow at once. */
static void seldom_is_no_gap(void **state)
{
	struct trial *tr = *state;
	uint32_t i;

	for (i = 0; i < 40; i++) {
		look_often(tr, 1, 60);
		look_often(tr, 1, 0);
	}
	assert_int_equal(ledger_totals(tr->w->led)->gaps, 0);
	look_often(tr, 1, 400); /* a busy machine */
	assert_int_equal(ledger_totals(tr->w->led)->gaps, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_at_once),	   CASE(later_what_stays), CASE(what_was_lost_before),
		CASE(one_after_the_other), CASE(seldom_is_no_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
