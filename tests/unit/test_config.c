// SPDX-License-Identifier: BSD-2-Clause
/* --web.config.file: what it may say, and the line and key of what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "export/config.h"

#define HASH "$2y$05$abcdefghijklmnopqrstuuBdAYWKsqdj4jGFGuAUNmjjwuRCPnBZu"

static char path[] = "/tmp/lostsock-config.XXXXXX";

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	return close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static int read_text(struct config *c, const char *text, char say[CONFIG_ERROR_LEN])
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return config_read(c, path, say);
}

static void test_all(void **state)
{
	char say[CONFIG_ERROR_LEN];
	struct config c;

	(void)state;
	assert_int_equal(read_text(&c,
				   "# a comment\n"
				   "tls_server_config:\n"
				   "  cert_file: /etc/cert.pem\n"
				   "  key_file: \"key.pem\"\n"
				   "  client_ca_file: ca.pem\n"
				   "  client_auth_type: RequireAndVerifyClientCert\n"
				   "  min_version: TLS13\n"
				   "basic_auth_users:\n"
				   "  anna: " HASH "\n"
				   "  bob: '" HASH "'\n",
				   say),
			 0);
	assert_string_equal(say, "");
	assert_string_equal(c.cert, "/etc/cert.pem");
	/* Relative to the file, not to where we are. */
	assert_string_equal(c.key, "/tmp/key.pem");
	assert_string_equal(c.client_ca, "/tmp/ca.pem");
	assert_int_equal(c.clients, CONFIG_CLIENTS_REQUIRE_VERIFY);
	assert_true(c.tls13);
	assert_int_equal(c.users, 2);
	assert_string_equal(c.user[1].name, "bob");
	assert_string_equal(c.user[1].hash, HASH);
	config_fini(&c);
	assert_null(c.cert);
}

static void test_empty(void **state)
{
	static const char *const texts[] = { "", "\n# nothing\n", "---\n", "tls_server_config:\n",
					     "tls_server_config: {}\nbasic_auth_users: ~\n" };
	char say[CONFIG_ERROR_LEN];
	struct config c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(read_text(&c, texts[i], say), 0);
		assert_string_equal(say, "");
		assert_null(c.cert);
		assert_int_equal(c.users, 0);
		config_fini(&c);
	}
}

static void test_ignored(void **state)
{
	char say[CONFIG_ERROR_LEN];
	struct config c;

	(void)state;
	assert_int_equal(read_text(&c, "\nhttp_server_config:\n  http2: false\n", say), 0);
	assert_non_null(strstr(say, ":3: http_server_config: is ignored"));
	config_fini(&c);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *text, *say;
	} rows[] = {
		{ "tls_server_config:\n  cert_fil: a\n",
		  ":2: cert_fil: there is no such key here (did you mean cert_file?)" },
		{ "nonsense: 1\n", ":1: nonsense: there is no such key" },
		{ "- a\n- b\n", ":1: keys and values" },
		{ "a: b: c\n", ":1: no YAML" },
		{ "a: \"\n", ": no YAML" },
		{ "? [a]\n: b\n", ":1: a key has to be a word" },
		{ "tls_server_config:\n  cert_file: [a]\n", ":2: cert_file: a path is needed" },
		{ "tls_server_config:\n  key_file: a\n",
		  ":2: tls_server_config: cert_file is missing" },
		{ "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_ca_file: c\n",
		  "verifies nobody" },
		{ "tls_server_config:\n  max_version: TLS12\n",
		  ":2: max_version: is not supported" },
		{ "basic_auth_users:\n  anna: plain\n", ":2: anna: no bcrypt" },
		{ "basic_auth_users:\n  anna: [1]\n", ":2: anna: no bcrypt" },
		{ "basic_auth_users:\n  anna: $2y$05$short\n", ":2: anna: no bcrypt" },
		{ "basic_auth_users:\n  'a:b': " HASH "\n", ":2: a:b: a name" },
		{ "basic_auth_users:\n  - anna\n", ":2: basic_auth_users: keys and values" },
		{ "basic_auth_users:\n  a: " HASH "\n  a: " HASH "\n", ":3: a: is there twice" },
	};
	char say[CONFIG_ERROR_LEN];
	struct config c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(read_text(&c, rows[i].text, say), -EINVAL);
		if (!strstr(say, rows[i].say) || strncmp(say, path, strlen(path)) ||
		    strchr(say, '\n'))
			fail_msg("'%s' says '%s', not '%s'", rows[i].text, say, rows[i].say);
		assert_null(c.cert);
		assert_null(c.user);
	}
	assert_int_equal(config_read(&c, "/tmp/lostsock-is-not-there", say), -ENOENT);
	assert_string_equal(say, "/tmp/lostsock-is-not-there: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
