// SPDX-License-Identifier: BSD-2-Clause
/* Deadlines against a plain list of them: each fires in its turn, once, and never early. */
#include "world.h"

#include <stdlib.h>

#include "tether/deadline.h"
#include "tether/list.h"

#define N 300

struct thing {
	struct deadline deadline;
	uint64_t want_ns; /* DEADLINE_NONE: it must not fire */
	unsigned int fired;
};

static struct deadlines all;
static uint64_t now, last;

static void fire(struct deadline *d)
{
	struct thing *thing = container_of(d, struct thing, deadline);

	assert_true(thing->want_ns <= now);
	assert_true(thing->want_ns >= last);
	last = thing->want_ns;
	thing->want_ns = DEADLINE_NONE;
	thing->fired++;
}

static void test_random(void **state)
{
	static struct thing things[N];
	unsigned int seed = 7, i, round, op;
	struct thing *thing;

	all = (struct deadlines){ 0 };
	now = 0;
	for (i = 0; i < N; i++) {
		deadline_init(&things[i].deadline, fire);
		things[i].want_ns = DEADLINE_NONE;
	}
	for (round = 0; round < 20000; round++) {
		thing = &things[rand_r(&seed) % N];
		op = rand_r(&seed) % 8;
		if (op == 0) {
			deadline_drop(&all, &thing->deadline);
			thing->want_ns = DEADLINE_NONE;
		} else if (op == 1) {
			now += rand_r(&seed) % 100;
			last = 0;
			deadlines_run(&all, now);
			for (i = 0; i < N; i++)
				assert_true(things[i].want_ns > now);
		} else {
			thing->want_ns = now + 1 + rand_r(&seed) % 1000;
			deadline_set(&all, &thing->deadline, thing->want_ns);
		}
	}
	now += 5000;
	last = 0;
	deadlines_run(&all, now);
	assert_true(deadlines_next(&all) == DEADLINE_NONE);
	for (i = 0; i < N; i++)
		assert_true(things[i].want_ns == DEADLINE_NONE);
}

static void test_later_is_not_early(void **state)
{
	struct thing thing = { .want_ns = 100 };

	all = (struct deadlines){ 0 };
	deadline_init(&thing.deadline, fire);
	deadline_set(&all, &thing.deadline, 50);
	deadline_set(&all, &thing.deadline, 100);
	now = 60;
	last = 0;
	deadlines_run(&all, now);
	assert_int_equal(thing.fired, 0);
	assert_int_equal(deadlines_next(&all), 100);
	now = 100;
	deadlines_run(&all, now);
	assert_int_equal(thing.fired, 1);
	deadlines_run(&all, now);
	assert_int_equal(thing.fired, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_later_is_not_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
