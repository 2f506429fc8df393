// SPDX-License-Identifier: BSD-2-Clause
/* Streams in the ledger: their lives, their connections, what ends them, and what is not believed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/story.h"
#include "unit/streams.h"

#define PID 100

static int says(struct story *s, uint64_t id, uint16_t what, uint8_t how)
{
	struct ls_stream rec = stream_rec(s->now_ns, PID, CONN, id, what, how);

	return tell(s, &rec);
}

static int says_conn(struct story *s, uint64_t conn, uint8_t what, uint64_t value)
{
	struct ls_stream_conn rec = stream_conn_rec(s->now_ns, PID, conn, what, value);

	return tell(s, &rec);
}

static const struct proc_streams *streams_of(const struct story *s, uint32_t pid)
{
	return ledger_proc_streams(s->led, ledger_find_proc(s->led, pid));
}

static const struct carrier *carrier_of(const struct story *s, uint64_t conn)
{
	const struct proc_streams *p = streams_of(s, PID);
	const struct carrier *c = p ? ledger_carrier(s->led, p->carrier) : NULL;

	while (c && c->conn != conn)
		c = ledger_carrier(s->led, c->next);
	return c;
}

static const struct stream *only_stream(const struct story *s)
{
	const struct carrier *c = carrier_of(s, CONN);

	assert_non_null(c);
	assert_int_equal(c->first, c->last);
	return ledger_stream(s->led, c->first);
}

static void tick(struct story *s)
{
	later(s, 1);
	begin(s);
	tell_process(s, PID);
	finish(s);
}

static void one_life(void **state)
{
	struct story *s = *state;
	const struct stream_site *site;
	const struct stream *st;

	assert_null(streams_of(s, PID));
	says_conn(s, CONN, LS_STREAM_CONN_OPEN, 0);
	later(s, 1);
	assert_int_equal(says(s, 4, LS_STREAM_OPEN, LS_STREAM_PEERS), 0);
	st = only_stream(s);
	assert_int_equal(st->id, 4);
	assert_int_equal(st->open_ns, s->now_ns);
	assert_int_equal(st->kind, LS_STREAM_PEERS);
	assert_false(stream_half_open(st));
	site = ledger_stream_site(s->led, st->site);
	assert_int_equal(site->live, 1);
	later(s, 1);
	says(s, 4, LS_STREAM_WRITE_CLOSED, LS_STREAM_END);
	assert_true(stream_half_open(st));
	assert_int_equal(stream_half_ns(st), s->now_ns);
	assert_int_equal(streams_of(s, PID)->half_open, 1);
	assert_int_equal(site->half_open, 1);
	says(s, 4, LS_STREAM_READ_CLOSED, LS_STREAM_RESET);
	assert_false(stream_half_open(st));
	assert_true(stream_shut(st));
	assert_int_equal(st->read_how, LS_STREAM_RESET);
	assert_int_equal(streams_of(s, PID)->half_open, 0);
	says(s, 4, LS_STREAM_RELEASE, 0);
	assert_int_equal(st->release_ns, s->now_ns);
	says(s, 4, LS_STREAM_FREE, 0);
	assert_int_equal(streams_of(s, PID)->live, 0);
	assert_int_equal(streams_of(s, PID)->opened, 1);
	assert_int_equal(streams_of(s, PID)->freed, 1);
	assert_int_equal(streams_of(s, PID)->nonsense, 0);
	assert_int_equal(streams_of(s, PID)->unseen, 0);
	assert_int_equal(site->live, 0);
	assert_int_equal(ledger_streams_live(s->led), 0);
}

/* Where the program does not tell who opened a stream, its number may. */
static void numbers_say_who_opened(void **state)
{
	static const struct {
		uint64_t id;
		uint8_t how, kind;
	} rows[] = {
		{ 0, LS_STREAM_AS_SERVER, LS_STREAM_PEERS },
		{ 1, LS_STREAM_AS_SERVER, 0 },
		{ 6, LS_STREAM_AS_SERVER, LS_STREAM_PEERS | LS_STREAM_UNI },
		{ 7, LS_STREAM_AS_SERVER, LS_STREAM_UNI },
		{ 8, LS_STREAM_AS_CLIENT, 0 },
		{ 9, LS_STREAM_AS_CLIENT, LS_STREAM_PEERS },
		{ 14, LS_STREAM_AS_CLIENT, LS_STREAM_UNI },
		{ 15, LS_STREAM_AS_CLIENT, LS_STREAM_PEERS | LS_STREAM_UNI },
		{ 16, LS_STREAM_ANYONES, 0 },
		{ 18, 77, 0 },
	};
	struct story *s = *state;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct stream *st;
		bool known =
			rows[i].how == LS_STREAM_AS_SERVER || rows[i].how == LS_STREAM_AS_CLIENT;

		says(s, rows[i].id, LS_STREAM_OPEN, rows[i].how);
		st = ledger_stream(s->led, carrier_of(s, CONN)->last);
		assert_int_equal(st->kind, rows[i].kind);
		assert_int_equal(!(st->flags & STREAM_ANYONES), known);
	}
	assert_int_equal(carrier_of(s, CONN)->own, 4);
	/* Which side of one is the answer's, nobody knows. */
	says(s, 16, LS_STREAM_WRITE_CLOSED, LS_STREAM_END);
	says(s, 18, LS_STREAM_READ_CLOSED, LS_STREAM_END);
	assert_int_equal(streams_of(s, PID)->half_open, 2);
	assert_false(stream_answered(ledger_stream(s->led, carrier_of(s, CONN)->last)));
	assert_int_equal(streams_of(s, PID)->nonsense, 0);
}

/* Twenty thousand, and nothing of them stays when they are freed. */
static void many_live(void **state)
{
	struct story *s = *state;
	uint32_t i, end;

	says_conn(s, CONN, LS_STREAM_CONN_OPEN, 0);
	for (i = 0; i < 20000; i++)
		says(s, 4ull * i, LS_STREAM_OPEN, LS_STREAM_PEERS);
	assert_int_equal(ledger_streams_live(s->led), 20000);
	end = ledger_stream_end(s->led);
	for (i = 0; i < 20000; i += 2)
		says(s, 4ull * i, LS_STREAM_FREE, 0);
	assert_int_equal(carrier_of(s, CONN)->live, 10000);
	assert_int_equal(ledger_stream(s->led, carrier_of(s, CONN)->first)->id, 4);
	for (i = 0; i < 20000; i += 2)
		says(s, 4ull * (20000 + i), LS_STREAM_OPEN, LS_STREAM_PEERS);
	assert_int_equal(ledger_stream_end(s->led), end);
	says_conn(s, CONN, LS_STREAM_CONN_CLOSE, 0);
	assert_int_equal(ledger_streams_live(s->led), 0);
	assert_int_equal(streams_of(s, PID)->freed, 30000);
	assert_int_equal(streams_of(s, PID)->carriers, 0);
	tick(s);
	assert_null(carrier_of(s, CONN));
}

/* A library tells the end of the connection first, and then of each of its streams. */
static void rest_after_the_end(void **state)
{
	struct story *s = *state;

	says_conn(s, CONN, LS_STREAM_CONN_OPEN, 0);
	says(s, 1, LS_STREAM_OPEN, 0);
	says_conn(s, CONN, LS_STREAM_CONN_CLOSE, 0);
	says(s, 1, LS_STREAM_READ_CLOSED, LS_STREAM_LOST);
	says(s, 1, LS_STREAM_WRITE_CLOSED, LS_STREAM_LOST);
	says(s, 1, LS_STREAM_FREE, 0);
	assert_int_equal(streams_of(s, PID)->nonsense, 0);
	assert_int_equal(streams_of(s, PID)->unseen, 0);
	/* Its number may be given again at once. */
	says_conn(s, CONN, LS_STREAM_CONN_OPEN, 0);
	says(s, 1, LS_STREAM_OPEN, 0);
	assert_int_equal(only_stream(s)->id, 1);
	assert_int_equal(streams_of(s, PID)->nonsense, 0);
}

static void process_ends(void **state)
{
	struct story *s = *state;
	struct ls_stream late = stream_rec(s->now_ns, PID, CONN, 8, LS_STREAM_OPEN, 0);

	says_conn(s, CONN, LS_STREAM_CONN_OPEN, 0);
	says_conn(s, 3, LS_STREAM_CONN_COUNT, 1);
	says(s, 1, LS_STREAM_OPEN, 0);
	says(s, 2, LS_STREAM_OPEN, 0);
	tell_proc(s, rec_who(PID), LS_PROC_EXIT, 0, "prog");
	assert_null(streams_of(s, PID));
	assert_int_equal(ledger_streams_live(s->led), 0);
	tell(s, &late); /* from another CPU */
	assert_int_equal(ledger_streams_live(s->led), 0);
	begin(s);
	finish(s);
	later(s, 1);
	begin(s);
	finish(s);
	assert_int_equal(ledger_find_proc(s->led, PID), 0);
	assert_null(ledger_stream_site(s->led, 1));
}

/* Another program in the same process has none of them; a lost exit is found by a snapshot. */
static void exec_and_lost_exit(void **state)
{
	struct story *s = *state;

	says(s, 1, LS_STREAM_OPEN, 0);
	tell_proc(s, rec_who(PID), LS_PROC_EXEC, 0, "other");
	assert_int_equal(ledger_streams_live(s->led), 0);
	says(s, 1, LS_STREAM_OPEN, 0);
	assert_int_equal(ledger_streams_live(s->led), 1);
	look_at_nothing(s);
	assert_int_equal(ledger_streams_live(s->led), 0);
}

static void nonsense_is_counted(void **state)
{
	struct story *s = *state;

	says_conn(s, CONN, LS_STREAM_CONN_OPEN, 0);
	says(s, 5, LS_STREAM_FREE, 0); /* never opened */
	assert_int_equal(streams_of(s, PID)->nonsense, 1);
	says(s, 4, LS_STREAM_OPEN, LS_STREAM_PEERS);
	later(s, 1);
	says(s, 4, LS_STREAM_OPEN, 0); /* again */
	assert_int_equal(streams_of(s, PID)->nonsense, 2);
	assert_int_equal(only_stream(s)->kind, LS_STREAM_PEERS);
	assert_true(only_stream(s)->flags & STREAM_DOUBTED);
	says(s, 4, 77, 0); /* no such thing */
	says(s, 4, LS_STREAM_READ_CLOSED, 9);
	assert_int_equal(only_stream(s)->read_ns, 0);
	says(s, 4, LS_STREAM_READ_CLOSED, LS_STREAM_END);
	says(s, 4, LS_STREAM_READ_CLOSED, LS_STREAM_RESET); /* twice */
	assert_int_equal(only_stream(s)->read_how, LS_STREAM_END);
	says(s, 4, LS_STREAM_RELEASE, 0);
	says(s, 4, LS_STREAM_RELEASE, 0);
	says(s, 4, LS_STREAM_FREE, 0);
	says(s, 4, LS_STREAM_FREE, 0); /* twice */
	says_conn(s, CONN, LS_STREAM_CONN_OPEN, 0);
	says_conn(s, CONN, 99, 0);
	says_conn(s, CONN, LS_STREAM_CONN_CLOSE, 0);
	says_conn(s, CONN, LS_STREAM_CONN_CLOSE, 0);
	assert_int_equal(streams_of(s, PID)->nonsense, 10);
	assert_int_equal(streams_of(s, PID)->unseen, 0);
	assert_int_equal(streams_of(s, PID)->opened, 1);
	assert_int_equal(streams_of(s, PID)->freed, 1);
	says(s, 2, LS_STREAM_OPEN, LS_STREAM_UNI);
	assert_int_equal(ledger_streams_live(s->led), 0); /* on what is closed */
}

/* A unidirectional stream has one side, and closing the other is nonsense. */
static void one_way(void **state)
{
	struct story *s = *state;

	says(s, 2, LS_STREAM_OPEN, LS_STREAM_UNI);
	says(s, 2, LS_STREAM_READ_CLOSED, LS_STREAM_END);
	assert_int_equal(streams_of(s, PID)->nonsense, 1);
	says(s, 2, LS_STREAM_WRITE_CLOSED, LS_STREAM_END);
	assert_int_equal(streams_of(s, PID)->nonsense, 1);
	assert_false(stream_half_open(only_stream(s)));
	assert_true(stream_shut(only_stream(s)));
	says(s, 2, LS_STREAM_FREE, 0);
	says(s, 3, LS_STREAM_OPEN, LS_STREAM_UNI | LS_STREAM_PEERS);
	says(s, 3, LS_STREAM_READ_CLOSED, LS_STREAM_END);
	assert_int_equal(streams_of(s, PID)->nonsense, 1);
	assert_int_equal(streams_of(s, PID)->half_open, 0);
}

/* We came late: what is told of streams that we did not see open is no nonsense. */
static void attached_late(void **state)
{
	struct story *s = *state;

	says(s, 4, LS_STREAM_READ_CLOSED, LS_STREAM_END);
	says(s, 4, LS_STREAM_FREE, 0);
	says(s, 8, LS_STREAM_OPEN, 0); /* the first that we see of that connection */
	says(s, 0, LS_STREAM_FREE, 0);
	assert_int_equal(streams_of(s, PID)->unseen, 3);
	assert_int_equal(carrier_of(s, CONN)->unseen, 1);
	assert_int_equal(streams_of(s, PID)->nonsense, 0);
	assert_int_equal(ledger_streams_live(s->led), 1);
	says_conn(s, 99, LS_STREAM_CONN_CLOSE, 0);
	assert_int_equal(streams_of(s, PID)->unseen, 4);
	says(s, 8, LS_STREAM_FREE, 0);
	tick(s);
	assert_null(carrier_of(s, CONN)); /* nothing to remember */
}

/* The record of an end was lost: the number may come again. */
static void loss_heals(void **state)
{
	struct story *s = *state;

	says_conn(s, CONN, LS_STREAM_CONN_OPEN, 0);
	says(s, 4, LS_STREAM_OPEN, 0);
	says(s, 4, LS_STREAM_READ_CLOSED, LS_STREAM_END);
	later(s, 1);
	s->lost_ring = 1;
	tick(s);
	assert_int_equal(ledger_totals(s->led)->lost_ns, s->now_ns);
	later(s, 1);
	says(s, 4, LS_STREAM_OPEN, 0);
	assert_int_equal(only_stream(s)->open_ns, s->now_ns);
	assert_int_equal(only_stream(s)->read_ns, 0);
	assert_int_equal(streams_of(s, PID)->half_open, 0);
	says_conn(s, CONN, LS_STREAM_CONN_OPEN, 0);
	assert_int_equal(ledger_streams_live(s->led), 0);
	assert_int_equal(streams_of(s, PID)->carriers, 1);
	assert_int_equal(streams_of(s, PID)->nonsense, 0);
}

static void joined_by_cookie(void **state)
{
	struct story *s = *state;
	const struct carrier *c;

	look_at_nothing(s);
	says_conn(s, CONN, LS_STREAM_CONN_OPEN, 55);
	says_conn(s, 8, LS_STREAM_CONN_OPEN, 66); /* whose socket is never seen */
	c = carrier_of(s, CONN);
	assert_int_equal(ledger_carrier_conn(s->led, c), 0);
	begin(s);
	tell_process(s, PID);
	tell_row(s, 55, PID, 9, LS_ROLE_SERVER);
	finish(s);
	assert_int_equal(ledger_carrier_conn(s->led, c), ledger_find_conn(s->led, 55));
	assert_true(c->flags & CARRIER_JOINED);
	tell_end(s, 55);
	tick(s);
	assert_true(c->flags & CARRIER_GONE);
	assert_false(carrier_of(s, 8)->flags & CARRIER_GONE);
	later(s, 700);
	tick(s);
	assert_null(carrier_of(s, CONN)); /* of its end nothing was told */
	assert_non_null(carrier_of(s, 8));
}

static void starved_until_it_can(void **state)
{
	struct story *s = *state;
	const struct carrier *c;

	says_conn(s, CONN, LS_STREAM_CONN_OPEN, 0);
	c = carrier_of(s, CONN);
	assert_true(c->credit == STREAM_CREDIT_UNKNOWN);
	says(s, LS_STREAM_NONE, LS_STREAM_BLOCKED, 1);
	assert_int_equal(c->starved_ns, s->now_ns);
	assert_int_equal(c->credit, 0);
	later(s, 5);
	says(s, LS_STREAM_NONE, LS_STREAM_BLOCKED, 1);
	assert_int_equal(c->starved_last_ns - c->starved_ns, 5 * S_NS);
	says(s, 1, LS_STREAM_OPEN, LS_STREAM_PEERS); /* the peer's is no help */
	assert_true(c->starved_ns);
	says(s, 3, LS_STREAM_CREDIT, 0);
	assert_int_equal(c->credit, 3);
	assert_int_equal(c->starved_ns, 0);
	says(s, LS_STREAM_NONE, LS_STREAM_BLOCKED, 1);
	says(s, 0, LS_STREAM_OPEN, 0);
	assert_int_equal(c->starved_ns, 0);
	says(s, LS_STREAM_NONE, LS_STREAM_BLOCKED, 1);
	says(s, 0, LS_STREAM_FREE, 0);
	assert_int_equal(c->starved_ns, 0);
	says(s, 1, LS_STREAM_BLOCKED, 2); /* a window, no credit */
	assert_int_equal(c->starved_ns, 0);
	assert_int_equal(ledger_stream(s->led, c->first)->blocked_ns, s->now_ns);
}

static void libraries_have_names(void **state)
{
	struct story *s = *state;
	struct ls_library rec = library_rec(s->now_ns, 3, "quic-go");
	struct ls_stream open = stream_rec(s->now_ns, PID, 0, 0xc000123000, LS_STREAM_OPEN, 0);

	assert_string_equal(ledger_library(s->led, 0), "tether");
	assert_string_equal(ledger_library(s->led, 3), "");
	tell(s, &rec);
	assert_string_equal(ledger_library(s->led, 3), "quic-go");
	open.library = 3;
	tell(s, &open);
	says(s, 1, LS_STREAM_OPEN, 0);
	assert_int_equal(streams_of(s, PID)->carriers, 2); /* kept apart */
	rec.library = 0;
	assert_int_equal(tell(s, &rec), -EBADMSG);
	rec.library = 256;
	assert_int_equal(tell(s, &rec), -EBADMSG);
}

static void limits_hold(void **state)
{
	struct story *s = *state, small;
	struct ledger_limits limits = { .streams = 3, .conns = 2 };
	struct ls_stream_conn conn;
	uint64_t id;

	small = story_new(&limits);
	for (id = 0; id < 5; id++)
		assert_int_equal(says(&small, id, LS_STREAM_OPEN, 0), id < 3 ? 0 : -ENOMEM);
	assert_int_equal(ledger_totals(small.led)->lost[LS_LOST_LEDGER], 2);
	assert_int_equal(ledger_streams_live(small.led), 3);
	conn = stream_conn_rec(small.now_ns, PID, 50, LS_STREAM_CONN_OPEN, 0);
	assert_int_equal(tell(&small, &conn), 0);
	conn.conn++;
	assert_int_equal(tell(&small, &conn), -ENOMEM);
	ledger_free(small.led);
	(void)s;
}

/* ---- the program's own counter */

static const struct count *count_of_prog(const struct story *s)
{
	return &streams_of(s, PID)->count;
}

static void counter_is_compared(void **state)
{
	struct story *s = *state;

	look_at_nothing(s);
	tell_process(s, PID);
	says_conn(s, 1, LS_STREAM_CONN_OPEN, 0);
	assert_int_equal(count_of_prog(s)->state, COUNT_UNKNOWN);
	says_conn(s, 0, LS_STREAM_CONN_COUNT, 1);
	tick(s);
	tick(s);
	assert_int_equal(count_of_prog(s)->state, COUNT_SAME);
	says_conn(s, 0, LS_STREAM_CONN_COUNT, 2);
	assert_int_equal(count_of_prog(s)->state, COUNT_DIFFERS); /* for a moment */
	says_conn(s, 2, LS_STREAM_CONN_OPEN, 0);
	assert_int_equal(count_of_prog(s)->state, COUNT_SAME);
	says_conn(s, 0, LS_STREAM_CONN_COUNT, 1);
	assert_int_equal(count_of_prog(s)->state, COUNT_DIFFERS);
	assert_int_equal(count_of_prog(s)->since_ns, s->now_ns);
	assert_int_equal(count_of_prog(s)->says, 1);
	assert_int_equal(count_of_prog(s)->told, 2);
	assert_true(count_of_prog(s)->sure);
	tick(s);
	assert_int_equal(count_of_prog(s)->changed_ns, s->now_ns - S_NS);
	says_conn(s, 0, LS_STREAM_CONN_COUNT, 3);
	assert_false(count_of_prog(s)->sure); /* two counters in one, perhaps */
}

/* What was open before we looked is part of the difference, until it closes. */
static void counter_of_the_late(void **state)
{
	struct story *s = *state;

	look_at_nothing(s);
	says_conn(s, 0, LS_STREAM_CONN_COUNT, 6);
	says_conn(s, 1, LS_STREAM_CONN_OPEN, 0);
	tick(s);
	assert_int_equal(count_of_prog(s)->state, COUNT_SAME); /* not known yet */
	tick(s);
	tick(s);
	assert_int_equal(count_of_prog(s)->state, COUNT_SAME);
	says_conn(s, 0, LS_STREAM_CONN_COUNT, 5);
	assert_int_equal(count_of_prog(s)->state, COUNT_DIFFERS);
	says_conn(s, 77, LS_STREAM_CONN_CLOSE, 0); /* one of those */
	assert_int_equal(count_of_prog(s)->state, COUNT_SAME);
	tick(s);
	tick(s);
	says_conn(s, 0, LS_STREAM_CONN_COUNT, 4);
	tick(s);
	assert_int_equal(count_of_prog(s)->state, COUNT_DIFFERS);
	assert_false(count_of_prog(s)->sure);
}

static void counter_against_the_kernel(void **state)
{
	struct story *s = *state;

	look_at_nothing(s);
	begin(s);
	tell_process(s, PID);
	tell_row(s, 55, PID, 9, LS_ROLE_SERVER);
	finish(s);
	says_conn(s, 0, LS_STREAM_CONN_COUNT, 1);
	says_conn(s, 1, LS_STREAM_CONN_OPEN, 55);
	begin(s);
	tell_process(s, PID);
	tell_row(s, 55, PID, 9, LS_ROLE_SERVER);
	finish(s);
	assert_int_equal(count_of_prog(s)->state, COUNT_SAME);
	tick(s);
	tell_end(s, 55);
	tick(s);
	assert_int_equal(count_of_prog(s)->state, COUNT_GONE);
	assert_int_equal(count_of_prog(s)->gone, 1);
	says_conn(s, 1, LS_STREAM_CONN_CLOSE, 0);
	says_conn(s, 0, LS_STREAM_CONN_COUNT, 0);
	assert_int_equal(count_of_prog(s)->state, COUNT_SAME);
	assert_int_equal(count_of_prog(s)->gone, 0);
}

/* A counter of its own for each thread: they add up. */
static void counters_of_threads(void **state)
{
	struct story *s = *state;
	struct ls_stream_conn other = stream_conn_rec(0, PID, 0, LS_STREAM_CONN_COUNT, 1);

	other.hdr.time_ns = s->now_ns;
	other.who.tid = PID + 1;
	says_conn(s, 1, LS_STREAM_CONN_OPEN, 0);
	says_conn(s, 0, LS_STREAM_CONN_COUNT, 1);
	says_conn(s, 2, LS_STREAM_CONN_OPEN, 0);
	tell(s, &other);
	assert_int_equal(count_of_prog(s)->says, 2);
	tick(s);
	tick(s);
	assert_int_equal(count_of_prog(s)->state, COUNT_SAME);
	assert_true(count_of_prog(s)->sure);
}

static void drains(void **state)
{
	struct story *s = *state;
	const struct drain *d;
	int i;

	says_conn(s, 0, LS_STREAM_DRAIN_BEGIN, 2);
	says_conn(s, 1, LS_STREAM_DRAIN_BEGIN, 2);
	says_conn(s, 0, LS_STREAM_DRAIN_REFUSED, 0);
	says_conn(s, 0, LS_STREAM_DRAIN_DONE, 0);
	says_conn(s, 1, LS_STREAM_DRAIN_DONE, 0);
	d = &streams_of(s, PID)->drain;
	assert_int_equal(d->begun, 2);
	assert_int_equal(d->done, 2);
	assert_int_equal(d->refused, 1);
	assert_int_equal(d->twice, 0);
	for (i = 0; i < 2; i++) /* two servers that share a number */
		says_conn(s, 6, LS_STREAM_DRAIN_BEGIN, 0);
	for (i = 0; i < 2; i++)
		says_conn(s, 6, LS_STREAM_DRAIN_DONE, 0);
	assert_int_equal(d->twice, 0);
	says_conn(s, 5, LS_STREAM_DRAIN_DONE, 0); /* begun before we looked */
	assert_int_equal(d->twice, 0);
	later(s, 1);
	says_conn(s, 1, LS_STREAM_DRAIN_DONE, 0);
	assert_int_equal(d->twice, 1);
	assert_int_equal(d->twice_of, 1);
	assert_int_equal(d->twice_ns, s->now_ns);
	assert_true(d->twice_sure);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_life),
		CASE(numbers_say_who_opened),
		CASE(many_live),
		CASE(rest_after_the_end),
		CASE(process_ends),
		CASE(exec_and_lost_exit),
		CASE(nonsense_is_counted),
		CASE(one_way),
		CASE(attached_late),
		CASE(loss_heals),
		CASE(joined_by_cookie),
		CASE(starved_until_it_can),
		CASE(libraries_have_names),
		CASE(limits_hold),
		CASE(counter_is_compared),
		CASE(counter_of_the_late),
		CASE(counter_against_the_kernel),
		CASE(counters_of_threads),
		CASE(drains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
