// SPDX-License-Identifier: BSD-2-Clause
/* stream-half-open: what is accused, and the healthy twin of each, which must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/telling.h"

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
		CASE(half_closed_by_the_server),    CASE(words_of_half_open),
		CASE(never_finished_by_the_client), CASE(slow_answers_are_healthy),
		CASE(open_streams_are_healthy),	    CASE(early_answers_are_no_certainty),
		CASE(short_after_is_not_certain),   CASE(released_and_withheld),
		CASE(losses_explain_so_many),	    CASE(nonsense_is_no_evidence),
		CASE(gone_with_the_socket),	    CASE(thresholds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
