// SPDX-License-Identifier: BSD-2-Clause
/*
 * Go's programs: stripped ones have their names and lines in .gopclntab; and what happens to a
 * reader of it when its bytes are wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "symbol/gopclntab.h"
#include "victim.h"

/* Tells the addresses of its own callers as the runtime sees them, then waits. */
static const char source[] = "package main\n"
			     "import (\n"
			     "	\"fmt\"\n"
			     "	\"runtime\"\n"
			     "	\"time\"\n"
			     ")\n"
			     "//go:noinline\n"
			     "func leakOne() []uintptr {\n"
			     "	pcs := make([]uintptr, 8)\n"
			     "	return pcs[:runtime.Callers(1, pcs)]\n" /* line 10 */
			     "}\n"
			     "func main() {\n"
			     "	pcs := leakOne()\n" /* line 13 */
			     "	fmt.Println(pcs[0], pcs[1])\n"
			     "	time.Sleep(time.Hour)\n"
			     "}\n";

struct fixture {
	char dir[64];
	char program[96];
	char line[128];
	struct victim v;
	struct symbolizer *sym;
};

static bool have_go;

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	char path[128];

	*state = x;
	if (!x)
		return -1;
	strcpy(x->dir, "/tmp/lostsock-symbol.XXXXXX");
	if (!mkdtemp(x->dir))
		return -1;
	snprintf(path, sizeof(path), "%s/victim.go", x->dir);
	write_file(path, source);
	snprintf(x->program, sizeof(x->program), "%s/victim", x->dir);
	x->sym = symbolizer_new(NULL);
	return x->sym ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	victim_end(&x->v);
	symbolizer_free(x->sym);
	shell("rm -rf %s", x->dir);
	free(x);
	return 0;
}

static void check(struct fixture *x, const char *flags)
{
	char *argv[] = { x->program, NULL }, *next;
	struct symbol_frame f;
	uint64_t pc[2];

	if (!have_go)
		skip();
	assert_true(shell("cd %s && export GOCACHE=\"${GOCACHE:-${HOME:-%s}/.cache/go-build}\" "
			  "GOFLAGS= GO111MODULE=off && go build %s -o victim victim.go",
			  x->dir, x->dir, flags));
	assert_true(victim_start(&x->v, argv, x->line, sizeof(x->line)));
	pc[0] = strtoull(x->line, &next, 10);
	pc[1] = strtoull(next, NULL, 10);

	assert_true(symbolizer_frames(x->sym, (uint32_t)x->v.pid, pc[0], true, &f, 1) == 1);
	assert_string_equal(f.function, "main.leakOne");
	assert_non_null(strstr(f.file, "victim.go"));
	assert_int_equal(f.line, 10);
	assert_true(f.go);
	assert_true(symbol_frame_is_application(&f));
	assert_true(symbolizer_frames(x->sym, (uint32_t)x->v.pid, pc[1], true, &f, 1) == 1);
	assert_string_equal(f.function, "main.main");
	assert_int_equal(f.line, 13);
	assert_true(symbolizer_is_go(x->sym, (uint32_t)x->v.pid));

	/* It waits in the runtime's own system call. */
	assert_true(victim_look(&x->v));
	symbolizer_frames(x->sym, (uint32_t)x->v.pid, x->v.regs.ip, false, &f, 1);
	assert_int_not_equal(f.function[0], '\0');
	assert_false(symbol_frame_is_application(&f));
}

static void with_its_symbols(void **state)
{
	check(*state, "");
}

static void stripped(void **state)
{
	check(*state, "-ldflags='-s -w'");
}

static void stripped_and_position_independent(void **state)
{
	check(*state, "-buildmode=pie -ldflags='-s -w'");
}

static void broken_tables_are_refused(void **state)
{
	static const uint8_t short_one[16] = { 0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8 };
	struct gopclntab_place place;
	struct gopclntab t;
	uint8_t buf[512];
	unsigned int seed = 1, round, i;
	static const uint8_t versions[] = { 0xf0, 0xf1, 0xfa, 0xfb };

	assert_int_equal(gopclntab_init(&t, short_one, sizeof(short_one)), -EINVAL);
	assert_int_equal(gopclntab_init(&t, "no table at all.", 16), -EINVAL);
	assert_int_equal(gopclntab_find(&t, 0x1000, &place), -ENOENT);
	for (round = 0; round < 20000; round++) {
		memset(buf, 0, sizeof(buf));
		for (i = 0; i < sizeof(buf); i++)
			buf[i] = rand_r(&seed) % 3 ? 0 : (uint8_t)rand_r(&seed);
		buf[0] = versions[round % 4];
		buf[1] = buf[2] = buf[3] = 0xff;
		buf[4] = buf[5] = 0;
		buf[6] = 1;
		buf[7] = round % 8 < 4 ? 8 : 4;
		for (i = 9; i < 72; i++)
			buf[i] = i % buf[7] > 1 ? 0 : buf[i] & 1;
		if (gopclntab_init(&t, buf, sizeof(buf)) == 0)
			for (i = 0; i < 64; i++)
				gopclntab_find(&t, t.text_start + i * 7, &place);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(with_its_symbols),
		TEST(stripped),
		TEST(stripped_and_position_independent),
		cmocka_unit_test(broken_tables_are_refused),
	};

	have_go = shell("command -v go >/dev/null");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
