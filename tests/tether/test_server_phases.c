// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every phase of a connection of the server, and each way in which it can end: the peer's FIN, its
 * reset, the deadline of the phase, a drain. Each ends, and says why.
 */
#include "server_world.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/* ---- the handler ----------------------------------------------------------------------------- */

static void on_piece(struct tether_call call, const void *data, size_t len, void *arg)
{
	(void)data;
	if (len)
		assert_int_equal(tether_call_read(call, on_piece, arg), 0);
	else
		assert_int_equal(tether_call_reply(call, 200, NULL, 0, "read", 4), 0);
}

static void write_on(struct tether_call call, void *arg)
{
	static const char zeros[65536];
	int err = 0;

	while (!err)
		err = tether_call_write(call, zeros, sizeof(zeros));
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(tether_call_drained(call, write_on, arg), 0);
}

static void handle(struct tether_call call, void *arg)
{
	struct tether_text target = tether_call_target(call);
	struct peer_world *w = arg;

	w->call = call;
	w->came++;
	assert_int_equal(tether_call_on_end(call, note_over, w), 0);
	if (!strcmp(target.at, "/read")) {
		assert_int_equal(tether_call_read(call, on_piece, w), 0);
	} else if (!strcmp(target.at, "/stream")) {
		assert_int_equal(tether_call_begin(call, 200, NULL, 0, TETHER_LENGTH_UNKNOWN), 0);
		write_on(call, w);
	} else if (strcmp(target.at, "/later") != 0) {
		assert_int_equal(tether_call_reply(call, 200, NULL, 0, "hello", 5), 0);
	}
}

/* ---- how a phase is entered ------------------------------------------------------------------ */

static void enter_new(struct peer_world *w)
{
	turns(w, 8);
}

static void enter_idle(struct peer_world *w)
{
	peer_send(w, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	peer_await(w, "hello");
}

static void enter_header(struct peer_world *w)
{
	peer_send(w, "GET / HT");
}

static void enter_body(struct peer_world *w)
{
	peer_send(w, "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
	assert_int_equal(w->came, 1);
}

static void enter_expect(struct peer_world *w)
{
	peer_send(w, "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n"
		     "Expect: 100-continue\r\n\r\n");
	peer_await(w, "100 Continue");
}

static void enter_handler(struct peer_world *w)
{
	peer_send(w, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(w->came, 1);
}

static void enter_write(struct peer_world *w)
{
	peer_send(w, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(w->came, 1);
	turns(w, 200);
}

static void enter_linger(struct peer_world *w)
{
	peer_send(w, "nonsense\r\n\r\n");
	peer_await(w, "400 Bad Request");
	peer_await_end(w);
	assert_int_equal(peers(w), 1);
}

static void enter_handshake(struct peer_world *w)
{
	/* The beginning of a client hello. */
	static const char hello[] = { 0x16, 3, 1, 2, 0, 1, 0, 1, (char)0xfc, 3, 3 };

	assert_int_equal(send(w->peer, hello, sizeof(hello), 0), sizeof(hello));
	turns(w, 8);
}

#define UNSAID 1 /* there is no call that could be told, or its end is not come */

static const struct phase {
	const char *name;
	void (*enter)(struct peer_world *w);
	uint64_t deadline_ns;
	const char *late;		/* what a peer is told that was too slow */
	int late_why, eof_why, rst_why; /* of the call */
	bool eof_stays;			/* who has said all may still be answered */
	bool drains;			/* nothing is in flight: a drain ends it at once */
	bool tls;
} phases[] = {
	{ "new", enter_new, 75 * TETHER_S, NULL, UNSAID, UNSAID, UNSAID, .drains = true },
	{ "idle", enter_idle, 75 * TETHER_S, NULL, 0, 0, 0, .drains = true },
	{ "header", enter_header, 10 * TETHER_S, "408 ", UNSAID, UNSAID, UNSAID, .tls = false },
	{ "body", enter_body, 10 * TETHER_S, "408 ", -ETIMEDOUT, -ECONNRESET, -ECONNRESET,
	  .tls = false },
	{ "expect", enter_expect, 10 * TETHER_S, "408 ", -ETIMEDOUT, -ECONNRESET, -ECONNRESET,
	  .tls = false },
	{ "handler", enter_handler, 60 * TETHER_S, "503 ", -ETIMEDOUT, UNSAID, -ECONNRESET,
	  .eof_stays = true },
	{ "write", enter_write, 300 * TETHER_S, NULL, -ETIMEDOUT, UNSAID, -ECONNRESET,
	  .eof_stays = true },
	{ "linger", enter_linger, 2 * TETHER_S, NULL, UNSAID, UNSAID, UNSAID, .tls = false },
	{ "handshake", enter_handshake, 10 * TETHER_S, NULL, UNSAID, UNSAID, UNSAID, .tls = true },
};

/* ---- a certificate --------------------------------------------------------------------------- */

static void save(const char *path, const gnutls_datum_t *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text->data, 1, text->size, f), text->size);
	fclose(f);
}

static void make_tls(struct tether_tls **tls)
{
	char cert_path[] = "/tmp/tether-cert-XXXXXX", key_path[] = "/tmp/tether-key-XXXXXX";
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;
	gnutls_datum_t text;

	close(mkstemp(cert_path));
	close(mkstemp(key_path));
	gnutls_x509_privkey_init(&key);
	gnutls_x509_crt_init(&cert);
	assert_int_equal(
		gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		0);
	gnutls_x509_crt_set_key(cert, key);
	gnutls_x509_crt_set_version(cert, 3);
	gnutls_x509_crt_set_serial(cert, "1", 1);
	gnutls_x509_crt_set_activation_time(cert, time(NULL) - 60);
	gnutls_x509_crt_set_expiration_time(cert, time(NULL) + 3600);
	assert_int_equal(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &text), 0);
	save(cert_path, &text);
	gnutls_free(text.data);
	assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &text), 0);
	save(key_path, &text);
	gnutls_free(text.data);
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
	assert_int_equal(tether_tls_server(cert_path, key_path, tls), 0);
	unlink(cert_path);
	unlink(key_path);
}

static struct peer_world *in_phase(const struct phase *phase)
{
	struct peer_world *w = world_new(handle);

	print_message("in phase %s\n", phase->name);
	if (phase->tls)
		make_tls(&w->tls);
	w->options.tls = w->tls;
	world_listen(w);
	peer_connect(w);
	phase->enter(w);
	assert_int_equal(peers(w), 1);
	return w;
}

/* The call, if there was one, has ended once and said so. */
static void check_call(struct peer_world *w, int why)
{
	assert_int_equal(w->over, why == UNSAID ? 0 : 1);
	if (why != UNSAID)
		assert_int_equal(w->why, why);
}

/* ---- how it ends ----------------------------------------------------------------------------- */

static void end_by_deadline(const struct phase *phase)
{
	struct peer_world *w = in_phase(phase);

	pass(w->loop, &w->fake, phase->deadline_ns - TETHER_MS);
	assert_int_equal(peers(w), 1);
	check_call(w, phase->late_why == -ETIMEDOUT ? UNSAID : phase->late_why);
	/* The floor grants some milliseconds for what came of a body. */
	pass(w->loop, &w->fake, 10 * TETHER_MS);
	check_call(w, phase->late_why);
	if (phase->late)
		peer_await(w, phase->late);
	else if (strcmp(phase->name, "write") != 0)
		peer_await_end(w);
	/* Whatever the peer does, or does not: the lingering is over then. */
	pass(w->loop, &w->fake, 2 * TETHER_S);
	await_nobody(w);
	world_free(w);
}

static void end_by_eof(const struct phase *phase)
{
	struct peer_world *w = in_phase(phase);

	assert_int_equal(shutdown(w->peer, SHUT_WR), 0);
	turns(w, 8);
	check_call(w, phase->eof_why);
	if (phase->eof_stays) {
		assert_int_equal(peers(w), 1);
		pass(w->loop, &w->fake, phase->deadline_ns);
		check_call(w, phase->late_why);
		pass(w->loop, &w->fake, 2 * TETHER_S);
	}
	await_nobody(w);
	world_free(w);
}

static void end_by_reset(const struct phase *phase)
{
	struct peer_world *w = in_phase(phase);

	peer_reset(w);
	await_nobody(w);
	check_call(w, phase->rst_why);
	world_free(w);
}

static void end_by_drain(const struct phase *phase)
{
	struct peer_world *w = in_phase(phase);

	/* Older than what is about to ask. */
	pass(w->loop, &w->fake, TETHER_S);
	assert_int_equal(tether_server_shutdown(w->server, 5 * TETHER_S, note_done, &w->done), 0);
	turns(w, 8);
	if (phase->drains) {
		peer_await_end(w);
		peer_close(w);
		await_nobody(w);
	} else {
		assert_int_equal(w->done, 0);
		assert_int_equal(peers(w), 1);
	}
	pass(w->loop, &w->fake, 5 * TETHER_S);
	await_nobody(w);
	turn_until(w->loop, &w->done);
	if (!phase->drains && phase->late_why == -ETIMEDOUT)
		check_call(w, -ETIMEDOUT);
	world_free(w);
}

static void each(void (*end)(const struct phase *phase))
{
	size_t i;

	for (i = 0; i < SIZE(phases); i++)
		end(&phases[i]);
}

static void test_deadline(void **state)
{
	each(end_by_deadline);
}

static void test_eof(void **state)
{
	each(end_by_eof);
}

static void test_reset(void **state)
{
	each(end_by_reset);
}

static void test_drain(void **state)
{
	each(end_by_drain);
}

/* ---- totals ---------------------------------------------------------------------------------- */

/* A byte now and then extends nothing. */
static void drip(const char *head, const char *byte, uint64_t total_ns)
{
	struct peer_world *w = world_new(handle);
	uint64_t begin = w->fake.now_ns;

	print_message("drip after %s\n", head);
	world_listen(w);
	peer_connect(w);
	peer_send(w, head);
	while (w->fake.now_ns - begin < total_ns - TETHER_S) {
		pass(w->loop, &w->fake, TETHER_S);
		assert_int_equal(peers(w), 1);
		peer_send(w, byte);
	}
	/* What came has earned the milliseconds that the floor grants for it. */
	pass(w->loop, &w->fake, TETHER_S + 100 * TETHER_MS);
	peer_await(w, "408 ");
	pass(w->loop, &w->fake, 2 * TETHER_S);
	await_nobody(w);
	world_free(w);
}

static void test_drip(void **state)
{
	drip("GET / HTTP/1.1\r\nX-", "X", 10 * TETHER_S);
	drip("\r\n", "\r\n", 10 * TETHER_S);
	drip("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n", "x",
	     10 * TETHER_S);
	drip("POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n",
	     10 * TETHER_S);
}

/* Fast enough for the floor, the total is the end. */
static void test_body_total(void **state)
{
	struct peer_world *w = world_new(handle);
	char piece[2001];
	int i;

	memset(piece, 'x', sizeof(piece) - 1);
	piece[sizeof(piece) - 1] = '\0';
	world_listen(w);
	peer_connect(w);
	peer_send(w, "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 90000000\r\n\r\n");
	for (i = 0; i < 299; i++) {
		pass(w->loop, &w->fake, TETHER_S);
		assert_int_equal(w->over, 0);
		peer_send(w, piece);
	}
	pass(w->loop, &w->fake, TETHER_S);
	check_call(w, -ETIMEDOUT);
	peer_await(w, "408 ");
	world_free(w);
}

/* Each request of a pipeline has its own time, though one begins in the packet that ends another.
 */
static void test_pipeline_has_time(void **state)
{
	struct peer_world *w = world_new(handle);
	int i;

	world_listen(w);
	peer_connect(w);
	peer_send(w, "GET / HT");
	for (i = 0; i < 10; i++) {
		pass(w->loop, &w->fake, 6 * TETHER_S);
		peer_send(w, "TP/1.1\r\nHost: a\r\n\r\nGET / HT");
		assert_int_equal(w->came, i + 1);
	}
	assert_int_equal(tether_server_stats(w->server).timeouts, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_eof),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drip),
		cmocka_unit_test(test_body_total),
		cmocka_unit_test(test_pipeline_has_time),
	};

	return cmocka_run_group_tests(tests, warm_up, NULL);
}
