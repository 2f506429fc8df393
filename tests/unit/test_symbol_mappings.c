// SPDX-License-Identifier: BSD-2-Clause
/*
 * Mappings as they are told, of processes that never were: cut, split, inherited, replaced.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "symbol/symbol.h"

#define PID 5000000 /* beyond what a kernel gives */

static int tell(struct symbolizer *sym, uint64_t start, uint64_t end, uint64_t time_ns,
		const char *path)
{
	const struct symbol_mapping map = {
		.start = start,
		.end = end,
		.offset = start,
		.major = 250,
		.inode = 1 + start,
		.time_ns = time_ns,
		.path = path,
		.build_id = { 0xab, 0xcd },
		.build_id_len = 2,
	};

	return symbolizer_mapping(sym, PID, &map);
}

static const char *at(struct symbolizer *sym, uint32_t pid, uint64_t ip)
{
	static char text[SYMBOL_TEXT_LEN];
	struct symbol_frame f;

	if (symbolizer_frames(sym, pid, ip, false, &f, 1) != 1)
		return "nothing";
	symbol_frame_text(&f, text, sizeof(text));
	return text;
}

static void the_later_mapping_counts(void **state)
{
	struct symbolizer *sym = symbolizer_new(NULL);

	assert_int_equal(tell(sym, 0x10000, 0x50000, 1, "/no/outer.so"), 0);
	assert_int_equal(tell(sym, 0x20000, 0x30000, 2, "/no/inner.so (deleted)"), 0);
	assert_string_equal(at(sym, PID, 0x10001), "outer.so+0x10001 [build-id abcd]");
	assert_string_equal(at(sym, PID, 0x20001), "inner.so+0x20001 [build-id abcd]");
	assert_string_equal(at(sym, PID, 0x30001), "outer.so+0x30001 [build-id abcd]");
	assert_string_equal(at(sym, PID, 0x50000), "0x50000");
	assert_int_equal(tell(sym, 0x18000, 0x28000, 3, "/no/third.so"), 0);
	assert_string_equal(at(sym, PID, 0x17fff), "outer.so+0x17fff [build-id abcd]");
	assert_string_equal(at(sym, PID, 0x18000), "third.so+0x18000 [build-id abcd]");
	assert_string_equal(at(sym, PID, 0x28000), "inner.so+0x28000 [build-id abcd]");
	assert_int_equal(tell(sym, 0, UINT64_MAX, 4, "/no/all\033.so"), 0);
	assert_string_equal(at(sym, PID, 0x18000), "all?.so+0x18000 [build-id abcd]");
	assert_int_equal(tell(sym, 5, 5, 4, "/no/empty.so"), -EINVAL);
	symbolizer_free(sym);
}

static void a_child_has_its_parents(void **state)
{
	struct symbolizer *sym = symbolizer_new(NULL);

	tell(sym, 0x10000, 0x20000, 1, "/no/app");
	assert_string_equal(at(sym, PID + 1, 0x10001), "nothing");
	symbolizer_fork(sym, PID, PID + 1);
	tell(sym, 0x30000, 0x40000, 2, "/no/later.so");
	symbolizer_exit(sym, PID);
	assert_string_equal(at(sym, PID + 1, 0x10001), "app+0x10001 [build-id abcd]");
	assert_string_equal(at(sym, PID + 1, 0x30001), "0x30001");
	/* Another child of the same pid knows nothing of the first. */
	symbolizer_fork(sym, PID + 7, PID + 1);
	assert_string_equal(at(sym, PID + 1, 0x10001), "nothing");
	symbolizer_free(sym);
}

static void a_new_program_has_new_mappings(void **state)
{
	struct symbolizer *sym = symbolizer_new(NULL);

	tell(sym, 0x10000, 0x20000, 5, "/no/old");
	/* Records of two CPUs may come in the wrong order: time says what was first. */
	tell(sym, 0x30000, 0x40000, 11, "/no/new");
	symbolizer_exec(sym, PID, 10);
	assert_string_equal(at(sym, PID, 0x10001), "0x10001");
	assert_string_equal(at(sym, PID, 0x30001), "new+0x30001 [build-id abcd]");
	symbolizer_exec(sym, PID, 0);
	assert_string_equal(at(sym, PID, 0x30001), "0x30001");
	symbolizer_free(sym);
}

static void too_many_are_counted(void **state)
{
	const struct symbolizer_limits limits = { .mappings = 1024 };
	struct symbolizer *sym = symbolizer_new(&limits);
	struct symbolizer_stats stats;
	uint64_t i;

	for (i = 1; i <= 200; i++)
		tell(sym, i << 16, (i << 16) + 4096, 1, "/no/lib.so");
	symbolizer_stats(sym, &stats);
	assert_int_equal(stats.mappings_lost, 200 - 1024 / 8);
	assert_string_equal(at(sym, PID, 1 << 16), "lib.so+0x10000 [build-id abcd]");
	for (i = 1; i < 100; i++)
		symbolizer_fork(sym, PID + (uint32_t)i - 1, PID + (uint32_t)i);
	symbolizer_stats(sym, &stats);
	assert_in_range(stats.processes, 2, 9);
	assert_string_equal(at(sym, PID + 99, 1 << 16), "lib.so+0x10000 [build-id abcd]");
	symbolizer_free(sym);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_later_mapping_counts),
		cmocka_unit_test(a_child_has_its_parents),
		cmocka_unit_test(a_new_program_has_new_mappings),
		cmocka_unit_test(too_many_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
