// SPDX-License-Identifier: BSD-2-Clause
/*
 * Code that no file has: named by a perf map, which is believed only if it is its process's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "victim.h"

/* Has a page of code that returns what a call of it finds, sleeps below it, and writes the map: by
 * frame pointers alone the way leads through that page. */
static const char source[] =
	"#include <stdio.h>\n"
	"#include <string.h>\n"
	"#include <sys/mman.h>\n"
	"#include <unistd.h>\n"
	"static char *page;\n"
	"static void wait_for_ever(void)\n"
	"{\n"
	"	char name[64];\n"
	"	snprintf(name, sizeof(name), \"/tmp/perf-%d.map\", getpid());\n"
	"	FILE *f = fopen(name, \"w\");\n"
	"	fprintf(f, \"%lx 40 JS:*leakOne /srv/app.js:10:5\\n\", (long)page);\n"
	"	fclose(f);\n"
	"	printf(\"%p\\n\", (void *)page);\n"
	"	fflush(stdout);\n"
	"	pause();\n"
	"}\n"
	"int main(void)\n"
	"{\n"
	"	/* push rbp; mov rbp, rsp; call rdi; pop rbp; ret */\n"
	"	static const char code[] = \"\\x55\\x48\\x89\\xe5\\xff\\xd7\\x5d\\xc3\";\n"
	"	page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,\n"
	"		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n"
	"	memcpy(page, code, sizeof(code));\n"
	"	((void (*)(void (*)(void)))page)(wait_for_ever);\n"
	"	return 0;\n"
	"}\n";

struct fixture {
	char dir[64];
	char map[64];
	char line[64];
	char text[8192];
	struct victim v;
	struct symbolizer *sym;
};

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	char path[128];
	char *argv[] = { path, NULL };

	*state = x;
	if (!x)
		return -1;
	strcpy(x->dir, "/tmp/lostsock-symbol.XXXXXX");
	if (!mkdtemp(x->dir))
		return -1;
	snprintf(path, sizeof(path), "%s/victim.c", x->dir);
	write_file(path, source);
	snprintf(path, sizeof(path), "%s/victim", x->dir);
	x->sym = symbolizer_new(NULL);
	if (!x->sym ||
	    !shell("cd %s && cc -O1 -g -fno-omit-frame-pointer -o victim victim.c", x->dir) ||
	    !victim_start(&x->v, argv, x->line, sizeof(x->line)))
		return -1;
	snprintf(x->map, sizeof(x->map), "/tmp/perf-%d.map", x->v.pid);
	return victim_look(&x->v) ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	victim_end(&x->v);
	unlink(x->map);
	symbolizer_free(x->sym);
	shell("rm -rf %s", x->dir);
	free(x);
	return 0;
}

#define assert_has(text, part)                                            \
	do {                                                              \
		if (!strstr(text, part))                                  \
			fail_msg("there is no '%s' in:\n%s", part, text); \
	} while (0)

static void code_is_named_by_its_map(void **state)
{
	struct fixture *x = *state;

#ifndef __x86_64__
	skip();
#endif
	victim_text(&x->v, x->sym, x->text, sizeof(x->text));
	assert_has(x->text, "wait_for_ever (victim.c:15) *\n"
			    "leakOne (app.js:10) *\n"
			    "main (victim.c:24) *\n");
}

static void it_still_is_when_the_process_is_gone(void **state)
{
	struct fixture *x = *state;
	pid_t pid = x->v.pid;
	struct symbol_frame f;

	assert_int_equal(symbolizer_process(x->sym, (uint32_t)pid, 0), 0);
	victim_end(&x->v);
	unlink(x->map);
	symbolizer_exit(x->sym, (uint32_t)pid);
	symbolizer_frames(x->sym, (uint32_t)pid, strtoull(x->line, NULL, 16), false, &f, 1);
	assert_string_equal(f.function, "leakOne");
}

/* It could lead to what only root may read, and be told in a report. */
static void a_link_in_its_place_is_not_followed(void **state)
{
	struct fixture *x = *state;
	const uint64_t page = strtoull(x->line, NULL, 16);
	char moved[96];
	struct symbol_frame f;

	snprintf(moved, sizeof(moved), "%s/map", x->dir);
	assert_int_equal(rename(x->map, moved), 0);
	assert_int_equal(symlink(moved, x->map), 0);
	symbolizer_frames(x->sym, (uint32_t)x->v.pid, page, false, &f, 1);
	assert_string_equal(f.function, "");
}

static void names_that_come_later_are_read(void **state)
{
	struct fixture *x = *state;
	const uint64_t page = strtoull(x->line, NULL, 16);
	struct symbol_frame f;
	FILE *map;

	symbolizer_frames(x->sym, (uint32_t)x->v.pid, page, false, &f, 1);
	assert_string_equal(f.function, "leakOne");
	symbolizer_frames(x->sym, (uint32_t)x->v.pid, page + 0x80, false, &f, 1);
	assert_string_equal(f.function, "");
	map = fopen(x->map, "a");
	fprintf(map, "%llx 40 JS:*leakTwo /srv/app.js:20:5\n", (unsigned long long)page + 0x80);
	fclose(map);
	usleep(150000); /* it does not look more often */
	symbolizer_frames(x->sym, (uint32_t)x->v.pid, page + 0x80, false, &f, 1);
	assert_string_equal(f.function, "leakTwo");
	assert_int_equal(f.line, 20);
}

static void a_map_of_somebody_else_is_not_believed(void **state)
{
	struct fixture *x = *state;
	struct symbol_frame f;

	if (geteuid())
		skip();
	assert_int_equal(chown(x->map, 65534, 65534), 0);
	symbolizer_frames(x->sym, (uint32_t)x->v.pid, strtoull(x->line, NULL, 16), false, &f, 1);
	assert_string_equal(f.function, "");
	assert_int_equal(f.kind, SYMBOL_KIND_JIT);
}

static void a_map_that_is_no_file_is_not_opened(void **state)
{
	struct fixture *x = *state;
	struct symbol_frame f;

	unlink(x->map);
	assert_int_equal(mkfifo(x->map, 0644), 0); /* opening it in earnest would wait for ever */
	symbolizer_frames(x->sym, (uint32_t)x->v.pid, strtoull(x->line, NULL, 16), false, &f, 1);
	assert_string_equal(f.function, "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(code_is_named_by_its_map),
		TEST(it_still_is_when_the_process_is_gone),
		TEST(a_link_in_its_place_is_not_followed),
		TEST(names_that_come_later_are_read),
		TEST(a_map_of_somebody_else_is_not_believed),
		TEST(a_map_that_is_no_file_is_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
