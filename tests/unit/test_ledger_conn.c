/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection's life in the ledger: birth, holders, what its rows say, and how it ends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/story.h"

#define C  77 /* the cookie of whom a test is about */
#define MS 1000000ull

static char held[128];

#define assert_holders(s, cookie, text) \
	assert_string_equal(holders_of(s, cookie, held, sizeof(held)), text)

/* ---- birth and death */

static void open_row_end(void **state)
{
	struct story *s = *state;
	const struct ledger_totals *t = ledger_totals(s->led);
	const struct conn *c;

	look_at_nothing(s);
	assert_int_equal(tell_open(s, C, 100, LS_ROLE_CLIENT, -1), 0);
	c = conn_of(s, C);
	assert_non_null(c);
	assert_int_equal(c->open_ns, s->now_ns);
	assert_int_equal(c->state, TCP_SYN);
	assert_int_equal(c->flags, CONN_OPENER_KNOWN);
	assert_int_equal(ledger_proc(s->led, c->opener)->pid, 100);
	assert_int_equal(c->opener_tid, 100);
	later(s, 1);
	begin(s);
	assert_int_equal(tell_row(s, C, 100, 5, LS_ROLE_CLIENT), 0);
	finish(s);
	assert_int_equal(c->flags, CONN_OPENER_KNOWN | CONN_SEEN);
	assert_int_equal(c->state, TCP_OPEN);
	assert_int_equal(c->open_ns, s->now_ns - S_NS);
	assert_holders(s, C, "100:5");
	assert_int_equal(t->conns, 1);
	assert_int_equal(t->opened, 1);
	later(s, 1);
	assert_int_equal(tell_end(s, C), 0);
	assert_null(conn_of(s, C));
	assert_int_equal(t->conns, 0);
	assert_int_equal(t->closed, 1);
	assert_int_equal(proc_of(s, 100)->opened, 1);
	assert_int_equal(proc_of(s, 100)->closed, 1);
	assert_int_equal(proc_of(s, 100)->live, 0);
	assert_int_equal(tell_end(s, C), 0); /* nobody knows it any more */
	assert_int_equal(t->closed, 1);
}

/* What was there before we came counts as live, and not as opened by anybody's doing. */
static void found_by_the_first_snapshot(void **state)
{
	struct story *s = *state;
	const struct conn *c;

	begin(s);
	tell_row(s, C, 100, 5, LS_ROLE_CLIENT);
	finish(s);
	c = conn_of(s, C);
	assert_int_equal(c->flags, CONN_SEEN | CONN_AT_LEAST | CONN_STATE_AT_LEAST);
	assert_int_equal(ledger_totals(s->led)->opened, 0);
	assert_int_equal(proc_of(s, 100)->opened, 0);
	assert_int_equal(proc_of(s, 100)->live, 1);
	assert_int_equal(ledger_proc(s->led, c->opener)->pid, 100); /* stands in */
}

/* An accepted one is told of by snapshots only; it is new since the one before. */
static void found_by_a_later_snapshot(void **state)
{
	struct story *s = *state;

	look_at_nothing(s);
	begin(s);
	tell_row(s, C, 100, 5, LS_ROLE_SERVER);
	finish(s);
	assert_int_equal(conn_of(s, C)->flags, CONN_SEEN);
	assert_int_equal(conn_of(s, C)->open_ns, s->now_ns);
	assert_int_equal(ledger_totals(s->led)->opened, 1);
	assert_int_equal(proc_of(s, 100)->opened, 1);
}

/* The record of an accepted connection comes as its owner closes it: nobody holds it then. */
static void accepted_and_closed_within_a_tick(void **state)
{
	struct story *s = *state;

	look_at_nothing(s);
	tell_open(s, C, 100, LS_ROLE_SERVER, -1);
	assert_holders(s, C, "");
	assert_int_equal(proc_of(s, 100)->live, 0);
	tell_end(s, C);
	assert_int_equal(ledger_totals(s->led)->opened, 1);
	assert_int_equal(ledger_totals(s->led)->closed, 1);
}

static void dead_while_held(void **state)
{
	struct story *s = *state;
	struct ls_dead dead = {
		.hdr = rec_hdr(LS_DEAD, sizeof(dead), 0),
		.cookie = C,
		.err = ECONNRESET,
	};

	begin(s);
	tell_row(s, C, 100, 5, LS_ROLE_CLIENT);
	finish(s);
	later(s, 3);
	dead.hdr.time_ns = s->now_ns;
	assert_int_equal(tell(s, &dead), 0);
	assert_int_equal(conn_of(s, C)->state, TCP_GONE);
	assert_int_equal(conn_of(s, C)->state_ns, s->now_ns);
	assert_int_equal(conn_of(s, C)->flags, CONN_SEEN | CONN_AT_LEAST | CONN_DEAD);
	assert_int_equal(conn_of(s, C)->err, ECONNRESET);
	assert_holders(s, C, "100:5");
	dead.cookie = 999;
	assert_int_equal(tell(s, &dead), 0);
}

static void aborts_are_the_closers(void **state)
{
	struct story *s = *state;
	struct ls_abort rec = {
		.hdr = rec_hdr(LS_ABORT, sizeof(rec), s->now_ns),
		.who = rec_who(100),
		.cookie = C,
		.unread = 64,
	};
	const struct site *site;

	tell_open(s, C, 100, LS_ROLE_CLIENT, 5);
	assert_int_equal(tell(s, &rec), 0);
	rec.hdr.time_ns += S_NS;
	rec.cookie = 12345; /* never heard of */
	assert_int_equal(tell(s, &rec), 0);
	assert_int_equal(ledger_totals(s->led)->aborted, 2);
	assert_int_equal(proc_of(s, 100)->aborted, 2);
	site = ledger_site(s->led, conn_of(s, C)->site);
	assert_int_equal(site->aborted, 1);
	assert_int_equal(site->abort_first_ns, s->now_ns);
	assert_int_equal(site->abort_last_ns, s->now_ns);
}

/* A snapshot ran between a connect and its record: the record still says who, where and when. */
static void row_before_its_record(void **state)
{
	struct story *s = *state;
	struct ls_open open = open_rec(s, C, 100, LS_ROLE_CLIENT, -1);
	const struct site *site;
	uint32_t id;

	begin(s);
	tell_row(s, C, 200, 5, LS_ROLE_CLIENT);
	finish(s);
	open.hdr.time_ns += 5 * MS;
	open.stack = 9;
	assert_int_equal(tell(s, &open), 0);
	assert_int_equal(conn_of(s, C)->flags, CONN_SEEN | CONN_OPENER_KNOWN);
	assert_int_equal(conn_of(s, C)->open_ns, s->now_ns + 5 * MS);
	assert_int_equal(ledger_proc(s->led, conn_of(s, C)->opener)->pid, 100);
	assert_holders(s, C, "200:5");
	site = ledger_site(s->led, conn_of(s, C)->site);
	assert_int_equal(site->stack, 9);
	assert_int_equal(site->live, 1);
	assert_int_equal(site->opened, 1);
	assert_int_equal(proc_of(s, 100)->opened, 1);
	assert_int_equal(proc_of(s, 200)->opened, 0);
	assert_int_equal(ledger_totals(s->led)->opened, 1);
	for (id = 1; id < ledger_site_end(s->led); id++)
		assert_true(ledger_site(s->led, id) == site || !ledger_site(s->led, id)->live);
	tell_end(s, C);
	assert_int_equal(site->live, 0);
}

/* A datagram socket that connects is counted elsewhere, and was opened where it was. */
static void its_stack_stays_when_it_connects(void **state)
{
	struct story *s = *state;
	struct ls_open open = open_rec(s, C, 100, LS_ROLE_PEER, -1);
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_CLIENT);
	const struct site *site;

	look_at_nothing(s);
	open.stack = 9;
	open.tuple.proto = row.tuple.proto = IPPROTO_UDP;
	open.tuple.rport = 0;
	row.tuple.rport = 53;
	assert_int_equal(tell(s, &open), 0);
	later(s, 1);
	begin(s);
	row.hdr.time_ns = s->now_ns;
	assert_int_equal(tell(s, &row), 0);
	finish(s);
	site = ledger_site(s->led, conn_of(s, C)->site);
	assert_int_equal(site->role, LS_ROLE_CLIENT);
	assert_int_equal(site->port, 53);
	assert_int_equal(site->stack, 9);
	assert_int_equal(site->live, 1);
}

/* Who opened an AF_UNIX connection is told of when a row has shown it: or before its end. */
static void a_path_that_came_later(void **state)
{
	struct story *s = *state;
	struct ls_open open = open_rec(s, C, 100, LS_ROLE_CLIENT, -1);
	struct ls_unix row = { .sock = row_rec(s, C, 100, 5, LS_ROLE_CLIENT) };

	look_at_nothing(s);
	open.stack = 9;
	open.tuple.family = AF_UNIX;
	open.tuple.proto = 0;
	assert_int_equal(tell(s, &open), 0);
	assert_string_equal(ledger_conn_remote(s->led, conn_of(s, C)), "");
	later(s, 1);
	begin(s);
	tell_unix(s, &row, "/run/x");
	finish(s);
	assert_string_equal(ledger_conn_remote(s->led, conn_of(s, C)), "/run/x");
	assert_int_equal(ledger_site(s->led, conn_of(s, C)->site)->stack, 9);
}

/* An accepted connection's record comes as it closes: it says who closed it, and no more. */
static void accepted_and_told_at_its_close(void **state)
{
	struct story *s = *state;
	struct ls_open open = open_rec(s, C, 200, LS_ROLE_SERVER, -1);

	look_at_nothing(s);
	begin(s);
	tell_row(s, C, 100, 5, LS_ROLE_SERVER);
	finish(s);
	later(s, 60);
	open.hdr.time_ns = s->now_ns;
	tell(s, &open);
	assert_int_equal(conn_of(s, C)->open_ns, s->now_ns - 60 * S_NS);
	tell_end(s, C);
	assert_int_equal(ledger_totals(s->led)->opened, 1);
	assert_int_equal(proc_of(s, 100)->opened, 0);
	assert_int_equal(proc_of(s, 200)->opened, 1);
	assert_int_equal(proc_of(s, 200)->closed, 1);
}

/* ---- opener and holders */

static void dup_is_one_more_holder(void **state)
{
	struct story *s = *state;

	look_at_nothing(s);
	tell_open(s, C, 100, LS_ROLE_CLIENT, -1);
	begin(s);
	tell_row(s, C, 100, 5, LS_ROLE_CLIENT);
	tell_row(s, C, 100, 9, LS_ROLE_CLIENT);
	finish(s);
	assert_holders(s, C, "100:5 100:9");
	assert_int_equal(proc_of(s, 100)->live, 1);
	later(s, 1);
	begin(s);
	tell_row(s, C, 100, 9, LS_ROLE_CLIENT);
	finish(s);
	assert_holders(s, C, "100:9");
	assert_int_equal(proc_of(s, 100)->live, 1);
	assert_int_equal(ledger_totals(s->led)->opened, 1);
}

/* The first holder is charged; when it lets go, the next one is. */
static void fork_and_the_opener_gone(void **state)
{
	struct story *s = *state;

	look_at_nothing(s);
	tell_open(s, C, 100, LS_ROLE_CLIENT, 5);
	begin(s);
	tell_row(s, C, 100, 5, LS_ROLE_CLIENT);
	tell_row(s, C, 200, 5, LS_ROLE_CLIENT);
	tell_row(s, C, 300, 5, LS_ROLE_CLIENT);
	finish(s);
	assert_holders(s, C, "100:5 200:5 300:5");
	assert_int_equal(proc_of(s, 100)->live, 1);
	assert_int_equal(proc_of(s, 200)->live, 0);
	later(s, 1);
	begin(s);
	tell_row(s, C, 200, 5, LS_ROLE_CLIENT);
	tell_row(s, C, 300, 5, LS_ROLE_CLIENT);
	finish(s);
	assert_holders(s, C, "200:5 300:5");
	assert_int_equal(proc_of(s, 100)->live, 0);
	assert_int_equal(proc_of(s, 200)->live, 1);
	assert_int_equal(proc_of(s, 300)->live, 0);
	assert_int_equal(ledger_proc(s->led, conn_of(s, C)->opener)->pid, 100);
	tell_end(s, C);
	assert_int_equal(proc_of(s, 200)->live, 0);
	assert_int_equal(proc_of(s, 100)->closed, 1);
	assert_int_equal(proc_of(s, 200)->closed, 0);
}

/* Holders in the middle and at the end of the chain go as the first does. */
static void any_holder_may_go(void **state)
{
	struct story *s = *state;

	begin(s);
	tell_row(s, C, 100, 5, LS_ROLE_CLIENT);
	tell_row(s, C, 200, 5, LS_ROLE_CLIENT);
	tell_row(s, C, 300, 5, LS_ROLE_CLIENT);
	tell_row(s, C, 400, 5, LS_ROLE_CLIENT);
	finish(s);
	later(s, 1);
	begin(s);
	tell_row(s, C, 100, 5, LS_ROLE_CLIENT);
	tell_row(s, C, 300, 5, LS_ROLE_CLIENT);
	finish(s);
	assert_holders(s, C, "100:5 300:5");
}

/* On its way in a UNIX socket no table holds it; then another process has it. */
static void passed_to_another_process(void **state)
{
	struct story *s = *state;

	look_at_nothing(s);
	tell_open(s, C, 100, LS_ROLE_CLIENT, 5);
	later(s, 1);
	begin(s);
	finish(s);
	assert_non_null(conn_of(s, C));
	assert_true(conn_of(s, C)->flags & CONN_UNHELD);
	assert_holders(s, C, "");
	assert_int_equal(proc_of(s, 100)->live, 0);
	later(s, 1);
	begin(s);
	tell_row(s, C, 200, 8, LS_ROLE_CLIENT);
	finish(s);
	assert_false(conn_of(s, C)->flags & CONN_UNHELD);
	assert_holders(s, C, "200:8");
	assert_int_equal(proc_of(s, 200)->live, 1);
	assert_int_equal(ledger_proc(s->led, conn_of(s, C)->opener)->pid, 100);
}

/* An io_uring's direct descriptor: the socket pass shows it, with nobody's name. */
static void held_by_no_table(void **state)
{
	struct story *s = *state;

	begin(s);
	tell_row(s, C, 0, -1, LS_ROLE_SERVER);
	finish(s);
	assert_true(conn_of(s, C)->flags & CONN_UNHELD);
	assert_int_equal(conn_of(s, C)->opener, 0);
	later(s, 1);
	begin(s);
	tell_row(s, C, 100, 6, LS_ROLE_SERVER);
	tell_row(s, C, 0, -1, LS_ROLE_SERVER); /* the pass shows those that a table holds, too */
	finish(s);
	assert_false(conn_of(s, C)->flags & CONN_UNHELD);
	assert_holders(s, C, "100:6");
}

static void the_opener_may_be_told_without_descriptor(void **state)
{
	struct story *s = *state;

	tell_open(s, C, 100, LS_ROLE_CLIENT, -1);
	assert_holders(s, C, "100:-1");
	begin(s);
	tell_row(s, C, 100, 0, LS_ROLE_CLIENT);
	finish(s);
	assert_holders(s, C, "100:0");
}

static void listeners_are_not_charged(void **state)
{
	struct story *s = *state;

	begin(s);
	tell_row(s, C, 100, 3, LS_ROLE_LISTEN);
	finish(s);
	assert_int_equal(proc_of(s, 100)->live, 0);
	assert_int_equal(ledger_totals(s->led)->conns, 1);
	tell_end(s, C);
	assert_int_equal(ledger_totals(s->led)->closed, 0);
}

/* A passer-by's snapshot stood on the descriptor and closed it: it is the listener's owner who had
 * accepted it. */
static void closed_by_a_passer_by(void **state)
{
	struct story *s = *state;
	struct ls_open rec = open_rec(s, C, 0, LS_ROLE_SERVER, -1);

	rec.who = (struct ls_who){ 0 };
	begin(s);
	tell_row(s, C + 1, 100, 3, LS_ROLE_LISTEN);
	finish(s);
	tell(s, &rec);
	tell_end(s, C);
	assert_int_equal(proc_of(s, 100)->opened, 1);
	assert_int_equal(proc_of(s, 100)->closed, 1);
	/* Without one that is known it is nobody's, but counted. */
	rec.cookie = C + 2;
	rec.tuple.lport++;
	tell(s, &rec);
	tell_end(s, C + 2);
	assert_int_equal(proc_of(s, 100)->opened, 1);
	assert_int_equal(ledger_totals(s->led)->opened, 2);
	assert_int_equal(ledger_totals(s->led)->closed, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(open_row_end),
		CASE(found_by_the_first_snapshot),
		CASE(found_by_a_later_snapshot),
		CASE(accepted_and_closed_within_a_tick),
		CASE(dead_while_held),
		CASE(aborts_are_the_closers),
		CASE(its_stack_stays_when_it_connects),
		CASE(a_path_that_came_later),
		CASE(row_before_its_record),
		CASE(accepted_and_told_at_its_close),
		CASE(dup_is_one_more_holder),
		CASE(fork_and_the_opener_gone),
		CASE(any_holder_may_go),
		CASE(passed_to_another_process),
		CASE(held_by_no_table),
		CASE(the_opener_may_be_told_without_descriptor),
		CASE(listeners_are_not_charged),
		CASE(closed_by_a_passer_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
