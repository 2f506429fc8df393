// SPDX-License-Identifier: BSD-2-Clause
/* The drain gate among threads: whoever drains, and whoever leaves last, it notifies once. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tether/gate.h"

#define ROUNDS	2000
#define THREADS 3

struct round {
	struct gate gate;
	atomic_int notified, ready, entered;
};

static void *visitor(void *arg)
{
	struct round *round = arg;

	atomic_fetch_add(&round->ready, 1);
	while (atomic_load(&round->ready) <= THREADS)
		sched_yield();
	while (gate_enter(&round->gate)) {
		atomic_fetch_add(&round->entered, 1);
		if (gate_leave(&round->gate))
			atomic_fetch_add(&round->notified, 1);
	}
	return NULL;
}

static void test_once(void **state)
{
	pthread_t threads[THREADS];
	bool empty;
	int i, j;

	for (i = 0; i < ROUNDS; i++) {
		struct round round = { 0 };

		for (j = 0; j < THREADS; j++)
			assert_int_equal(pthread_create(&threads[j], NULL, visitor, &round), 0);
		while (atomic_load(&round.ready) < THREADS)
			sched_yield();
		atomic_fetch_add(&round.ready, 1);
		assert_true(gate_drain(&round.gate, &empty));
		if (empty)
			atomic_fetch_add(&round.notified, 1);
		for (j = 0; j < THREADS; j++)
			pthread_join(threads[j], NULL);
		assert_int_equal(atomic_load(&round.notified), 1);
		assert_int_equal(gate_count(&round.gate), 0);
		assert_false(gate_enter(&round.gate));
	}
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
