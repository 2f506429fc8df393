// SPDX-License-Identifier: BSD-2-Clause
/* A process looked at closely: who did it, by the names of its functions. */
#include "closely.h"

static int with_stacks(void **state)
{
	return close_look(state, LIVE_COPY | LIVE_NAMES, false);
}

/* ---- stacks */

static void the_guilty_function_is_named(void **state)
{
	struct close_look *c = *state;
	const struct ls_open *open;
	int dial, caller;

	open = opened_by(c, '1');
	assert_int_equal(open->who.pid, c->child);
	assert_true(open->stack > 0);
	dial = frame_of(c, open->stack, "guilty_dial");
	caller = frame_of(c, open->stack, "open_one");
	assert_true(dial > 0);
	assert_true(caller > dial);
	assert_true(frame_of(c, open->stack, "main") > caller);
	assert_int_equal(frame_of(c, open->stack, "open_another"), -1);
	assert_false(c->copy_seen);
}

static uint32_t copies_taken(const struct close_look *c)
{
	return ((struct live *)c->src.arg)->skel->bss->copies;
}

/* The second of them is known by its shape, not copied again; what calls from elsewhere is told
 * apart from it, however alike the two look from the outside. */
static void callers_are_told_apart(void **state)
{
	struct close_look *c = *state;
	const struct ls_open *open;
	int32_t one, another;
	unsigned int i, stacks;
	uint32_t copies;

	tell_child(c, '1');
	tell_child(c, '2');
	pump(c);
	one = ((const struct ls_open *)nth(c, LS_OPEN, 0))->stack;
	another = ((const struct ls_open *)nth(c, LS_OPEN, 1))->stack;
	assert_true(one > 0 && another > 0 && one != another);
	assert_true(frame_of(c, another, "open_another") > 0);
	for (stacks = 0; nth(c, LS_STACK, stacks);)
		stacks++;
	assert_int_equal(stacks, 2);
	copies = copies_taken(c);
	assert_int_equal(copies, 2);
	for (i = 0; i < 20; i++)
		tell_child(c, i % 2 ? '2' : '1');
	c->n = 0;
	pump(c);
	assert_int_equal(copies_taken(c), copies);
	assert_null(nth(c, LS_STACK, 0));
	for (i = 0; i < 20; i++) {
		open = nth(c, LS_OPEN, i);
		assert_non_null(open);
		assert_int_equal(open->stack, i % 2 ? another : one);
	}
}

/* ---- accepted */

static int with_accept(void **state)
{
	return close_look(state, LIVE_COPY | LIVE_NAMES | LIVE_ACCEPT, false);
}

static void who_accepts_is_named(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct close_look *c = *state;
	const struct ls_open *open;
	int i, fd;

	for (i = 0; i < 2; i++) {
		uint16_t port = port_of(i ? c->listener6 : c->listener);

		fd = connect_to(families[i], port);
		open = opened_by(c, i ? '6' : '4');
		assert_int_equal(open->who.pid, c->child);
		assert_int_equal(open->tuple.role, LS_ROLE_SERVER);
		assert_int_equal(open->tuple.state, 1);
		assert_int_equal(open->tuple.family, families[i]);
		assert_int_equal(open->tuple.lport, port);
		assert_int_equal(open->tuple.rport, port_of(fd));
		assert_int_equal(open->tuple.raddr[i ? 15 : 3], 1);
		assert_int_equal(open->tuple.raddr[i ? 3 : 15], 0);
		assert_memory_equal(open->tuple.laddr, open->tuple.raddr, 16);
		assert_true(frame_of(c, open->stack, "accept_one") > 0);
		close(fd);
	}
}

/* ---- opened without a connection, or by name */

static void who_opens_a_datagram_socket_is_named(void **state)
{
	struct close_look *c = *state;
	const struct ls_open *open = opened_by(c, 'd');

	assert_int_equal(open->tuple.proto, IPPROTO_UDP);
	assert_int_equal(open->who.pid, c->child);
	assert_true(frame_of(c, open->stack, "open_datagram") > 0);
}

/* One that has failed is nobody's, and who has succeeded is told of after the row. */
static void who_connects_by_name_is_named(void **state)
{
	struct close_look *c = *state;
	const struct ls_open *open;
	const struct ls_sock *row;
	unsigned int i;

	if (!((struct live *)c->src.arg)->local) {
		print_message("skipped: the kernel has no hook for AF_UNIX (6.7)\n");
		skip();
	}
	tell_child(c, 'u');
	pump(c);
	assert_null(nth(c, LS_OPEN, 0));
	look(c);
	open = nth(c, LS_OPEN, 0);
	assert_non_null(open);
	assert_null(nth(c, LS_OPEN, 1));
	assert_int_equal(open->tuple.family, AF_UNIX);
	assert_int_equal(open->who.pid, c->child);
	assert_true(frame_of(c, open->stack, "connect_by_name") > 0);
	for (i = 0; (row = nth(c, LS_SOCK, i)) && row->cookie != open->cookie; i++)
		;
	assert_non_null(row);
	assert_int_equal(row->tuple.role, LS_ROLE_CLIENT);
	assert_true((const void *)row < (const void *)open);
	look(c);
	assert_null(nth(c, LS_OPEN, 0));
}

/* ---- away empty */

static int with_empty(void **state)
{
	return close_look(state, LIVE_COPY | LIVE_NAMES | LIVE_EMPTY, false);
}

static void the_last_empty_reader_is_named(void **state)
{
	struct close_look *c = *state;
	const struct ls_empty *empty;
	uint64_t cookie;

	if (live_suspect(&c->src, NULL, 0) == -EOPNOTSUPP) {
		print_message("skipped: the tracepoint sock_recv_length is missing\n");
		skip();
	}
	cookie = opened_by(c, 'c')->cookie;
	tell_child(c, 'e');
	pump(c);
	assert_null(nth(c, LS_EMPTY, 0)); /* nobody is suspect */
	assert_int_equal(live_suspect(&c->src, &cookie, 1), 0);
	tell_child(c, 'e');
	tell_child(c, 'e');
	pump(c);
	empty = nth(c, LS_EMPTY, 0);
	assert_non_null(empty);
	assert_int_equal(empty->cookie, cookie);
	assert_int_equal(empty->who.pid, c->child);
	assert_true(frame_of(c, empty->stack, "poll_for_more") > 0);
	assert_null(nth(c, LS_EMPTY, 1)); /* once a second */
	assert_non_null(((struct live *)c->src.arg)->skel->links.read_empty);
	assert_int_equal(live_suspect(&c->src, NULL, 0), 0);
	assert_null(((struct live *)c->src.arg)->skel->links.read_empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLOSELY(the_guilty_function_is_named, with_stacks),
		CLOSELY(callers_are_told_apart, with_stacks),
		CLOSELY(who_accepts_is_named, with_accept),
		CLOSELY(who_opens_a_datagram_socket_is_named, with_stacks),
		CLOSELY(who_connects_by_name_is_named, with_stacks),
		CLOSELY(the_last_empty_reader_is_named, with_empty),
	};

	return cmocka_run_group_tests(tests, own_network, NULL);
}
