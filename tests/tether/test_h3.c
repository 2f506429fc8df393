// SPDX-License-Identifier: BSD-2-Clause
/* HTTP/3 from the pool to the server, over loopback: the same handler, the same handles. */
#include "quic_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct trip {
	struct fake_clock fake;
	struct tether_loop *loop;
	struct quic_cert cert;
	struct tether_tls *server_tls, *client_tls;
	struct tether_server *server;
	struct tether_pool *pool;
	struct tether_scope scope;
	struct tether_dest dest;
	struct tether_request request;
	struct tether_body body;
	struct tether_call call; /* of /later */
	int ended, why, status, drained, stopped, came, over, over_why, many, got_method;
	char *data;
	size_t len;
	bool lazy; /* asks for no body */
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
		return;
	}
	assert_int_equal(tether_call_write(call, data, len), 0);
	assert_int_equal(tether_call_drained(call, echo_more, arg), 0);
}

static void is_over(int why, void *arg)
{
	struct trip *t = arg;

	t->over++;
	t->over_why = why;
}

static void check_request(struct trip *t, struct tether_call call)
{
	struct tether_text host = tether_call_header(call, "Host");
	struct tether_text own = tether_call_header(call, "x-own");

	assert_true(host.at && !strncmp(host.at, "127.0.0.1:", 10));
	assert_string_equal(own.at, "Value");
	assert_string_equal(tether_call_method(call).at, "PUT");
	assert_non_null(tether_call_peer(call));
	t->got_method++;
}

static void handle(struct tether_call call, void *arg)
{
	static const struct tether_field fields[] = { { "X-Answer", "Yes" } };
	const char *target = tether_call_target(call).at;
	struct trip *t = arg;

	if (!strcmp(target, "/echo")) {
		assert_int_equal(tether_call_read(call, echo_piece, t), 0);
		assert_int_equal(tether_call_begin(call, 200, NULL, 0, tether_call_length(call)),
				 0);
	} else if (!strcmp(target, "/later")) {
		t->call = call;
		t->came++;
		assert_int_equal(tether_call_on_end(call, is_over, t), 0);
	} else if (!strcmp(target, "/cut")) {
		assert_int_equal(tether_call_begin(call, 200, NULL, 0, TETHER_LENGTH_UNKNOWN), 0);
		assert_int_equal(tether_call_write(call, "half", 4), 0);
		assert_int_equal(tether_call_cancel(call), 0);
	} else if (!strcmp(target, "/fields")) {
		check_request(t, call);
		assert_int_equal(tether_call_reply(call, 204, fields, 1, NULL, 0), 0);
	} else {
		assert_int_equal(tether_call_reply(call, 200, fields, 1, "hello", 5), 0);
	}
}

/* ---- the client's side ----------------------------------------------------------------------- */

static void on_piece(struct tether_body body, const void *data, size_t len, void *arg)
{
	struct trip *t = arg;

	t->data = realloc(t->data, t->len + len + 1);
	assert_non_null(t->data);
	memcpy(t->data + t->len, data, len);
	t->len += len;
	if (len)
		assert_int_equal(tether_body_read(body, on_piece, t), 0);
}

static void on_head(struct tether_body body, int status, void *arg)
{
	struct trip *t = arg;

	t->status = status;
	if (status == 204)
		assert_string_equal(tether_body_header(body, "x-answer").at, "Yes");
	if (!t->lazy)
		assert_int_equal(tether_body_read(body, on_piece, t), 0);
}

static void on_end(struct tether_body body, int why, void *arg)
{
	struct trip *t = arg;

	t->ended++;
	t->many++;
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
	assert_int_equal(tether_exchange(lease, &t->request, 5 * TETHER_S, &events, t, &t->body),
			 0);
	assert_int_equal(tether_lease_end(lease, true), -EBADF);
}

static void ask(struct trip *t, const char *target)
{
	t->ended = t->why = t->status = 0;
	t->len = 0;
	t->request.target = target;
	assert_int_equal(tether_pool_acquire(t->pool, &t->dest, t->scope, on_lease, t, NULL), 0);
}

static void pass_ms(struct trip *t, unsigned int ms)
{
	while (ms--) {
		t->fake.now_ns += TETHER_MS;
		tether_loop_turn(t->loop, false);
	}
}

static void until(struct trip *t, const int *flag, unsigned int ms)
{
	while (ms-- && !*flag)
		pass_ms(t, 1);
	assert_true(*flag);
}

static int setup(void **state)
{
	struct trip *t = test_calloc(1, sizeof(*t));
	struct tether_server_options options = { .handler = handle, .arg = t };
	uint16_t port;

	t->loop = fake_loop(&t->fake);
	quic_cert_make(&t->cert);
	assert_int_equal(tether_tls_server(t->cert.cert, t->cert.key, &t->server_tls), 0);
	assert_int_equal(tether_tls_client_insecure(&t->client_tls), 0);
	options.tls = t->server_tls;
	options.body_bytes = 1 << 20;
	t->dest = (struct tether_dest){ .host = "127.0.0.1", .tls = t->client_tls, .h3 = true };
	assert_int_equal(tether_server_new(&t->loop, 1, &options, &t->server), 0);
	assert_int_equal(tether_server_listen_h3(t->server, "127.0.0.1", &port), -EINVAL);
	assert_int_equal(tether_server_listen_h3(t->server, "127.0.0.1:0", &t->dest.port), 0);
	assert_int_equal(tether_pool_new(t->loop, NULL, &t->pool), 0);
	assert_int_equal(tether_scope_new(t->loop, 3600 * TETHER_S, &t->scope), 0);
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
	if (!t->drained)
		assert_int_equal(
			tether_server_shutdown(t->server, 3 * TETHER_S, count_up, &t->drained), 0);
	until(t, &t->stopped, 5000);
	until(t, &t->drained, 5000);
	assert_int_equal(t->drained, 1);
	assert_int_equal(tether_server_free(t->server), 0);
	tether_tls_free(t->server_tls);
	tether_tls_free(t->client_tls);
	quic_cert_drop(&t->cert);
	free(t->data);
	pass_ms(t, 3600 * 10);
	t->fake.now_ns += 3600 * TETHER_S;
	end_loop(t->loop);
	test_free(t);
	return 0;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_get(void **state)
{
	struct trip *t = *state;
	int i;

	for (i = 0; i < 5; i++) {
		ask(t, "/");
		until(t, &t->ended, 1000);
		assert_int_equal(t->why, 0);
		assert_int_equal(t->status, 200);
		assert_int_equal(t->len, 5);
		assert_memory_equal(t->data, "hello", 5);
	}
	assert_int_equal(tether_server_stats(t->server).requests, 5);
	assert_int_equal(tether_server_stats(t->server).accepted, 1);
	assert_int_equal(tether_loop_count(t->loop).quic_conns, 2);
}

static void test_fields(void **state)
{
	struct trip *t = *state;
	const struct tether_field field = { "X-Own", "Value" };

	t->request.method = "PUT";
	t->request.fields = &field;
	t->request.n_fields = 1;
	ask(t, "/fields");
	until(t, &t->ended, 1000);
	assert_int_equal(t->why, 0);
	assert_int_equal(t->status, 204);
	assert_int_equal(t->len, 0);
	assert_int_equal(t->got_method, 1);
}

static void test_echo_large(void **state)
{
	static char sent[900 * 1024];
	struct trip *t = *state;
	size_t i;

	for (i = 0; i < sizeof(sent); i++)
		sent[i] = i * 31 + (i >> 9);
	t->request.method = "POST";
	t->request.data = sent;
	t->request.length = sizeof(sent);
	ask(t, "/echo");
	until(t, &t->ended, 4000);
	assert_int_equal(t->why, 0);
	assert_int_equal(t->len, sizeof(sent));
	assert_memory_equal(t->data, sent, sizeof(sent));
}

static void test_body_limit(void **state)
{
	static char sent[3 << 19];
	struct trip *t = *state;

	t->request.method = "POST";
	t->request.data = sent;
	t->request.length = sizeof(sent);
	ask(t, "/echo");
	until(t, &t->ended, 1000);
	assert_int_equal(t->why, 0);
	assert_int_equal(t->status, 413);
	assert_int_equal(tether_server_stats(t->server).requests, 0);
	assert_int_equal(tether_server_stats(t->server).bad_requests, 1);
}

static void test_streamed(void **state)
{
	struct trip *t = *state;
	int i;

	t->request.method = "POST";
	t->request.length = TETHER_LENGTH_UNKNOWN;
	ask(t, "/echo");
	pass_ms(t, 50);
	for (i = 0; i < 10; i++) {
		assert_int_equal(tether_body_write(t->body, "piece", 5), 0);
		pass_ms(t, 5);
		assert_int_equal(t->len, 5 * (i + 1));
	}
	assert_int_equal(t->ended, 0);
	assert_int_equal(tether_body_finish(t->body), 0);
	until(t, &t->ended, 1000);
	assert_int_equal(t->why, 0);
	assert_int_equal(t->len, 50);
}

static void test_cut_off(void **state)
{
	struct trip *t = *state;

	ask(t, "/cut");
	until(t, &t->ended, 1000);
	assert_int_equal(t->why, -ECONNRESET);
	/* The stream only: the connection goes on. */
	ask(t, "/");
	until(t, &t->ended, 1000);
	assert_int_equal(t->why, 0);
	assert_int_equal(tether_server_stats(t->server).accepted, 1);
}

static void test_caller_gives_up(void **state)
{
	struct trip *t = *state;

	ask(t, "/later");
	until(t, &t->came, 1000);
	assert_int_equal(tether_body_end(t->body), 0);
	assert_int_equal(t->why, -ECANCELED);
	until(t, &t->over, 1000);
	assert_int_equal(t->over_why, -ECONNRESET);
	assert_int_equal(tether_call_reply(t->call, 200, NULL, 0, NULL, 0), -EBADF);
	pass_ms(t, 100);
	assert_int_equal(tether_loop_count(t->loop).calls, 0);
	ask(t, "/");
	until(t, &t->ended, 1000);
	assert_int_equal(t->why, 0);
	assert_int_equal(tether_server_stats(t->server).accepted, 1);
}

static void test_deadline(void **state)
{
	struct trip *t = *state;

	ask(t, "/later");
	until(t, &t->came, 1000);
	pass_ms(t, 4900);
	assert_int_equal(t->ended, 0);
	until(t, &t->ended, 300);
	assert_int_equal(t->why, -ETIMEDOUT);
	until(t, &t->over, 1000);
}

static void test_handler_forgets(void **state)
{
	struct trip *t = *state;
	int i;

	/* Nobody answers, and the client has all the time in the world. */
	for (i = 0; i < 12; i++) {
		ask(t, "/later");
		pass_ms(t, 4999);
		tether_body_end(t->body);
		pass_ms(t, 10);
	}
	assert_int_equal(t->came, 12);
	assert_int_equal(t->over, 12);
}

static void test_many(void **state)
{
	struct trip *t = *state;
	int i;

	for (i = 0; i < 500; i++)
		ask(t, "/");
	for (i = 0; i < 2000 && t->many < 500; i++)
		pass_ms(t, 1);
	assert_int_equal(t->many, 500);
	assert_int_equal(tether_server_stats(t->server).requests, 500);
	pass_ms(t, 100);
	assert_int_equal(tether_loop_count(t->loop).calls, 0);
	assert_int_equal(tether_loop_count(t->loop).bodies, 0);
}

/* A request in flight is answered, what comes after that is not taken, and done() comes once. */
static void test_drain(void **state)
{
	struct trip *t = *state;

	ask(t, "/later");
	until(t, &t->came, 1000);
	assert_int_equal(tether_server_shutdown(t->server, 10 * TETHER_S, count_up, &t->drained),
			 0);
	pass_ms(t, 500);
	assert_int_equal(t->drained, 0);
	assert_int_equal(t->ended, 0);
	assert_int_equal(tether_call_reply(t->call, 200, NULL, 0, "late", 4), 0);
	until(t, &t->ended, 100);
	assert_int_equal(t->why, 0);
	assert_int_equal(t->len, 4);
	until(t, &t->drained, 1000);
	pass_ms(t, 100);
	assert_int_equal(t->drained, 1);
	assert_int_equal(t->over_why, 0);
	ask(t, "/");
	until(t, &t->ended, 6000);
	assert_true(t->why < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_get, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_echo_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_body_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streamed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_caller_gives_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handler_forgets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
