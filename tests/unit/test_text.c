/* SPDX-License-Identifier: BSD-2-Clause */
/* Words and numbers: every format's edges, and bytes that somebody else chose. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "base/text.h"

#define MS	 1000000ull
#define S	 (1000 * MS)
#define M	 (60 * S)
#define H	 (60 * M)
#define DAY	 (24 * H)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void parse_duration_reads(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{ "250ms", 250 * MS },
		{ "3s", 3 * S },
		{ "5m", 5 * M },
		{ "1.5h", 90 * M },
		{ "2d", 2 * DAY },
		{ "1m30s", 90 * S },
		{ "90", 90 * S },
		{ "0", 0 },
		{ "0.25", 250 * MS },
		{ "0.5ms", MS / 2 },
		{ "1.0009s", 1000 * MS },
		{ "3653d", 3653 * DAY },
		{ "1d2h3m4s5ms", DAY + 2 * H + 3 * M + 4 * S + 5 * MS },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		uint64_t ns = 1;

		assert_int_equal(text_parse_duration(rows[i].text, &ns), 0);
		assert_int_equal(ns, rows[i].ns);
	}
}

static void parse_duration_refuses(void **state)
{
	static const char *const bad[] = {
		"",   " ",   "s",   "-1s", "+1",  "1x",	 "1 s", "1m30",
		"1.", ".5s", "1..", "1e9", "0x1", "inf", "1s ", "99999999999999999999999x",
	};
	static const char *const far[] = {
		"3654d",    "99999999999999999999999999999", "18446744073709551616ms",
		"3653d1ms", "18446744073s18446744073s",	     "213503d213503d",
	};
	uint64_t ns = 7;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(text_parse_duration(bad[i], &ns), -EINVAL);
	for (i = 0; i < COUNT(far); i++)
		assert_int_equal(text_parse_duration(far[i], &ns), -ERANGE);
	assert_int_equal(ns, 7);
}

static void duration_has_two_units(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
		const char *brief;
	} rows[] = {
		{ 0, "0s", "0s" },
		{ 1, "<1ms", "<1ms" },
		{ MS, "1ms", "1ms" },
		{ S - 1, "999ms", "999ms" },
		{ S, "1s", "1s" },
		{ 4 * S + 299 * MS, "4.2s", "4.2s" },
		{ 10 * S - 1, "9.9s", "9.9s" },
		{ 42 * S + 900 * MS, "42s", "42s" },
		{ M - 1, "59s", "59s" },
		{ M, "1m", "1m00" },
		{ 3 * M + 5 * S, "3m 5s", "3m05" },
		{ H - 1, "59m 59s", "59m59" },
		{ 2 * H + 14 * M, "2h 14m", "2h14" },
		{ DAY - 1, "23h 59m", "23h59" },
		{ 6 * DAY + 3 * H, "6d 3h", "6d03" },
		{ 99 * DAY + 23 * H, "99d 23h", "99d23" },
		{ 400 * DAY, "400d", "400d" },
		{ 4000 * DAY, "4000d", "10y" },
		{ UINT64_MAX, "213503d 23h", "584y" },
	};
	char buf[TEXT_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_string_equal(text_duration(buf, sizeof(buf), rows[i].ns), rows[i].text);
		assert_string_equal(text_duration_short(buf, sizeof(buf), rows[i].ns),
				    rows[i].brief);
		assert_true(strlen(buf) <= 5);
	}
}

static void count_fits_four_columns(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {
		{ 0, "0" },	     { 999, "999" },	    { 1000, "1.0k" },	{ 1299, "1.2k" },
		{ 9999, "9.9k" },    { 10000, "10k" },	    { 999999, "999k" }, { 12000000, "12M" },
		{ 1000000, "1.0M" }, { UINT64_MAX, "18E" },
	};
	char buf[TEXT_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_string_equal(text_count(buf, sizeof(buf), rows[i].n), rows[i].text);
		assert_true(strlen(buf) <= 4);
	}
}

static void bytes_are_binary(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {
		{ 0, "0B" },
		{ 512, "512B" },
		{ 1023, "1023B" },
		{ 1536, "1.5KiB" },
		{ 10240, "10KiB" },
		{ 125000, "122KiB" },
		{ 1048575, "1023KiB" },
		{ 3 << 20, "3.0MiB" },
		{ UINT64_MAX, "15EiB" },
	};
	char buf[TEXT_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_string_equal(text_bytes(buf, sizeof(buf), rows[i].n), rows[i].text);
}

static void nearest_is_near(void **state)
{
	static const char *const names[] = { "close-wait", "dead-fd", "unread",
					     "unsent",	   "growth",  NULL };
	static const char *const none[] = { NULL };
	char longer[200];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_string_equal(text_nearest("close-wiat", names), "close-wait");
	assert_string_equal(text_nearest("closewait", names), "close-wait");
	assert_string_equal(text_nearest("close_wait", names), "close-wait");
	assert_string_equal(text_nearest("close", names), "close-wait");
	assert_string_equal(text_nearest("unsend", names), "unsent");
	assert_string_equal(text_nearest("unread", names), "unread");
	assert_string_equal(text_nearest("grwoth", names), "growth");
	assert_null(text_nearest("zebra", names));
	assert_null(text_nearest("x", names));
	assert_null(text_nearest("", names));
	assert_null(text_nearest(longer, names));
	assert_null(text_nearest("unread", none));
}

static void endpoint_spells_addresses(void **state)
{
	static const uint8_t v4[4] = { 10, 0, 0, 1 };
	static const uint8_t v6[16] = { [15] = 1 };
	static const uint8_t unset[16] = { 0 };
	uint8_t full[16];
	char buf[TEXT_LEN];

	(void)state;
	memset(full, 0xfd, sizeof(full));
	assert_string_equal(text_endpoint(buf, sizeof(buf), AF_INET, v4, 443), "10.0.0.1:443");
	assert_string_equal(text_endpoint(buf, sizeof(buf), AF_INET, v4, 0), "10.0.0.1:*");
	assert_string_equal(text_endpoint(buf, sizeof(buf), AF_INET6, v6, 80), "[::1]:80");
	assert_string_equal(text_endpoint(buf, sizeof(buf), AF_INET, unset, 53), "*:53");
	assert_string_equal(text_endpoint(buf, sizeof(buf), AF_INET6, unset, 53), "*:53");
	assert_string_equal(text_endpoint(buf, sizeof(buf), AF_INET, NULL, 53), "*:53");
	assert_string_equal(text_endpoint(buf, sizeof(buf), 99, v4, 0), "*:*");
	assert_string_equal(text_endpoint(buf, sizeof(buf), AF_UNIX, "/run/\033x", 0), "/run/?x");
	assert_string_equal(text_endpoint(buf, sizeof(buf), AF_UNIX, "", 0), "*");
	text_endpoint(buf, sizeof(buf), AF_INET6, full, 65535);
	assert_non_null(strstr(buf, "]:65535"));
	assert_string_equal(text_endpoint(buf, 6, AF_INET, v4, 443), "10.0.");
}

static void clean_lets_no_byte_speak(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} rows[] = {
		{ "nginx", "nginx" },
		{ "a\nb\tc\033[2J", "a?b?c?[2J" },
		{ "h\xc3\xa9", "h\xc3\xa9" },
		{ "\xe2\x82\xac\xf0\x9f\x90\x9f", "\xe2\x82\xac\xf0\x9f\x90\x9f" },
		{ "\xc0\xaf", "??" },		/* overlong */
		{ "\xed\xa0\x80", "???" },	/* surrogate */
		{ "\xf4\x90\x80\x80", "????" }, /* above U+10FFFF */
		{ "x\xe2\x80\xae"
		  "y",
		  "x???y" }, /* right-to-left override */
		{ "\xc2\x9b"
		  "1m",
		  "??1m" }, /* C1 CSI */
		{ "\xff\xfe", "??" },
		{ "ab\xe2\x82", "ab??" }, /* cut by the end */
		{ "\x7f", "?" },
	};
	char buf[TEXT_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_string_equal(text_clean(buf, sizeof(buf), rows[i].in), rows[i].out);
	assert_string_equal(text_clean(buf, 4, "ab\xc3\xa9"), "ab");
	assert_string_equal(text_clean(buf, 5, "ab\xc3\xa9"), "ab\xc3\xa9");
	assert_string_equal(text_clean(buf, 1, "abc"), "");
}

static void tcp_states_are_node_exporters(void **state)
{
	(void)state;
	assert_string_equal(text_tcp_state(0), "unknown");
	assert_string_equal(text_tcp_state(1), "established");
	assert_string_equal(text_tcp_state(5), "fin_wait2");
	assert_string_equal(text_tcp_state(8), "close_wait");
	assert_string_equal(text_tcp_state(10), "listen");
	assert_string_equal(text_tcp_state(11), "closing");
	assert_string_equal(text_tcp_state(13), "unknown");
	assert_string_equal(text_tcp_state(UINT32_MAX), "unknown");
}

/* A formatter given one byte must still terminate, and write nothing behind it. */
static void formats_stay_in_their_buffer(void **state)
{
	char buf[2] = { 'x', 'y' };

	(void)state;
	assert_string_equal(text_duration(buf, 1, H), "");
	assert_string_equal(text_duration_short(buf, 1, H), "");
	assert_string_equal(text_count(buf, 1, 1), "");
	assert_string_equal(text_bytes(buf, 1, 1), "");
	assert_string_equal(text_endpoint(buf, 1, AF_INET, NULL, 1), "");
	assert_int_equal(buf[1], 'y');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_duration_reads),
		cmocka_unit_test(parse_duration_refuses),
		cmocka_unit_test(duration_has_two_units),
		cmocka_unit_test(count_fits_four_columns),
		cmocka_unit_test(bytes_are_binary),
		cmocka_unit_test(nearest_is_near),
		cmocka_unit_test(endpoint_spells_addresses),
		cmocka_unit_test(clean_lets_no_byte_speak),
		cmocka_unit_test(tcp_states_are_node_exporters),
		cmocka_unit_test(formats_stay_in_their_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
