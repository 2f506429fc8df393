// SPDX-License-Identifier: BSD-2-Clause
/* What the server's functions refuse, and what they survive. */
#include "server_world.h"

static const struct tether_call nothing;

static void got(struct tether_call call, const void *data, size_t len, void *arg)
{
	struct peer_world *w = arg;

	(void)data;
	if (len)
		assert_int_equal(tether_call_read(call, got, w), 0);
	else
		assert_int_equal(tether_call_read(call, got, w), -ENODATA);
}

static void drained(struct tether_call call, void *arg)
{
	(void)call;
	(*(int *)arg)++;
}

static void misuse_reading(struct tether_call call, struct peer_world *w)
{
	struct tether_text name, value;

	assert_int_equal(tether_call_header_at(call, 0, &name, &value), 0);
	assert_string_equal(name.at, "Host");
	assert_int_equal(tether_call_header_at(call, 99, &name, &value), -ENOENT);
	assert_null(tether_call_header(call, "nope").at);
	assert_int_equal(tether_call_read(call, NULL, w), -EINVAL);
	assert_int_equal(tether_call_read(call, got, w), 0);
	assert_int_equal(tether_call_read(call, got, w), -EALREADY);
	assert_int_equal(tether_call_on_end(call, note_over, w), 0);
	assert_int_equal(tether_call_on_end(call, note_over, w), -EALREADY);
}

static void misuse_head(struct tether_call call)
{
	static const struct tether_field bad[] = {
		{ "Content-Length", "5" },
		{ "transfer-encoding", "chunked" },
		{ "Connection", "close" },
		{ "A", "b\r\nC: d" },
		{ "A b", "c" },
		{ "", "c" },
		{ "A", NULL },
		{ NULL, "c" },
		{ "A", "\x7f" },
	};
	size_t i;

	assert_int_equal(tether_call_write(call, "x", 1), -EINVAL);
	assert_int_equal(tether_call_finish(call), -EINVAL);
	assert_int_equal(tether_call_begin(call, 100, NULL, 0, 5), -EINVAL);
	assert_int_equal(tether_call_begin(call, 600, NULL, 0, 5), -EINVAL);
	assert_int_equal(tether_call_reply(call, 200, NULL, 1, "x", 1), -EINVAL);
	for (i = 0; i < SIZE(bad); i++)
		assert_int_equal(tether_call_reply(call, 200, &bad[i], 1, "x", 1), -EINVAL);
}

static void misuse(struct tether_call call, void *arg)
{
	struct peer_world *w = arg;
	int n = 0;

	w->came++;
	w->call = call;
	misuse_reading(call, w);
	misuse_head(call);
	assert_int_equal(tether_call_begin(call, 200, NULL, 0, 5), 0);
	assert_int_equal(tether_call_begin(call, 200, NULL, 0, 5), -EALREADY);
	assert_int_equal(tether_call_reply(call, 200, NULL, 0, "x", 1), -EALREADY);
	assert_int_equal(tether_call_write(call, "hel", 3), 0);
	assert_int_equal(tether_call_write(call, "loo", 3), -EMSGSIZE);
	assert_int_equal(tether_call_drained(call, NULL, NULL), -EINVAL);
	assert_int_equal(tether_call_drained(call, drained, &w->done), 0);
	assert_int_equal(tether_call_drained(call, drained, &n), -EALREADY);
	assert_int_equal(tether_call_write(call, "lo", 2), 0);
	assert_int_equal(tether_call_finish(call), 0);
	assert_int_equal(tether_call_finish(call), -EINVAL);
	assert_int_equal(tether_call_write(call, "x", 1), -EINVAL);
}

static void refused(struct tether_call call)
{
	struct tether_text name, value;

	assert_null(tether_call_method(call).at);
	assert_null(tether_call_target(call).at);
	assert_null(tether_call_header(call, "host").at);
	assert_null(tether_call_peer(call));
	assert_int_equal(tether_call_length(call), 0);
	assert_int_equal(tether_call_header_at(call, 0, &name, &value), -EBADF);
	assert_int_equal(tether_call_read(call, got, NULL), -EBADF);
	assert_int_equal(tether_call_on_end(call, note_over, NULL), -EBADF);
	assert_int_equal(tether_call_reply(call, 200, NULL, 0, "x", 1), -EBADF);
	assert_int_equal(tether_call_begin(call, 200, NULL, 0, 1), -EBADF);
	assert_int_equal(tether_call_write(call, "x", 1), -EBADF);
	assert_int_equal(tether_call_drained(call, drained, NULL), -EBADF);
	assert_int_equal(tether_call_finish(call), -EBADF);
	assert_int_equal(tether_call_cancel(call), -EBADF);
}

static void test_misuse(void **state)
{
	struct peer_world *w = world_new(misuse);

	world_listen(w);
	peer_connect(w);
	peer_send(w, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
	peer_await(w, "\r\n\r\nhello");
	assert_int_equal(w->came, 1);
	assert_int_equal(w->over, 1);
	assert_int_equal(w->why, 0);
	refused(w->call);
	refused(nothing);
	w->done = 0; /* it was drained()'s */
	world_free(w);
}

/* ---- the server ------------------------------------------------------------------------------ */

static void test_server_misuse(void **state)
{
	struct tether_server_options none = { 0 }, long_time = { .handler = misuse };
	struct peer_world *w = world_new(misuse);
	struct tether_server *server;
	uint16_t port;

	long_time.idle_ns = TETHER_WITHIN_MAX_NS + 1;
	assert_int_equal(tether_server_new(&w->loop, 1, &none, &server), -EINVAL);
	assert_int_equal(tether_server_new(&w->loop, 0, &w->options, &server), -EINVAL);
	assert_int_equal(tether_server_new(&w->loop, 1, &long_time, &server), -ERANGE);
	assert_int_equal(tether_server_listen(NULL, "127.0.0.1:0", &port), -EINVAL);
	assert_int_equal(tether_server_free(NULL), 0);
	world_listen(w);
	assert_int_equal(tether_server_listen(w->server, "127.0.0.1", &port), -EINVAL);
	assert_int_equal(tether_server_listen(w->server, "127.0.0.1:65536", &port), -EINVAL);
	assert_int_equal(tether_server_listen(w->server, "nowhere:1", &port), -EINVAL);
	assert_int_equal(tether_server_shutdown(w->server, 0, NULL, NULL), -ERANGE);
	assert_int_equal(tether_loop_free(w->loop), -EBUSY);
	world_free(w);
}

/* Two servers do not share a port by accident, and one that could not listen has kept nothing. */
static void test_port_taken(void **state)
{
	struct peer_world *w = world_new(misuse);
	char address[32];
	int before;

	world_listen(w);
	snprintf(address, sizeof(address), "127.0.0.1:%u", w->port);
	before = open_fds();
	assert_int_equal(tether_server_listen(w->server, address, NULL), -EADDRINUSE);
	assert_int_equal(open_fds(), before);
	world_free(w);
}

/* ---- what peers do at a bad moment ----------------------------------------------------------- */

static void keep(struct tether_call call, void *arg)
{
	struct peer_world *w = arg;

	w->came++;
	w->call = call;
	assert_int_equal(tether_call_on_end(call, note_over, w), 0);
}

/* The write fails inside of the reply: the call must not go under it. */
static void test_reply_to_nobody(void **state)
{
	static const char large[300000];
	struct peer_world *w = world_new(keep);
	int i;

	world_listen(w);
	for (i = 0; i < 2; i++) {
		peer_connect(w);
		peer_send(w, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		peer_reset(w);
		if (i) {
			assert_int_equal(tether_call_begin(w->call, 200, NULL, 0, sizeof(large)),
					 0);
			assert_int_equal(tether_call_write(w->call, large, sizeof(large)), 0);
			assert_int_equal(tether_call_finish(w->call), 0);
		} else {
			assert_int_equal(
				tether_call_reply(w->call, 200, NULL, 0, large, sizeof(large)), 0);
		}
		await_nobody(w);
		assert_int_equal(w->over, i + 1);
	}
	world_free(w);
}

static void answer_40k(struct tether_call call, void *arg)
{
	static const char body[40000];
	struct peer_world *w = arg;

	w->came++;
	assert_int_equal(tether_call_reply(call, 200, NULL, 0, body, sizeof(body)), 0);
}

/* A thousand requests in a few packets, and nobody who reads: few are served. */
static void test_pipeline_is_held_back(void **state)
{
	static const char one[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct peer_world *w = world_new(answer_40k);
	int i, before;

	world_listen(w);
	peer_connect(w);
	for (i = 0; i < 1000; i++)
		assert_int_equal(send(w->peer, one, sizeof(one) - 1, MSG_NOSIGNAL),
				 sizeof(one) - 1);
	turns(w, 2000);
	before = w->came;
	assert_in_range(before, 1, 300);
	/* Who reads is served on, to the last one. */
	for (i = 0; i < 1000000 && w->came < 1000; i++) {
		turns(w, 1);
		w->got_len = 0;
		peer_read(w);
	}
	assert_int_equal(w->came, 1000);
	world_free(w);
}

/* What comes behind the last response does not reset it away. */
static void test_close_is_lingering(void **state)
{
	struct peer_world *w = world_new(answer_40k);
	int i;

	world_listen(w);
	peer_connect(w);
	peer_send(w, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	for (i = 0; i < 20; i++)
		peer_send(w, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	peer_await_end(w);
	assert_int_equal(w->came, 1);
	assert_true(w->got_len > 40000);
	peer_close(w);
	await_nobody(w);
	world_free(w);
}

/* A drain answers what has connected before it, though it was not accepted yet. */
static void test_drain_takes_in(void **state)
{
	struct peer_world *w = world_new(answer_40k);
	static const char one[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

	world_listen(w);
	peer_connect(w);
	assert_int_equal(send(w->peer, one, sizeof(one) - 1, MSG_NOSIGNAL), sizeof(one) - 1);
	assert_int_equal(tether_server_shutdown(w->server, 5 * TETHER_S, note_done, &w->done), 0);
	peer_await(w, "200 OK");
	peer_await_end(w);
	assert_non_null(strstr(w->got, "Connection: close"));
	assert_true(w->got_len > 40000);
	peer_close(w);
	turn_until(w->loop, &w->done);
	world_free(w);
}

static void answer_status(struct tether_call call, void *arg)
{
	int status = atoi(tether_call_target(call).at + 1);

	(void)arg;
	assert_int_equal(tether_call_reply(call, status, NULL, 0, "hello", 5), 0);
}

/* Statuses and methods without a body have none, or the next response could not be found. */
static void test_no_body(void **state)
{
	struct peer_world *w = world_new(answer_status);

	world_listen(w);
	peer_connect(w);
	peer_send(w, "GET /204 HTTP/1.1\r\nHost: a\r\n\r\n"
		     "GET /304 HTTP/1.1\r\nHost: a\r\n\r\n"
		     "HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n"
		     "GET /404 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	peer_await_end(w);
	assert_non_null(strstr(w->got, "404 Not Found"));
	assert_true(strstr(w->got, "hello") > strstr(w->got, "404 Not Found"));
	assert_non_null(strstr(strstr(w->got, "200 OK"), "Content-Length: 5"));
	world_free(w);
}

/* HTTP/1.0 knows no 100: its Expect is none. */
static void test_expect_of_1_0(void **state)
{
	struct peer_world *w = world_new(answer_status);

	world_listen(w);
	peer_connect(w);
	peer_send(w, "POST /200 HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
	peer_await_end(w);
	assert_null(strstr(w->got, "100 Continue"));
	assert_non_null(strstr(w->got, "200 OK"));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_misuse),
		cmocka_unit_test(test_server_misuse),
		cmocka_unit_test(test_port_taken),
		cmocka_unit_test(test_reply_to_nobody),
		cmocka_unit_test(test_pipeline_is_held_back),
		cmocka_unit_test(test_close_is_lingering),
		cmocka_unit_test(test_drain_takes_in),
		cmocka_unit_test(test_no_body),
		cmocka_unit_test(test_expect_of_1_0),
	};

	return cmocka_run_group_tests(tests, warm_up, NULL);
}
