/* SPDX-License-Identifier: BSD-2-Clause */
/* --after as a person types it, and the table that it moves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "verdict/verdict.h"

#define S 1000000000ull

static struct verdict_thresholds parsed(const char *first, const char *second)
{
	struct verdict_thresholds t;
	char why[VERDICT_WHY_LEN];

	verdict_thresholds_init(&t);
	assert_int_equal(verdict_thresholds_parse(&t, first, why, sizeof(why)), 0);
	if (second)
		assert_int_equal(verdict_thresholds_parse(&t, second, why, sizeof(why)), 0);
	return t;
}

static void every_class_has_its_words(void **state)
{
	const struct verdict_rule *r;
	unsigned int class;

	(void)state;
	assert_null(verdict_rule(VERDICT_NONE));
	assert_null(verdict_rule(VERDICT_MAX));
	for (class = 1; class < VERDICT_MAX; class ++) {
		r = verdict_rule(class);
		assert_non_null(r);
		assert_int_equal(verdict_class_by_name(r->name), class);
		assert_true(r->kind == VERDICT_LEAK || r->kind == VERDICT_STALL);
		assert_true(r->after_ns > 0 || class == VERDICT_LEFT_OPEN);
		assert_true(strlen(r->evidence) > 10 && strlen(r->evidence) <= 98);
		assert_true(strlen(r->remedy) > 10 && strlen(r->remedy) <= 98);
		assert_null(strchr(r->remedy, '\n'));
	}
	assert_int_equal(verdict_class_by_name("close_wait"), VERDICT_NONE);
}

static void one_class_or_all(void **state)
{
	struct verdict_thresholds t = parsed("close-wait=5m", NULL);

	(void)state;
	assert_int_equal(t.after_ns[VERDICT_CLOSE_WAIT], 300 * S);
	assert_int_equal(t.after_ns[VERDICT_UNREAD], 60 * S);
	t = parsed("2s", NULL);
	assert_int_equal(t.after_ns[VERDICT_CLOSE_WAIT], 2 * S);
	assert_int_equal(t.after_ns[VERDICT_TASK_STUCK], 2 * S);
	assert_int_equal(t.after_ns[VERDICT_GROWTH], 30 * S);
	assert_int_equal(t.after_ns[VERDICT_NEVER_USED], 2 * S);
	assert_int_equal(t.after_ns[VERDICT_ABORTED], 300 * S);
	t = parsed("growth=3s", "task-growth=3s");
	assert_int_equal(t.after_ns[VERDICT_GROWTH], 3 * S);
	assert_int_equal(t.after_ns[VERDICT_TASK_GROWTH], 3 * S);
	t = parsed("1h", NULL);
	assert_int_equal(t.after_ns[VERDICT_UNREAD], 3600 * S);
	assert_int_equal(t.after_ns[VERDICT_GROWTH], 300 * S);
}

static void the_named_one_stands(void **state)
{
	struct verdict_thresholds a = parsed("close-wait=5m", "2s");
	struct verdict_thresholds b = parsed("2s", "close-wait=5m");

	(void)state;
	assert_int_equal(a.after_ns[VERDICT_CLOSE_WAIT], 300 * S);
	assert_int_equal(b.after_ns[VERDICT_CLOSE_WAIT], 300 * S);
	assert_int_equal(a.after_ns[VERDICT_UNREAD], 2 * S);
	assert_true(a.given[VERDICT_CLOSE_WAIT] && !a.given[VERDICT_UNREAD]);
}

static void complaints_are_one_clear_line(void **state)
{
	static const struct {
		const char *arg;
		const char *why;
	} rows[] = {
		{ "clos-wait=5s", "there is no class 'clos-wait' (did you mean 'close-wait'?)" },
		{ "zebra=5s", "there is no class 'zebra' (--class help lists them)" },
		{ "=5s", "there is no class '' (--class help lists them)" },
		{ "\033[2J=1", "there is no class '?[2J' (--class help lists them)" },
		{ "5x", "'5x' is no duration: write 500ms, 30s, 5m, 1.5h or 2d" },
		{ "", "'' is no duration: write 500ms, 30s, 5m, 1.5h or 2d" },
		{ "unread=", "'' is no duration: write 500ms, 30s, 5m, 1.5h or 2d" },
		{ "unread=9999d", "'9999d' is longer than ten years" },
		{ "growth=2999ms", "growth needs a window of at least 3s to tell growth" },
		{ "task-growth=1s", "task-growth needs a window of at least 3s to tell growth" },
	};
	struct verdict_thresholds t, before;
	char why[VERDICT_WHY_LEN];
	size_t i;

	(void)state;
	verdict_thresholds_init(&t);
	before = t;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(verdict_thresholds_parse(&t, rows[i].arg, why, sizeof(why)),
				 -EINVAL);
		assert_string_equal(why, rows[i].why);
		assert_memory_equal(&t, &before, sizeof(t));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_class_has_its_words),
		cmocka_unit_test(one_class_or_all),
		cmocka_unit_test(the_named_one_stands),
		cmocka_unit_test(complaints_are_one_clear_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
