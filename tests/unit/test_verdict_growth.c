// SPDX-License-Identifier: BSD-2-Clause
/* Growth: leaks of connections, and all that grows and is healthy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/growing.h"

static void leak_grows(void **state)
{
	struct trial *tr = *state;
	uint32_t i, id, marked = 0;
	struct finding f;
	char buf[256];

	for (i = 0; i < 29; i++) {
		opened(tr, LS_ROLE_CLIENT);
		world_wait(tr->w, 10);
		assert_int_equal(judge(tr), 0);
	}
	opened(tr, LS_ROLE_CLIENT);
	world_wait(tr->w, 10);
	judge(tr);
	f = only_growth(tr, false);
	assert_int_equal(f.count, 21); /* the last 100 s are too young to tell */
	assert_int_equal((tr->w->now_ns - f.since_ns) / S_NS, 300);
	assert_int_equal(verdicts_proc(tr->v, f.proc)->leaked, 21);
	for (id = 0; id < ledger_conn_end(tr->w->led); id++)
		marked += verdicts_conn(tr->v, id, NULL) == VERDICT_GROWTH;
	assert_int_equal(marked, 21);
	verdict_explain(tr->v, tr->w->led, &f, tr->w->now_ns, buf, sizeof(buf));
	assert_string_equal(buf, "21 stand idle and never close, while new ones are opened; 30 "
				 "open from this site, the oldest for 5m");
	for (i = 0; i < 60; i++) {
		opened(tr, LS_ROLE_CLIENT);
		world_wait(tr->w, 10);
	}
	judge(tr);
	only_growth(tr, true);
}

/* An accepted connection's idleness is its client's choice: never certain. */
static void leak_of_accepted_is_suspected(void **state)
{
	struct trial *tr = *state;
	int i;

	for (i = 0; i < 120; i++) {
		opened(tr, LS_ROLE_SERVER);
		world_wait(tr->w, 10);
	}
	judge(tr);
	only_growth(tr, false);
}

/* Short uses come and go at the same site, and hide nothing. */
static void leak_among_short_uses(void **state)
{
	struct trial *tr = *state;
	struct sock *s;
	int i, k;

	for (i = 0; i < 31; i++) {
		opened(tr, LS_ROLE_CLIENT);
		for (k = 0; k < 5; k++) {
			s = opened(tr, LS_ROLE_CLIENT);
			tr->w->now_ns += S_NS;
			sock_ends(tr->w, s);
		}
		world_wait(tr->w, 5);
	}
	assert_int_equal(judge(tr), 1);
}

static void udp_leak_grows(void **state)
{
	struct trial *tr = *state;
	int i;

	for (i = 0; i < 120; i++) {
		struct sock *s = world_sock(tr->w, PID, LS_ROLE_PEER, 7);

		s->row.tuple.proto = IPPROTO_UDP;
		s->row.tuple.rport = 0;
		world_opens(tr->w, s, PID, 3);
		world_wait(tr->w, 10);
	}
	judge(tr);
	only_growth(tr, false);
}

/* Connections that a class of their own accuses are not accused again. */
static void accused_once(void **state)
{
	struct trial *tr = *state;
	struct finding f = { 0 };
	uint32_t i;

	for (i = 0; i < 60; i++) {
		struct sock *s = opened(tr, LS_ROLE_CLIENT);

		if (i % 2) {
			s->row.tuple.state = 8;
			s->ack_ns = tr->w->now_ns;
		}
		world_wait(tr->w, 10);
	}
	judge(tr);
	for (i = 0; i < verdicts_count(tr->v); i++) {
		verdicts_get(tr->v, i, &f);
		if (f.class == VERDICT_GROWTH)
			break;
		assert_int_equal(f.class, VERDICT_CLOSE_WAIT);
	}
	assert_int_equal(f.class, VERDICT_GROWTH);
	assert_int_equal(verdicts_proc(tr->v, f.proc)->leaked,
			 f.count + verdicts_class_count(tr->v, VERDICT_CLOSE_WAIT));
	assert_true(verdicts_proc(tr->v, f.proc)->leaked <= 60);
}

/* ---- what grows and is healthy */

/* A pool opens one more only when all others are in use. */
static void pool_warming_up(void **state)
{
	struct trial *tr = *state;
	uint32_t i, k;

	for (i = 0; i < 100; i++) {
		opened(tr, LS_ROLE_CLIENT);
		tr->w->now_ns += S_NS;
		for (k = 0; k < tr->w->socks; k++)
			sock_receives(tr->w, &tr->w->sock[k], 10);
		world_wait(tr->w, 9);
		assert_int_equal(judge(tr), 0);
	}
}

/* A chat sends to all; two in three rooms are quiet for long, but not for a third of the window. */
static void chat_filling_up(void **state)
{
	struct trial *tr = *state;
	uint32_t i, k;

	for (i = 0; i < 200; i++) {
		opened(tr, LS_ROLE_SERVER);
		tr->w->now_ns += S_NS;
		for (k = i % 3; k < tr->w->socks; k += 3)
			sock_sends(tr->w, &tr->w->sock[k], 40);
		world_wait(tr->w, 9);
		assert_int_equal(judge(tr), 0);
	}
}

/* Half of them rest for long, half are busy: a server with quiet clients. */
static void half_of_them_idle(void **state)
{
	struct trial *tr = *state;
	uint32_t i, k;

	for (i = 0; i < 200; i++) {
		opened(tr, LS_ROLE_SERVER);
		tr->w->now_ns += S_NS;
		for (k = 0; k < tr->w->socks; k += 2)
			sock_sends(tr->w, &tr->w->sock[k], 40);
		world_wait(tr->w, 9);
		assert_int_equal(judge(tr), 0);
	}
}

/* All at once, then none: a pool of fixed size. */
static void burst(void **state)
{
	struct trial *tr = *state;
	int i, k;

	world_wait(tr->w, 300);
	for (i = 0; i < 40; i++) {
		for (k = 0; i < 3 && k < 30; k++)
			opened(tr, LS_ROLE_CLIENT);
		world_wait(tr->w, 10);
		assert_int_equal(judge(tr), 0);
	}
}

/* It grew, and levels off. */
static void levels_off(void **state)
{
	struct trial *tr = *state;
	int i;

	for (i = 0; i < 60; i++) {
		if (i < 20)
			opened(tr, LS_ROLE_CLIENT);
		world_wait(tr->w, 10);
		assert_int_equal(judge(tr), 0);
	}
}

/* Idle ones are closed in the end: the oldest do go. */
static void oldest_go(void **state)
{
	struct trial *tr = *state;
	uint32_t i;

	for (i = 0; i < 200; i++) {
		opened(tr, LS_ROLE_CLIENT);
		if (i >= 28)
			sock_ends(tr->w, &tr->w->sock[i - 28]);
		world_wait(tr->w, 10);
		assert_int_equal(judge(tr), 0);
	}
}

/* What stood there when we came does not rise. */
static void many_found_at_start(void **state)
{
	struct trial *tr = *state;
	struct world *w = world_new();
	int i;

	world_free(tr->w);
	tr->w = w;
	for (i = 0; i < 500; i++) {
		struct sock *s = world_sock(w, PID, LS_ROLE_CLIENT, 1);

		sock_sends(w, s, 100);
		sock_receives(w, s, 100);
	}
	for (i = 0; i < 60; i++) {
		world_wait(w, 10);
		assert_int_equal(judge(tr), 0);
	}
}

static void listeners_and_socketpairs_serve(void **state)
{
	struct trial *tr = *state;
	int i;

	for (i = 0; i < 60; i++) {
		struct sock *a = world_sock(tr->w, PID, LS_ROLE_PEER, 1);
		struct sock *l = world_sock(tr->w, PID, LS_ROLE_LISTEN, 10);

		a->row.tuple.family = AF_UNIX;
		a->row.tuple.proto = 0;
		l->row.flags = 0;
		world_wait(tr->w, 10);
		assert_int_equal(judge(tr), 0);
	}
}

/* A shorter window under a bare --after, but none below 30 s. */
static void bare_window(void **state)
{
	struct trial *tr = *state;
	int i;

	after(tr, "2s");
	for (i = 0; i < 29; i++) {
		opened(tr, LS_ROLE_CLIENT);
		world_wait(tr->w, 1);
		assert_int_equal(judge(tr), 0);
	}
	opened(tr, LS_ROLE_CLIENT);
	world_wait(tr->w, 1);
	judge(tr);
	only_growth(tr, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(leak_grows),
		CASE(leak_of_accepted_is_suspected),
		CASE(leak_among_short_uses),
		CASE(udp_leak_grows),
		CASE(accused_once),
		CASE(pool_warming_up),
		CASE(chat_filling_up),
		CASE(half_of_them_idle),
		CASE(burst),
		CASE(levels_off),
		CASE(oldest_go),
		CASE(many_found_at_start),
		CASE(listeners_and_socketpairs_serve),
		CASE(bare_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
