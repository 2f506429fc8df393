// SPDX-License-Identifier: BSD-2-Clause
/* QUIC streams from both ends, over loopback: what arrives, how sides end, what is given back. */
#include "quic_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct end {
	struct tether_stream stream;
	char *data;
	size_t len;
	int over, why;
	ssize_t last; /* of the last read that was no data */
	int told;
};

struct trip {
	struct quic_trip quic;
	struct tether_quic_conn conn, server_conn;
	int opened, ended, why, server_ended, server_why, accepted;
	/* The server: what it does with a stream that is opened. */
	void (*serve)(struct trip *t, struct tether_stream stream);
	struct end here, there;
	/* Many. */
	int started, answered, wanted, all, starved;
	uint64_t code;
};

/* ---- both ends ------------------------------------------------------------------------------- */

static void on_opened(struct tether_quic_conn conn, void *arg)
{
	((struct trip *)arg)->opened++;
}

static void on_ended(struct tether_quic_conn conn, int why, void *arg)
{
	struct trip *t = arg;

	t->ended++;
	t->why = why;
	assert_int_equal(tether_quic_conn_end(conn, 0), -EBADF);
}

static void on_server_opened(struct tether_quic_conn conn, void *arg)
{
	((struct trip *)arg)->server_conn = conn;
}

static void on_server_ended(struct tether_quic_conn conn, int why, void *arg)
{
	struct trip *t = arg;

	t->server_ended++;
	t->server_why = why;
}

static void on_stream(struct tether_stream stream, void *arg)
{
	struct trip *t = arg;

	t->accepted++;
	t->serve(t, stream);
}

static void collect(struct tether_stream stream, const void *data, ssize_t n, void *arg)
{
	struct end *end = arg;

	if (n <= 0) {
		end->last = n;
		end->told++;
		return;
	}
	end->data = realloc(end->data, end->len + n);
	assert_non_null(end->data);
	memcpy(end->data + end->len, data, n);
	end->len += n;
	assert_int_equal(tether_stream_read(stream, collect, end), 0);
}

static void is_over(int why, void *arg)
{
	struct end *end = arg;

	end->over++;
	end->why = why;
}

static void end_watch(struct end *end, struct tether_stream stream)
{
	end->stream = stream;
	assert_int_equal(tether_stream_on_end(stream, is_over, end), 0);
	assert_int_equal(tether_stream_on_end(stream, is_over, end), -EALREADY);
}

/* Echo: a piece back, and on when there is room. */
static void echo_piece(struct tether_stream stream, const void *data, ssize_t n, void *arg);

static void echo_more(struct tether_stream stream, void *arg)
{
	tether_stream_read(stream, echo_piece, arg);
}

static void echo_piece(struct tether_stream stream, const void *data, ssize_t n, void *arg)
{
	if (n > 0) {
		assert_int_equal(tether_stream_write(stream, data, n), 0);
		assert_int_equal(tether_stream_drained(stream, echo_more, arg), 0);
	} else if (n == 0) {
		assert_int_equal(tether_stream_finish(stream), 0);
	} else {
		tether_stream_release(stream, 0);
	}
}

static void serve_echo(struct trip *t, struct tether_stream stream)
{
	assert_int_equal(tether_stream_read(stream, echo_piece, t), 0);
	assert_int_equal(tether_stream_read(stream, echo_piece, t), -EALREADY);
}

static void serve_keep(struct trip *t, struct tether_stream stream)
{
	end_watch(&t->there, stream);
}

static void serve_collect(struct trip *t, struct tether_stream stream)
{
	end_watch(&t->there, stream);
	assert_int_equal(tether_stream_read(stream, collect, &t->there), 0);
}

static void dial(struct trip *t)
{
	assert_int_equal(
		tether_quic_connect(t->quic.scope, &t->quic.dest, &t->quic.client, &t->conn), 0);
}

static void connect_it(struct trip *t)
{
	dial(t);
	quic_until(&t->quic, &t->opened, 5000);
}

static int setup(void **state)
{
	struct trip *t = test_calloc(1, sizeof(*t));

	t->quic.server.arg = t->quic.client.arg = t;
	t->quic.server.events = (struct tether_quic_events){ .opened = on_server_opened,
							     .stream = on_stream,
							     .ended = on_server_ended };
	t->quic.client.events =
		(struct tether_quic_events){ .opened = on_opened, .ended = on_ended };
	t->serve = serve_echo;
	quic_trip_begin(&t->quic);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct trip *t = *state;

	quic_trip_end(&t->quic);
	free(t->here.data);
	free(t->there.data);
	test_free(t);
	return 0;
}

/* A fresh one. */
static struct end *here_of(struct trip *t)
{
	free(t->here.data);
	t->here = (struct end){ 0 };
	return &t->here;
}

static uint64_t streams(struct trip *t)
{
	return tether_loop_count(t->quic.loop).streams;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void echo_of(struct trip *t, size_t len)
{
	struct end *here = here_of(t);
	size_t sent = 0, i;
	char *data = malloc(len);

	assert_non_null(data);
	for (i = 0; i < len; i++)
		data[i] = i * 7 + (i >> 8);
	assert_int_equal(tether_stream_open(t->conn, TETHER_STREAM_BIDI, &here->stream), 0);
	end_watch(here, here->stream);
	assert_int_equal(tether_stream_read(here->stream, collect, here), 0);
	for (i = 0; i < 100000 && sent < len; i++) {
		size_t n = len - sent < 50000 ? len - sent : 50000;

		if (!tether_stream_write(here->stream, data + sent, n))
			sent += n;
		else
			quic_pass(&t->quic, 1);
	}
	assert_int_equal(tether_stream_finish(here->stream), 0);
	assert_int_equal(tether_stream_finish(here->stream), -EPIPE);
	assert_int_equal(tether_stream_write(here->stream, "x", 1), -EPIPE);
	quic_until(&t->quic, &here->over, 120000);
	assert_int_equal(here->why, 0);
	assert_int_equal(here->told, 1);
	assert_int_equal(here->last, 0);
	assert_int_equal(here->len, len);
	assert_memory_equal(here->data, data, len);
	assert_int_equal(tether_stream_release(here->stream, 0), -EBADF);
	free(data);
}

static void test_echo(void **state)
{
	struct trip *t = *state;

	connect_it(t);
	echo_of(t, 1);
	echo_of(t, 5000);
	echo_of(t, 3000000);
	quic_pass(&t->quic, 200);
	assert_int_equal(streams(t), 0);
	assert_int_equal(t->accepted, 3);
	assert_int_equal(tether_quic_conn_end(t->conn, 0), 0);
	quic_until(&t->quic, &t->ended, 100);
	quic_until(&t->quic, &t->server_ended, 100);
	assert_int_equal(t->why, 0);
	assert_int_equal(t->server_why, 0);
}

static void test_bad_network(void **state)
{
	struct trip *t = *state;
	struct quic_proxy *proxy = &t->quic.proxy;

	quic_trip_proxy(&t->quic, 20260101);
	proxy->drop = 80;
	proxy->twice = 50;
	proxy->late = 150;
	connect_it(t);
	echo_of(t, 10);
	echo_of(t, 400000);
	echo_of(t, 400000);
	assert_true(proxy->dropped > 20 && proxy->doubled > 20 && proxy->delayed > 20);
	quic_pass(&t->quic, 5000);
	assert_int_equal(streams(t), 0);
}

static void one_more(struct trip *t);

static void answered(int why, void *arg)
{
	struct trip *t = arg;

	assert_int_equal(why, 0);
	t->answered++;
	t->all = t->answered == t->wanted;
	one_more(t);
}

static void drop_piece(struct tether_stream stream, const void *data, ssize_t n, void *arg)
{
	if (n > 0)
		assert_int_equal(tether_stream_read(stream, drop_piece, arg), 0);
}

static void one_more(struct trip *t)
{
	struct tether_stream stream;

	while (t->started < t->wanted) {
		if (tether_stream_open(t->conn, TETHER_STREAM_BIDI, &stream)) {
			t->starved++;
			return;
		}
		t->started++;
		tether_stream_on_end(stream, answered, t);
		tether_stream_read(stream, drop_piece, t);
		tether_stream_write(stream, "ping", 4);
		tether_stream_finish(stream);
	}
}

static void on_credit(struct tether_quic_conn conn, void *arg)
{
	one_more(arg);
}

static void test_twenty_thousand(void **state)
{
	struct trip *t = *state;
	uint64_t bytes;

	t->quic.client.events.credit = on_credit;
	connect_it(t);
	quic_pass(&t->quic, 100);
	bytes = tether_loop_count(t->quic.loop).quic_bytes;
	t->wanted = 20000;
	one_more(t);
	quic_until(&t->quic, &t->all, 200000);
	quic_pass(&t->quic, 200);
	assert_true(t->starved > 0);
	assert_int_equal(t->accepted, 20000);
	assert_int_equal(streams(t), 0);
	/* What stays is the connection's, not the streams'. */
	assert_true(tether_loop_count(t->quic.loop).quic_bytes < bytes + 100000);
}

static void test_cancel(void **state)
{
	struct trip *t = *state;
	struct end *here = here_of(t);

	t->serve = serve_collect;
	connect_it(t);
	assert_int_equal(tether_stream_open(t->conn, TETHER_STREAM_BIDI, &here->stream), 0);
	end_watch(here, here->stream);
	assert_int_equal(tether_stream_write(here->stream, "half", 4), 0);
	quic_until(&t->quic, &t->accepted, 100);
	quic_pass(&t->quic, 10);
	assert_int_equal(t->there.len, 4);
	/* The writer gives up: the reader is told, with the code. */
	assert_int_equal(tether_stream_cancel_write(here->stream, 77), 0);
	quic_until(&t->quic, &t->there.told, 100);
	assert_int_equal(t->there.last, -ECONNRESET);
	assert_int_equal(tether_stream_code(t->there.stream), 77);
	assert_int_equal(tether_stream_read(t->there.stream, collect, &t->there), -ENODATA);
	/* The reader gives up: the writer is told. */
	assert_int_equal(tether_stream_cancel_read(here->stream, 78), 0);
	quic_pass(&t->quic, 50);
	assert_int_equal(here->over, 1);
	assert_int_equal(t->there.over, 1);
	assert_int_equal(t->there.why, -ECONNRESET);
	assert_int_equal(streams(t), 0);
}

static void test_stop(void **state)
{
	struct trip *t = *state;
	struct end *here = here_of(t);
	char block[1000] = { 0 };

	t->serve = serve_keep;
	connect_it(t);
	assert_int_equal(tether_stream_open(t->conn, TETHER_STREAM_BIDI, &here->stream), 0);
	end_watch(here, here->stream);
	assert_int_equal(tether_stream_write(here->stream, block, sizeof(block)), 0);
	quic_until(&t->quic, &t->accepted, 100);
	assert_int_equal(tether_stream_cancel_read(t->there.stream, 5), 0);
	assert_int_equal(tether_stream_read(t->there.stream, collect, &t->there), -ENODATA);
	quic_pass(&t->quic, 50);
	tether_stream_write(here->stream, block, 1);
	quic_pass(&t->quic, 5);
	assert_int_equal(tether_stream_write(here->stream, block, 1), -EPIPE);
	/* The other direction is as it was. */
	assert_int_equal(tether_stream_write(t->there.stream, "still", 5), 0);
	assert_int_equal(tether_stream_finish(t->there.stream), 0);
	assert_int_equal(tether_stream_read(here->stream, collect, here), 0);
	quic_until(&t->quic, &here->over, 100);
	assert_int_equal(here->len, 5);
	assert_int_equal(here->last, 0);
	quic_pass(&t->quic, 50);
	assert_int_equal(streams(t), 0);
}

static void test_unidirectional(void **state)
{
	struct trip *t = *state;
	struct tether_stream stream;

	t->serve = serve_collect;
	connect_it(t);
	assert_int_equal(tether_stream_open(t->conn, TETHER_STREAM_UNI, &stream), 0);
	assert_int_equal(tether_stream_read(stream, collect, &t->there), -ENODATA);
	assert_int_equal(tether_stream_write(stream, "one way", 7), 0);
	assert_int_equal(tether_stream_finish(stream), 0);
	quic_until(&t->quic, &t->there.over, 100);
	assert_int_equal(tether_stream_write(t->there.stream, "x", 1), -EBADF);
	assert_int_equal(t->there.len, 7);
	assert_int_equal(t->there.why, 0);
	quic_pass(&t->quic, 50);
	assert_int_equal(streams(t), 0);
}

/* Who does not read holds the writer back, at no more memory than was said. */
static void test_back_pressure(void **state)
{
	struct trip *t = *state;
	struct tether_stream stream;
	char block[10000] = { 0 };
	size_t sent = 0;
	int i;

	t->serve = serve_keep;
	connect_it(t);
	assert_int_equal(tether_stream_open(t->conn, TETHER_STREAM_BIDI, &stream), 0);
	for (i = 0; i < 2000; i++) {
		if (!tether_stream_write(stream, block, sizeof(block)))
			sent += sizeof(block);
		quic_pass(&t->quic, 1);
	}
	/* One window there, one queue here-> */
	assert_true(sent > (256 << 10));
	assert_true(sent <= (512 << 10) + 2 * sizeof(block));
	assert_int_equal(tether_stream_finish(stream), 0);
	assert_int_equal(tether_stream_read(t->there.stream, collect, &t->there), 0);
	quic_until(&t->quic, &t->there.told, 5000);
	assert_int_equal(t->there.last, 0);
	assert_int_equal(t->there.len, sent);
	assert_int_equal(tether_stream_release(t->there.stream, 0), 0);
	assert_int_equal(tether_stream_release(t->there.stream, 0), -EBADF);
	quic_pass(&t->quic, 100);
	assert_int_equal(tether_stream_read(stream, collect, &t->there), -EBADF);
	assert_int_equal(streams(t), 0);
}

/* Released on one end only: both ends are rid of it, and the credit is back. */
static void test_release(void **state)
{
	struct trip *t = *state;
	struct tether_stream stream;
	int i;

	t->serve = serve_keep;
	t->quic.client.events.stream = NULL;
	connect_it(t);
	for (i = 0; i < 1000; i++) {
		t->accepted = 0;
		memset(&t->there, 0, sizeof(t->there));
		assert_int_equal(tether_stream_open(t->conn, TETHER_STREAM_BIDI, &stream), 0);
		assert_int_equal(tether_stream_write(stream, "x", 1), 0);
		quic_until(&t->quic, &t->accepted, 100);
		assert_int_equal(tether_stream_release(t->there.stream, 9), 0);
		quic_pass(&t->quic, 5);
		assert_int_equal(tether_stream_write(stream, "x", 1), -EBADF);
	}
	quic_pass(&t->quic, 100);
	assert_int_equal(streams(t), 0);
	assert_int_equal(t->ended, 0);
}

/* The peer says nothing more: what is released does not wait for it for ever. */
static void test_withheld(void **state)
{
	struct trip *t = *state;
	struct tether_stream stream;

	quic_trip_proxy(&t->quic, 1);
	t->serve = serve_keep;
	connect_it(t);
	assert_int_equal(tether_stream_open(t->conn, TETHER_STREAM_BIDI, &stream), 0);
	assert_int_equal(tether_stream_write(stream, "x", 1), 0);
	quic_until(&t->quic, &t->accepted, 100);
	t->quic.proxy.deaf = true;
	assert_int_equal(tether_stream_release(t->there.stream, 0), 0);
	quic_pass(&t->quic, 4900);
	assert_int_equal(t->server_ended, 0);
	quic_pass(&t->quic, 200);
	assert_int_equal(t->server_ended, 1);
	assert_int_equal(t->server_why, -ETIMEDOUT);
	assert_int_equal(tether_quic_stats(t->quic.quic).open, 0);
	/* The end was said, and came through. */
	assert_int_equal(t->ended, 1);
	assert_int_equal(t->why, -ECONNRESET);
}

/* A stream that the program forgets is taken from it. */
static void test_forgotten(void **state)
{
	struct trip *t = *state;
	struct tether_stream stream;

	t->serve = serve_keep;
	connect_it(t);
	assert_int_equal(tether_stream_open(t->conn, TETHER_STREAM_BIDI, &stream), 0);
	assert_int_equal(tether_stream_write(stream, "x", 1), 0);
	quic_until(&t->quic, &t->accepted, 100);
	for (int i = 0; i < 299; i++) {
		quic_pass(&t->quic, 1000);
		assert_int_equal(t->there.over, 0);
		/* Something has to be said, or the connection is idle. */
		tether_stream_write(stream, "x", 1);
	}
	quic_pass(&t->quic, 2000);
	assert_int_equal(t->there.over, 1);
	assert_int_equal(t->there.why, -ETIMEDOUT);
	assert_int_equal(streams(t), 0);
	assert_int_equal(t->server_ended, 0);
}

static void test_misuse(void **state)
{
	struct trip *t = *state;
	struct tether_stream none = { 0 }, stale;
	struct tether_quic_options bad = t->quic.client;
	struct tether_quic_conn conn;

	assert_int_equal(tether_stream_finish(none), -EBADF);
	assert_int_equal(tether_stream_read(none, collect, t), -EBADF);
	bad.alpn = NULL;
	assert_int_equal(tether_quic_connect(t->quic.scope, &t->quic.dest, &bad, &conn), -EINVAL);
	bad = t->quic.client;
	bad.linger_ns = UINT64_MAX;
	assert_int_equal(tether_quic_connect(t->quic.scope, &t->quic.dest, &bad, &conn), -ERANGE);
	dial(t);
	assert_int_equal(tether_stream_open(t->conn, TETHER_STREAM_BIDI, &stale), -ENOTCONN);
	quic_until(&t->quic, &t->opened, 5000);
	assert_int_equal(tether_stream_open(t->conn, TETHER_STREAM_BIDI, &stale), 0);
	assert_int_equal(tether_quic_conn_end(t->conn, 3), 0);
	assert_int_equal(tether_stream_write(stale, "x", 1), -EBADF);
	assert_int_equal(tether_quic_conn_end(t->conn, 3), -EBADF);
	quic_until(&t->quic, &t->ended, 100);
	assert_int_equal(t->why, -ECANCELED);
	quic_until(&t->quic, &t->server_ended, 100);
	assert_int_equal(t->server_why, -ECONNRESET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_echo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_network, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twenty_thousand, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unidirectional, setup, teardown),
		cmocka_unit_test_setup_teardown(test_back_pressure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_release, setup, teardown),
		cmocka_unit_test_setup_teardown(test_withheld, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_misuse, setup, teardown),
	};

	return (getenv("ONLY") ? cmocka_set_test_filter(getenv("ONLY")) : (void)0,
		cmocka_run_group_tests(tests, NULL, NULL));
}
