// SPDX-License-Identifier: BSD-2-Clause
/* What a request is refused for: parser and policy together, in one piece and byte by byte. */
#include "world.h"

#include <string.h>

#include "tether/core.h"
#include "tether/http1.h"

/* The status that @text is refused with; 0 if its head is accepted, -1 if it is not complete. */
static int judge(const char *text, size_t piece)
{
	struct fake_clock fake;
	struct tether_loop *loop = fake_loop(&fake);
	static struct head head;
	static char room[8192];
	struct policy_facts facts;
	enum http1_event event = HTTP1_MORE;
	size_t len = strlen(text), at = 0, used, n;
	struct http1 h;
	int status = -1;

	http1_init(&h, HTTP_REQUEST);
	h.target_bytes = 64;
	head_init(&head, loop, room, sizeof(room));
	head.limit_bytes = 1024;
	head.limit_fields = 16;
	http1_begin(&h, &head);
	while (at < len && event == HTTP1_MORE) {
		n = len - at < piece ? len - at : piece;
		event = http1_step(&h, text + at, n, &used);
		at += used;
	}
	if (event == HTTP1_ERROR)
		status = h.status;
	else if (event == HTTP1_HEAD)
		status = policy_request(&head, &facts);
	/* What only the step after the head can tell. */
	if (!status && http1_step(&h, text + at, len - at, &used) == HTTP1_ERROR)
		status = h.status;
	head_fini(&head);
	end_loop(loop);
	return status;
}

static const struct {
	const char *text;
	int status;
} cases[] = {
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
	{ "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
	{ "GET / HTTP/1.0\r\n\r\n", 0 },
	{ "GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
	{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX: \t b \t\r\n\r\n", 0 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 0 },
	{ "GET / HTTP/1.1\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400 },
	{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
	  400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n",
	  400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400 },
	{ "GET / HTTP/1.1\nHost: a\n\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400 },
	{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505 },
	{ "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505 },
	{ "GET /\r\n\r\n", 505 },
	{ "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501 },
	{ "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", 417 },
};

static void test_cases(void **state)
{
	size_t i, piece;
	int got;

	for (i = 0; i < SIZE(cases); i++) {
		for (piece = 1; piece <= 4096; piece *= 4) {
			got = judge(cases[i].text, piece);
			if (got != cases[i].status)
				fail_msg("%d, not %d, in pieces of %zu: %s", got, cases[i].status,
					 piece, cases[i].text);
		}
	}
}

static void test_limits(void **state)
{
	char text[8192];
	size_t n, i;

	n = snprintf(text, sizeof(text), "GET /%0200d HTTP/1.1\r\nHost: a\r\n\r\n", 1);
	assert_int_equal(judge(text, n), 414);
	n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nX: %02000d\r\n\r\n", 1);
	assert_int_equal(judge(text, n), 431);
	assert_int_equal(judge(text, 1), 431);
	n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
	for (i = 0; i < 16; i++)
		n += snprintf(text + n, sizeof(text) - n, "X: b\r\n");
	n += snprintf(text + n, sizeof(text) - n, "\r\n");
	assert_int_equal(judge(text, n), 431);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
