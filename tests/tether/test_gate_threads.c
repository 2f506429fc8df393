// SPDX-License-Identifier: BSD-2-Clause
/* The drain gate among threads: whoever drains, and whoever leaves last, it notifies once. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tether/gate.h"

#define ROUNDS	100000
#define THREADS 2

struct rounds {
	struct gate gate;
	atomic_int notified;
	pthread_barrier_t begin, end;
};

#define VISITS 6 /* at most, so that a round ends where only one thread has a core */

/* Comes and goes until it is turned away, in each round. */
static void *visitor(void *arg)
{
	struct rounds *r = arg;
	int i, n;

	for (i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&r->begin);
		for (n = 0; n < VISITS && gate_enter(&r->gate); n++) {
			if (gate_leave(&r->gate))
				atomic_fetch_add(&r->notified, 1);
		}
		pthread_barrier_wait(&r->end);
	}
	return NULL;
}

static void one_round(struct rounds *r, int round)
{
	bool empty;
	int i;

	atomic_store(&r->gate.word, 0);
	atomic_store(&r->notified, 0);
	pthread_barrier_wait(&r->begin);
	/* Not always at the same moment. */
	for (i = 0; i < round % 7; i++)
		sched_yield();
	assert_true(gate_drain(&r->gate, &empty));
	if (empty)
		atomic_fetch_add(&r->notified, 1);
	pthread_barrier_wait(&r->end);
	assert_int_equal(atomic_load(&r->notified), 1);
	assert_int_equal(gate_count(&r->gate), 0);
	assert_false(gate_enter(&r->gate));
}

static void test_once(void **state)
{
	struct rounds r = { 0 };
	pthread_t threads[THREADS];
	int i;

	pthread_barrier_init(&r.begin, NULL, THREADS + 1);
	pthread_barrier_init(&r.end, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, visitor, &r), 0);
	for (i = 0; i < ROUNDS; i++)
		one_round(&r, i);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&r.begin);
	pthread_barrier_destroy(&r.end);
}

static void test_one_thread(void **state)
{
	struct gate gate = { 0 };
	bool empty;

	assert_true(gate_enter(&gate));
	assert_true(gate_enter(&gate));
	assert_false(gate_leave(&gate));
	assert_true(gate_drain(&gate, &empty));
	assert_false(empty);
	assert_false(gate_drain(&gate, &empty));
	assert_false(gate_enter(&gate));
	assert_true(gate_leave(&gate));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_thread),
		cmocka_unit_test(test_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
