// SPDX-License-Identifier: BSD-2-Clause
/* What the pool sends again, over another connection, when an idle one turns out to be dead. */
#include "peer.h"

/* An idle connection that the server closes in the moment that it is used again. */
static void send_into_the_void(struct client *c, struct asked *a, int fd, bool reset)
{
	asked_init(a, c);
	a->only_lease = true;
	assert_int_equal(tether_pool_try_acquire(c->pool, &c->dest, a->scope, &a->lease), 0);
	if (reset) {
		/* The kernel knows, and takes nothing. */
		peer_reset(fd);
		usleep(1000);
	}
}

/* What was sent on a connection that the server has closed comes by another one: to @buf. */
static int sent_again(struct client *c, struct asked *a, char *buf, size_t len)
{
	int fd = round_trip(c, -1), next;

	send_into_the_void(c, a, fd, false);
	asked_send(a);
	peer_read(c->loop, fd, buf, len);
	close(fd);
	next = peer_accept(c->loop, c->listener);
	peer_read(c->loop, next, buf, len);
	return next;
}

static void test_again_if_safe(void **state)
{
	struct client c;
	struct asked a;
	char buf[4096];
	int next;

	client_init(&c, NULL);
	next = sent_again(&c, &a, buf, sizeof(buf));
	assert_non_null(strstr(buf, "GET / HTTP/1.1\r\n"));
	peer_send(next, RESPONSE);
	turn_until(c.loop, &a.ended);
	assert_int_equal(a.why, 0);
	assert_memory_equal(a.data, "hello", 5);
	assert_int_equal(tether_pool_stats(c.pool).replays, 1);
	asked_fini(&a);
	close(next);
	client_fini(&c);
}

static void test_again_once(void **state)
{
	struct client c;
	struct asked a;
	char buf[4096];
	int next;

	client_init(&c, NULL);
	next = sent_again(&c, &a, buf, sizeof(buf));
	close(next);
	turn_until(c.loop, &a.ended);
	assert_int_equal(a.why, -ECONNRESET);
	assert_int_equal(tether_pool_stats(c.pool).replays, 1);
	asked_fini(&a);
	client_fini(&c);
}

/* A POST that may have been heard is not sent again, unless its sender says so. */
static void post(bool replay, bool reset, bool again)
{
	struct client c;
	struct asked a;
	char buf[4096];
	int fd, next = -1;

	client_init(&c, NULL);
	fd = round_trip(&c, -1);
	send_into_the_void(&c, &a, fd, reset);
	a.request.method = "POST";
	a.request.data = "money";
	a.request.length = 5;
	a.request.replay = replay;
	asked_send(&a);
	if (!reset) {
		peer_read(c.loop, fd, buf, sizeof(buf));
		close(fd);
	}
	if (again) {
		next = peer_accept(c.loop, c.listener);
		peer_read(c.loop, next, buf, sizeof(buf));
		assert_non_null(strstr(buf, "\r\n\r\nmoney"));
		peer_send(next, RESPONSE);
	}
	turn_until(c.loop, &a.ended);
	assert_int_equal(a.why, again ? 0 : -ECONNRESET);
	assert_int_equal(tether_pool_stats(c.pool).replays, again);
	asked_fini(&a);
	if (next >= 0)
		close(next);
	client_fini(&c);
}

static void test_post_again(void **state)
{
	post(false, false, false);
	post(true, false, true);
	/* Nothing of it was sent: it may go. */
	post(false, true, true);
}

/* What is heard, or was never idle, is not sent again. */
static void test_not_again(void **state)
{
	struct client c;
	struct asked a;
	char buf[4096];
	int fd;

	client_init(&c, NULL);
	asked_init(&a, &c);
	ask_pool(&a);
	fd = peer_accept(c.loop, c.listener);
	peer_read(c.loop, fd, buf, sizeof(buf));
	close(fd);
	turn_until(c.loop, &a.ended);
	assert_int_equal(a.why, -ECONNRESET);
	asked_fini(&a);

	fd = round_trip(&c, -1);
	send_into_the_void(&c, &a, fd, false);
	asked_send(&a);
	peer_read(c.loop, fd, buf, sizeof(buf));
	peer_send(fd, "HTTP/1.1 2");
	close(fd);
	turn_until(c.loop, &a.ended);
	assert_int_equal(a.why, -ECONNRESET);
	assert_int_equal(tether_pool_stats(c.pool).replays, 0);
	asked_fini(&a);
	client_fini(&c);
}

/* It waits for another connection, and its caller, its scope or its deadline ends it there. */
static void test_again_ended(void **state)
{
	struct client c;
	struct asked a;
	char buf[4096];
	int how, fd;

	for (how = 0; how < 3; how++) {
		client_init(&c, NULL);
		fd = round_trip(&c, -1);
		send_into_the_void(&c, &a, fd, false);
		asked_send(&a);
		peer_read(c.loop, fd, buf, sizeof(buf));
		/* Whoever connects now waits in vain: the listener is there, and takes nobody. */
		close(fd);
		while (!tether_pool_stats(c.pool).replays)
			tether_loop_turn(c.loop, false);
		if (how == 0)
			assert_int_equal(tether_body_end(a.body), 0);
		else if (how == 1)
			assert_int_equal(tether_scope_cancel(a.scope), 0);
		else
			pass(c.loop, &c.fake, 5 * TETHER_S);
		assert_int_equal(a.ended, 1);
		assert_int_equal(a.why, how == 2 ? -ETIMEDOUT : -ECANCELED);
		assert_int_equal(tether_body_end(a.body), -EBADF);
		asked_fini(&a);
		client_fini(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_again_if_safe), cmocka_unit_test(test_again_once),
		cmocka_unit_test(test_post_again),    cmocka_unit_test(test_not_again),
		cmocka_unit_test(test_again_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
