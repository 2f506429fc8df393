// SPDX-License-Identifier: BSD-2-Clause
/*
 * Other processes: without frame pointers, stripped, ended, deleted, in another mount namespace,
 * and gone before anybody looked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <cmocka.h>

#include "victim.h"

#define TEXT 16384

/* Sleeps within a callback of libc, below functions that only the symbol table knows. Says where
 * leak_one() is. */
static const char source[] =
	"#include <search.h>\n"
	"#include <stdio.h>\n"
	"#include <stdlib.h>\n"
	"#include <string.h>\n"
	"#include <sys/wait.h>\n"
	"#include <unistd.h>\n"
	"static int leak_one(const void *a, const void *b);\n"
	"static void say(void) { printf(\"%d %p\\n\", getpid(), (void *)leak_one); fflush(stdout); "
	"}\n"
	"__attribute__((noinline)) static int wait_for_ever(void) { say(); return pause() + 1; }\n"
	"__attribute__((noinline)) static int leak_one(const void *a, const void *b)\n"
	"{\n"
	"	return wait_for_ever() + (a < b);\n" /* line 12 */
	"}\n"
	"__attribute__((noinline)) static int borrow(int n)\n"
	"{\n"
	"	void *root = 0;\n"
	"	char room[512];\n"
	"	room[n & 511] = 1;\n"
	"	tsearch(room, &root, leak_one);\n"
	"	tsearch(room + 1, &root, leak_one);\n" /* line 20 */
	"	return room[n & 511];\n"
	"}\n"
	"__attribute__((noinline, noreturn)) static void park(void)\n"
	"{\n"
	"	for (;;)\n"
	"		wait_for_ever();\n"
	"}\n"
	/* Its last instruction is the call: the return address is not its own any more. */
	"__attribute__((noinline, noreturn)) static void never_returns(int n)\n"
	"{\n"
	"	char room[512];\n"
	"	memset(room, n, sizeof(room));\n"
	"	__asm__ volatile(\"\" :: \"r\"(room) : \"memory\");\n"
	"	park();\n"
	"}\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	if (argc > 1 && !strcmp(argv[1], \"now\"))\n"
	"		return say(), 0;\n"
	"	if (argc > 1 && !strcmp(argv[1], \"fork\")) {\n"
	"		if (!fork())\n"
	"			say(), _exit(0);\n"
	"		return wait(0) < 0;\n"
	"	}\n"
	"	if (argc > 1)\n"
	"		never_returns(argc);\n"
	"	return borrow(argc) + (argv == 0);\n" /* line 46 */
	"}\n";

struct fixture {
	char dir[64];
	char program[96];
	char line[64];
	char text[TEXT];
	struct victim v;
	struct symbolizer *sym;
};

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
	snprintf(path, sizeof(path), "%s/victim.c", x->dir);
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

static void build(struct fixture *x, const char *flags)
{
	assert_true(
		shell("cd %s && cc -O2 -fomit-frame-pointer -Wl,--build-id %s -o victim victim.c",
		      x->dir, flags));
}

static void start_with(struct fixture *x, char *arg)
{
	char *argv[] = { x->program, arg, NULL };

	assert_true(victim_start(&x->v, argv, x->line, sizeof(x->line)));
}

static void start(struct fixture *x)
{
	start_with(x, NULL);
}

static uint64_t leak_one_address(const struct fixture *x)
{
	const char *address = strchr(x->line, ' ');
	uint64_t ip = strtoull(address ? address : "", NULL, 16);

	assert_int_not_equal(ip, 0);
	return ip;
}

#define assert_has(text, part)                                            \
	do {                                                              \
		if (!strstr(text, part))                                  \
			fail_msg("there is no '%s' in:\n%s", part, text); \
	} while (0)

static void without_frame_pointers(void **state)
{
	struct fixture *x = *state;

	build(x, "-g");
	start(x);
	assert_true(victim_look(&x->v));
	/* _start() is the last: nobody calls it. */
	assert_in_range(victim_text(&x->v, x->sym, x->text, sizeof(x->text)), 7, 12);
	assert_has(x->text, "wait_for_ever (victim.c:9) *\n");
	assert_has(x->text, "leak_one (victim.c:12) *\n");
	assert_has(x->text, "tsearch");
	assert_int_not_equal(strchr(strstr(x->text, "tsearch"), '\n')[-1], '*'); /* libc's */
	assert_has(x->text, "borrow (victim.c:20) *\n");
	assert_has(x->text, "main (victim.c:46) *\n");
	assert_has(x->text, "_start");
	assert_null(strstr(x->text, "_start *")); /* not the application's own */
}

static void without_line_numbers(void **state)
{
	struct fixture *x = *state;
	struct symbol_frame f;

	build(x, "-no-pie -g0");
	start(x);
	assert_true(victim_look(&x->v));
	victim_text(&x->v, x->sym, x->text, sizeof(x->text));
	assert_has(x->text, "\nleak_one+0x");
	assert_int_equal(
		symbolizer_frames(x->sym, (uint32_t)x->v.pid, leak_one_address(x), false, &f, 1),
		1);
	assert_string_equal(f.function, "leak_one");
	assert_string_equal(f.module, x->program);
	assert_int_equal(f.line, 0);
}

static void stripped(void **state)
{
	struct fixture *x = *state;

	build(x, "-s");
	start(x);
	assert_true(victim_look(&x->v));
	victim_text(&x->v, x->sym, x->text, sizeof(x->text));
	assert_has(x->text, "victim+0x");
	assert_has(x->text, " [build-id ");
	assert_has(x->text, "tsearch");	   /* the stack is whole all the same */
	assert_has(x->text, "libc_start"); /* so is its end */
}

static void stripped_with_mini_debug_info(void **state)
{
	struct fixture *x = *state;
	struct symbol_frame f;

	if (!shell("command -v xz objcopy strip >/dev/null"))
		skip();
	build(x, "-g0");
	assert_true(shell("cd %s && strip --strip-debug victim -o mini && xz -f mini && "
			  "strip victim && objcopy --add-section .gnu_debugdata=mini.xz victim",
			  x->dir));
	start(x);
	symbolizer_frames(x->sym, (uint32_t)x->v.pid, leak_one_address(x), false, &f, 1);
	assert_string_equal(f.function, "leak_one");
}

static void debug_info_in_a_file_of_its_own(void **state)
{
	struct fixture *x = *state;
	struct symbol_frame f;
	char id[2 * SYMBOL_BUILD_ID_LEN + 1];

	if (geteuid() || access("/usr/lib/debug", F_OK))
		skip();
	build(x, "-g");
	start(x);
	symbolizer_frames(x->sym, (uint32_t)x->v.pid, leak_one_address(x), false, &f, 1);
	strcpy(id, f.build_id);
	assert_int_equal(strlen(id), 40);
	victim_end(&x->v);
	assert_true(shell("cd %s && d=/usr/lib/debug/.build-id/%.2s && mkdir -p $d && "
			  "objcopy --only-keep-debug victim $d/%s.debug && strip victim",
			  x->dir, id, id + 2));
	start(x);
	symbolizer_free(x->sym);
	x->sym = symbolizer_new(NULL);
	symbolizer_frames(x->sym, (uint32_t)x->v.pid, leak_one_address(x), false, &f, 1);
	shell("rm -f /usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
	assert_string_equal(f.function, "leak_one");
	assert_int_equal(f.line, 11);
}

static void ended_and_deleted(void **state)
{
	struct fixture *x = *state;
	struct symbol_frame f;
	pid_t pid;

	build(x, "-g");
	start(x);
	pid = x->v.pid;
	unlink(x->program);
	assert_int_equal(symbolizer_process(x->sym, (uint32_t)pid, 7), 0);
	assert_true(victim_look(&x->v));
	victim_end(&x->v);
	symbolizer_exit(x->sym, (uint32_t)pid);

	assert_int_equal(symbolizer_process(x->sym, (uint32_t)pid, 7), 0);
	x->v.pid = pid;
	victim_text(&x->v, x->sym, x->text, sizeof(x->text));
	x->v.pid = 0;
	assert_has(x->text, "leak_one (victim.c:12) *\n");
	assert_has(x->text, "main (victim.c:46) *\n");
	assert_int_equal(
		symbolizer_frames(x->sym, (uint32_t)pid, leak_one_address(x), false, &f, 1), 1);
	/* Another process of the same pid, of which nothing can be read. */
	assert_int_equal(symbolizer_process(x->sym, (uint32_t)pid, 8), -ESRCH);
}

static void in_another_mount_namespace(void **state)
{
	struct fixture *x = *state;
	char script[512];
	char *argv[] = { "/usr/bin/unshare", "-m", "/bin/sh", "-c", script, NULL };

	if (geteuid() || access(argv[0], X_OK) || !shell("unshare -m true 2>/dev/null"))
		skip();
	build(x, "-g");
	snprintf(script, sizeof(script),
		 "mount -t tmpfs none /mnt && mv %s /mnt/hidden && exec /mnt/hidden", x->program);
	assert_true(victim_start(&x->v, argv, x->line, sizeof(x->line)));
	assert_int_not_equal(access("/mnt/hidden", F_OK), 0);
	assert_true(victim_look(&x->v));
	victim_text(&x->v, x->sym, x->text, sizeof(x->text));
	assert_has(x->text, "leak_one (victim.c:12) *\n");
}

/* Runs @command, which writes a line and ends, under a watch. NULL: there can be none here. */
static struct symbol_watch *run_watched(struct fixture *x, const char *command)
{
	struct symbol_watch *w;
	int go[2], out[2];
	uint32_t pid;
	char byte = 0;
	FILE *f;

	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(out), 0);
	pid = (uint32_t)fork();
	if (!pid) {
		dup2(out[1], 1);
		if (read(go[0], &byte, 1) == 1)
			execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	w = symbol_watch_new(&pid, 1);
	assert_int_equal(write(go[1], &byte, 1), 1);
	close(out[1]);
	f = fdopen(out[0], "r");
	assert_non_null(fgets(x->line, sizeof(x->line), f));
	assert_int_equal(waitpid((pid_t)pid, NULL, 0), (pid_t)pid);
	fclose(f);
	close(go[0]);
	close(go[1]);
	return w;
}

/* The one that wrote the line is gone; its own address has a name all the same. */
static void check_gone(struct fixture *x, const char *command)
{
	struct symbol_watch *w = run_watched(x, command);
	struct symbol_frame f;
	uint32_t pid = (uint32_t)strtoul(x->line, NULL, 10);

	if (!w)
		skip();
	assert_int_not_equal(kill((pid_t)pid, 0), 0);
	assert_true(symbol_watch_pump(w, x->sym) > 10);
	assert_int_equal(symbol_watch_lost(w), 0);
	assert_int_equal(symbolizer_frames(x->sym, pid, leak_one_address(x), false, &f, 1), 1);
	assert_string_equal(f.function, "leak_one");
	assert_int_equal(f.line, 11);
	symbol_watch_free(w);
}

static void gone_before_anybody_looked(void **state)
{
	struct fixture *x = *state;
	char command[256];

	build(x, "-g");
	snprintf(command, sizeof(command), "%s now; :", x->program);
	check_gone(x, command);
}

static void forked_and_gone_before_anybody_looked(void **state)
{
	struct fixture *x = *state;
	char command[256];

	build(x, "-g");
	snprintf(command, sizeof(command), "%s fork; :", x->program);
	check_gone(x, command);
}

static void below_a_function_that_never_returns(void **state)
{
	struct fixture *x = *state;

	build(x, "-g");
	start_with(x, "park");
	assert_true(victim_look(&x->v));
	assert_in_range(victim_text(&x->v, x->sym, x->text, sizeof(x->text)), 6, 12);
	assert_has(x->text, "\npark (victim.c:26) *\nnever_returns (victim.c:33) *\n"
			    "main (victim.c:45) *\n");
}

static void limits_hold(void **state)
{
	struct fixture *x = *state;
	const struct symbolizer_limits limits = {
		.processes = 3, .modules = 2, .names = 5, .elf_bytes = 1
	};
	struct symbolizer_stats stats;
	struct symbol_frame f;
	uint32_t i;

	build(x, "-g");
	start(x);
	symbolizer_free(x->sym);
	x->sym = symbolizer_new(&limits);
	assert_true(victim_look(&x->v));
	victim_text(&x->v, x->sym, x->text, sizeof(x->text));
	assert_has(x->text, "leak_one (victim.c:12) *\n");
	for (i = 1; i < 20; i++)
		symbolizer_fork(x->sym, (uint32_t)x->v.pid, 5000000 + i);
	for (i = 0; i < 50; i++)
		symbolizer_frames(x->sym, (uint32_t)x->v.pid, leak_one_address(x) + i, false, &f,
				  1);
	symbolizer_stats(x->sym, &stats);
	assert_in_range(stats.processes, 1, 3);
	assert_in_range(stats.modules, 1, 2);
	assert_in_range(stats.names, 1, 5);
	assert_true(stats.evicted_processes > 0);
	assert_true(stats.evicted_modules > 0);
}

/* To read its mappings again may need room: others make it, not the one that is read. */
static void one_that_has_ended_is_read_again(void **state)
{
	struct fixture *x = *state;
	const struct symbolizer_limits limits = { .mappings = 1024 };
	struct symbol_mapping map = { .path = "" };
	struct symbolizer_stats stats = { .evicted_processes = 0 };
	uint32_t pid, i;

	build(x, "-g");
	start(x);
	symbolizer_free(x->sym);
	x->sym = symbolizer_new(&limits);
	assert_int_equal(symbolizer_process(x->sym, (uint32_t)x->v.pid, 0), 0);
	symbolizer_exit(x->sym, (uint32_t)x->v.pid);
	for (pid = 5000000; !stats.evicted_processes; pid++) {
		symbolizer_process(x->sym, (uint32_t)x->v.pid, 0); /* used last */
		for (i = 0; i < 64 && !stats.evicted_processes; i++) {
			map.start = 4096 * (i + 1);
			map.end = map.start + 4096;
			symbolizer_stats(x->sym, &stats);
			if (symbolizer_refresh(x->sym, (uint32_t)x->v.pid))
				fail();
			symbolizer_mapping(x->sym, pid, &map);
		}
	}
	assert_int_equal(symbolizer_refresh(x->sym, (uint32_t)x->v.pid), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(without_frame_pointers),
		TEST(without_line_numbers),
		TEST(stripped),
		TEST(stripped_with_mini_debug_info),
		TEST(debug_info_in_a_file_of_its_own),
		TEST(ended_and_deleted),
		TEST(in_another_mount_namespace),
		TEST(gone_before_anybody_looked),
		TEST(forked_and_gone_before_anybody_looked),
		TEST(below_a_function_that_never_returns),
		TEST(limits_hold),
		TEST(one_that_has_ended_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
