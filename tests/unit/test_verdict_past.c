/* SPDX-License-Identifier: BSD-2-Clause */
/* Who holds it, who waits, and what is over: what each class accuses, and its healthy twin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/trial.h"

/* ---- who holds it */

static struct sock *handed_down(struct trial *tr, uint8_t role, uint32_t to, bool exec)
{
	struct sock *s = used(tr->w, role);

	world_wait(tr->w, 5);
	world_proc(tr->w, to, "child")->who.start_ns = tr->w->now_ns;
	s->row.who = (struct ls_who){ .pid = to, .tid = to, .start_ns = tr->w->now_ns };
	if (exec) {
		struct ls_proc rec = {
			.hdr = rec_hdr(LS_PROC, sizeof(rec), tr->w->now_ns + S_NS),
			.who = s->row.who,
			.what = LS_PROC_EXEC,
			.comm = "child",
		};

		world_tell(tr->w, &rec);
	}
	world_wait(tr->w, 2);
	return s;
}

static void inherited(void **state)
{
	struct trial *tr = *state;
	struct finding f;

	handed_down(tr, LS_ROLE_CLIENT, 200, true);
	assert_int_equal(wait_and_judge(tr, 58), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	f = only(tr, VERDICT_INHERITED, true, 61);
	says(tr, &f,
	     "opened by server (pid 100), which no longer holds it; fd 7 came by "
	     "inheritance 1m 1s ago, unused since");
	assert_int_equal(ledger_proc(tr->w->led, f.proc)->pid, 200);
}

static void inherited_not_by_use_or_place(void **state)
{
	struct trial *tr = *state;
	struct sock *s = handed_down(tr, LS_ROLE_CLIENT, 200, true);

	s->row.fd = 0;
	assert_int_equal(wait_and_judge(tr, 3600), 0);
	s->row.fd = 9;
	assert_int_equal(wait_and_judge(tr, 1), 1);
	sock_sends(tr->w, s, 1);
	sock_receives(tr->w, s, 1);
	assert_int_equal(wait_and_judge(tr, 3600), 0);
}

/* A server that forks for each connection hands it over before its first byte. */
static void inherited_not_by_forking_server(void **state)
{
	struct trial *tr = *state;
	struct sock *s = world_conn(tr->w, PID, LS_ROLE_SERVER);

	sock_receives(tr->w, s, 100);
	world_wait(tr->w, 1);
	world_proc(tr->w, 300, "child")->who.start_ns = tr->w->now_ns;
	s->row.who = (struct ls_who){ .pid = 300, .tid = 300, .start_ns = tr->w->now_ns };
	world_wait(tr->w, 1);
	assert_int_equal(wait_and_judge(tr, 500), 0);
}

/* A parent that forks and ends leaves its child what it opened: a daemon. */
static void inherited_not_by_daemon(void **state)
{
	struct trial *tr = *state;

	handed_down(tr, LS_ROLE_CLIENT, 200, false);
	assert_int_equal(wait_and_judge(tr, 100), 1);
	only(tr, VERDICT_INHERITED, false, 102);
	world_proc_event(tr->w, PID, LS_PROC_EXIT, 0, 0);
	tr->w->proc[0] = tr->w->proc[--tr->w->procs];
	assert_int_equal(wait_and_judge(tr, 1), 0);
}

/* ---- tasks, sites, processes */

static void task_stuck_on_udp(void **state)
{
	struct trial *tr = *state;
	struct sock *s = world_sock(tr->w, PID, LS_ROLE_CLIENT, 1);
	struct finding f;

	s->row.tuple.proto = IPPROTO_UDP;
	world_task(tr->w, PID, 812, s, LS_CALL_READ);
	world_look(tr->w);
	assert_int_equal(wait_and_judge(tr, 59), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	f = only(tr, VERDICT_TASK_STUCK, false, 61);
	says(tr, &f,
	     "tid 812 (worker) waits in recv with no time limit on fd 7, for at least 1m 1s");
	assert_int_equal(verdicts_proc(tr->v, f.proc)->stalled, 1);
	wait_and_judge(tr, 540);
	only(tr, VERDICT_TASK_STUCK, true, 601);
	s->row.flags |= LS_SOCK_RCVTIMEO;
	assert_int_equal(wait_and_judge(tr, 1), 0);
}

/* Servers wait: in accept, in a read of an unconnected UDP socket, on AF_UNIX. */
static void task_stuck_not_servers(void **state)
{
	struct trial *tr = *state;
	struct sock *l = listener(tr->w, AF_INET);
	struct sock *u = world_sock(tr->w, PID, LS_ROLE_PEER, 7);
	struct sock *x = world_sock(tr->w, PID, LS_ROLE_SERVER, 1);

	u->row.tuple.proto = IPPROTO_UDP;
	x->row.tuple.family = AF_UNIX;
	x->row.tuple.proto = 0;
	world_task(tr->w, PID, 1, l, LS_CALL_ACCEPT);
	world_task(tr->w, PID, 2, u, LS_CALL_READ);
	world_task(tr->w, PID, 3, x, LS_CALL_READ);
	world_look(tr->w);
	assert_int_equal(wait_and_judge(tr, 86400), 0);
}

static void aborts_of(struct trial *tr, int aborted, int closed, uint32_t unread)
{
	int i;

	used(tr->w, LS_ROLE_CLIENT); /* its site lives on */
	for (i = 0; i < aborted + closed; i++) {
		struct sock *s = world_conn(tr->w, PID, LS_ROLE_CLIENT);
		struct ls_abort rec = {
			.hdr = rec_hdr(LS_ABORT, sizeof(rec), tr->w->now_ns),
			.who = rec_who(PID),
			.cookie = s->row.cookie,
			.unread = unread,
		};

		if (i < aborted)
			world_tell(tr->w, &rec);
		sock_ends(tr->w, s);
	}
}

static void aborts(struct trial *tr, int aborted, int closed)
{
	aborts_of(tr, aborted, closed, 1000);
}

/* gRPC closes while a WINDOW_UPDATE is on its way, HTTPS clients while a close_notify is. */
static void aborted_not_by_frames_of_the_protocol(void **state)
{
	struct trial *tr = *state;

	aborts_of(tr, 40, 0, 63);
	assert_int_equal(wait_and_judge(tr, 10), 0);
	aborts_of(tr, 20, 0, 64);
	wait_and_judge(tr, 10);
	assert_int_equal(only(tr, VERDICT_ABORTED, true, 10).count, 20);
}

static void aborted(void **state)
{
	struct trial *tr = *state;
	struct finding f;

	aborts(tr, 6, 6);
	assert_int_equal(wait_and_judge(tr, 10), 1);
	f = only(tr, VERDICT_ABORTED, false, 10);
	assert_int_equal(f.count, 6);
	says(tr, &f,
	     "6 closed with input unread, so a reset went out, of 12 closed; the first 10s ago");
	assert_int_equal(verdicts_proc(tr->v, f.proc)->leaked, 0);
	assert_int_equal(verdicts_proc(tr->v, f.proc)->worst, VERDICT_ABORTED);
	aborts(tr, 14, 0);
	judge(tr);
	only(tr, VERDICT_ABORTED, true, 11);
	assert_int_equal(wait_and_judge(tr, 301), 0);
}

static void aborted_seldom(void **state)
{
	struct trial *tr = *state;

	aborts(tr, 6, 60);
	assert_int_equal(wait_and_judge(tr, 10), 0);
}

static void died_holding(void **state)
{
	static const struct {
		uint32_t code;
		bool accused;
	} rows[] = { { 0, false },  { 1 << 8, false },	{ 15, false },
		     { 13, false }, { 6 | 0x80, true }, { 9, true } };
	struct finding f;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trial *tr;
		struct sock *s;

		setup(state);
		tr = *state;
		s = used(tr->w, LS_ROLE_SERVER);
		tr->w->held = 1;
		world_proc_event(tr->w, PID, LS_PROC_EXIT, 0, rows[i].code);
		sock_ends(tr->w, s);
		tr->w->procs = 0;
		assert_int_equal(wait_and_judge(tr, 9), rows[i].accused);
		if (rows[i].code == (6 | 0x80)) {
			f = only(tr, VERDICT_DIED_HOLDING, true, 9);
			says(tr, &f,
			     "ended by SIGABRT 9s ago, with 1 connection that nobody else held");
		}
		assert_int_equal(wait_and_judge(tr, 600), 0);
		teardown(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(inherited),
		CASE(inherited_not_by_use_or_place),
		CASE(inherited_not_by_forking_server),
		CASE(inherited_not_by_daemon),
		CASE(task_stuck_on_udp),
		CASE(task_stuck_not_servers),
		CASE(aborted),
		CASE(aborted_not_by_frames_of_the_protocol),
		CASE(aborted_seldom),
		cmocka_unit_test(died_holding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
