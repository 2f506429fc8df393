/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection's life in the ledger: birth, holders, what its rows say, and how it ends. */
#include <arpa/inet.h>
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
		.unread = 10,
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

/* ---- what kinds there are */

static void v6_addresses(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_CLIENT);
	char text[INET6_ADDRSTRLEN];

	row.tuple.family = AF_INET6;
	inet_pton(AF_INET6, "2001:db8::1", row.tuple.laddr);
	inet_pton(AF_INET6, "2001:db8::2", row.tuple.raddr);
	begin(s);
	tell(s, &row);
	finish(s);
	inet_ntop(AF_INET6, ledger_conn_local(s->led, conn_of(s, C)), text, sizeof(text));
	assert_string_equal(text, "2001:db8::1");
	inet_ntop(AF_INET6, ledger_conn_remote(s->led, conn_of(s, C)), text, sizeof(text));
	assert_string_equal(text, "2001:db8::2");
	tell_end(s, C);
	assert_null(conn_of(s, C));
}

static void v4_addresses(void **state)
{
	struct story *s = *state;

	tell_open(s, C, 100, LS_ROLE_CLIENT, 5);
	assert_memory_equal(ledger_conn_local(s->led, conn_of(s, C)), "\x7f\0\0\1", 4);
	assert_memory_equal(ledger_conn_remote(s->led, conn_of(s, C)), "\x7f\0\0\2", 4);
}

/* setsockopt(IPV6_ADDRFORM), and records that make no sense: addresses are never taken for paths.
 */
static void family_changes(void **state)
{
	static const uint8_t families[] = {
		AF_INET6, AF_UNIX, AF_INET, AF_UNIX, AF_INET6, AF_INET
	};
	struct ledger_limits limits = { .conns = 2 }; /* what a family needed is given back */
	struct story s = story_new(&limits);
	struct ls_sock row;
	unsigned int i;

	begin(&s);
	for (i = 0; i < 60; i++) {
		uint8_t family = families[i % sizeof(families)];

		row = row_rec(&s, C, 100, 5, LS_ROLE_CLIENT);
		row.tuple.family = family;
		row.tuple.lport = (uint16_t)(1000 + i);
		memset(row.tuple.laddr, 1, 16);
		memset(row.tuple.raddr, 1, 16);
		assert_int_equal(tell(&s, &row), 0);
		assert_int_equal(conn_of(&s, C)->family, family);
		if (family == AF_UNIX)
			assert_string_equal(ledger_conn_remote(s.led, conn_of(&s, C)), "");
		else
			assert_memory_equal(ledger_conn_remote(s.led, conn_of(&s, C)),
					    row.tuple.raddr, family == AF_INET ? 4 : 16);
	}
	finish(&s);
	tell_end(&s, C);
	ledger_free(s.led);
}

/* A server's and a listener's path is their own, a client's its peer's. */
static void unix_paths(void **state)
{
	static const struct {
		uint8_t role;
		const char *local, *remote;
	} cases[] = {
		{ LS_ROLE_LISTEN, "/run/db.sock", "" },
		{ LS_ROLE_SERVER, "/run/db.sock", "" },
		{ LS_ROLE_CLIENT, "", "/run/db.sock" },
	};
	struct story *s = *state;
	unsigned int i;

	begin(s);
	for (i = 0; i < 3; i++) {
		struct ls_unix row = { .sock = row_rec(s, C + i, 100, 5, cases[i].role) };

		row.sock.peer = 5;
		assert_int_equal(tell_unix(s, &row, "/run/db.sock"), 0);
		assert_string_equal(ledger_conn_local(s->led, conn_of(s, C + i)), cases[i].local);
		assert_string_equal(ledger_conn_remote(s->led, conn_of(s, C + i)), cases[i].remote);
		assert_int_equal(ledger_conn_peer(s->led, conn_of(s, C + i)), 5);
	}
	finish(s);
}

/* A path of the whole length has no NUL; a short row has no path at all. */
static void unix_path_at_its_longest(void **state)
{
	struct story *s = *state;
	struct ls_unix row = { .sock = row_rec(s, C, 100, 5, LS_ROLE_SERVER) };
	char path[LS_PATH_LEN + 1];
	struct ls_sock bare;

	memset(path, 'x', LS_PATH_LEN);
	path[LS_PATH_LEN] = 0;
	memset(row.path, 'x', sizeof(row.path));
	begin(s);
	tell_unix(s, &row, path);
	assert_string_equal(ledger_conn_local(s->led, conn_of(s, C)), path);
	bare = row.sock;
	bare.hdr.len = sizeof(bare);
	bare.cookie = C + 1;
	assert_int_equal(tell(s, &bare), 0);
	assert_string_equal(ledger_conn_local(s->led, conn_of(s, C + 1)), "");
	finish(s);
}

static struct ls_sock udp_row(const struct story *s, uint16_t rport)
{
	struct ls_sock row = row_rec(s, C, 100, 5, rport ? LS_ROLE_CLIENT : LS_ROLE_PEER);

	row.tuple.proto = IPPROTO_UDP;
	row.tuple.state = rport ? 1 : 7;
	row.tuple.rport = rport;
	return row;
}

/* socket(), then connect(): it moves to the site of what it talks to, and is no second one. */
static void udp_connects_later(void **state)
{
	struct story *s = *state;
	struct ls_open open = open_rec(s, C, 100, LS_ROLE_PEER, -1);
	const struct site *before, *after;
	struct ls_sock row;

	look_at_nothing(s);
	open.tuple = (struct ls_tuple){
		.family = AF_INET,
		.proto = IPPROTO_UDP,
		.role = LS_ROLE_PEER,
		.state = 7,
	};
	tell(s, &open);
	before = ledger_site(s->led, conn_of(s, C)->site);
	assert_int_equal(before->opened, 1);
	begin(s);
	row = udp_row(s, 53);
	tell(s, &row);
	finish(s);
	after = ledger_site(s->led, conn_of(s, C)->site);
	assert_int_equal(conn_of(s, C)->role, LS_ROLE_CLIENT);
	assert_int_equal(conn_of(s, C)->rport, 53);
	assert_int_equal(conn_of(s, C)->open_ns, open.hdr.time_ns);
	assert_int_equal(after->port, 53);
	assert_int_equal(after->live, 1);
	assert_int_equal(after->opened, 1);
	assert_int_equal(ledger_totals(s->led)->opened, 1);
	assert_int_equal(proc_of(s, 100)->live, 1);
	assert_int_equal(ledger_totals(s->led)->sites, 1); /* the other one stands empty: pruned */
}

/* Where the counters did not tell the role, a listener on the port does. */
static void role_from_the_listener(void **state)
{
	struct story *s = *state;
	struct ls_sock row;

	begin(s);
	tell_row(s, 1, 100, 3, LS_ROLE_LISTEN);
	row = row_rec(s, C, 100, 5, LS_ROLE_SERVER);
	row.tuple.role = LS_ROLE_UNKNOWN;
	tell(s, &row);
	row.cookie = C + 1;
	row.tuple.lport = 9999;
	tell(s, &row);
	row.cookie = C + 2;
	row.tuple.lport = 8080;
	row.tuple.netns = 2;
	tell(s, &row);
	finish(s);
	assert_int_equal(conn_of(s, C)->role, LS_ROLE_SERVER);
	assert_int_equal(conn_of(s, C + 1)->role, LS_ROLE_UNKNOWN);
	assert_int_equal(conn_of(s, C + 2)->role, LS_ROLE_UNKNOWN);
	tell_end(s, 1);
	later(s, 1);
	begin(s);
	row.cookie = C + 3;
	row.tuple.netns = 1;
	tell(s, &row);
	finish(s);
	assert_int_equal(conn_of(s, C + 3)->role, LS_ROLE_UNKNOWN);
}

/* ---- bounds: what no clock of the kernel tells is understated, never overstated */

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
	assert_holders(s, C, "100:5 100:6");
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
		CASE(row_before_its_record),
		CASE(accepted_and_told_at_its_close),
		CASE(dup_is_one_more_holder),
		CASE(fork_and_the_opener_gone),
		CASE(any_holder_may_go),
		CASE(passed_to_another_process),
		CASE(held_by_no_table),
		CASE(the_opener_may_be_told_without_descriptor),
		CASE(listeners_are_not_charged),
		CASE(v6_addresses),
		CASE(v4_addresses),
		cmocka_unit_test(family_changes),
		CASE(unix_paths),
		CASE(unix_path_at_its_longest),
		CASE(udp_connects_later),
		CASE(role_from_the_listener),
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
