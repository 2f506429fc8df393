/* SPDX-License-Identifier: BSD-2-Clause */
/* What a process leaves open at its end, in the ledger: what counts, and what is known of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/detail.h"

static uint32_t lefts(const struct story *s)
{
	uint32_t id, n = 0;

	for (id = 0; id < ledger_left_end(s->led); id++)
		n += ledger_left(s->led, id) != NULL;
	return n;
}

static uint32_t pid_of(const struct story *s, uint32_t proc)
{
	return ledger_proc(s->led, proc) ? ledger_proc(s->led, proc)->pid : 0;
}

static void what_is_known_of_it_stays(void **state)
{
	struct story *s = *state;
	struct ls_open open = open_rec(s, 1, 100, LS_ROLE_CLIENT, 5);
	const struct left *l;
	struct ls_sock row;
	uint64_t open_ns;

	look_at_nothing(s);
	open_ns = open.hdr.time_ns = s->now_ns;
	open.stack = 3;
	open.who.tid = 102;
	tell(s, &open);
	later(s, 2);
	row = held_rec(s, 1, 100, 5, LS_ROLE_CLIENT);
	row.unread = 5;
	row.bytes_received = 5;
	row.tuple.state = TCP_EOF;
	assert_int_equal(tell(s, &row), 0);
	tell_proc(s, rec_who(100), LS_PROC_EXIT, 0, "prog");
	tell_end(s, 1);
	assert_null(conn_of(s, 1));
	assert_int_equal(ledger_totals(s->led)->opened, 1);
	assert_int_equal(ledger_totals(s->led)->closed, 1);
	later(s, 1);
	look_at_nothing(s);
	look_at_nothing(s);
	l = left_of(s, 1);
	assert_int_equal(pid_of(s, l->proc), 100);
	assert_int_equal(pid_of(s, l->conn.opener), 100);
	assert_int_equal(pid_of(s, l->conn.holder.proc), 100);
	assert_int_equal(l->conn.holder.fd, 5);
	assert_null(ledger_holder_next(s->led, &l->conn.holder));
	assert_int_equal(l->conn.opener_tid, 102);
	assert_int_equal(ledger_site(s->led, l->conn.site)->stack, 3);
	assert_int_equal(l->conn.open_ns, open_ns);
	assert_int_equal(l->time_ns, open_ns + 2 * S_NS);
	assert_int_equal(l->conn.state, TCP_EOF);
	assert_int_equal(l->conn.unread, 5);
	assert_memory_equal(ledger_conn_remote(s->led, &l->conn), "\x7f\0\0\2", 4);
	assert_int_equal(l->conn.rport, 8080);
}

static void the_heir_ends_the_opener_is_named(void **state)
{
	struct story *s = *state;
	const struct left *l;

	look_at_nothing(s);
	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	tell_proc(s, rec_who(100), LS_PROC_EXIT, 0, "prog");
	later(s, 1);
	begin(s);
	tell_row(s, 1, 200, 9, LS_ROLE_CLIENT);
	tell_row(s, 1, 300, 9, LS_ROLE_CLIENT);
	tell_waiter(s, 200, 201, 1);
	finish(s);
	assert_int_not_equal(conn_of(s, 1)->waiter, 0);
	tell_held(s, 1, 200, 9, LS_ROLE_CLIENT);
	l = left_of(s, 1);
	assert_int_equal(pid_of(s, l->conn.opener), 100);
	assert_int_equal(pid_of(s, l->conn.holder.proc), 200);
	assert_null(ledger_holder_next(s->led, &l->conn.holder));
	assert_int_equal(l->conn.waiter, 0);
}

/* A process may open and leave between two snapshots; what has no open record is its holder's. */
static void never_seen_before(void **state)
{
	struct story *s = *state;
	struct ls_unix row = { .sock = held_rec(s, 1, 100, 5, LS_ROLE_CLIENT) };
	const struct left *l;

	look_at_nothing(s);
	row.sock.hdr.time_ns = s->now_ns;
	row.sock.peer = 77;
	tell_unix(s, &row, "/run/db.sock");
	l = left_of(s, 1);
	assert_int_equal(pid_of(s, l->conn.opener), 100);
	assert_true(l->conn.flags & CONN_AT_LEAST);
	assert_string_equal(ledger_conn_remote(s->led, &l->conn), "/run/db.sock");
	assert_int_equal(ledger_conn_peer(s->led, &l->conn), 77);
	assert_int_equal(pid_of(s, ledger_site(s->led, l->conn.site)->proc), 100);
	assert_null(conn_of(s, 1));
	look_at_nothing(s);
	look_at_nothing(s);
	assert_non_null(ledger_site(s->led, left_of(s, 1)->conn.site));
	assert_string_equal(ledger_conn_remote(s->led, &left_of(s, 1)->conn), "/run/db.sock");
}

/* Addresses that the kernel's last row no longer has, and those of a family that needs room. */
static void its_addresses_stay(void **state)
{
	struct story *s = *state;
	struct ls_unix row = { .sock = row_rec(s, 1, 100, 5, LS_ROLE_CLIENT) };
	struct ls_open open = open_rec(s, 2, 100, LS_ROLE_CLIENT, 6);
	struct ls_sock held;

	look_at_nothing(s);
	open.tuple.family = AF_INET6;
	open.tuple.raddr[15] = 9;
	tell(s, &open);
	begin(s);
	tell_unix(s, &row, "/run/db.sock");
	finish(s);
	held = held_rec(s, 1, 100, 5, LS_ROLE_UNKNOWN);
	held.tuple = row.sock.tuple;
	held.tuple.role = LS_ROLE_UNKNOWN;
	tell(s, &held);
	held = held_rec(s, 2, 100, 6, LS_ROLE_CLIENT);
	held.tuple = open.tuple;
	held.tuple.state = TCP_OPEN;
	tell(s, &held);
	tell_end(s, 2);
	later(s, 1);
	look_at_nothing(s);
	open.cookie = 3; /* takes the room that the living left */
	open.tuple.raddr[15] = 10;
	tell(s, &open);
	assert_string_equal(ledger_conn_remote(s->led, &left_of(s, 1)->conn), "/run/db.sock");
	assert_int_equal(((const uint8_t *)ledger_conn_remote(s->led, &left_of(s, 2)->conn))[15],
			 9);
}

static void what_counts(void **state)
{
	static const struct {
		uint8_t family, proto, role, state;
		uint16_t rport;
		bool counts;
	} rows[] = {
		{ AF_INET, IPPROTO_TCP, LS_ROLE_CLIENT, TCP_OPEN, 80, true },
		{ AF_INET6, IPPROTO_TCP, LS_ROLE_SERVER, TCP_OPEN, 80, true },
		{ AF_INET, IPPROTO_TCP, LS_ROLE_UNKNOWN, TCP_OPEN, 80, true },
		{ AF_INET, IPPROTO_TCP, LS_ROLE_CLIENT, TCP_SYN, 80, true },
		{ AF_INET, IPPROTO_TCP, LS_ROLE_CLIENT, TCP_EOF, 80, true },
		{ AF_INET, IPPROTO_TCP, LS_ROLE_CLIENT, TCP_SHUT, 80, true },
		{ AF_INET, IPPROTO_TCP, LS_ROLE_LISTEN, TCP_LISTENS, 0, false },
		{ AF_INET, IPPROTO_TCP, LS_ROLE_UNKNOWN, TCP_GONE, 0, false },
		{ AF_INET, IPPROTO_TCP, LS_ROLE_CLIENT, TCP_GONE, 80, false },
		{ AF_INET, IPPROTO_TCP, LS_ROLE_CLIENT, 9, 80, false }, /* LAST_ACK */
		{ AF_INET, IPPROTO_UDP, LS_ROLE_CLIENT, TCP_OPEN, 53, true },
		{ AF_INET, IPPROTO_UDP, LS_ROLE_PEER, TCP_GONE, 0, false },
		{ AF_UNIX, 0, LS_ROLE_CLIENT, TCP_OPEN, 0, true },
		{ AF_UNIX, 0, LS_ROLE_SERVER, TCP_OPEN, 0, true },
		{ AF_UNIX, 0, LS_ROLE_PEER, TCP_OPEN, 0, false },
		{ AF_UNIX, 0, LS_ROLE_LISTEN, TCP_LISTENS, 0, false },
		{ AF_INET, 132, LS_ROLE_CLIENT, TCP_OPEN, 80, false },
	};
	struct story *s = *state;
	struct ls_sock row;
	uint32_t i;

	look_at_nothing(s);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		row = held_rec(s, 1 + i, 100, 5, rows[i].role);
		row.tuple.family = rows[i].family;
		row.tuple.proto = rows[i].proto;
		row.tuple.state = rows[i].state;
		row.tuple.rport = rows[i].rport;
		assert_int_equal(tell(s, &row), 0);
		if ((left_of(s, 1 + i) != NULL) != rows[i].counts)
			fail_msg("row %u", i);
	}
	row = held_rec(s, 1000, 100, 5, LS_ROLE_CLIENT);
	row.tuple.family = 3;
	assert_int_equal(tell(s, &row), -EBADMSG);
}

/* ---- what the command was started with */

static void open_before_the_first_look(void **state)
{
	struct story *s = *state;

	begin(s);
	tell_row(s, 1, 100, 5, LS_ROLE_CLIENT);
	tell_row(s, 2, 100, 6, LS_ROLE_SERVER);
	finish(s);
	later(s, 1);
	begin(s);
	tell_row(s, 1, 100, 5, LS_ROLE_CLIENT);
	tell_row(s, 2, 100, 6, LS_ROLE_SERVER);
	tell_row(s, 3, 100, 7, LS_ROLE_SERVER);
	finish(s);
	later(s, 1);
	tell_open(s, 2, 100, LS_ROLE_SERVER, -1); /* told of as it is closed */
	tell_held(s, 1, 100, 5, LS_ROLE_CLIENT);
	tell_held(s, 2, 100, 6, LS_ROLE_SERVER);
	tell_held(s, 3, 100, 7, LS_ROLE_SERVER);
	assert_null(left_of(s, 1));
	assert_null(left_of(s, 2));
	assert_non_null(left_of(s, 3));
}

/* No snapshot has shown what was there: only a record tells that it is new. */
static void before_any_look(void **state)
{
	struct story *s = *state;

	tell_open(s, 2, 100, LS_ROLE_CLIENT, 6);
	tell_held(s, 1, 100, 5, LS_ROLE_CLIENT);
	tell_held(s, 2, 100, 6, LS_ROLE_CLIENT);
	assert_null(left_of(s, 1));
	assert_non_null(left_of(s, 2));
}

/* One that came from outside meanwhile: what it sent before we looked shows it. */
static void its_clocks_are_older(void **state)
{
	struct story *s = *state;
	struct ls_sock row;

	look_at_nothing(s);
	later(s, 9);
	row = held_rec(s, 1, 100, 5, LS_ROLE_CLIENT);
	row.send_age_ms = 11000;
	tell(s, &row);
	row.cookie = 2;
	row.send_age_ms = 9000;
	tell(s, &row);
	assert_null(left_of(s, 1));
	assert_int_equal(left_of(s, 2)->conn.open_ns, s->now_ns - 9 * S_NS);
}

/* ---- once, and only if it is so */

static void told_twice(void **state)
{
	struct story *s = *state;

	look_at_nothing(s);
	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	tell_held(s, 1, 100, 5, LS_ROLE_CLIENT);
	tell_held(s, 1, 100, 6, LS_ROLE_CLIENT);
	assert_int_equal(lefts(s), 1);
	tell_held(s, 1, 200, 7, LS_ROLE_CLIENT); /* it was not the last */
	assert_int_equal(lefts(s), 1);
	assert_int_equal(pid_of(s, left_of(s, 1)->proc), 200);
	tell_proc(s, rec_who(100), LS_PROC_EXIT, 0, "prog");
	tell_proc(s, rec_who(200), LS_PROC_EXIT, 0, "prog");
	tell_end(s, 1);
	later(s, 1);
	look_at_nothing(s);
	assert_int_equal(ledger_totals(s->led)->procs, 2);
	assert_int_equal(pid_of(s, left_of(s, 1)->conn.opener), 100);
}

static void held_after_all(void **state)
{
	struct story *s = *state;

	look_at_nothing(s);
	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	tell_open(s, 2, 100, LS_ROLE_CLIENT, 6);
	tell_held(s, 1, 100, 5, LS_ROLE_CLIENT);
	tell_held(s, 2, 100, 6, LS_ROLE_CLIENT);
	assert_true(conn_of(s, 1)->flags & CONN_LEFT);
	s->now_ns -= S_NS / 10; /* a snapshot that began before its end */
	begin(s);
	tell_row(s, 1, 200, 5, LS_ROLE_CLIENT);
	tell_row(s, 2, 100, 6, LS_ROLE_CLIENT);
	finish(s);
	assert_int_equal(lefts(s), 2);
	later(s, 1);
	begin(s);
	tell_row(s, 1, 200, 5, LS_ROLE_CLIENT);
	tell_row(s, 2, 0, -1, LS_ROLE_CLIENT); /* the kernel has not done with it */
	finish(s);
	assert_null(left_of(s, 1));
	assert_false(conn_of(s, 1)->flags & CONN_LEFT);
	assert_non_null(left_of(s, 2));
	begin(s);
	tell_row(s, 2, 100, 6, LS_ROLE_CLIENT); /* nor the process with its descriptors */
	finish(s);
	assert_non_null(left_of(s, 2));
	begin(s);
	tell_row(s, 1, 200, 5, LS_ROLE_CLIENT);
	finish(s);
	tell_held(s, 1, 200, 5, LS_ROLE_CLIENT);
	assert_int_equal(pid_of(s, left_of(s, 1)->proc), 200);
}

static void lefts_are_bounded(void **state)
{
	struct story *s = *state;
	uint64_t i;

	look_at_nothing(s);
	for (i = 1; tell_held(s, i, 100, 5, LS_ROLE_CLIENT) == 0; i++)
		assert_true(i <= 65536);
	assert_int_equal(i, 65537);
	assert_int_equal(lefts(s), 65536);
	assert_int_equal(ledger_totals(s->led)->lost[LS_LOST_LEDGER], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_known_of_it_stays),
		CASE(the_heir_ends_the_opener_is_named),
		CASE(never_seen_before),
		CASE(its_addresses_stay),
		CASE(what_counts),
		CASE(open_before_the_first_look),
		CASE(before_any_look),
		CASE(its_clocks_are_older),
		CASE(told_twice),
		CASE(held_after_all),
		CASE(lefts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
