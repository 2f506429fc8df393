// SPDX-License-Identifier: BSD-2-Clause
/* Streams and counters: what is accused, and the healthy twin of each, which must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/streams.h"
#include "unit/trial.h"

#define PEERS LS_STREAM_PEERS

static void tells(struct trial *tr, uint64_t conn, uint64_t id, uint16_t what, uint8_t how)
{
	struct ls_stream rec = stream_rec(tr->w->now_ns, PID, conn, id, what, how);

	rec.stack = 5;
	world_tell(tr->w, &rec);
}

static void says_conn(struct trial *tr, uint64_t conn, uint8_t what, uint64_t value)
{
	struct ls_stream_conn rec = stream_conn_rec(tr->w->now_ns, PID, conn, what, value);

	world_tell(tr->w, &rec);
}

/* A stream of the peer's, answered: what we had to say was said, and its own side stays open. */
static void answered(struct trial *tr, uint64_t conn, uint64_t id)
{
	tells(tr, conn, id, LS_STREAM_OPEN, PEERS);
	tells(tr, conn, id, LS_STREAM_WRITE_CLOSED, LS_STREAM_END);
}

static void loses(struct trial *tr, uint64_t records)
{
	struct ls_lost rec = {
		.hdr = rec_hdr(LS_LOST, sizeof(rec), tr->w->now_ns),
		.count = { [LS_LOST_RING] = records },
	};

	world_tell(tr->w, &rec);
}

static struct finding find(struct trial *tr, enum verdict_class class)
{
	struct finding f;
	uint32_t i;

	for (i = 0; i < verdicts_count(tr->v); i++) {
		verdicts_get(tr->v, i, &f);
		if (f.class == class)
			return f;
	}
	fail_msg("no %s", verdict_rule(class)->name);
	return (struct finding){ 0 };
}

/* ---- stream-half-open */

/* quic-go's Close(): the server ends its side, the peer never ends the other. */
static void half_closed_by_the_server(void **state)
{
	struct trial *tr = *state;
	struct sock *socket = world_sock(tr->w, PID, LS_ROLE_PEER, 7);
	struct finding f;
	uint64_t id;

	socket->row.tuple.proto = IPPROTO_UDP;
	says_conn(tr, 1, LS_STREAM_CONN_OPEN, socket->row.cookie);
	says_conn(tr, 2, LS_STREAM_CONN_OPEN, socket->row.cookie);
	for (id = 0; id < 20; id++)
		answered(tr, 1 + id / 15, 4 * id);
	assert_int_equal(wait_and_judge(tr, 59), 0);
	assert_int_equal(wait_and_judge(tr, 1), 2); /* one a connection */
	f = find(tr, VERDICT_STREAM_HALF_OPEN);
	assert_int_equal(f.count + 0, f.carrier == 1 ? 15 : 5);
	assert_true(f.certain);
	assert_int_equal((tr->w->now_ns - f.since_ns) / S_NS, 60);
	assert_int_equal(ledger_stream(tr->w->led, f.stream)->id, f.carrier == 1 ? 0 : 60);
	assert_int_equal(ledger_stream_site(tr->w->led, f.stream_site)->stack, 5);
	assert_int_equal(ledger_conn(tr->w->led, f.conn)->cookie, socket->row.cookie);
	assert_int_equal(verdicts_proc(tr->v, f.proc)->worst, VERDICT_STREAM_HALF_OPEN);
	assert_int_equal(verdicts_proc(tr->v, f.proc)->leaked, 20);
	assert_int_equal(verdicts_proc(tr->v, f.proc)->leaked_streams, 20);
	assert_int_equal(verdicts_class_count(tr->v, VERDICT_STREAM_HALF_OPEN), 20);
	if (f.carrier == 1)
		says_conn(tr, 2, LS_STREAM_CONN_CLOSE, 0);
	else
		says_conn(tr, 1, LS_STREAM_CONN_CLOSE, 0);
	assert_int_equal(wait_and_judge(tr, 1), 1);
}

static void words_of_half_open(void **state)
{
	struct trial *tr = *state;
	struct finding f;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	answered(tr, 1, 8);
	tells(tr, 1, 12, LS_STREAM_OPEN, PEERS);
	wait_and_judge(tr, 65);
	f = only(tr, VERDICT_STREAM_HALF_OPEN, false, 65); /* one proves little */
	assert_int_equal(f.count, 1);
	tells(tr, 1, 0, LS_STREAM_CREDIT, 0);
	says(tr, &f,
	     "writing closed 1m 5s ago (ended), reading still open; stream 8, opened by the peer; "
	     "2 live on its connection, 1 half open, no credit left");
}

/* A client whose answer came whole, and which never ended its own side. */
static void never_finished_by_the_client(void **state)
{
	struct trial *tr = *state;
	struct finding f;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	tells(tr, 1, 4, LS_STREAM_OPEN, 0);
	tells(tr, 1, 4, LS_STREAM_READ_CLOSED, LS_STREAM_RESET);
	wait_and_judge(tr, 61);
	f = only(tr, VERDICT_STREAM_HALF_OPEN, false, 61);
	assert_int_equal(f.count, 1);
	says(tr, &f,
	     "reading closed 1m 1s ago (reset by the peer), writing still open; stream 4, opened "
	     "by this program; 1 live on its connection, 1 half open");
}

/* Requests that are being answered: for hours, a thousand at once, at either end. */
static void slow_answers_are_healthy(void **state)
{
	struct trial *tr = *state;
	uint64_t id;

	after(tr, "1s");
	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	for (id = 0; id < 1000; id++) {
		tells(tr, 1, 4 * id, LS_STREAM_OPEN, 0);
		tells(tr, 1, 4 * id, LS_STREAM_WRITE_CLOSED, LS_STREAM_END);
		tells(tr, 1, 4 * id + 1, LS_STREAM_OPEN, PEERS);
		tells(tr, 1, 4 * id + 1, LS_STREAM_READ_CLOSED, LS_STREAM_END);
		tells(tr, 1, 4 * id + 2, LS_STREAM_OPEN, LS_STREAM_UNI);
		tells(tr, 1, 4 * id + 3, LS_STREAM_OPEN, LS_STREAM_UNI | PEERS);
	}
	for (id = 0; id < 10; id++)
		assert_int_equal(wait_and_judge(tr, 3600), 0);
	/* Who asks for just this is told, as a suspicion. */
	after(tr, "stream-half-open=1h");
	judge(tr);
	assert_int_equal(verdicts_count(tr->v), 2); /* where we ask, and where the peer does */
	assert_false(find(tr, VERDICT_STREAM_HALF_OPEN).certain);
	assert_int_equal(verdicts_class_count(tr->v, VERDICT_STREAM_HALF_OPEN), 2000);
}

/* Both sides are used, for long. */
static void open_streams_are_healthy(void **state)
{
	struct trial *tr = *state;
	uint64_t id;

	after(tr, "1s");
	for (id = 0; id < 50; id++)
		tells(tr, 1, 4 * id, LS_STREAM_OPEN, id % 2 ? PEERS : 0);
	for (id = 0; id < 20; id++)
		assert_int_equal(wait_and_judge(tr, 60), 0);
}

/* Uploads that are answered before they end, and do end: never certain. */
static void early_answers_are_no_certainty(void **state)
{
	struct trial *tr = *state;
	uint64_t id;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	for (id = 0; id < 30; id++)
		answered(tr, 1, 4 * id);
	wait_and_judge(tr, 90);
	tells(tr, 1, 0, LS_STREAM_READ_CLOSED, LS_STREAM_END); /* one of them after all */
	tells(tr, 1, 0, LS_STREAM_FREE, 0);
	judge(tr);
	assert_int_equal(only(tr, VERDICT_STREAM_HALF_OPEN, false, 90).count, 29);
}

static void short_after_is_not_certain(void **state)
{
	struct trial *tr = *state;
	uint64_t id;

	after(tr, "1s");
	for (id = 0; id < 30; id++)
		answered(tr, 1, 4 * id);
	wait_and_judge(tr, 2);
	only(tr, VERDICT_STREAM_HALF_OPEN, false, 2);
	wait_and_judge(tr, 28);
	only(tr, VERDICT_STREAM_HALF_OPEN, true, 30);
}

static void released_and_withheld(void **state)
{
	struct trial *tr = *state;
	struct finding f;
	uint64_t id;

	for (id = 0; id < 12; id++) {
		answered(tr, 1, 4 * id);
		tells(tr, 1, 4 * id, LS_STREAM_RELEASE, 0);
		tells(tr, 1, 4 * id, LS_STREAM_READ_CLOSED, LS_STREAM_CANCELLED);
	}
	assert_int_equal(wait_and_judge(tr, 59), 0);
	wait_and_judge(tr, 6);
	f = only(tr, VERDICT_STREAM_HALF_OPEN, false, 65); /* the peer's doing */
	says(tr, &f,
	     "released 1m 5s ago, the peer withholds its end; stream 0, opened by the peer; 12 "
	     "live on its connection");
}

/* What the records that were lost could explain is not held against anybody. */
static void losses_explain_so_many(void **state)
{
	struct trial *tr = *state;
	uint64_t id;

	for (id = 0; id < 12; id++)
		answered(tr, 1, 4 * id);
	world_wait(tr->w, 1);
	loses(tr, 12);
	assert_int_equal(wait_and_judge(tr, 100), 0);
	for (id = 100; id < 111; id++)
		answered(tr, 1, 4 * id);
	wait_and_judge(tr, 61); /* of these nothing is lost */
	assert_int_equal(only(tr, VERDICT_STREAM_HALF_OPEN, true, 61).count, 11);
	loses(tr, 15);
	judge(tr);
	assert_int_equal(verdicts_class_count(tr->v, VERDICT_STREAM_HALF_OPEN), 8);
}

static void nonsense_is_no_evidence(void **state)
{
	struct trial *tr = *state;
	uint64_t id;

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, 0);
	for (id = 0; id < 20; id++)
		answered(tr, 1, 4 * id);
	tells(tr, 1, 0, LS_STREAM_OPEN, PEERS); /* it is open already */
	wait_and_judge(tr, 61);
	assert_int_equal(only(tr, VERDICT_STREAM_HALF_OPEN, true, 61).count, 19);
	tells(tr, 1, 1000, LS_STREAM_FREE, 0);
	tells(tr, 1, 1000, LS_STREAM_FREE, 0);
	judge(tr);
	only(tr, VERDICT_STREAM_HALF_OPEN, false, 61);
}

/* The socket has gone; its program has not said so of the connection. */
static void gone_with_the_socket(void **state)
{
	struct trial *tr = *state;
	struct sock *socket = used(tr->w, LS_ROLE_SERVER);

	says_conn(tr, 1, LS_STREAM_CONN_OPEN, socket->row.cookie);
	world_look(tr->w);
	answered(tr, 1, 0);
	wait_and_judge(tr, 61);
	only(tr, VERDICT_STREAM_HALF_OPEN, false, 61);
	sock_ends(tr->w, socket);
	assert_int_equal(wait_and_judge(tr, 1), 0);
}

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

/* ---- miscount */

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

static void thresholds(void **state)
{
	struct trial *tr = *state;

	after(tr, "2s");
	assert_int_equal(tr->t.after_ns[VERDICT_STREAM_HALF_OPEN], 2 * S_NS);
	assert_int_equal(tr->t.after_ns[VERDICT_STREAM_STARVED], 2 * S_NS);
	assert_int_equal(tr->t.after_ns[VERDICT_STREAM_GROWTH], 30 * S_NS);
	assert_int_equal(tr->t.after_ns[VERDICT_MISCOUNT], 10 * S_NS);
	after(tr, "miscount=1s");
	assert_int_equal(tr->t.after_ns[VERDICT_MISCOUNT], S_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(half_closed_by_the_server),
		CASE(words_of_half_open),
		CASE(never_finished_by_the_client),
		CASE(slow_answers_are_healthy),
		CASE(open_streams_are_healthy),
		CASE(early_answers_are_no_certainty),
		CASE(short_after_is_not_certain),
		CASE(released_and_withheld),
		CASE(losses_explain_so_many),
		CASE(nonsense_is_no_evidence),
		CASE(gone_with_the_socket),
		CASE(leak_grows),
		CASE(shut_and_kept_is_certain),
		CASE(chat_that_fills),
		CASE(levels_off),
		CASE(the_old_go),
		CASE(half_open_is_no_growth),
		CASE(starved),
		CASE(starved_by_half_open),
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
		CASE(thresholds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
