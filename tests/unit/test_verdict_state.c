/* SPDX-License-Identifier: BSD-2-Clause */
/* Classes that a state shows, told in records: what each accuses, and its healthy twin, which it
 * must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/trial.h"

static void close_wait(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_SERVER);
	struct finding f;

	to_state(s, 8);
	s->ack_ns = tr->w->now_ns;
	assert_int_equal(wait_and_judge(tr, 59), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	f = only(tr, VERDICT_CLOSE_WAIT, true, 61);
	says(tr, &f, "peer closed 1m 1s ago; fd 7 still open, all input read");
	assert_int_equal(verdicts_proc(tr->v, f.proc)->leaked, 1);
	assert_int_equal(verdicts_proc(tr->v, f.proc)->worst, VERDICT_CLOSE_WAIT);
	assert_int_equal(verdicts_conn(tr->v, f.conn, NULL), VERDICT_CLOSE_WAIT);
}

static void world_stop(struct ls_task *p, bool stopped)
{
	p->flags = LS_TASK_PROCESS | (stopped ? LS_TASK_STOPPED : 0);
}

/* It cannot close while a signal or a debugger holds it; once it goes on it has its minute. */
static void close_wait_stopped(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_SERVER);
	struct ls_task *p = &tr->w->proc[0];
	int i;

	to_state(s, 8);
	s->ack_ns = tr->w->now_ns;
	world_stop(p, true);
	for (i = 0; i < 10; i++)
		assert_int_equal(wait_and_judge(tr, 30), 0);
	world_stop(p, false);
	assert_int_equal(wait_and_judge(tr, 30), 0);
	assert_int_equal(wait_and_judge(tr, 30), 1);
	only(tr, VERDICT_CLOSE_WAIT, true, 360);
}

/* What was lost before it was stopped is lost; and a debugger that stops it for a moment at every
 * look stops nothing: it has run meanwhile. */
static void close_wait_before_stop(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_SERVER);
	struct ls_task *p = &tr->w->proc[0];
	struct finding f;
	int i;

	to_state(s, 8);
	s->ack_ns = tr->w->now_ns;
	world_stop(p, true);
	for (i = 0; i < 6; i++) {
		p->switches++;
		world_wait(tr->w, 10);
	}
	assert_int_equal(wait_and_judge(tr, 1), 1);
	for (i = 0; i < 6; i++)
		world_wait(tr->w, 10);
	judge(tr);
	f = only(tr, VERDICT_CLOSE_WAIT, true, 121);
	says(tr, &f,
	     "peer closed 2m 1s ago; fd 7 still open, all input read; process 100 is stopped "
	     "(signal, debugger or freezer): kill -CONT 100 first");
}

/* Nobody reads because the reader was stopped: its peers are stuck, and are told why. */
static void unread_stopped(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_SERVER);
	struct finding f;

	s->row.unread = 5;
	world_stop(&tr->w->proc[0], true);
	world_wait(tr->w, 1);
	assert_int_equal(wait_and_judge(tr, 1000), 1);
	f = only(tr, VERDICT_UNREAD, false, 1000);
	says(tr, &f,
	     "5B unread for 16m 40s; fd 7; process 100 is stopped (signal, debugger or "
	     "freezer): kill -CONT 100 first");
	world_stop(&tr->w->proc[0], false);
	assert_int_equal(wait_and_judge(tr, 1), 0);
}

/* A download goes on after the client has shut down its side. */
static void close_wait_still_sending(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_SERVER);
	int i;

	to_state(s, 8);
	for (i = 0; i < 10; i++) {
		sock_sends(tr->w, s, 1000);
		assert_int_equal(wait_and_judge(tr, 30), 0);
	}
}

/* What was seen for five seconds has not lasted a minute because nobody looked since. */
static void close_wait_not_seen_since(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_SERVER);

	to_state(s, 8);
	s->ack_ns = tr->w->now_ns;
	world_wait(tr->w, 5);
	tr->w->now_ns += 3600 * S_NS;
	assert_int_equal(judge(tr), 0);
}

static void close_wait_unix(void **state)
{
	struct trial *tr = *state;
	struct sock *s = world_sock(tr->w, PID, LS_ROLE_CLIENT, 1);
	struct finding f;

	s->row.tuple.family = AF_UNIX;
	s->row.tuple.proto = 0;
	s->row.peer = 77;
	s->row.flags |= LS_SOCK_RCV_SHUT | LS_SOCK_SND_SHUT; /* our own doing */
	world_wait(tr->w, 1);
	assert_int_equal(wait_and_judge(tr, 600), 0);
	s->row.peer = 0;
	world_wait(tr->w, 1);
	assert_int_equal(wait_and_judge(tr, 59), 0);
	assert_int_equal(wait_and_judge(tr, 1), 1);
	f = only(tr, VERDICT_CLOSE_WAIT, true, 60);
	says(tr, &f, "peer closed 1m ago; fd 7 still open, all input read");
}

static void half_a_socketpair(void **state)
{
	struct trial *tr = *state;
	struct sock *s = world_sock(tr->w, PID, LS_ROLE_PEER, 1);

	s->row.tuple.family = AF_UNIX;
	s->row.tuple.proto = 0;
	s->row.flags |= LS_SOCK_RCV_SHUT | LS_SOCK_SND_SHUT;
	world_wait(tr->w, 1);
	assert_int_equal(wait_and_judge(tr, 600), 0);
}

static void dead_fd(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_CLIENT);
	struct ls_dead rec = {
		.hdr = rec_hdr(LS_DEAD, sizeof(rec), tr->w->now_ns),
		.cookie = s->row.cookie,
		.err = 104,
	};
	struct finding f;

	to_state(s, 7);
	world_tell(tr->w, &rec);
	assert_int_equal(wait_and_judge(tr, 29), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	f = only(tr, VERDICT_DEAD_FD, true, 31);
	says(tr, &f, "connection ended 31s ago (Connection reset by peer); fd 7 still open");
}

/* A fresh socket(), never connected, is CLOSE too. */
static void dead_fd_never_connected(void **state)
{
	struct trial *tr = *state;
	struct sock *s = world_sock(tr->w, PID, LS_ROLE_UNKNOWN, 7);

	s->row.flags = 0;
	s->row.tuple.rport = 0;
	world_look(tr->w);
	assert_int_equal(wait_and_judge(tr, 86400), 0);
}

static void half_closed(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_CLIENT);
	struct finding f;

	to_state(s, 5);
	s->ack_ns = tr->w->now_ns;
	world_look(tr->w);
	sock_receives(tr->w, s, 10); /* the rest of the answer still comes */
	world_wait(tr->w, 40);
	sock_receives(tr->w, s, 10);
	assert_int_equal(wait_and_judge(tr, 59), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	f = only(tr, VERDICT_HALF_CLOSED, true, 101);
	says(tr, &f,
	     "shut down for writing 1m 41s ago, and the peer has not closed; fd 7 still open");
}

static void connecting(void **state)
{
	struct trial *tr = *state;
	struct sock *s = world_sock(tr->w, PID, LS_ROLE_CLIENT, 2);
	struct finding f;

	world_opens(tr->w, s, PID, 3);
	world_look(tr->w);
	assert_int_equal(wait_and_judge(tr, 29), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	f = only(tr, VERDICT_CONNECTING, true, 31);
	says(tr, &f, "no answer to connect() for 31s; fd 7");
	assert_int_equal(verdicts_proc(tr->v, f.proc)->stalled, 1);
}

/* An open record says SYN_SENT; nobody has looked at the socket since. */
static void connecting_not_seen(void **state)
{
	struct trial *tr = *state;
	struct sock *s = world_sock(tr->w, PID, LS_ROLE_CLIENT, 2);

	world_opens(tr->w, s, PID, 3);
	s->live = false; /* in no descriptor table */
	world_wait(tr->w, 1);
	assert_int_equal(wait_and_judge(tr, 3600), 0);
}

static void not_accepted_on(struct trial *tr, uint8_t family)
{
	struct sock *s = listener(tr->w, family);
	struct finding f;

	world_wait(tr->w, 100);
	s->row.unread = 3;
	s->row.bytes_received = 4711;
	world_wait(tr->w, 1);
	assert_int_equal(wait_and_judge(tr, 9), 0);
	s->row.unread = 4; /* more come; the first stays first */
	assert_int_equal(wait_and_judge(tr, 2), 1);
	f = only(tr, VERDICT_NOT_ACCEPTED, true, 11);
	says(tr, &f, "4 in the accept queue of 128, none taken for 11s; fd 7");
	s->row.bytes_received = 4712;
	assert_int_equal(wait_and_judge(tr, 1), 0);
	assert_int_equal(wait_and_judge(tr, 9), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	s->row.unread = 0;
	s->row.bytes_received = 0;
	assert_int_equal(wait_and_judge(tr, 1), 0);
}

static void not_accepted(void **state)
{
	not_accepted_on(*state, AF_INET);
}

static void not_accepted_unix(void **state)
{
	not_accepted_on(*state, AF_UNIX);
}

/* A busy server's queue is never seen empty, nor shorter, but it moves: another one stands first.
 */
static void not_accepted_busy(void **state)
{
	struct trial *tr = *state;
	struct sock *a = listener(tr->w, AF_INET);
	struct sock *b = listener(tr->w, AF_UNIX);
	int i;

	a->row.unread = b->row.unread = 128;
	after(tr, "5s");
	for (i = 1; i <= 100; i++) {
		a->row.bytes_received = (uint64_t)i << 32 | 0x7f000001;
		b->row.bytes_received = 9000 + (uint64_t)i;
		assert_int_equal(wait_and_judge(tr, 4), 0);
	}
	assert_int_equal(wait_and_judge(tr, 4), 0);
	assert_int_equal(wait_and_judge(tr, 1), 2); /* and then it stands */
}

/* Clients that send and go: those that wait have no name, and only the length tells. */
static void not_accepted_nameless(void **state)
{
	struct trial *tr = *state;
	struct sock *s = listener(tr->w, AF_UNIX);
	int i;

	for (i = 0; i < 100; i++) {
		s->row.unread = 1 + (i * 7) % 10;
		assert_int_equal(wait_and_judge(tr, 5), 0);
	}
	s->row.unread = 1;
	world_wait(tr->w, 1);
	for (i = 0; i < 59; i++)
		assert_int_equal(wait_and_judge(tr, 1), 0);
	assert_int_equal(wait_and_judge(tr, 1), 1);
	only(tr, VERDICT_NOT_ACCEPTED, false, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(close_wait),
		CASE(close_wait_stopped),
		CASE(close_wait_before_stop),
		CASE(unread_stopped),
		CASE(close_wait_still_sending),
		CASE(close_wait_not_seen_since),
		CASE(close_wait_unix),
		CASE(half_a_socketpair),
		CASE(dead_fd),
		CASE(dead_fd_never_connected),
		CASE(half_closed),
		CASE(connecting),
		CASE(connecting_not_seen),
		CASE(not_accepted),
		CASE(not_accepted_unix),
		CASE(not_accepted_busy),
		CASE(not_accepted_nameless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
