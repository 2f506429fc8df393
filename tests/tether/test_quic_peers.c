// SPDX-License-Identifier: BSD-2-Clause
/* QUIC and peers that say nothing, the wrong thing, or too much: times, garbage, versions. */
#include "quic_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tether/quic_raw.h"

struct trip {
	struct quic_trip quic;
	struct tether_quic_conn conn;
	int opened, ended, why, server_opened, server_ended, server_why, accepted, echoed;
	int fd; /* of a stranger */
	struct tether_stream stream;
};

static void on_opened(struct tether_quic_conn conn, void *arg)
{
	((struct trip *)arg)->opened++;
}

static void on_ended(struct tether_quic_conn conn, int why, void *arg)
{
	struct trip *t = arg;

	t->ended++;
	t->why = why;
}

static void on_server_opened(struct tether_quic_conn conn, void *arg)
{
	((struct trip *)arg)->server_opened++;
}

static void on_server_ended(struct tether_quic_conn conn, int why, void *arg)
{
	struct trip *t = arg;

	t->server_ended++;
	t->server_why = why;
}

static void echo(struct tether_stream stream, const void *data, ssize_t n, void *arg)
{
	if (n > 0) {
		tether_stream_write(stream, data, n);
		tether_stream_read(stream, echo, arg);
	} else {
		tether_stream_finish(stream);
	}
}

static void on_stream(struct tether_stream stream, void *arg)
{
	struct trip *t = arg;

	t->accepted++;
	t->stream = stream;
	tether_stream_read(stream, echo, t);
}

static void count_echo(struct tether_stream stream, const void *data, ssize_t n, void *arg)
{
	struct trip *t = arg;

	if (n > 0)
		t->echoed += n;
	if (n > 0)
		tether_stream_read(stream, count_echo, t);
}

static void say(struct trip *t, const char *text)
{
	struct tether_stream stream;

	t->echoed = 0;
	assert_int_equal(tether_stream_open(t->conn, TETHER_STREAM_BIDI, &stream), 0);
	assert_int_equal(tether_stream_write(stream, text, strlen(text)), 0);
	assert_int_equal(tether_stream_finish(stream), 0);
	assert_int_equal(tether_stream_read(stream, count_echo, t), 0);
	quic_until(&t->quic, &t->echoed, 5000);
	quic_pass(&t->quic, 50);
	assert_int_equal(t->echoed, strlen(text));
}

static void dial(struct trip *t)
{
	assert_int_equal(
		tether_quic_connect(t->quic.scope, &t->quic.dest, &t->quic.client, &t->conn), 0);
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
	t->quic.server.unproven = 1;
	t->fd = -1;
	quic_trip_begin(&t->quic);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct trip *t = *state;

	quic_trip_end(&t->quic);
	if (t->fd >= 0)
		close(t->fd);
	test_free(t);
	return 0;
}

/* A socket of somebody who speaks no QUIC. */
static void stranger(struct trip *t)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(t->quic.dest.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	t->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(t->fd >= 0);
	assert_int_equal(connect(t->fd, (struct sockaddr *)&to, sizeof(to)), 0);
}

static ssize_t ask(struct trip *t, const void *data, size_t len, uint8_t *answer, size_t size)
{
	assert_int_equal(send(t->fd, data, len, 0), len);
	quic_pass(&t->quic, 3);
	return recv(t->fd, answer, size, 0);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_nobody_there(void **state)
{
	struct trip *t = *state;

	/* A port that was just free. */
	stranger(t);
	t->quic.dest.port = 1;
	dial(t);
	quic_until(&t->quic, &t->ended, 1000);
	assert_int_equal(t->why, -ECONNREFUSED);
}

static void test_handshake_timeout(void **state)
{
	struct trip *t = *state;

	quic_trip_proxy(&t->quic, 1);
	t->quic.proxy.mute = true;
	dial(t);
	quic_pass(&t->quic, 9900);
	assert_int_equal(t->ended, 0);
	assert_int_equal(tether_quic_stats(t->quic.quic).open, 1);
	quic_pass(&t->quic, 300);
	assert_int_equal(t->ended, 1);
	assert_int_equal(t->why, -ETIMEDOUT);
	assert_int_equal(t->server_ended, 1);
	assert_int_equal(t->server_why, -ETIMEDOUT);
	assert_int_equal(tether_quic_stats(t->quic.quic).open, 0);
}

static void test_idle_timeout(void **state)
{
	struct trip *t = *state;

	dial(t);
	quic_until(&t->quic, &t->opened, 1000);
	say(t, "hello");
	quic_pass(&t->quic, 29000);
	assert_int_equal(t->ended, 0);
	quic_pass(&t->quic, 1500);
	assert_int_equal(t->ended, 1);
	assert_int_equal(t->why, -ETIMEDOUT);
	assert_int_equal(t->server_ended, 1);
	assert_int_equal(t->server_why, -ETIMEDOUT);
}

static void test_lifetime(void **state)
{
	struct trip *t = *state;
	int i;

	t->quic.client.lifetime_ns = 60 * TETHER_S;
	dial(t);
	quic_until(&t->quic, &t->opened, 1000);
	for (i = 0; i < 3; i++) {
		say(t, "still here");
		quic_pass(&t->quic, 19000);
	}
	assert_int_equal(t->ended, 0);
	quic_pass(&t->quic, 3000);
	assert_int_equal(t->ended, 1);
	assert_int_equal(t->why, -ETIMEDOUT);
	assert_int_equal(t->server_ended, 1);
}

static void test_garbage(void **state)
{
	struct trip *t = *state;
	uint8_t data[1400] = { 0 }, answer[2000];
	struct tether_quic_stats stats;
	unsigned int i, j;

	dial(t);
	quic_until(&t->quic, &t->opened, 1000);
	stranger(t);
	srandom(1);
	for (i = 0; i < 2000; i++) {
		size_t len = random() % sizeof(data);

		for (j = 0; j < len; j++)
			data[j] = random();
		send(t->fd, data, len, 0);
		if (i % 16 == 0)
			quic_pass(&t->quic, 1);
	}
	quic_pass(&t->quic, 20);
	stats = tether_quic_stats(t->quic.quic);
	assert_true(stats.garbage > 0);
	assert_true(stats.unknown > 0);
	assert_true(stats.garbage + stats.unknown + stats.versions > 1500);
	assert_int_equal(stats.open, 1);
	/* Nobody else has noticed. */
	while (recv(t->fd, answer, sizeof(answer), 0) > 0)
		;
	say(t, "as before");
}

/* A datagram that is not QUIC's of today is told which versions are spoken, in no more bytes. */
static void test_versions(void **state)
{
	struct trip *t = *state;
	uint8_t data[1200] = { 0xc0, 0xde, 0xad, 0xbe, 0xef, 8, 1, 2, 3, 4,
			       5,    6,	   7,	 8,    4,    9, 9, 9, 9 };
	uint8_t answer[2000];
	ssize_t n;

	stranger(t);
	n = ask(t, data, sizeof(data), answer, sizeof(answer));
	assert_true(n > 20 && n < 100);
	assert_true(answer[0] & 0x80);
	assert_memory_equal(answer + 1, "\0\0\0\0", 4);
	/* The ids come back the other way round. */
	assert_int_equal(answer[5], 4);
	assert_memory_equal(answer + 6, "\x09\x09\x09\x09\x08\x01\x02\x03\x04", 9);
	assert_memory_equal(answer + n - 4, "\0\0\0\1", 4);
	assert_int_equal(tether_quic_stats(t->quic.quic).versions, 1);
	/* Too short to be answered: no tool to beat others with. */
	assert_true(ask(t, data, 200, answer, sizeof(answer)) < 0);
	assert_int_equal(tether_quic_stats(t->quic.quic).versions, 1);
	assert_int_equal(tether_quic_stats(t->quic.quic).garbage, 1);
}

/* Of a connection that is not known: its end, if it was ours; shorter than the question. */
static void test_stateless_reset(void **state)
{
	struct trip *t = *state;
	uint8_t data[100] = { 0x40 }, answer[2000];
	ssize_t n;

	stranger(t);
	n = ask(t, data, sizeof(data), answer, sizeof(answer));
	assert_true(n >= 21 && n < (ssize_t)sizeof(data));
	assert_int_equal(answer[0] & 0xc0, 0x40);
	assert_true(ask(t, data, 42, answer, sizeof(answer)) < 0);
	assert_int_equal(tether_quic_stats(t->quic.quic).resets, 1);
	assert_int_equal(tether_quic_stats(t->quic.quic).unknown, 2);
}

/* With one handshake under way, the next client has to show that it is where it says. */
static void test_retry(void **state)
{
	struct trip *t = *state;
	struct tether_quic_conn first;

	dial(t);
	first = t->conn;
	dial(t);
	quic_pass(&t->quic, 300);
	assert_int_equal(t->opened, 2);
	assert_true(tether_quic_stats(t->quic.quic).retries >= 1);
	say(t, "proven");
	assert_int_equal(tether_quic_conn_end(first, 0), 0);
}

static void test_key_update(void **state)
{
	struct trip *t = *state;
	struct raw_conn *conn;
	int i;

	dial(t);
	quic_until(&t->quic, &t->opened, 1000);
	for (i = 0; i < 5; i++) {
		say(t, "before and after");
		/* The last one has to be settled for a while. */
		quic_pass(&t->quic, 1000);
		say(t, "and again");
		conn = raw_find(t->conn);
		assert_non_null(conn);
		assert_int_equal(
			ngtcp2_conn_initiate_key_update(conn->q.ng, quic_now_ns(t->quic.loop)), 0);
	}
	say(t, "with the sixth key");
	assert_int_equal(t->ended, 0);
}

/* A client that has another address of a sudden is found by its connection id, and goes on. */
static void test_new_address(void **state)
{
	struct trip *t = *state;

	quic_trip_proxy(&t->quic, 1);
	dial(t);
	quic_until(&t->quic, &t->opened, 1000);
	say(t, "from here");
	/* The way to the server is another: as when a NAT has forgotten. */
	uv_udp_recv_stop(&t->quic.proxy.back);
	quic_proxy_move(&t->quic.proxy, t->quic.loop);
	say(t, "from there");
	assert_int_equal(t->ended, 0);
	assert_int_equal(t->server_ended, 0);
	assert_int_equal(t->server_opened, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handshake_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lifetime, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stateless_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_update, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_address, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
