// SPDX-License-Identifier: BSD-2-Clause
/* Suppressions: what a file of them takes, what it does not, and what is no such file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "fake_world.h"
#include "view/suppress.h"

static struct suppress *parse(const char *text, char err[SUPPRESS_ERROR_LEN])
{
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	struct suppress *s;

	assert_non_null(in);
	s = suppress_parse(in, "known.supp", err);
	fclose(in);
	return s;
}

/* Which entry of @text takes the finding number @n: 0 close-wait of api-gw to 10.0.0.9:443, 80
 * unread of worker, with a waiter. */
static uint32_t takes(const char *text, uint32_t n)
{
	char err[SUPPRESS_ERROR_LEN] = "";
	struct suppress *s = parse(text, err);
	struct verdicts *v;
	struct ledger *led;
	struct view_input in;
	uint32_t found;

	if (!s)
		fail_msg("%s", err);
	fake_world(&led, &v, true);
	in = fake_input(led, v);
	found = suppress_find(s, &in, &v->f[n]);
	suppress_free(s);
	free(led);
	free(v);
	return found;
}

#define CLOSE_WAIT 0
#define UNREAD	   (FAKE_LEAKED + 0)

static void test_function(void **state)
{
	assert_int_equal(takes("function:pool_dial\n", CLOSE_WAIT), 1);
	assert_int_equal(takes("function:pool_*\n", CLOSE_WAIT), 1);
	assert_int_equal(takes("function:connect\n", CLOSE_WAIT), 1);
	assert_int_equal(takes("function:pool\n", CLOSE_WAIT), 0);
	/* Who waits, and who read last, count too. */
	assert_int_equal(takes("function:read_loop\n", CLOSE_WAIT), 1);
	assert_int_equal(takes("function:read_loop\n", UNREAD), 1);
	assert_int_equal(takes("function:pool_dial\n", UNREAD), 0);
	/* A frame without a name is no match for everything. */
	assert_int_equal(takes("function:?*.so*\n", CLOSE_WAIT), 0);
}

static void test_module(void **state)
{
	assert_int_equal(takes("module:libdial.so*\n", CLOSE_WAIT), 1);
	assert_int_equal(takes("module:/lib/libdial.so.1\n", CLOSE_WAIT), 1);
	assert_int_equal(takes("module:libdial\n", CLOSE_WAIT), 0);
	assert_int_equal(takes("module:libdial.so*\n", UNREAD), 0);
}

static void test_remote(void **state)
{
	static const char *const yes[] = {
		"remote:10.0.0.9",	 "remote:10.0.0.9:443", "remote:10.0.0.*",
		"remote:*:443",		 "remote:10.0.0.0/8",	"remote:10.0.0.8/31",
		"remote:10.0.0.0/8:443", "remote:0.0.0.0/0",	"remote:10.0.0.9/32",
	};
	static const char *const no[] = {
		"remote:10.0.0.5", "remote:10.0.0.9:80",    "remote:10.0.0.10/31", "remote:*:80",
		"remote:::/0",	   "remote:10.0.0.0/8:444", "remote:11.0.0.0/8",
	};
	size_t i;

	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!takes(yes[i], CLOSE_WAIT))
			fail_msg("%s does not match", yes[i]);
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (takes(no[i], CLOSE_WAIT))
			fail_msg("%s matches", no[i]);
}

static void test_class_and_comm(void **state)
{
	assert_int_equal(takes("class:close-wait\n", CLOSE_WAIT), 1);
	assert_int_equal(takes("class:unread\n", CLOSE_WAIT), 0);
	assert_int_equal(takes("comm:api-*\n", CLOSE_WAIT), 1);
	assert_int_equal(takes("comm:api\n", CLOSE_WAIT), 0);
}

/* All conditions of a line, any line of the file; comments and blanks are none. */
static void test_lines(void **state)
{
	assert_int_equal(takes("class:close-wait comm:api-gw\n", CLOSE_WAIT), 1);
	assert_int_equal(takes("class:close-wait comm:worker\n", CLOSE_WAIT), 0);
	assert_int_equal(takes("# class:close-wait\n\n  \t\n", CLOSE_WAIT), 0);
	assert_int_equal(takes("class:unread\r\nclass:close-wait # why\r\n", CLOSE_WAIT), 2);
	assert_int_equal(takes("class:unread\nclass:close-wait", CLOSE_WAIT), 2);
	assert_int_equal(takes("", CLOSE_WAIT), 0);
	/* A mark within a name is no comment. */
	assert_int_equal(takes("comm:a#b\nclass:close-wait", CLOSE_WAIT), 2);
}

static void test_counts(void **state)
{
	char err[SUPPRESS_ERROR_LEN];
	struct suppress *s = parse("# one\nclass:unread\n\ncomm:x # why\n", err);
	uint32_t line, count;

	assert_non_null(s);
	suppress_count(s, 1, 3);
	suppress_count(s, 1, 4);
	suppress_count(s, 7, 1);
	suppress_count(s, 0, 1);
	assert_string_equal(suppress_entry(s, 1, &line, &count), "class:unread");
	assert_int_equal(line, 2);
	assert_int_equal(count, 7);
	assert_string_equal(suppress_entry(s, 2, &line, &count), "comm:x # why");
	assert_int_equal(line, 4);
	assert_int_equal(count, 0);
	assert_null(suppress_entry(s, 3, &line, &count));
	assert_null(suppress_entry(NULL, 1, &line, &count));
	suppress_free(s);
	suppress_free(NULL);
}

static void refuses(const char *text, const char *want)
{
	char err[SUPPRESS_ERROR_LEN] = "";
	struct suppress *s = parse(text, err);

	if (s)
		fail_msg("taken: %s", text);
	assert_int_equal(errno, EINVAL);
	if (!strstr(err, want))
		fail_msg("\"%s\" has no \"%s\"", err, want);
}

static void test_refused(void **state)
{
	char longer[1200];

	refuses("class:close-wait\nclass:close-wiat\n", "known.supp:2: there is no class");
	refuses("class:close-wiat\n", "did you mean 'close-wait'?");
	refuses("fucntion:x\n", "did you mean 'function'?");
	refuses("name\n", "WHAT:VALUE");
	refuses("comm:\n", "WHAT:VALUE");
	refuses("remote:10.0.0.0/33\n", "no network");
	refuses("remote:10.0.0.0/8:99999\n", "no network");
	refuses("remote:10.0.0.0/\n", "no network");
	refuses("comm:a comm:b comm:c comm:d comm:e comm:f comm:g comm:h comm:i\n", "more than 8");
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	refuses(longer, "known.supp:1: longer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_function), cmocka_unit_test(test_module),
		cmocka_unit_test(test_remote),	 cmocka_unit_test(test_class_and_comm),
		cmocka_unit_test(test_lines),	 cmocka_unit_test(test_counts),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
