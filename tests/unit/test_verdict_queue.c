/* SPDX-License-Identifier: BSD-2-Clause */
/* Classes that a queue shows: what each accuses, and its healthy twin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/trial.h"

static void unread(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_CLIENT);
	struct finding f;

	sock_receives(tr->w, s, 125000);
	s->row.unread = 125000;
	world_look(tr->w);
	assert_int_equal(wait_and_judge(tr, 59), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	f = only(tr, VERDICT_UNREAD, false, 61);
	says(tr, &f, "122KiB unread for 1m 1s; fd 7");
	wait_and_judge(tr, 240);
	only(tr, VERDICT_UNREAD, true, 301);
	s->row.unread = 0;
	assert_int_equal(wait_and_judge(tr, 100), 0);
}

/* Snapshots 30 s apart: it came at some time between two of them. Since it was first seen, then. */
static void unread_seen_late(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_CLIENT);

	sock_receives(tr->w, s, 125000);
	s->row.unread = 125000;
	after(tr, "1s");
	assert_int_equal(wait_and_judge(tr, 30), 0);
	assert_int_equal(wait_and_judge(tr, 30), 1);
	only(tr, VERDICT_UNREAD, false, 30);
}

/* A single look cannot tell a slow reader of a busy connection from a stuck one, however short
 * --after is: the last byte came two minutes ago, and the reader may be halfway. */
static void unread_at_first_look(void **state)
{
	struct trial *tr = *state;
	struct sock *s;
	int i;

	unseen(tr);
	s = world_sock(tr->w, PID, LS_ROLE_CLIENT, 1);
	s->row.bytes_received = s->row.unread = 125000;
	s->recv_ns = s->ack_ns = tr->w->now_ns - 120 * S_NS;
	after(tr, "2s");
	assert_int_equal(wait_and_judge(tr, 0), 0);
	for (i = 0; i < 10; i++) { /* it reads on */
		s->row.unread -= 10;
		assert_int_equal(wait_and_judge(tr, 1), 0);
	}
	assert_int_equal(wait_and_judge(tr, 1), 0);
	assert_int_equal(wait_and_judge(tr, 1), 1); /* and here it does not */
	only(tr, VERDICT_UNREAD, false, 2);
}

/* Not read since the first look: what waits has waited since it came. */
static void unread_watched_for_after(void **state)
{
	struct trial *tr = *state;
	struct finding f;
	struct sock *s;

	unseen(tr);
	s = world_sock(tr->w, PID, LS_ROLE_CLIENT, 1);
	s->row.bytes_received = s->row.unread = 125000;
	s->recv_ns = s->ack_ns = tr->w->now_ns - 120 * S_NS;
	assert_int_equal(wait_and_judge(tr, 0), 0);
	assert_int_equal(wait_and_judge(tr, 59), 0);
	assert_int_equal(wait_and_judge(tr, 1), 1);
	f = only(tr, VERDICT_UNREAD, false, 180);
	says(tr, &f, "122KiB unread for at least 3m; fd 7");
}

/* A machine that has been stuck for hours says so at once; certain once we have watched it. */
static void unread_for_hours(void **state)
{
	struct trial *tr = *state;
	struct finding f;
	struct sock *s;

	unseen(tr);
	s = world_sock(tr->w, PID, LS_ROLE_CLIENT, 1);
	s->row.bytes_received = s->row.unread = 125000;
	s->recv_ns = s->ack_ns = tr->w->now_ns - 2 * 3600 * S_NS;
	assert_int_equal(wait_and_judge(tr, 0), 1);
	f = only(tr, VERDICT_UNREAD, false, 7200);
	assert_true(f.at_least);
	says(tr, &f, "122KiB unread for at least 2h; fd 7");
	wait_and_judge(tr, 299);
	only(tr, VERDICT_UNREAD, false, 7499);
	wait_and_judge(tr, 1);
	only(tr, VERDICT_UNREAD, true, 7500);
	after(tr, "unread=3h");
	assert_int_equal(judge(tr), 0);
}

/* Slow, but it reads. */
static void unread_slow_reader(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_CLIENT);
	int i;

	sock_receives(tr->w, s, 125000);
	s->row.unread = 125000;
	for (i = 0; i < 20; i++) {
		s->row.unread -= 10;
		assert_int_equal(wait_and_judge(tr, 50), 0);
	}
}

/* A shipper of logs over TLS never reads the session tickets that came after the handshake. */
static void unread_but_sending(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_CLIENT);
	int i;

	sock_receives(tr->w, s, 510);
	s->row.unread = 510;
	for (i = 0; i < 20; i++) {
		sock_sends(tr->w, s, 100);
		assert_int_equal(wait_and_judge(tr, 50), 0);
	}
}

static void unread_udp(void **state)
{
	struct trial *tr = *state;
	struct sock *s = world_sock(tr->w, PID, LS_ROLE_PEER, 7);
	struct finding f;

	s->row.tuple.proto = IPPROTO_UDP;
	s->row.tuple.rport = 0;
	s->row.unread = 2048;
	world_look(tr->w);
	assert_int_equal(wait_and_judge(tr, 61), 1);
	f = only(tr, VERDICT_UNREAD, false, 61);
	says(tr, &f, "datagrams (2.0KiB of memory) unread for 1m 1s; fd 7");
}

struct pair {
	struct sock *reader;
	struct sock *writer;
};

/* A socketpair, both ends in one process, with 700 bytes of memory under way. */
static struct pair filled_pair(struct world *w)
{
	struct pair p = { world_sock(w, PID, LS_ROLE_PEER, 1),
			  world_sock(w, PID, LS_ROLE_PEER, 1) };

	p.reader->row.tuple.family = p.writer->row.tuple.family = AF_UNIX;
	p.reader->row.tuple.proto = p.writer->row.tuple.proto = 0;
	p.reader->row.peer = p.writer->row.cookie;
	p.writer->row.peer = p.reader->row.cookie;
	p.reader->row.unread = p.writer->row.unsent = 700;
	return p;
}

/* A library wakes itself through a socketpair, and is slow to drain it. */
static void unread_self_pipe(void **state)
{
	struct trial *tr = *state;
	struct pair p = filled_pair(tr->w);

	world_look(tr->w);
	assert_int_equal(wait_and_judge(tr, 3600), 0);
	world_task(tr->w, PID, 812, p.writer, LS_CALL_WRITE);
	world_wait(tr->w, 1);
	assert_int_equal(wait_and_judge(tr, 3600), 0);
	tr->w->tasks = 0;
	/* Its other end in another process: a connection. Its bytes are the reader's. */
	p.writer->row.who = rec_who(PID + 1);
	assert_int_equal(wait_and_judge(tr, 1), 1);
	only(tr, VERDICT_UNREAD, true, 7202);
}

/* What an AF_UNIX writer has sent waits in its reader's queue; its own stall is a blocked thread.
 */
static void unsent_unix(void **state)
{
	struct trial *tr = *state;
	struct pair p = filled_pair(tr->w);
	struct ls_task *t;
	struct finding f;
	int i;

	p.writer->row.who = rec_who(PID + 1);
	p.reader->live = false; /* in a process that we do not see */
	world_look(tr->w);
	assert_int_equal(wait_and_judge(tr, 3600), 0);
	t = world_task(tr->w, PID + 1, 812, p.writer, LS_CALL_READ);
	world_wait(tr->w, 1);
	assert_int_equal(wait_and_judge(tr, 3600), 0);
	t->call = LS_CALL_WRITE;
	t->switches++;
	world_wait(tr->w, 1);
	assert_int_equal(wait_and_judge(tr, 59), 0);
	assert_int_equal(wait_and_judge(tr, 1), 1);
	f = only(tr, VERDICT_UNSENT, true, 60);
	says(tr, &f,
	     "700B unsent, no progress for 1m; fd 8; tid 812 (worker) waits in send with no time "
	     "limit");
	/* A full queue looks the same however fast it moves; but its writer runs. */
	for (i = 0; i < 20; i++) {
		t->switches++;
		assert_int_equal(wait_and_judge(tr, 30), 0);
	}
}

/* ... and so does the reader's. */
static void unread_unix_full_and_moving(void **state)
{
	struct trial *tr = *state;
	struct pair p = filled_pair(tr->w);
	struct ls_task *t = world_task(tr->w, PID + 1, 812, p.writer, LS_CALL_WRITE);
	int i;

	p.writer->row.who = rec_who(PID + 1);
	for (i = 0; i < 20; i++) {
		t->switches++;
		assert_int_equal(wait_and_judge(tr, 30), 0);
	}
	assert_int_equal(wait_and_judge(tr, 60), 2); /* both stand */
	assert_int_equal(verdicts_class_count(tr->v, VERDICT_UNREAD), 1);
	assert_int_equal(verdicts_class_count(tr->v, VERDICT_UNSENT), 1);
}

static void unsent(void **state)
{
	struct trial *tr = *state;
	struct sock *s = used(tr->w, LS_ROLE_SERVER);
	struct finding f;

	sock_sends(tr->w, s, 70000);
	s->row.unsent = 60000;
	world_look(tr->w);
	assert_int_equal(wait_and_judge(tr, 61), 1);
	f = only(tr, VERDICT_UNSENT, false, 61);
	says(tr, &f, "58KiB unsent, no progress for 1m 1s; fd 7");
	world_task(tr->w, PID, 812, s, LS_CALL_WRITE);
	s->row.flags |= LS_SOCK_ZERO_WINDOW;
	assert_int_equal(wait_and_judge(tr, 9), 1);
	f = only(tr, VERDICT_UNSENT, true, 70);
	says(tr, &f,
	     "58KiB unsent, no progress for 1m 10s, the peer's window is closed; fd 7; tid "
	     "812 (worker) waits in send with no time limit");
	s->row.unsent = 50000;
	assert_int_equal(wait_and_judge(tr, 1), 0);
}

/* As for unread: a single look tells of hours, not of seconds, and is never certain. */
static void unsent_at_first_look(void **state)
{
	struct trial *tr = *state;
	struct sock *s;

	unseen(tr);
	s = world_sock(tr->w, PID, LS_ROLE_SERVER, 1);
	s->row.bytes_sent = 70000;
	s->row.unsent = 60000;
	s->row.flags |= LS_SOCK_ZERO_WINDOW;
	s->send_ns = tr->w->now_ns - 120 * S_NS;
	after(tr, "2s");
	assert_int_equal(wait_and_judge(tr, 0), 0);
	assert_int_equal(wait_and_judge(tr, 2), 1);
	only(tr, VERDICT_UNSENT, true, 122);

	unseen(tr);
	s = world_sock(tr->w, PID, LS_ROLE_SERVER, 1);
	s->row.bytes_sent = 70000;
	s->row.unsent = 60000;
	s->row.flags |= LS_SOCK_ZERO_WINDOW;
	s->send_ns = tr->w->now_ns - 7200 * S_NS;
	assert_int_equal(wait_and_judge(tr, 0), 1);
	only(tr, VERDICT_UNSENT, false, 7200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(unread),
		CASE(unread_seen_late),
		CASE(unread_at_first_look),
		CASE(unread_watched_for_after),
		CASE(unread_for_hours),
		CASE(unread_slow_reader),
		CASE(unread_but_sending),
		CASE(unread_udp),
		CASE(unread_self_pipe),
		CASE(unread_unix_full_and_moving),
		CASE(unsent_unix),
		CASE(unsent),
		CASE(unsent_at_first_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
