/* SPDX-License-Identifier: BSD-2-Clause */
/* Growth: leaks of connections and threads, and all that grows and is healthy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/records.h"
#include "verdict/verdict.h"

#define PID 100

struct trial {
	struct world *w;
	struct verdicts *v;
	struct verdict_thresholds t;
};

static int setup(void **state)
{
	struct trial *tr = calloc(1, sizeof(*tr));

	tr->w = world_new();
	tr->v = verdicts_new();
	verdict_thresholds_init(&tr->t);
	world_proc(tr->w, PID, "server");
	world_look(tr->w);
	*state = tr;
	return 0;
}

static int teardown(void **state)
{
	struct trial *tr = *state;

	verdicts_free(tr->v);
	world_free(tr->w);
	free(tr);
	return 0;
}

static uint32_t judge(struct trial *tr)
{
	assert_int_equal(verdicts_judge(tr->v, tr->w->led, &tr->t, tr->w->now_ns), 0);
	return verdicts_count(tr->v);
}

/* One connection, with a request and its answer. */
static struct sock *opened(struct trial *tr, uint8_t role)
{
	struct sock *s = world_conn(tr->w, PID, role);

	sock_sends(tr->w, s, 100);
	sock_receives(tr->w, s, 500);
	return s;
}

static struct finding only_growth(struct trial *tr, bool certain)
{
	struct finding f;

	assert_int_equal(verdicts_count(tr->v), 1);
	verdicts_get(tr->v, 0, &f);
	assert_int_equal(f.class, VERDICT_GROWTH);
	assert_int_equal(f.certain, certain);
	return f;
}

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
	char why[VERDICT_WHY_LEN];
	int i;

	assert_int_equal(verdict_thresholds_parse(&tr->t, "2s", why, sizeof(why)), 0);
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

/* ---- windows of seconds */

static void window(struct trial *tr, const char *arg)
{
	char why[VERDICT_WHY_LEN];

	assert_int_equal(verdict_thresholds_parse(&tr->t, arg, why, sizeof(why)), 0);
}

/* A tenth of a second goes by; two looks a second. */
static bool tenth(struct trial *tr, uint32_t i)
{
	tr->w->now_ns += S_NS / 10;
	if (i % 5 != 4)
		return false;
	world_look(tr->w);
	return true;
}

/* A leaky site that opens one every 100 ms, with short uses beside it: found a window later, and
 * never certain, for however many windows. */
static void leak_in_seconds(struct trial *tr, uint32_t window_s, bool short_uses, bool found)
{
	uint32_t i;

	for (i = 0; i < 40 * window_s; i++) {
		struct sock *s = short_uses ? opened(tr, LS_ROLE_CLIENT) : NULL;

		opened(tr, LS_ROLE_CLIENT);
		if (s)
			sock_ends(tr->w, s);
		if (!tenth(tr, i))
			continue;
		judge(tr);
		if (found && i + 1 >= 10 * window_s)
			only_growth(tr, false);
		else
			assert_int_equal(verdicts_count(tr->v), 0);
	}
}

static void window_of_5s_leak(void **state)
{
	struct trial *tr = *state;

	window(tr, "growth=5s");
	leak_in_seconds(tr, 5, true, true);
}

static void window_of_3s_leak(void **state)
{
	struct trial *tr = *state;

	window(tr, "growth=3s");
	leak_in_seconds(tr, 3, false, true);
}

/* Half of three seconds lies within the first step of ages at close: all of it acquits. */
static void window_of_3s_short_uses(void **state)
{
	struct trial *tr = *state;

	window(tr, "growth=3s");
	leak_in_seconds(tr, 3, true, false);
}

/* Ten times a second all of a pool are used, while the demand rises; then it levels off. */
static void ramps(struct trial *tr, const char *arg, uint32_t rounds)
{
	uint32_t i, k;

	window(tr, arg);
	for (i = 0; i < 2 * rounds; i++) {
		if (i < rounds)
			opened(tr, LS_ROLE_CLIENT);
		for (k = 0; k < tr->w->socks; k++) {
			sock_sends(tr->w, &tr->w->sock[k], 10);
			sock_receives(tr->w, &tr->w->sock[k], 10);
		}
		if (tenth(tr, i))
			assert_int_equal(judge(tr), 0);
	}
	/* Demand has gone: it rests, and does not grow. */
	for (i = 0; i < 100; i++)
		if (tenth(tr, i))
			assert_int_equal(judge(tr), 0);
}

static void window_of_5s_pool(void **state)
{
	ramps(*state, "growth=5s", 200);
}

static void window_of_3s_pool(void **state)
{
	ramps(*state, "growth=3s", 200);
}

/* Each request takes 20 s, so that for many thirds of the window no byte moves on any. */
static void window_of_5s_slow_answers(void **state)
{
	struct trial *tr = *state;
	uint32_t i, k;

	window(tr, "growth=5s");
	for (i = 0; i < 600; i++) {
		struct sock *c = world_conn(tr->w, PID, LS_ROLE_CLIENT);
		struct sock *s = world_conn(tr->w, PID, LS_ROLE_SERVER);

		sock_sends(tr->w, c, 100);
		sock_receives(tr->w, s, 100);
		for (k = i % 200; k < i; k += 200) {
			struct sock *pair = &tr->w->sock[2 * k];

			sock_receives(tr->w, &pair[0], 500);
			sock_sends(tr->w, &pair[1], 500);
			tr->w->now_ns += 5000000;
			sock_sends(tr->w, &pair[0], 100);
			sock_receives(tr->w, &pair[1], 100);
		}
		if (tenth(tr, i))
			assert_int_equal(judge(tr), 0);
	}
}

/* One that has stood for more than half of the window goes now and then: the oldest do go. Ages at
 * close are known in steps, and the step that holds half a window counts whole. */
static void oldest_go_in_seconds(struct trial *tr, const char *arg, uint32_t age_tenths)
{
	uint32_t i;

	window(tr, arg);
	for (i = 0; i < 300; i++) {
		opened(tr, LS_ROLE_CLIENT);
		if (i % 20 == 19 && i >= age_tenths)
			sock_ends(tr->w, &tr->w->sock[i - age_tenths]);
		if (tenth(tr, i) && i > 50)
			assert_int_equal(judge(tr), 0);
	}
}

static void window_of_5s_oldest_go(void **state)
{
	oldest_go_in_seconds(*state, "growth=5s", 26);
}

static void window_of_3s_oldest_go(void **state)
{
	oldest_go_in_seconds(*state, "growth=3s", 16);
}

/* What was there before we looked is old, whatever age we have seen it reach. */
static void found_at_start_go(void **state)
{
	struct trial *tr = *state;
	uint32_t i;

	world_free(tr->w);
	tr->w = world_new();
	for (i = 0; i < 40; i++) {
		struct sock *s = world_sock(tr->w, PID, LS_ROLE_CLIENT, 1);

		sock_sends(tr->w, s, 100);
		sock_receives(tr->w, s, 100);
	}
	world_look(tr->w);
	window(tr, "growth=5s");
	for (i = 0; i < 75; i++) {
		struct sock *s = world_sock(tr->w, PID, LS_ROLE_CLIENT, 1);

		world_opens(tr->w, s, PID, -1); /* no stack, as those that were there */
		sock_sends(tr->w, s, 100);
		sock_receives(tr->w, s, 100);
		if (i < 20)
			sock_ends(tr->w, &tr->w->sock[i]);
		if (tenth(tr, i) && i < 65)
			assert_int_equal(judge(tr), 0);
	}
	judge(tr);
	only_growth(tr, false);
}

/* ---- threads */

static void start_threads(struct trial *tr, uint32_t n)
{
	while (n--) {
		world_proc_event(tr->w, PID, LS_PROC_THREAD, tr->w->now_ns, 0);
		tr->w->proc[0].threads++;
	}
}

static void threads_leak(void **state)
{
	struct trial *tr = *state;
	struct finding f;
	char buf[256];
	int i;

	for (i = 0; i < 31; i++) {
		start_threads(tr, 1);
		world_wait(tr->w, 10);
	}
	assert_int_equal(judge(tr), 1);
	verdicts_get(tr->v, 0, &f);
	assert_int_equal(f.class, VERDICT_TASK_GROWTH);
	assert_false(f.certain);
	assert_int_equal(f.count, 30);
	assert_int_equal(verdicts_proc(tr->v, f.proc)->leaked, 0);
	verdict_explain(tr->v, tr->w->led, &f, tr->w->now_ns, buf, sizeof(buf));
	assert_string_equal(buf, "30 threads more than at least 5m ago, beyond what its "
				 "connections explain; 32 now");
}

/* Ticks of a second leave marks that reach back far enough for the window of five minutes. */
static void threads_leak_second_by_second(void **state)
{
	struct trial *tr = *state;
	int i;

	for (i = 1; i <= 330; i++) {
		start_threads(tr, i % 3 == 0);
		world_wait(tr->w, 1);
		assert_true(judge(tr) == 0 || i >= 300);
	}
	assert_int_equal(verdicts_class_count(tr->v, VERDICT_TASK_GROWTH) / 10, 10);
	for (i = 0; i < 7200; i++)
		world_wait(tr->w, 1);
	assert_int_equal(judge(tr), 0);
	for (i = 0; i < 330; i++) {
		start_threads(tr, i % 3 == 0);
		world_wait(tr->w, 1);
	}
	assert_int_equal(judge(tr), 1);
}

static uint32_t seconds_until_threads_accuse(struct trial *tr, const char *after)
{
	char why[VERDICT_WHY_LEN];
	uint32_t i;

	assert_int_equal(verdict_thresholds_parse(&tr->t, after, why, sizeof(why)), 0);
	for (i = 1; i < 100; i++) {
		start_threads(tr, 3);
		world_wait(tr->w, 1);
		if (judge(tr))
			return i;
	}
	return 0;
}

static void threads_leak_soon_when_asked(void **state)
{
	assert_in_range(seconds_until_threads_accuse(*state, "2s"), 30, 32);
}

static void threads_leak_in_four_seconds(void **state)
{
	assert_in_range(seconds_until_threads_accuse(*state, "task-growth=4s"), 4, 6);
}

/* A thread a connection, and clients keep coming. */
static void threads_follow_connections(void **state)
{
	struct trial *tr = *state;
	uint32_t i, k;

	for (i = 0; i < 60; i++) {
		start_threads(tr, 1);
		opened(tr, LS_ROLE_SERVER);
		for (k = 0; k < tr->w->socks; k++)
			sock_sends(tr->w, &tr->w->sock[k], 10);
		world_wait(tr->w, 10);
		assert_int_equal(judge(tr), 0);
	}
}

static void threads_level_off(void **state)
{
	struct trial *tr = *state;
	int i;

	for (i = 0; i < 60; i++) {
		if (i < 20)
			start_threads(tr, 2);
		world_wait(tr->w, 10);
		assert_int_equal(judge(tr), 0);
	}
}

static void threads_old_end(void **state)
{
	struct trial *tr = *state;
	int i;

	for (i = 0; i < 60; i++) {
		start_threads(tr, 3);
		if (i % 10 == 9) {
			world_proc_event(tr->w, PID, LS_PROC_THREAD_EXIT,
					 tr->w->now_ns - 200 * S_NS, 0);
			tr->w->proc[0].threads--;
		}
		world_wait(tr->w, 10);
		assert_int_equal(judge(tr), 0);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

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
		CASE(window_of_5s_leak),
		CASE(window_of_3s_leak),
		CASE(window_of_3s_short_uses),
		CASE(window_of_5s_pool),
		CASE(window_of_3s_pool),
		CASE(window_of_5s_slow_answers),
		CASE(window_of_5s_oldest_go),
		CASE(window_of_3s_oldest_go),
		CASE(found_at_start_go),
		CASE(threads_leak),
		CASE(threads_leak_second_by_second),
		CASE(threads_leak_soon_when_asked),
		CASE(threads_leak_in_four_seconds),
		CASE(threads_follow_connections),
		CASE(threads_level_off),
		CASE(threads_old_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
