// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a program is going to map: of this very program, all that the dynamic loader has mapped for
 * it; of a script, its interpreter's; and what its environment says comes first.
 */
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "symbol/needed.h"

#define SEEN_MAX 256

struct seen {
	char path[SEEN_MAX][PATH_MAX];
	uint32_t n;
};

static void see(void *ctx, const char *path)
{
	struct seen *s = ctx;

	assert_true(s->n < SEEN_MAX);
	snprintf(s->path[s->n++], PATH_MAX, "%s", path);
}

static struct seen *needed(pid_t pid, const char *program)
{
	struct seen *s = calloc(1, sizeof(*s));

	assert_int_equal(needed_files((uint32_t)pid, program, see, s), 0);
	return s;
}

static bool has(const struct seen *s, const char *path)
{
	struct stat want, st;
	uint32_t i;

	assert_int_equal(stat(path, &want), 0);
	for (i = 0; i < s->n; i++)
		if (!stat(s->path[i], &st) && st.st_ino == want.st_ino && st.st_dev == want.st_dev)
			return true;
	return false;
}

static void own_path(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	assert_true(n > 0);
	path[n] = '\0';
}

/* All but the loader itself, which nobody asks for by that name. */
static uint32_t check_mapped(const struct seen *s)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[PATH_MAX + 128], *path;
	uint32_t n = 0;

	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		path = strchr(line, '/');
		if (!path || !strstr(line, " r-xp ") || strstr(path, "/ld-"))
			continue;
		if (!has(s, path))
			fail_msg("%s is mapped, and was not expected", path);
		n++;
	}
	fclose(f);
	return n;
}

static void a_program_maps_what_was_expected(void **state)
{
	char path[PATH_MAX];
	struct seen *s;

	own_path(path);
	s = needed(getpid(), path);
	assert_string_equal(s->path[0], path);
	assert_true(check_mapped(s) >= 3); /* it, libc, libcmocka */
	free(s);
}

static void a_script_is_its_interpreter(void **state)
{
	char path[PATH_MAX], name[] = "/tmp/needed.XXXXXX";
	int fd = mkstemp(name);
	struct seen *s;

	own_path(path);
	dprintf(fd, "#! %s -x y\nmore\n", path);
	close(fd);
	s = needed(getpid(), name);
	assert_true(s->n && has(s, path));
	free(s);
	unlink(name);
}

/* Returns a process whose environment has @variable. */
static pid_t sleeper(char *variable)
{
	char *argv[] = { "sleep", "60", NULL }, *envp[] = { "A=b", variable, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		execve("/bin/sleep", argv, envp);
		_exit(127);
	}
	usleep(200000);
	return pid;
}

static void check_environment(const char *before, const char *dir, const char *after)
{
	char variable[PATH_MAX], path[PATH_MAX];
	struct seen *s;
	uint32_t i, n = 0;
	pid_t pid;

	snprintf(variable, sizeof(variable), "%s%s%s", before, dir, after);
	pid = sleeper(variable);
	s = needed(pid, "/bin/sleep");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	snprintf(path, sizeof(path), "%s/libc.so.6", dir);
	for (i = 0; i < s->n; i++)
		n += !strcmp(s->path[i], path);
	assert_int_equal(n, 1);
	free(s);
}

/* Of ours; another's would do as well. */
static void libc_path(char path[PATH_MAX])
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[PATH_MAX + 128];

	*path = '\0';
	while (!*path && fgets(line, sizeof(line), f))
		if (strstr(line, "/libc.so.6\n") || strstr(line, "/libc-2."))
			snprintf(path, PATH_MAX, "%.*s", (int)strcspn(strchr(line, '/'), "\n"),
				 strchr(line, '/'));
	fclose(f);
	assert_true(*path);
}

static void the_environment_is_obeyed(void **state)
{
	char dir[] = "/tmp/needed.XXXXXX", path[PATH_MAX], libc[PATH_MAX];

	assert_non_null(mkdtemp(dir));
	libc_path(libc);
	snprintf(path, sizeof(path), "%s/libc.so.6", dir);
	assert_int_equal(symlink(libc, path), 0);
	check_environment("LD_LIBRARY_PATH=/nowhere:", dir, "");
	check_environment("LD_PRELOAD=", dir, "/libc.so.6");
	unlink(path);
	rmdir(dir);
}

static void what_is_none_needs_nothing(void **state)
{
	char own[PATH_MAX], name[] = "/tmp/needed.XXXXXX";
	int fd = mkstemp(name), lengths[] = { 0, 3, 64, 200, 2000, 20000 };
	FILE *f;
	char *buf = calloc(1, 20000);
	size_t i;

	own_path(own);
	f = fopen(own, "re");
	assert_int_equal(fread(buf, 1, 20000, f), 20000);
	fclose(f);
	/* Cut off anywhere: no word of it may lead out of it. */
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, buf, (size_t)lengths[i], 0), lengths[i]);
		free(needed(getpid(), name));
	}
	assert_int_equal(ftruncate(fd, 0), 0);
	dprintf(fd, "#!%s\n", name); /* its own interpreter */
	{
		struct seen *s = needed(getpid(), name);

		assert_int_equal(s->n, 0);
		free(s);
	}
	free(buf);
	close(fd);
	unlink(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_maps_what_was_expected),
		cmocka_unit_test(a_script_is_its_interpreter),
		cmocka_unit_test(the_environment_is_obeyed),
		cmocka_unit_test(what_is_none_needs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
