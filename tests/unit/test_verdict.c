/* SPDX-License-Identifier: BSD-2-Clause */
/* Each class, told in records: what it accuses, and its healthy twin, which it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/records.h"
#include "verdict/verdict.h"

#define PID 100

struct trial {
	struct world *w;
	struct verdicts *v;
	struct verdict_thresholds t;
};

static int setup(void **state)
{
	struct trial *tr = calloc(1, sizeof(*tr));

	tr->w = world_new();
	tr->v = verdicts_new();
	verdict_thresholds_init(&tr->t);
	world_proc(tr->w, PID, "server");
	world_look(tr->w);
	*state = tr;
	return 0;
}

static int teardown(void **state)
{
	struct trial *tr = *state;

	verdicts_free(tr->v);
	world_free(tr->w);
	free(tr);
	return 0;
}

static void after(struct trial *tr, const char *arg)
{
	char why[VERDICT_WHY_LEN];

	assert_int_equal(verdict_thresholds_parse(&tr->t, arg, why, sizeof(why)), 0);
}

/* Starts over with a world that nobody has looked at: what stands in it at the first look was there
 * before. */
static void unseen(struct trial *tr)
{
	world_free(tr->w);
	tr->w = world_new();
	world_proc(tr->w, PID, "server");
	tr->w->now_ns += 86400 * S_NS;
}

static uint32_t judge(struct trial *tr)
{
	assert_int_equal(verdicts_judge(tr->v, tr->w->led, &tr->t, tr->w->now_ns), 0);
	return verdicts_count(tr->v);
}

static uint32_t wait_and_judge(struct trial *tr, uint64_t seconds)
{
	world_wait(tr->w, seconds);
	return judge(tr);
}

/* The only finding, which must be of @class, certain or not, and as old as @age_s. */
static struct finding only(struct trial *tr, enum verdict_class class, bool certain, uint64_t age_s)
{
	struct finding f;

	assert_int_equal(verdicts_count(tr->v), 1);
	verdicts_get(tr->v, 0, &f);
	assert_string_equal(verdict_rule(f.class)->name, verdict_rule(class)->name);
	assert_int_equal(f.certain, certain);
	assert_int_equal((tr->w->now_ns - f.since_ns) / S_NS, age_s);
	return f;
}

static void says(struct trial *tr, const struct finding *f, const char *want)
{
	char buf[256];

	verdict_explain(tr->v, tr->w->led, f, tr->w->now_ns, buf, sizeof(buf));
	assert_string_equal(buf, want);
}

static void to_state(struct sock *s, uint8_t state)
{
	s->row.tuple.state = state;
}

/* A client that asked and was answered, as a pool keeps it. */
static struct sock *used(struct world *w, uint8_t role)
{
	struct sock *s = world_conn(w, PID, role);

	world_look(w);
	if (role == LS_ROLE_CLIENT)
		sock_sends(w, s, 118);
	else
		sock_receives(w, s, 118);
	world_wait(w, 1);
	if (role == LS_ROLE_CLIENT)
		sock_receives(w, s, 500);
	else
		sock_sends(w, s, 500);
	world_look(w);
	return s;
}

/* ---- states */

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

static struct sock *listener(struct world *w, uint8_t family)
{
	struct sock *s = world_sock(w, PID, LS_ROLE_LISTEN, 10);

	s->row.tuple.family = family;
	s->row.tuple.proto = family == AF_UNIX ? 0 : IPPROTO_TCP;
	s->row.tuple.rport = 0;
	s->row.flags = 0;
	s->row.unsent = 128;
	return s;
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
	assert_int_equal(wait_and_judge(tr, 59), 0);
	assert_int_equal(wait_and_judge(tr, 1), 1);
	only(tr, VERDICT_NOT_ACCEPTED, false, 60);
}

/* ---- queues */

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

/* ---- clocks */

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

static void aborts(struct trial *tr, int aborted, int closed)
{
	int i;

	used(tr->w, LS_ROLE_CLIENT); /* its site lives on */
	for (i = 0; i < aborted + closed; i++) {
		struct sock *s = world_conn(tr->w, PID, LS_ROLE_CLIENT);
		struct ls_abort rec = {
			.hdr = rec_hdr(LS_ABORT, sizeof(rec), tr->w->now_ns),
			.who = rec_who(PID),
			.cookie = s->row.cookie,
			.unread = 1000,
		};

		if (i < aborted)
			world_tell(tr->w, &rec);
		sock_ends(tr->w, s);
	}
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

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(close_wait),
		CASE(close_wait_still_sending),
		CASE(close_wait_not_seen_since),
		CASE(close_wait_unix),
		CASE(dead_fd),
		CASE(dead_fd_never_connected),
		CASE(half_closed),
		CASE(connecting),
		CASE(connecting_not_seen),
		CASE(not_accepted),
		CASE(not_accepted_unix),
		CASE(not_accepted_busy),
		CASE(not_accepted_nameless),
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
		CASE(expect_body),
		CASE(never_used),
		CASE(never_used_bare),
		CASE(idle_is_healthy),
		CASE(silent_peer_parked),
		CASE(silent_peer_something_ends_it),
		CASE(silent_peer_event_loop),
		CASE(silent_peer_asks_for_nothing),
		CASE(silent_peer_server_only_if_asked),
		CASE(silent_peer_who_does_not_owe),
		CASE(inherited),
		CASE(inherited_not_by_use_or_place),
		CASE(inherited_not_by_forking_server),
		CASE(inherited_not_by_daemon),
		CASE(task_stuck_on_udp),
		CASE(task_stuck_not_servers),
		CASE(aborted),
		CASE(aborted_seldom),
		cmocka_unit_test(died_holding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
