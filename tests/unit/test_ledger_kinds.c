/* SPDX-License-Identifier: BSD-2-Clause */
/* What kinds of connections there are, and what changes about one: families, names, peers, roles.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/story.h"

#define C 77 /* the cookie of whom a test is about */

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

/* Each row would go along all of them: half a million descriptors are anybody's to make. */
static void descriptors_without_end(void **state)
{
	struct story *s = *state;
	const struct holder *h;
	unsigned int i, n = 0;

	for (i = 0; i < 2; i++) {
		int32_t fd;

		begin(s);
		for (fd = 3; fd < 3003; fd++)
			assert_int_equal(tell_row(s, C, 100, fd, LS_ROLE_CLIENT), 0);
		finish(s);
	}
	for (h = &conn_of(s, C)->holder; h; h = ledger_holder_next(s->led, h))
		n++;
	assert_int_equal(n, 1024);
	tell_end(s, C);
	assert_null(conn_of(s, C));
}

/* What was a listener and is none any more leaves its number to a connection, which is none. */
static void no_listener_any_more(void **state)
{
	struct story *s = *state;
	struct ls_open open = open_rec(s, 3, 0, LS_ROLE_SERVER, -1);

	begin(s);
	tell_row(s, C, 100, 5, LS_ROLE_LISTEN);
	finish(s);
	begin(s);
	tell_row(s, C, 100, 5, LS_ROLE_PEER);
	finish(s);
	tell_end(s, C);
	tell_open(s, 2, 200, LS_ROLE_CLIENT, 7);
	open.who = (struct ls_who){ .pid = 0 };
	assert_int_equal(tell(s, &open), 0);
	assert_non_null(conn_of(s, 3));
	assert_int_equal(conn_of(s, 3)->opener, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(v6_addresses),
		CASE(v4_addresses),
		cmocka_unit_test(family_changes),
		CASE(unix_paths),
		CASE(unix_path_at_its_longest),
		CASE(udp_connects_later),
		CASE(role_from_the_listener),
		CASE(descriptors_without_end),
		CASE(no_listener_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
