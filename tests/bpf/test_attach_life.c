// SPDX-License-Identifier: BSD-2-Clause
/* A process looked at closely: its children, what blocks it, what it leaves open. */
#include "closely.h"

/* ---- children */

static int with_parent(void **state)
{
	return close_look(state, LIVE_HELD, true);
}

static void children_at_the_start_are_followed(void **state)
{
	struct close_look *c = *state;
	const struct ls_open *open = opened_by(c, '1');

	assert_int_not_equal(open->who.pid, c->child);
	assert_int_equal(open->tuple.rport, c->port);
}

/* ---- blocked */

static int with_waits(void **state)
{
	return close_look(state, LIVE_COPY | LIVE_NAMES | LIVE_WAITS, false);
}

/* The place where the child waits for the server's answer. */
static const struct ls_wait *the_wait(const struct close_look *c)
{
	const struct ls_wait *wait;
	unsigned int i;

	for (i = 0; (wait = nth(c, LS_WAIT, i)); i++)
		if (wait->stack >= 0 && frame_of(c, wait->stack, "wait_for_answer") > 0)
			return wait;
	return NULL;
}

static uint32_t counted(const struct ls_wait *wait)
{
	uint32_t sum = 0;
	int i;

	for (i = 0; i < LS_WAIT_BUCKETS; i++)
		sum += wait->bucket[i];
	return sum;
}

/* Twice: the first wait's stack is copied, the second is known by its shape; they are one place. */
static void blocked_time_has_its_place(void **state)
{
	struct close_look *c = *state;
	const struct ls_waiter *waiter;
	const struct ls_wait *wait;
	int i, fd;
	char done;

	for (i = 0; i < 2; i++) {
		assert_int_equal(write(c->to_child, "w", 1), 1);
		fd = accept(c->listener, NULL, NULL);
		usleep(150000);
		pump(c);
		look(c);
		wait = the_wait(c);
		assert_non_null(wait);
		assert_int_equal(wait->who.tid, c->child);
		assert_int_equal(wait->call, LS_CALL_READ);
		assert_int_equal(wait->nr, SYS_recvfrom);
		assert_int_equal(wait->count, i);
		assert_true(wait->since_ns > 0 && wait->since_ns < wait->hdr.time_ns - 100000000);
		waiter = nth(c, LS_WAITER, 0);
		assert_non_null(waiter);
		assert_int_equal(waiter->who.tid, c->child);
		assert_true(frame_of(c, waiter->stack, "ask_and_wait") > 0);
		look(c);
		assert_null(nth(c, LS_WAITER, 0)); /* it has not moved */
		assert_null(the_wait(c));
		say(fd, 1);
		assert_int_equal(read(c->from_child, &done, 1), 1);
		look(c);
		wait = the_wait(c);
		assert_non_null(wait);
		assert_int_equal(wait->count, i + 1);
		assert_int_equal(wait->since_ns, 0);
		assert_int_equal(counted(wait), i + 1);
		assert_true(wait->max_ns >= 100000000 && wait->total_ns >= wait->max_ns);
		assert_true(wait->bucket[17] + wait->bucket[18] > 0); /* 0.13 to 0.52 s */
		close(fd);
	}
}
/* ---- left open */

static int with_held(void **state)
{
	return close_look(state, LIVE_HELD, false);
}

/* How often does a row of this socket stand before the end of its process? */
static unsigned int held_before_exit(const struct close_look *c, uint64_t cookie)
{
	unsigned int i, n = 0;

	for (i = 0; i < c->n; i++) {
		const struct ls_sock *s = &c->rec[i].sock;

		if (s->hdr.type == LS_HELD && s->cookie == cookie &&
		    s->who.pid == (uint32_t)c->child)
			n++;
		if (s->hdr.type == LS_PROC &&
		    ((const struct ls_proc *)(const void *)s)->what == LS_PROC_EXIT)
			break;
	}
	return n;
}

static void what_is_held_at_the_end_is_told(void **state)
{
	struct close_look *c = *state;
	const struct ls_open *one, *twice;
	const struct ls_sock *held;
	unsigned int i, inet = 0, unix_ends = 0;

	tell_child(c, 'h');
	assert_int_equal(write(c->to_child, "q", 1), 1);
	waitpid(c->child, NULL, 0);
	pump(c);
	one = nth(c, LS_OPEN, 0);
	twice = nth(c, LS_OPEN, 1);
	assert_int_equal(held_before_exit(c, one->cookie), 1);
	assert_int_equal(held_before_exit(c, twice->cookie), 2);
	for (i = 0; (held = nth(c, LS_HELD, i)); i++) {
		/* The listener is ours as well. */
		assert_int_not_equal(held->tuple.state, 10);
		unix_ends += held->tuple.family == AF_UNIX;
		inet += held->tuple.family == AF_INET;
		if (held->cookie != one->cookie)
			continue;
		assert_int_equal(held->tuple.rport, c->port);
		assert_int_equal(held->tuple.role, LS_ROLE_CLIENT);
		assert_int_equal(held->tuple.state, 1);
		assert_true(held->fd > 2);
	}
	assert_int_equal(inet, 3);
	assert_int_equal(unix_ends, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLOSELY(children_at_the_start_are_followed, with_parent),
		CLOSELY(blocked_time_has_its_place, with_waits),
		CLOSELY(what_is_held_at_the_end_is_told, with_held),
	};

	return cmocka_run_group_tests(tests, own_network, NULL);
}
