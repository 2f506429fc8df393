// SPDX-License-Identifier: BSD-2-Clause
/* Host fields: whose name it is that a browser has asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "export/host.h"

static void test_own(void **state)
{
	static const char *const own[] = { "127.0.0.1:9977", "127.0.0.1",      "[::1]:9977",
					   "[::1]",	     "localhost:9977", "LocalHost",
					   "a.localhost:1",  "10.1.2.3:80" };
	size_t i;

	(void)state;
	assert_true(host_is_own(NULL));
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!host_is_own(own[i]))
			fail_msg("'%s' is a stranger", own[i]);
}

static void test_strange(void **state)
{
	static const char *const strange[] = { "example.com",
					       "example.com:9977",
					       "127.0.0.1.example.com",
					       "notlocalhost",
					       "localhost.example.com",
					       "127.0.0.1@example.com",
					       "[::1",
					       "[]",
					       "[example.com]",
					       "",
					       ":9977",
					       "localhost." };
	char text[400];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
		if (host_is_own(strange[i]))
			fail_msg("'%s' is ours", strange[i]);
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_false(host_is_own(text));
}

static void test_loopback(void **state)
{
	(void)state;
	assert_true(host_is_loopback("127.0.0.1:9977"));
	assert_true(host_is_loopback("127.9.9.9:1"));
	assert_true(host_is_loopback("[::1]:9977"));
	assert_true(host_is_loopback("localhost:9977"));
	assert_false(host_is_loopback(":9977"));
	assert_false(host_is_loopback("0.0.0.0:9977"));
	assert_false(host_is_loopback("192.0.2.1:9977"));
	assert_false(host_is_loopback("unix:/run/lostsock.sock"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_strange),
		cmocka_unit_test(test_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
