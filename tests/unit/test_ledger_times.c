/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a connection's rows say of its times. What no clock of the kernel tells is understated,
 * never overstated.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/story.h"

#define C  77 /* the cookie of whom a test is about */
#define MS 1000000ull

/* Bytes that moved before we came prove an age; the oldest proof counts. */
static void at_least_as_old_as_its_clocks(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_CLIENT);

	row.bytes_sent = row.bytes_received = 10;
	row.send_age_ms = 600000;
	row.recv_age_ms = 5000;
	row.ack_age_ms = 4000;
	begin(s);
	tell(s, &row);
	finish(s);
	assert_int_equal(conn_of(s, C)->open_ns, s->now_ns - 600 * S_NS);
	assert_int_equal(conn_of(s, C)->send_ns, s->now_ns - 600 * S_NS);
	assert_int_equal(conn_of(s, C)->recv_ns, s->now_ns - 5 * S_NS);
	assert_true(conn_of(s, C)->flags & CONN_AT_LEAST);
}

/* An age from before the boot is a clock that lies. */
static void no_time_before_the_boot(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_CLIENT);

	row.bytes_sent = 1;
	row.send_age_ms = 0xfffffffe;
	begin(s);
	tell(s, &row);
	finish(s);
	assert_true(conn_of(s, C)->open_ns <= s->now_ns);
	assert_int_equal(conn_of(s, C)->send_ns, 0);
}

/* The peer's FIN was the last that came: CLOSE_WAIT has lasted since. Else since the snapshot. */
static void state_since(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_CLIENT);

	row.tuple.state = TCP_EOF;
	row.ack_age_ms = 30000;
	begin(s);
	tell(s, &row);
	row.cookie = C + 1;
	row.tuple.state = TCP_GONE;
	tell(s, &row);
	finish(s);
	assert_int_equal(conn_of(s, C)->state_ns, s->now_ns - 30 * S_NS);
	assert_true(conn_of(s, C)->flags & CONN_STATE_AT_LEAST);
	assert_int_equal(conn_of(s, C + 1)->state_ns, s->now_ns);
}

static void state_change_while_watched(void **state)
{
	struct story *s = *state;
	struct ls_sock row;

	begin(s);
	tell_row(s, C, 100, 5, LS_ROLE_CLIENT);
	finish(s);
	later(s, 10);
	row = row_rec(s, C, 100, 5, LS_ROLE_CLIENT);
	row.tuple.state = TCP_EOF;
	row.ack_age_ms = 4000;
	begin(s);
	tell(s, &row);
	finish(s);
	assert_int_equal(conn_of(s, C)->state_ns, s->now_ns - 4 * S_NS);
	assert_false(conn_of(s, C)->flags & CONN_STATE_AT_LEAST);
	later(s, 5);
	row.hdr.time_ns = s->now_ns;
	begin(s);
	tell(s, &row);
	finish(s);
	assert_int_equal(conn_of(s, C)->state_ns, s->now_ns - 9 * S_NS);
}

static void a_unix_peer_that_goes_changes_the_state(void **state)
{
	struct story *s = *state;
	struct ls_unix row = { .sock = row_rec(s, C, 100, 5, LS_ROLE_CLIENT) };

	row.sock.peer = 5;
	begin(s);
	tell_unix(s, &row, "/x");
	finish(s);
	later(s, 10);
	row.sock.hdr.time_ns = s->now_ns;
	row.sock.peer = 0;
	begin(s);
	tell_unix(s, &row, "/x");
	finish(s);
	assert_int_equal(conn_of(s, C)->state_ns, s->now_ns);
	assert_int_equal(ledger_conn_peer(s->led, conn_of(s, C)), 0);
}

/* A second later, a snapshot with this row of C. */
static const struct conn *look(struct story *s, struct ls_sock *row)
{
	later(s, 1);
	row->hdr.time_ns = s->now_ns;
	begin(s);
	tell(s, row);
	finish(s);
	return conn_of(s, C);
}

static void unread_since(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_CLIENT);
	const struct conn *c;
	uint64_t first_ns;

	look(s, &row);
	assert_int_equal(conn_of(s, C)->unread_ns, 0);
	row.unread = 100;
	row.bytes_received = 100;
	row.recv_age_ms = 300;
	c = look(s, &row);
	first_ns = s->now_ns; /* read and filled again since the last look? It cannot tell */
	assert_int_equal(c->unread_ns, first_ns);
	row.unread = 150; /* more comes, nobody reads: since the first */
	row.bytes_received = 150;
	row.recv_age_ms = 10;
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unread_ns, first_ns);
	row.unread = 150; /* 50 were read, 50 came */
	row.bytes_received = 200;
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unread_ns, s->now_ns);
	row.unread = 0;
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unread_ns, 0);
}

/* What waits as we come has waited since the last segment. */
static void unread_at_the_first_look(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_CLIENT);

	row.unread = 100;
	row.bytes_received = 100;
	row.recv_age_ms = 9000;
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unread_ns, s->now_ns - 9 * S_NS);
}

/* Datagrams: their memory shrinks when one is read. */
static void unread_datagrams(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_PEER);
	uint64_t first_ns;

	row.tuple.proto = IPPROTO_UDP;
	row.unread = 2000;
	look(s, &row);
	first_ns = s->now_ns;
	row.unread = 3000;
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unread_ns, first_ns);
	row.unread = 2500;
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unread_ns, s->now_ns);
}

static void unsent_since(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_CLIENT);
	uint64_t first_ns;

	row.unsent = 1000;
	row.bytes_sent = 500;
	row.send_age_ms = 400;
	look(s, &row);
	first_ns = s->now_ns - 400 * MS;
	assert_int_equal(conn_of(s, C)->unsent_ns, first_ns);
	row.unsent = 2000; /* the program adds to it: no progress */
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unsent_ns, first_ns);
	row.bytes_sent = 600;
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unsent_ns, s->now_ns);
	row.unsent = 1900; /* acknowledged */
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unsent_ns, s->now_ns);
	row.unsent = 0;
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unsent_ns, 0);
}

/* LISTEN: waiting connections; taking one is progress, and so is another that stands first. */
static void accept_queue_since(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_LISTEN);
	uint64_t first_ns;

	row.unsent = 128;
	row.unread = 3;
	look(s, &row);
	first_ns = s->now_ns;
	assert_int_equal(conn_of(s, C)->unread_ns, first_ns);
	assert_int_equal(conn_of(s, C)->unsent_ns, 0); /* that is its limit, not a send queue */
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unread_ns, first_ns);
	row.unread = 2;
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unread_ns, s->now_ns);
	row.bytes_received = 12345; /* who stands first */
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unread_ns, s->now_ns);
	assert_int_equal(conn_of(s, C)->recv_ns, 0);
	row.unread = 0;
	look(s, &row);
	assert_int_equal(conn_of(s, C)->unread_ns, 0);
}

/* "100 Continue" and nothing since. */
static void interim(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_SERVER);

	row.bytes_received = 200;
	row.bytes_sent = 25;
	assert_true(look(s, &row)->flags & CONN_INTERIM);
	assert_true(look(s, &row)->flags & CONN_INTERIM);
	row.bytes_received += 1; /* the body */
	assert_false(look(s, &row)->flags & CONN_INTERIM);
	row.bytes_sent += 300; /* and the answer */
	row.send_age_ms = 10;
	row.recv_age_ms = 20;
	assert_false(look(s, &row)->flags & CONN_INTERIM);
	row.bytes_received += 200; /* the next request on the same connection */
	row.bytes_sent += 25;
	assert_true(look(s, &row)->flags & CONN_INTERIM);
	row.bytes_sent += 1;
	assert_false(look(s, &row)->flags & CONN_INTERIM);
}

static void interim_is_a_servers(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_CLIENT);

	row.bytes_received = 200;
	row.bytes_sent = 25;
	assert_false(look(s, &row)->flags & CONN_INTERIM);
}

/* The clocks tick in jiffies: as long as no byte moves, neither does the moment. */
static void moments_stand_while_nothing_moves(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_CLIENT);
	uint64_t first_ns;

	row.bytes_sent = 1;
	row.send_age_ms = 100;
	look(s, &row);
	first_ns = conn_of(s, C)->send_ns;
	row.send_age_ms = 1104; /* a second later, and a jiffy */
	look(s, &row);
	assert_int_equal(conn_of(s, C)->send_ns, first_ns);
}

/* Two descriptors are two rows of one socket: the second must not count as "nothing moved". */
static void two_rows_are_one_look(void **state)
{
	char held[128];
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_SERVER);

	row.bytes_received = 200;
	row.bytes_sent = 25;
	begin(s);
	tell(s, &row);
	row.fd = 6;
	tell(s, &row);
	finish(s);
	assert_true(conn_of(s, C)->flags & CONN_INTERIM);
	assert_string_equal(holders_of(s, C, held, sizeof(held)), "100:5 100:6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(at_least_as_old_as_its_clocks),
		CASE(no_time_before_the_boot),
		CASE(state_since),
		CASE(state_change_while_watched),
		CASE(a_unix_peer_that_goes_changes_the_state),
		CASE(unread_since),
		CASE(unread_at_the_first_look),
		CASE(unread_datagrams),
		CASE(unsent_since),
		CASE(accept_queue_since),
		CASE(interim),
		CASE(interim_is_a_servers),
		CASE(moments_stand_while_nothing_moves),
		CASE(two_rows_are_one_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
