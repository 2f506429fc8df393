// SPDX-License-Identifier: BSD-2-Clause
/* Scopes: they end, what is below ends with them, and joining waits for it. */
#include "world.h"

#include <errno.h>

struct ended {
	int times, why;
};

static void note(int why, void *arg)
{
	struct ended *ended = arg;

	ended->times++;
	ended->why = why;
}

static void test_deadline(void **state)
{
	struct fake_clock fake;
	struct tether_loop *loop = fake_loop(&fake);
	struct ended task = { 0 }, joined = { 0 };
	struct tether_scope scope;

	assert_int_equal(tether_scope_new(loop, TETHER_S, &scope), 0);
	assert_int_equal(tether_task_after(scope, 5 * TETHER_S, note, &task, NULL), 0);
	assert_int_equal(tether_scope_join(scope, note, &joined), 0);
	assert_int_equal(tether_scope_join(scope, note, &joined), -EALREADY);
	pass(loop, &fake, TETHER_S - 1);
	assert_int_equal(task.times + joined.times, 0);
	pass(loop, &fake, 1);
	assert_int_equal(task.times, 1);
	assert_int_equal(task.why, -ETIMEDOUT);
	assert_int_equal(joined.times, 1);
	assert_int_equal(joined.why, -ETIMEDOUT);
	assert_int_equal(tether_scope_cancel(scope), -EBADF);
	end_loop(loop);
}

static void test_cascade(void **state)
{
	struct fake_clock fake;
	struct tether_loop *loop = fake_loop(&fake);
	struct ended task = { 0 }, parent_joined = { 0 }, child_joined = { 0 };
	struct tether_scope parent, child, late;
	uint64_t left_ns;

	assert_int_equal(tether_scope_new(loop, 10 * TETHER_S, &parent), 0);
	/* A child cannot outlive its parent. */
	assert_int_equal(tether_scope_child(parent, 3600 * TETHER_S, &child), 0);
	assert_int_equal(tether_scope_left_ns(child, &left_ns), 0);
	assert_int_equal(left_ns, 10 * TETHER_S);
	assert_int_equal(tether_task_after(child, TETHER_S, note, &task, NULL), 0);
	assert_int_equal(tether_scope_members(parent), 1);
	assert_int_equal(tether_scope_cancel(parent), 0);
	assert_int_equal(task.times, 1);
	assert_int_equal(task.why, -ECANCELED);
	assert_int_equal(tether_scope_child(parent, TETHER_S, &late), -ECANCELED);
	assert_int_equal(tether_task_after(child, TETHER_S, note, &task, NULL), -ECANCELED);
	/* The parent is not held by a child that is over, though nobody has joined it. */
	assert_int_equal(tether_scope_join(parent, note, &parent_joined), 0);
	assert_int_equal(parent_joined.times, 1);
	assert_int_equal(tether_scope_join(child, note, &child_joined), 0);
	assert_int_equal(child_joined.times, 1);
	end_loop(loop);
}

static void test_no_infinity(void **state)
{
	struct fake_clock fake;
	struct tether_loop *loop = fake_loop(&fake);
	struct tether_scope scope;

	assert_int_equal(tether_scope_new(loop, 0, &scope), -ERANGE);
	assert_int_equal(tether_scope_new(loop, UINT64_MAX, &scope), -ERANGE);
	assert_int_equal(tether_scope_new(loop, TETHER_WITHIN_MAX_NS + 1, &scope), -ERANGE);
	end_loop(loop);
}

static void test_task_runs_and_ends(void **state)
{
	struct fake_clock fake;
	struct tether_loop *loop = fake_loop(&fake);
	struct ended one = { 0 }, two = { 0 };
	struct tether_scope scope, none = { 0 };
	struct tether_task task;

	assert_int_equal(tether_scope_new(loop, 60 * TETHER_S, &scope), 0);
	assert_int_equal(tether_task_after(scope, TETHER_S, note, &one, NULL), 0);
	assert_int_equal(tether_task_after(scope, TETHER_S, note, &two, &task), 0);
	assert_int_equal(tether_task_end(task), 0);
	assert_int_equal(tether_task_end(task), -EBADF);
	pass(loop, &fake, TETHER_S);
	assert_int_equal(one.times, 1);
	assert_int_equal(one.why, 0);
	assert_int_equal(two.times, 0);
	assert_int_equal(tether_scope_cancel(none), -EBADF);
	assert_int_equal(tether_loop_free(loop), -EBUSY);
	assert_int_equal(tether_scope_join(scope, NULL, NULL), 0);
	end_loop(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_cascade),
		cmocka_unit_test(test_no_infinity),
		cmocka_unit_test(test_task_runs_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
