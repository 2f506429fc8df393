// SPDX-License-Identifier: BSD-2-Clause
/* Growth in windows of seconds, where ages are known in steps and little is certain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/growing.h"

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

	after(tr, "growth=5s");
	leak_in_seconds(tr, 5, true, true);
}

static void window_of_3s_leak(void **state)
{
	struct trial *tr = *state;

	after(tr, "growth=3s");
	leak_in_seconds(tr, 3, false, true);
}

/* Half of three seconds lies within the first step of ages at close: all of it acquits. */
static void window_of_3s_short_uses(void **state)
{
	struct trial *tr = *state;

	after(tr, "growth=3s");
	leak_in_seconds(tr, 3, true, false);
}

/* Ten times a second all of a pool are used, while the demand rises; then it levels off. */
static void ramps(struct trial *tr, const char *arg, uint32_t rounds)
{
	uint32_t i, k;

	after(tr, arg);
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

	after(tr, "growth=5s");
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

	after(tr, arg);
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
	after(tr, "growth=5s");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(window_of_5s_leak),       CASE(window_of_3s_leak),
		CASE(window_of_3s_short_uses), CASE(window_of_5s_pool),
		CASE(window_of_3s_pool),       CASE(window_of_5s_slow_answers),
		CASE(window_of_5s_oldest_go),  CASE(window_of_3s_oldest_go),
		CASE(found_at_start_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
