// SPDX-License-Identifier: BSD-2-Clause
/* Server and client of one process over loopback, under a clock that is turned by hand. */
#include "world.h"

#include <errno.h>
#include <string.h>

struct trip {
	struct fake_clock fake;
	struct tether_loop *loop;
	struct tether_server *server;
	struct tether_pool *pool;
	struct tether_scope scope;
	struct tether_dest dest;
	struct tether_request request;
	struct tether_body body;
	struct tether_lease lease;
	struct tether_call call; /* of /later */
	int ended, why, status, drained, stopped, came, later_over, later_why;
	char data[256 * 1024];
	size_t len;
	uint64_t within_ns;
};

/* ---- the server's side ----------------------------------------------------------------------- */

static void echo_piece(struct tether_call call, const void *data, size_t len, void *arg);

static void echo_more(struct tether_call call, void *arg)
{
	assert_int_equal(tether_call_read(call, echo_piece, arg), 0);
}

static void echo_piece(struct tether_call call, const void *data, size_t len, void *arg)
{
	if (!len) {
		assert_int_equal(tether_call_finish(call), 0);
		assert_true(tether_call_finish(call) < 0);
		return;
	}
	assert_int_equal(tether_call_write(call, data, len), 0);
	assert_int_equal(tether_call_drained(call, echo_more, arg), 0);
}

static void later_is_over(int why, void *arg)
{
	struct trip *t = arg;

	t->later_over++;
	t->later_why = why;
}

static void handle(struct tether_call call, void *arg)
{
	struct tether_text target = tether_call_target(call);
	struct trip *t = arg;

	if (!strcmp(target.at, "/echo")) {
		assert_int_equal(tether_call_read(call, echo_piece, t), 0);
		assert_int_equal(tether_call_begin(call, 200, NULL, 0, tether_call_length(call)),
				 0);
	} else if (!strcmp(target.at, "/later")) {
		t->call = call;
		t->came++;
		assert_int_equal(tether_call_on_end(call, later_is_over, t), 0);
	} else {
		assert_int_equal(tether_call_reply(call, 200, NULL, 0, "hello", 5), 0);
	}
}

/* ---- the client's side ----------------------------------------------------------------------- */

static void on_piece(struct tether_body body, const void *data, size_t len, void *arg)
{
	struct trip *t = arg;

	assert_true(t->len + len <= sizeof(t->data));
	memcpy(t->data + t->len, data, len);
	t->len += len;
	if (len)
		assert_int_equal(tether_body_read(body, on_piece, t), 0);
}

static void on_head(struct tether_body body, int status, void *arg)
{
	struct trip *t = arg;

	t->status = status;
	assert_int_equal(tether_body_read(body, on_piece, t), 0);
	assert_int_equal(tether_body_read(body, on_piece, t), -EALREADY);
}

static void on_end(struct tether_body body, int why, void *arg)
{
	struct trip *t = arg;

	t->ended++;
	t->why = why;
	assert_int_equal(tether_body_end(body), -EBADF);
}

static void on_lease(struct tether_lease lease, int status, void *arg)
{
	static const struct tether_body_events events = { on_head, on_end };
	struct trip *t = arg;

	if (status) {
		t->ended++;
		t->why = status;
		return;
	}
	assert_int_equal(tether_exchange(lease, &t->request, 0, &events, t, NULL), -ERANGE);
	assert_int_equal(tether_exchange(lease, &t->request, t->within_ns, &events, t, &t->body),
			 0);
	assert_int_equal(tether_lease_end(lease, true), -EBADF);
	assert_int_equal(tether_exchange(lease, &t->request, TETHER_S, &events, t, NULL), -EBADF);
}

static void ask(struct trip *t, const char *target)
{
	t->ended = t->why = t->status = 0;
	t->len = 0;
	t->request.target = target;
	assert_int_equal(tether_pool_acquire(t->pool, &t->dest, t->scope, on_lease, t, &t->lease),
			 0);
}

static int setup(void **state)
{
	struct trip *t = test_calloc(1, sizeof(*t));
	struct tether_server_options options = { .handler = handle, .arg = t };

	t->loop = fake_loop(&t->fake);
	t->within_ns = 5 * TETHER_S;
	t->dest.host = "127.0.0.1";
	assert_int_equal(tether_server_new(&t->loop, 1, &options, &t->server), 0);
	assert_int_equal(tether_server_listen(t->server, "127.0.0.1:0", &t->dest.port), 0);
	assert_int_equal(tether_pool_new(t->loop, NULL, &t->pool), 0);
	assert_int_equal(tether_scope_new(t->loop, 600 * TETHER_S, &t->scope), 0);
	*state = t;
	return 0;
}

static void count_up(void *arg)
{
	(*(int *)arg)++;
}

static int teardown(void **state)
{
	struct trip *t = *state;

	assert_int_equal(tether_scope_join(t->scope, NULL, NULL), 0);
	assert_int_equal(tether_pool_shutdown(t->pool, TETHER_S, count_up, &t->stopped), 0);
	assert_int_equal(tether_server_free(t->server), -EBUSY);
	assert_int_equal(tether_server_shutdown(t->server, TETHER_S, count_up, &t->drained), 0);
	assert_int_equal(tether_server_shutdown(t->server, TETHER_S, count_up, &t->drained),
			 -EALREADY);
	/* A call that nobody answers, to a client that is gone, is cut off by the grace. */
	pass(t->loop, &t->fake, TETHER_S / 2);
	pass(t->loop, &t->fake, TETHER_S);
	turn_until(t->loop, &t->drained);
	turn_until(t->loop, &t->stopped);
	pass(t->loop, &t->fake, 10 * TETHER_S);
	assert_int_equal(t->drained, 1);
	assert_int_equal(t->stopped, 1);
	assert_int_equal(tether_server_free(t->server), 0);
	end_loop(t->loop);
	test_free(t);
	return 0;
}

static void test_get_reuses(void **state)
{
	struct trip *t = *state;
	int i;

	for (i = 0; i < 5; i++) {
		ask(t, "/");
		turn_until(t->loop, &t->ended);
		assert_int_equal(t->why, 0);
		assert_int_equal(t->status, 200);
		assert_int_equal(t->len, 5);
		assert_memory_equal(t->data, "hello", 5);
	}
	assert_int_equal(tether_pool_stats(t->pool).connects, 1);
	assert_int_equal(tether_pool_stats(t->pool).reuses, 4);
	assert_int_equal(tether_server_stats(t->server).requests, 5);
	assert_int_equal(tether_server_stats(t->server).accepted, 1);
}

static void test_echo_large(void **state)
{
	static char sent[200 * 1024];
	struct trip *t = *state;

	memset(sent, 'x', sizeof(sent));
	t->request.method = "POST";
	t->request.data = sent;
	t->request.length = sizeof(sent);
	ask(t, "/echo");
	turn_until(t->loop, &t->ended);
	assert_int_equal(t->why, 0);
	assert_int_equal(t->len, sizeof(sent));
	assert_memory_equal(t->data, sent, sizeof(sent));
}

static void test_answer_later(void **state)
{
	struct trip *t = *state;

	ask(t, "/later");
	turn_until(t->loop, &t->came);
	assert_int_equal(t->later_over, 0);
	assert_int_equal(tether_call_reply(t->call, 200, NULL, 0, "late", 4), 0);
	assert_int_equal(tether_call_reply(t->call, 200, NULL, 0, "late", 4), -EBADF);
	turn_until(t->loop, &t->ended);
	assert_int_equal(t->later_over, 1);
	assert_int_equal(t->later_why, 0);
	assert_memory_equal(t->data, "late", 4);
}

static void test_body_deadline(void **state)
{
	struct trip *t = *state;

	ask(t, "/later");
	turn_until(t->loop, &t->came);
	pass(t->loop, &t->fake, 5 * TETHER_S);
	assert_int_equal(t->ended, 1);
	assert_int_equal(t->why, -ETIMEDOUT);
	assert_int_equal(tether_pool_stats(t->pool).active, 0);
	assert_int_equal(tether_body_end(t->body), -EBADF);
	pass(t->loop, &t->fake, 60 * TETHER_S);
	assert_int_equal(t->later_over, 1);
	assert_int_equal(t->ended, 1);
}

static void test_scope_ends_body(void **state)
{
	struct trip *t = *state;

	t->within_ns = 300 * TETHER_S;
	ask(t, "/later");
	turn_until(t->loop, &t->came);
	assert_int_equal(tether_scope_cancel(t->scope), 0);
	assert_int_equal(t->ended, 1);
	assert_int_equal(t->why, -ECANCELED);
}

static void test_handler_deadline(void **state)
{
	struct trip *t = *state;

	t->within_ns = 300 * TETHER_S;
	ask(t, "/later");
	turn_until(t->loop, &t->came);
	pass(t->loop, &t->fake, 60 * TETHER_S);
	assert_int_equal(t->later_over, 1);
	assert_int_equal(t->later_why, -ETIMEDOUT);
	assert_int_equal(tether_call_reply(t->call, 200, NULL, 0, "late", 4), -EBADF);
	turn_until(t->loop, &t->ended);
	assert_int_equal(t->why, 0);
	assert_int_equal(t->status, 503);
}

static void test_nobody_there(void **state)
{
	struct trip *t = *state;
	uint16_t port = t->dest.port;

	t->dest.port = 1;
	ask(t, "/");
	turn_until(t->loop, &t->ended);
	assert_int_equal(t->why, -ECONNREFUSED);
	t->dest.port = port;
}

static void test_drain_answers_first(void **state)
{
	struct trip *t = *state;

	t->within_ns = 300 * TETHER_S;
	ask(t, "/later");
	turn_until(t->loop, &t->came);
	assert_int_equal(tether_server_shutdown(t->server, 30 * TETHER_S, count_up, &t->drained),
			 0);
	pass(t->loop, &t->fake, TETHER_S);
	assert_int_equal(t->drained, 0);
	assert_int_equal(tether_call_reply(t->call, 200, NULL, 0, "bye", 3), 0);
	turn_until(t->loop, &t->ended);
	assert_int_equal(t->why, 0);
	assert_memory_equal(t->data, "bye", 3);
	turn_until(t->loop, &t->drained);
	assert_int_equal(tether_server_free(t->server), 0);
	/* A new one for the teardown. */
	struct tether_server_options options = { .handler = handle, .arg = t };

	t->drained = 0;
	assert_int_equal(tether_server_new(&t->loop, 1, &options, &t->server), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_get_reuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_echo_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answer_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_body_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scope_ends_body, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handler_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain_answers_first, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
