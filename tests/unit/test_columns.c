/* SPDX-License-Identifier: BSD-2-Clause */
/* Cells, layouts and the table of columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <cmocka.h>
#include "view/columns.h"
#include "view/conn_columns.h"

static bool utf8(void)
{
	return setlocale(LC_CTYPE, "C.UTF-8") && cell_utf8();
}

static void test_fit_ascii(void **state)
{
	char buf[CELL_LEN];

	setlocale(LC_CTYPE, "C");
	assert_string_equal(cell_fit(buf, sizeof(buf), "ab", 4, ALIGN_LEFT), "ab  ");
	assert_string_equal(cell_fit(buf, sizeof(buf), "ab", 4, ALIGN_RIGHT), "  ab");
	assert_string_equal(cell_fit(buf, sizeof(buf), "abcd", 4, ALIGN_LEFT), "abcd");
	assert_string_equal(cell_fit(buf, sizeof(buf), "abcde", 4, ALIGN_LEFT), "abc~");
	assert_string_equal(cell_fit(buf, sizeof(buf), "abc", 0, ALIGN_LEFT), "");
	assert_string_equal(cell_fit(buf, sizeof(buf), "\xc3\xa9", 2, ALIGN_LEFT), "??");
	assert_string_equal(cell_fit(buf, 4, "abcdef", 6, ALIGN_RIGHT), "abc");
}

static void test_fit_utf8(void **state)
{
	char buf[CELL_LEN];

	if (!utf8())
		skip();
	assert_int_equal(cell_width("né→"), 3);
	assert_int_equal(cell_width("日本"), 4);
	assert_string_equal(cell_fit(buf, sizeof(buf), "né", 4, ALIGN_RIGHT), "  né");
	assert_string_equal(cell_fit(buf, sizeof(buf), "日本語", 4, ALIGN_LEFT), "日… ");
	assert_string_equal(cell_fit(buf, sizeof(buf), "a\xff", 2, ALIGN_LEFT), "a?");
}

static void test_trend(void **state)
{
	static const uint32_t rise[] = { 0, 10, 20, 30, 40, 50, 60, 70 };
	static const uint32_t flat[] = { 1000, 1001, 1000, 1000 };
	static const uint32_t one[] = { 0, 1 };
	char buf[CELL_LEN];

	setlocale(LC_CTYPE, "C");
	assert_string_equal(cell_trend(buf, sizeof(buf), rise, 8, 8), ".:-=+*##");
	assert_string_equal(cell_trend(buf, sizeof(buf), rise, 8, 3), ".=#");
	assert_string_equal(cell_trend(buf, sizeof(buf), flat, 4, 8), "....");
	assert_string_equal(cell_trend(buf, sizeof(buf), one, 2, 8), ".:");
	assert_string_equal(cell_trend(buf, sizeof(buf), rise, 0, 8), "");
	if (utf8())
		assert_string_equal(cell_trend(buf, sizeof(buf), rise, 8, 8), "▁▂▃▄▅▆▇█");
	assert_true(strlen(cell_trend(buf, 5, rise, 8, 8)) < 5);
}

static bool shows(const struct layout *l, const char *name)
{
	unsigned int i;

	for (i = 0; i < l->n; i++)
		if (strcmp(column_get(l->col[i])->shape.name, name) == 0)
			return true;
	return false;
}

static unsigned int total_width(const struct layout *l)
{
	unsigned int i, w = l->n ? l->n - 1 : 0;

	for (i = 0; i < l->n; i++)
		w += l->width[i];
	return w;
}

/* At 80 columns all that a person needs; the container where there is more room. */
static void test_widths(void **state)
{
	static const char *const at_80[] = { "pid",	 "comm",     "live",   "leaked", "stalled",
					     "opened_s", "closed_s", "oldest", "trend",	 "class" };
	struct column_set set;
	struct layout l;
	char err[128];
	unsigned int i, w;

	assert_int_equal(column_set_parse(&set, NULL, err, sizeof(err)), 0);
	column_set_fit(&set, 80, &l);
	for (i = 0; i < sizeof(at_80) / sizeof(at_80[0]); i++)
		assert_true(shows(&l, at_80[i]));
	assert_false(shows(&l, "container"));
	column_set_fit(&set, 100, &l);
	assert_true(shows(&l, "container"));
	column_set_fit(&set, 20, &l);
	assert_true(shows(&l, "pid") && shows(&l, "leaked") && shows(&l, "comm"));
	for (w = 0; w < 300; w++) {
		column_set_fit(&set, w, &l);
		assert_true(total_width(&l) <= w);
	}
}

static void test_chosen(void **state)
{
	struct column_set set;
	struct layout l;
	char err[128];

	assert_int_equal(column_set_parse(&set, "netns,pid,netns", err, sizeof(err)), 0);
	assert_int_equal(set.n, 2);
	column_set_fit(&set, 80, &l);
	assert_int_equal(l.n, 2);
	assert_string_equal(column_get(l.col[0])->shape.name, "netns");
}

static void test_mistakes(void **state)
{
	char err[128];

	assert_int_equal(view_columns_check("pid,leakd", err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "--columns: no column \"leakd\", did you mean \"leaked\"?");
	assert_int_equal(view_columns_check("", err, sizeof(err)), -EINVAL);
	assert_int_equal(view_columns_check("pid,", err, sizeof(err)), -EINVAL);
	assert_int_equal(view_sort_check("\x1b[2J", err, sizeof(err)), -EINVAL);
	assert_null(strchr(err, '\x1b'));
	assert_int_equal(view_sort_check("trend", err, sizeof(err)), 0);
}

static void test_rank(void **state)
{
	struct proc_row row[] = {
		{ .pid = 5, .comm = "a", .live = 9 },
		{ .pid = 4, .comm = "c", .leaked = 1 },
		{ .pid = 3, .comm = "b", .stalled = 2 },
		{ .pid = 2, .comm = "b", .leaked = 1, .stalled = 1 },
		{ .pid = 1, .comm = "d", .live = 9 },
	};
	struct rows rows = { .row = row, .len = 5 };

	rows_sort(&rows, column_default_sort(), false);
	assert_int_equal(row[0].pid, 2);
	assert_int_equal(row[1].pid, 4);
	assert_int_equal(row[2].pid, 3);
	assert_int_equal(row[3].pid, 1);
	assert_int_equal(row[4].pid, 5);
	rows_sort(&rows, (unsigned int)column_find("comm", 4), true);
	assert_int_equal(row[0].pid, 1);
	assert_int_equal(row[4].pid, 5);
	rows_sort(&rows, 1000, false); /* no such column: the default */
	assert_int_equal(row[0].pid, 2);
}

/* Every cell fits in its least width, whatever the numbers; names alone are cut. */
static void test_cells(void **state)
{
	struct proc_row r = {
		.pid = 4194304,
		.live = 4000000000u,
		.leaked = 123456,
		.stalled = 99999,
		.opened_per_s = 12345.6,
		.closed_per_s = 0.001,
		.oldest_ns = 86400ull * 1000000000 * 5,
		.has_oldest = true,
		.threads = 100000000,
		.netns = UINT32_MAX,
		.aborted = UINT64_MAX,
	};
	char buf[CELL_LEN];
	unsigned int i;

	setlocale(LC_CTYPE, "C");
	for (i = 0; i < column_count(); i++) {
		const struct column *c = column_get(i);

		c->print(&r, buf, sizeof(buf), c->shape.width);
		if (c->shape.align == ALIGN_RIGHT && cell_width(buf) > c->shape.width)
			fail_msg("%s: \"%s\" is too wide", c->shape.name, buf);
		assert_true(strlen(c->shape.title) <= c->shape.width);
	}
}

static void test_conn_columns(void **state)
{
	struct layout l;
	unsigned int w;

	for (w = 0; w < 200; w++) {
		conn_columns_fit(w, &l);
		assert_true(total_width(&l) <= w);
	}
	assert_int_equal(l.n, 10);
	conn_columns_fit(80, &l);
	assert_true(l.n >= 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fit_ascii),    cmocka_unit_test(test_fit_utf8),
		cmocka_unit_test(test_trend),	     cmocka_unit_test(test_widths),
		cmocka_unit_test(test_chosen),	     cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_rank),	     cmocka_unit_test(test_cells),
		cmocka_unit_test(test_conn_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
