/* SPDX-License-Identifier: BSD-2-Clause */
/* Classes that only clocks show: what each accuses, and its healthy twin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/trial.h"

static struct sock *interim(struct world *w)
{
	struct sock *s = world_conn(w, PID, LS_ROLE_SERVER);

	sock_receives(w, s, 200);
	sock_sends(w, s, 25);
	world_look(w);
	return s;
}

static void expect_body(void **state)
{
	struct trial *tr = *state;
	struct sock *s = interim(tr->w);
	struct finding f;

	assert_int_equal(wait_and_judge(tr, 59), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	only(tr, VERDICT_EXPECT_BODY, false, 61);
	world_task(tr->w, PID, 812, s, LS_CALL_READ);
	wait_and_judge(tr, 1);
	f = only(tr, VERDICT_EXPECT_BODY, true, 62);
	says(tr, &f,
	     "25B sent 1m 2s ago, the length of a 100 Continue, and no body came; fd 7; "
	     "tid 812 (worker) waits in recv with no time limit");
	s->row.flags |= LS_SOCK_RCVTIMEO;
	assert_int_equal(wait_and_judge(tr, 60), 0);
}

static void never_used(void **state)
{
	struct trial *tr = *state;
	struct finding f;

	world_conn(tr->w, PID, LS_ROLE_CLIENT);
	world_look(tr->w);
	assert_int_equal(wait_and_judge(tr, 599), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	f = only(tr, VERDICT_NEVER_USED, false, 601);
	says(tr, &f, "open for 10m 1s, not one byte either way; fd 7");
}

/* A bare --after is for all. */
static void never_used_bare(void **state)
{
	struct trial *tr = *state;
	struct sock *s = world_conn(tr->w, PID, LS_ROLE_CLIENT);

	world_look(tr->w);
	after(tr, "2s");
	assert_int_equal(wait_and_judge(tr, 1), 0);
	assert_int_equal(wait_and_judge(tr, 1), 1);
	only(tr, VERDICT_NEVER_USED, false, 2);
	sock_sends(tr->w, s, 100);
	sock_receives(tr->w, s, 100);
	assert_int_equal(wait_and_judge(tr, 3600), 0);
}

/* A server's thread that waits for a first request, and will give up. */
static void never_used_limited(void **state)
{
	struct trial *tr = *state;
	struct sock *s = world_conn(tr->w, PID, LS_ROLE_SERVER);
	struct ls_task *t = world_task(tr->w, PID, 812, s, LS_CALL_POLL);

	t->flags &= ~LS_TASK_FOREVER;
	world_look(tr->w);
	assert_int_equal(wait_and_judge(tr, 601), 0);
	after(tr, "2s");
	assert_int_equal(judge(tr), 0);
	t->flags |= LS_TASK_FOREVER;
	assert_int_equal(wait_and_judge(tr, 1), 1);
	only(tr, VERDICT_SILENT_PEER, false, 602);
}

/* A healthy idle pool and an idle server, at the defaults and under any bare --after. */
static void idle_is_healthy(void **state)
{
	struct trial *tr = *state;
	int i;

	for (i = 0; i < 20; i++) {
		used(tr->w, LS_ROLE_CLIENT);
		used(tr->w, LS_ROLE_SERVER);
	}
	assert_int_equal(wait_and_judge(tr, 3600), 0);
	after(tr, "1s");
	assert_int_equal(judge(tr), 0);
	after(tr, "0");
	assert_int_equal(judge(tr), 0);
}

static void silent_peer_parked(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_CLIENT);
	struct ls_task *t = world_task(tr->w, PID, 812, s, LS_CALL_READ);
	struct finding f;

	world_wait(tr->w, 1);
	sock_sends(tr->w, s, 118);
	assert_int_equal(wait_and_judge(tr, 59), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	f = only(tr, VERDICT_SILENT_PEER, true, 61);
	says(tr, &f,
	     "last sent 1m 1s ago (236B so far), no answer; tid 812 (worker) waits in recv "
	     "with no time limit");
	t->call = LS_CALL_POLL;
	wait_and_judge(tr, 1);
	only(tr, VERDICT_SILENT_PEER, false, 62);
	t->flags &= ~LS_TASK_FOREVER;
	assert_int_equal(wait_and_judge(tr, 1), 0);
}

static void silent_peer_something_ends_it(void **state)
{
	static const uint32_t ends[] = { LS_SOCK_KEEPALIVE, LS_SOCK_RCVTIMEO,
					 LS_SOCK_USER_TIMEOUT };
	struct trial *tr = *state;
	size_t i;

	for (i = 0; i < 3; i++) {
		struct sock *s = used(tr->w, LS_ROLE_CLIENT);

		s->row.flags |= ends[i];
		sock_sends(tr->w, s, 118);
		world_task(tr->w, PID, 812 + (uint32_t)i, s, LS_CALL_READ);
	}
	assert_int_equal(wait_and_judge(tr, 86400), 0);
}

static void silent_peer_event_loop(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_CLIENT);

	world_wait(tr->w, 1);
	sock_sends(tr->w, s, 118);
	assert_int_equal(wait_and_judge(tr, 299), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	only(tr, VERDICT_SILENT_PEER, false, 301);
}

/* A client that only ever sends, and one whose last send did but acknowledge. */
static void silent_peer_asks_for_nothing(void **state)
{
	struct trial *tr = *state;
	struct sock *log = world_conn(tr->w, PID, LS_ROLE_CLIENT);
	struct sock *h2 = used(tr->w, LS_ROLE_CLIENT);

	sock_sends(tr->w, log, 118);
	sock_receives(tr->w, h2, 118);
	tr->w->now_ns += S_NS / 50;
	sock_sends(tr->w, h2, 13);
	after(tr, "2s");
	assert_int_equal(wait_and_judge(tr, 3500), 0);
	assert_int_equal(wait_and_judge(tr, 200), 2);
}

static void silent_peer_server_only_if_asked(void **state)
{
	struct trial *tr = *state;

	used(tr->w, LS_ROLE_CLIENT);
	used(tr->w, LS_ROLE_SERVER);
	after(tr, "1s");
	assert_int_equal(wait_and_judge(tr, 5 * 3600), 0);
	after(tr, "silent-peer=10m");
	assert_int_equal(judge(tr), 1); /* and the pooled client is still none */
	only(tr, VERDICT_SILENT_PEER, false, 5 * 3600);
	verdict_thresholds_init(&tr->t);
	assert_int_equal(judge(tr), 0);
	assert_int_equal(wait_and_judge(tr, 3601), 1);
}

/* Who has been asked, or was answered last, does not wait for its peer: a server that has read a
 * request owes the answer itself. Only a thread that is seen waiting says otherwise. */
static void silent_peer_who_does_not_owe(void **state)
{
	struct trial *tr = *state;
	struct sock *s = world_conn(tr->w, PID, LS_ROLE_SERVER);

	sock_receives(tr->w, s, 118);
	used(tr->w, LS_ROLE_CLIENT);
	after(tr, "1s");
	after(tr, "silent-peer=10m");
	assert_int_equal(wait_and_judge(tr, 86400), 0);
	world_task(tr->w, PID, 812, s, LS_CALL_READ);
	assert_int_equal(wait_and_judge(tr, 1), 1);
	only(tr, VERDICT_SILENT_PEER, true, 86402);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(expect_body),
		CASE(never_used),
		CASE(never_used_bare),
		CASE(never_used_limited),
		CASE(idle_is_healthy),
		CASE(silent_peer_parked),
		CASE(silent_peer_something_ends_it),
		CASE(silent_peer_event_loop),
		CASE(silent_peer_asks_for_nothing),
		CASE(silent_peer_server_only_if_asked),
		CASE(silent_peer_who_does_not_owe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
