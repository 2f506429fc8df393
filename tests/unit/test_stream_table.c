// SPDX-License-Identifier: BSD-2-Clause
/* Where the values of a probe are, as assemblers and as people write it; and the table of rows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "source/stream_operand.h"
#include "source/stream_table.h"

#if defined(__x86_64__)
#define ARG1 15
#define ARG2 14
#define BX   6
#define AX   11
#define BP   5
#define DI   15
#endif

static struct ls_operand usdt(const char **args)
{
	struct ls_operand op;

	assert_int_equal(stream_operand_usdt(args, &op), 0);
	return op;
}

#if defined(__x86_64__)
static void test_usdt(void **state)
{
	const char *args =
		"8@%rdi -4@$-7 2@-16(%rbp) 8@8(%rax,%rbx,4) 1@%r9b 4@(%rdi) 8@$0xffffffffffffffff";
	struct ls_operand op;

	(void)state;
	op = usdt(&args);
	assert_int_equal(op.base, DI);
	assert_int_equal(op.reads, 0);
	assert_int_equal(op.size, 8);
	op = usdt(&args);
	assert_int_equal(op.base, 0);
	assert_int_equal(op.first, -7);
	assert_int_equal(op.size, -4);
	op = usdt(&args);
	assert_int_equal(op.base, BP);
	assert_int_equal(op.first, -16);
	assert_int_equal(op.reads, 1);
	assert_int_equal(op.size, 2);
	op = usdt(&args);
	assert_int_equal(op.base, AX);
	assert_int_equal(op.index, BX);
	assert_int_equal(op.shift, 2);
	assert_int_equal(op.first, 8);
	op = usdt(&args);
	assert_int_equal(op.base, 9);
	assert_int_equal(op.size, 1);
	op = usdt(&args);
	assert_int_equal(op.first, 0);
	assert_int_equal(op.reads, 1);
	op = usdt(&args);
	assert_int_equal(op.first, -1);
	assert_int_equal(stream_operand_usdt(&args, &op), -ENOENT);
}

static void test_usdt_refused(void **state)
{
	static const char *const bad[] = { "8f@%xmm0",
					   "8@sym(%rip)",
					   "8@%rzz",
					   "3@%rax",
					   "8%rax",
					   "8@(%rax,%rbx,3)",
					   "8@%fs:16",
					   "8@%rax%rbx",
					   "8@(%rax",
					   "8@8(%eax)",
					   "@%rax",
					   "8@",
					   "9223372036854775808@%rax" };
	struct ls_operand op;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *args = bad[i];

		assert_int_equal(stream_operand_usdt(&args, &op), -EINVAL);
	}
}

static void test_written(void **state)
{
	struct ls_operand op;

	(void)state;
	assert_int_equal(stream_operand_parse("arg2", &op), 0);
	assert_int_equal(op.base, ARG2);
	assert_int_equal(op.size, 8);
	assert_int_equal(stream_operand_parse("*(*(ax+0x48)-16)+2", &op), 0);
	assert_int_equal(op.base, AX);
	assert_int_equal(op.reads, 2);
	assert_int_equal(op.first, 0x48);
	assert_int_equal(op.then[0], -16);
	assert_int_equal(op.then[1], 2);
	assert_int_equal(stream_operand_parse("s16(*(go1))", &op), 0);
	assert_int_equal(op.base, AX);
	assert_int_equal(op.size, -2);
	assert_int_equal(op.reads, 2);
	assert_int_equal(stream_operand_parse("-3", &op), 0);
	assert_int_equal(op.base, 0);
	assert_int_equal(op.first, -3);
	assert_int_equal(stream_operand_parse("arg1:s32", &op), 0);
	assert_int_equal(op.base, ARG1);
	assert_int_equal(op.size, -4);
}
#endif

static void test_written_refused(void **state)
{
	static const char *const bad[] = {
		"",	 "arg7",      "*(arg1",	  "*(arg1))", "*(*(*(*(arg1))))", "u8(u8(arg1))",
		"arg1+", "arg1 arg2", "u7(arg1)", "arg1:u7",  "arg1+99999999999", "(arg1)"
	};
	struct ls_operand op;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(stream_operand_parse(bad[i], &op), -EINVAL);
}

static void test_provider(void **state)
{
#if defined(__x86_64__)
	const char *open = "8@%rdi 8@%rsi 8@%rdx 8@$2 8@$3", *two = "8@%rdi 8@%rsi";
#else
	const char *open = "8@x0 8@x1 8@x2 8@2 8@3", *two = "8@x0 8@x1";
#endif
	struct ls_probe p;

	(void)state;
	assert_int_equal(stream_probe_usdt("conn_open", open, &p), 0);
	assert_int_equal(p.record, LS_STREAM_CONN);
	assert_int_equal(p.what, LS_STREAM_CONN_OPEN);
	assert_int_equal(p.operand[LS_PROBE_HOW].first, 2);
	assert_int_equal(p.operand[LS_PROBE_PROTO].first, 3);
	assert_int_not_equal(p.operand[LS_PROBE_FD].base, 0);
	assert_int_equal(stream_probe_usdt("stream_free", two, &p), 0);
	assert_int_equal(p.record, LS_STREAM);
	assert_int_equal(p.what, LS_STREAM_FREE);
	assert_int_equal(stream_probe_usdt("drain_done", two, &p), 0);
	assert_int_equal(p.operand[LS_PROBE_FD].first, -1);
	/* Too few are nothing, others are not ours. */
	assert_int_equal(stream_probe_usdt("stream_open", two, &p), -EINVAL);
	assert_int_equal(stream_probe_usdt("task_start", two, &p), -ENOENT);
}

/* What comes with lostsock is read by the same parser, which could refuse it. */
static void test_built_in(void **state)
{
	struct stream_table *t = stream_table_new();
	const struct stream_row *row;

	(void)state;
	assert_non_null(t);
	assert_true(t->libraries >= 2);
	assert_string_equal(t->library[1], "quic-go");
	row = &t->rows[0];
	assert_true(stream_row_matches(row, "server", true, true));
	assert_false(stream_row_matches(row, "server", true, false));
	row = &t->rows[t->n - 1];
	assert_true(stream_row_matches(row, "libnghttp2.so.14", false, false));
	assert_true(stream_row_matches(row, "server", true, false));
	assert_false(stream_row_matches(row, "libnghttp3.so.3", false, false));
	stream_table_free(t);
}

static void test_rows(void **state)
{
	struct stream_table *t = stream_table_new();
	char err[STREAM_TABLE_ERROR_LEN];
	size_t before = t->n;
	const struct ls_probe *p;

	(void)state;
	assert_int_equal(
		stream_table_parse(t, "rows",
				   "# nothing\n\n"
				   "mine\tlib*.so,exe f open conn=arg1 id=7 how=2 # more\r\n"
				   "quic-go go g free id=1 if=arg1!=0x10\n"
				   "mine lib*.so h conn-close conn=arg1",
				   err),
		0);
	assert_int_equal(t->n, before + 3);
	p = &t->rows[before].probe;
	assert_int_equal(p->what, LS_STREAM_OPEN);
	assert_int_equal(p->operand[LS_PROBE_VALUE].first, 7);
	assert_int_equal(p->operand[LS_PROBE_HOW].first, 2);
	assert_string_equal(t->library[p->library], "mine");
	assert_true(stream_row_matches(&t->rows[before], "libx.so", false, false));
	p = &t->rows[before + 1].probe;
	assert_int_equal(p->library, 1);
	assert_int_equal(p->test, LS_PROBE_UNEQUAL);
	assert_int_equal(p->expected, 16);
	assert_int_equal(t->rows[before + 2].probe.library, t->rows[before].probe.library);
	stream_table_free(t);
}

static void test_rows_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "\na b c", "f:2: LIBRARY FILE FUNCTION EVENT" },
		{ "a b c opened", "f:1: 'opened' is no event" },
		{ "a b c open id", "f:1: conn=WHERE" },
		{ "a b c open sid=1", "f:1: there is no 'sid='" },
		{ "a b c open id=xyz", "f:1: 'xyz' is no place" },
		{ "a b c open if=arg1", "f:1: if=WHERE==NUMBER" },
		{ "a b c open if=arg1=1", "f:1: if=WHERE==NUMBER" },
		{ "a b c open if=xyz==1", "f:1: 'xyz' is no place" },
		{ "a23456789012345678901234567890 b c open", "f:1: a library's name" },
	};
	char err[STREAM_TABLE_ERROR_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct stream_table *t = stream_table_new();

		assert_int_equal(stream_table_parse(t, "f", bad[i].text, err), -EINVAL);
		if (!strstr(err, bad[i].says))
			fail_msg("'%s' is told as '%s'", bad[i].text, err);
		stream_table_free(t);
	}
}

static void test_rows_bounded(void **state)
{
	struct stream_table *t = stream_table_new();
	char err[STREAM_TABLE_ERROR_LEN], line[64];
	int i, e = 0;

	(void)state;
	for (i = 0; i < 2 * STREAM_ROWS_MAX && !e; i++) {
		snprintf(line, sizeof(line), "lib%d f g open", i);
		e = stream_table_parse(t, "f", line, err);
	}
	assert_int_equal(e, -E2BIG);
	assert_true(t->libraries <= STREAM_LIBRARIES_MAX);
	stream_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
		cmocka_unit_test(test_usdt),
		cmocka_unit_test(test_usdt_refused),
		cmocka_unit_test(test_written),
#endif
		cmocka_unit_test(test_written_refused),
		cmocka_unit_test(test_provider),
		cmocka_unit_test(test_built_in),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_rows_refused),
		cmocka_unit_test(test_rows_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
