// SPDX-License-Identifier: BSD-2-Clause
/*
 * The real thing on our own process: functions, lines, inlined calls, and our own copied stack.
 */
#include <errno.h>
#include <search.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include <cmocka.h>

#include "symbol/symbol.h"

#define MAX 64

struct here {
	struct symbol_regs regs;
	size_t len;
	uint8_t stack[32768];
};

static struct here here;
static uint32_t inlined_line, caller_line;
static uintptr_t inlined_ip;

static struct symbolizer *self(void)
{
	struct symbolizer *sym = symbolizer_new(NULL);

	assert_non_null(sym);
	symbolizer_allow_self(sym);
	assert_int_equal(symbolizer_process(sym, (uint32_t)getpid(), 0), 0);
	return sym;
}

/* What the kernel does at the open of a connection: registers, and the stack from its pointer up.
 */
__attribute__((noinline, no_sanitize("address"))) static void take_stack(void)
{
	uint64_t pt[21] = { 0 };
	ucontext_t u;
	size_t i;

	getcontext(&u); // cppcheck-suppress getcontextCalled ; there is nothing else
#ifdef __x86_64__
	static const struct {
		uint8_t pt, greg;
	} at[] = {
		{ 0, REG_R15 }, { 1, REG_R14 }, { 2, REG_R13 },	 { 3, REG_R12 },
		{ 4, REG_RBP }, { 5, REG_RBX }, { 16, REG_RIP }, { 19, REG_RSP },
	};

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		pt[at[i].pt] = (uint64_t)u.uc_mcontext.gregs[at[i].greg];
#else
	(void)i;
#endif
	assert_int_equal(symbol_regs_from_pt_regs(&here.regs, pt, sizeof(pt)), 0);
	/* The environment stands above all frames. */
	here.len = (uint64_t)(uintptr_t)environ - here.regs.sp;
	here.len = here.len < sizeof(here.stack) ? here.len : sizeof(here.stack);
	for (i = 0; i < here.len; i++)
		here.stack[i] = ((volatile uint8_t *)(uintptr_t)here.regs.sp)[i]; // NOLINT
}

static int compare_and_look(const void *a, const void *b)
{
	if (!here.len)
		take_stack();
	return *(const int *)a - *(const int *)b;
}

/* By way of libc, which has no frame pointers. Not qsort(): the sanitizer has one of its own. */
__attribute__((noinline)) static void search_something(void)
{
	static const int one = 1, two = 2;
	void *root = NULL;

	memset(&here, 0, sizeof(here));
	assert_non_null(tsearch(&one, &root, compare_and_look));
	assert_non_null(tsearch(&two, &root, compare_and_look));
	assert_true(here.len > 256);
	tdelete(&one, &root, compare_and_look);
	tdelete(&two, &root, compare_and_look);
}

static inline __attribute__((always_inline)) void inlined_function(void)
{
	inlined_line = __LINE__ + 1;
	__asm__ volatile("lea 0(%%rip), %0" : "=r"(inlined_ip)::"memory");
}

__attribute__((noinline)) static void calls_inlined(void)
{
	caller_line = __LINE__ + 1;
	inlined_function();
}

static bool has(struct symbolizer *sym, const uint64_t *ips, int n, const char *function)
{
	struct symbol_frame f[8];
	int i, j, m;

	for (i = 0; i < n; i++) {
		m = symbolizer_frames(sym, (uint32_t)getpid(), ips[i], i > 0, f, 8);
		for (j = 0; j < m; j++)
			if (strcmp(f[j].function, function) == 0)
				return true;
	}
	return false;
}

static void static_functions_have_names_and_lines(void **state)
{
	struct symbolizer *sym = self();
	struct symbol_frame f[4];
	char text[SYMBOL_TEXT_LEN];

	assert_int_equal(symbolizer_frames(sym, (uint32_t)getpid(),
					   (uint64_t)(uintptr_t)search_something, false, f, 4),
			 1);
	assert_string_equal(f->function, "search_something");
	assert_non_null(strstr(f->file, "test_symbol_self.c"));
	assert_in_range(f->line, 70, 90);
	assert_int_equal(f->offset, 0);
	assert_int_equal(f->kind, SYMBOL_KIND_PROGRAM);
	assert_true(symbol_frame_is_application(f));
	symbol_frame_text(f, text, sizeof(text));
	assert_non_null(strstr(text, "search_something (test_symbol_self.c:"));
	symbolizer_free(sym);
}

static void inlined_calls_are_frames(void **state)
{
	struct symbolizer *sym = self();
	struct symbol_frame f[4];

	calls_inlined();
	assert_int_equal(symbolizer_frames(sym, (uint32_t)getpid(), inlined_ip, true, f, 4), 2);
	assert_string_equal(f[0].function, "inlined_function");
	assert_true(f[0].inlined);
	assert_int_equal(f[0].line, inlined_line);
	assert_string_equal(f[1].function, "calls_inlined");
	assert_false(f[1].inlined);
	assert_int_equal(f[1].line, caller_line);
	symbolizer_free(sym);
}

static void a_copied_stack_is_unwound_through_libc(void **state)
{
	struct symbolizer *sym = self();
	const uint32_t pid = (uint32_t)getpid();
	uint64_t ips[MAX], key;
	int n;

	search_something();
	n = symbolizer_unwind(sym, pid, &here.regs, here.stack, here.len, ips, MAX);
	assert_in_range(n, 5, MAX);
	assert_int_equal(ips[0], here.regs.ip);
	assert_true(has(sym, ips, 1, "take_stack"));
	assert_true(has(sym, ips, n, "compare_and_look"));
	assert_true(has(sym, ips, n, "tsearch"));
	assert_true(has(sym, ips, n, "search_something"));
	assert_true(has(sym, ips, n, "a_copied_stack_is_unwound_through_libc"));
	assert_true(has(sym, ips, n, "main"));

	key = symbolizer_stack_key(sym, pid, &here.regs, here.stack, here.len);
	assert_int_not_equal(key, 0);
	assert_int_equal(key, symbolizer_stack_key(sym, pid, &here.regs, here.stack, here.len));
	here.regs.ip++;
	assert_int_not_equal(key, symbolizer_stack_key(sym, pid, &here.regs, here.stack, here.len));
	symbolizer_free(sym);
}

static void a_cut_or_wild_stack_gives_what_there_is(void **state)
{
	struct symbolizer *sym = self();
	const uint32_t pid = (uint32_t)getpid();
	struct symbolizer_stats stats;
	struct symbol_regs wild;
	uint64_t ips[MAX];
	unsigned int seed = 1, i, round;
	size_t len;

	search_something();
	for (len = 0; len < 4096; len += 64)
		assert_in_range(symbolizer_unwind(sym, pid, &here.regs, here.stack, len, ips, MAX),
				1, MAX);
	assert_int_equal(symbolizer_unwind(sym, pid, &here.regs, here.stack, 4096, ips, 2), 2);
	for (round = 0; round < 200; round++) {
		wild = here.regs;
		for (i = 0; i < 17; i++)
			if (rand_r(&seed) % 2)
				wild.reg[i] =
					(uint64_t)rand_r(&seed) << 20 ^ (uint64_t)rand_r(&seed);
		here.stack[(size_t)rand_r(&seed) % 1024] ^= (uint8_t)(1 + rand_r(&seed) % 255);
		assert_in_range(symbolizer_unwind(sym, pid, &wild, here.stack, here.len, ips, MAX),
				1, MAX);
	}
	symbolizer_stats(sym, &stats);
	assert_true(stats.cut_short > 0);
	symbolizer_free(sym);
}

static void who_cannot_be_asked_is_said_clearly(void **state)
{
	struct symbolizer *sym = symbolizer_new(NULL);
	struct symbol_frame f;

	assert_int_equal(symbolizer_process(sym, (uint32_t)getpid(), 0), -EPERM);
	assert_int_equal(symbolizer_process(sym, 0, 0), -EINVAL);
	assert_int_equal(symbolizer_process(sym, 4194305, 0), -ESRCH);
	assert_int_equal(symbolizer_frames(sym, 4194305, 1, false, &f, 1), -ESRCH);
	/* kthreadd; in a pid namespace of its own, number 2 is anybody or nobody. */
	if (access("/proc/2/exe", F_OK) && access("/proc/2/stat", F_OK) == 0)
		assert_int_equal(symbolizer_process(sym, 2, 0), -EINVAL);
	symbolizer_free(sym);
}

static void addresses_without_a_name_keep_their_module(void **state)
{
	struct symbolizer *sym = self();
	struct symbol_frame f;
	char text[SYMBOL_TEXT_LEN];

	assert_int_equal(symbolizer_frames(sym, (uint32_t)getpid(), 0x1234, false, &f, 1), 1);
	symbol_frame_text(&f, text, sizeof(text));
	assert_string_equal(text, "0x1234");
	assert_false(symbol_frame_is_application(&f));
	symbolizer_free(sym);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(static_functions_have_names_and_lines),
		cmocka_unit_test(inlined_calls_are_frames),
		cmocka_unit_test(a_copied_stack_is_unwound_through_libc),
		cmocka_unit_test(a_cut_or_wild_stack_gives_what_there_is),
		cmocka_unit_test(who_cannot_be_asked_is_said_clearly),
		cmocka_unit_test(addresses_without_a_name_keep_their_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
