// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each phase of a client, and each way in which it can end too early: the caller hears of it once
 * and why, nothing is left, and the pool still works.
 */
#include "peer.h"

enum phase {
	CONNECT,
	SHAKE,
	WAIT,
	WRITE,
	HEAD,
	BODY,
	IDLE,
	PHASES
};
enum event {
	END,
	RESET,
	TIMEOUT,
	CANCEL,
	EVENTS
};

struct stage {
	struct client client;
	struct asked first, asked;
	struct tether_tls *tls;
	int fd, fillers[2], n_fillers;
	bool threads;
};

/* Makes the peer's queue full: what connects now is not answered. */
static void fill_queue(struct stage *s)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };

	close(s->client.listener);
	s->client.listener = peer_listen(0, &s->client.dest.port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = htons(s->client.dest.port);
	for (; s->n_fillers < 2; s->n_fillers++) {
		s->fillers[s->n_fillers] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(s->fillers[s->n_fillers], (struct sockaddr *)&addr, sizeof(addr));
	}
}

static void bring_to_connect(struct stage *s, enum event event)
{
	if (event == RESET) {
		/* Nobody listens. */
		close(s->client.listener);
		s->client.listener = -1;
	} else {
		fill_queue(s);
	}
	ask_pool(&s->asked);
	pass(s->client.loop, &s->client.fake, 0);
}

static void bring_to_write(struct stage *s)
{
	static char piece[64 * 1024];

	s->asked.request.method = "POST";
	s->asked.request.length = TETHER_LENGTH_UNKNOWN;
	ask_pool(&s->asked);
	s->fd = peer_accept(s->client.loop, s->client.listener);
	turn_until(s->client.loop, &s->asked.got);
	while (!tether_body_write(s->asked.body, piece, sizeof(piece)))
		tether_loop_turn(s->client.loop, false);
	assert_int_equal(tether_body_write(s->asked.body, piece, 1), -EAGAIN);
}

static void bring_to(struct stage *s, enum phase phase, enum event event)
{
	struct client *c = &s->client;
	char buf[4096];

	switch (phase) {
	case CONNECT:
		bring_to_connect(s, event);
		return;
	case SHAKE:
		assert_int_equal(tether_tls_client_insecure(&s->tls), 0);
		c->dest.tls = s->tls;
		ask_pool(&s->asked);
		s->fd = peer_accept(c->loop, c->listener);
		return;
	case WAIT:
		s->first.only_lease = true;
		ask_pool(&s->first);
		s->fd = peer_accept(c->loop, c->listener);
		turn_until(c->loop, &s->first.got);
		ask_pool(&s->asked);
		pass(c->loop, &c->fake, 0);
		assert_int_equal(tether_pool_stats(c->pool).waiting, 1);
		return;
	case WRITE:
		bring_to_write(s);
		return;
	case IDLE:
		s->fd = round_trip(c, -1);
		assert_int_equal(tether_pool_stats(c->pool).idle, 1);
		return;
	default:
		ask_pool(&s->asked);
		s->fd = peer_accept(c->loop, c->listener);
		peer_read(c->loop, s->fd, buf, sizeof(buf));
		if (phase == BODY) {
			peer_send(s->fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
			turn_until(c->loop, &s->asked.head);
		}
	}
}

static void happen(struct stage *s, enum phase phase, enum event event)
{
	struct client *c = &s->client;

	if (event == RESET && s->fd >= 0) {
		peer_reset(s->fd);
		s->fd = -1;
	} else if (event == END && (phase == WRITE || phase == SHAKE)) {
		shutdown(s->fd, SHUT_WR);
	} else if (event == END && s->fd >= 0) {
		close(s->fd);
		s->fd = -1;
	} else if (event == TIMEOUT) {
		pass(c->loop, &c->fake,
		     phase == WAIT || phase == IDLE ? 60 * TETHER_S : 11 * TETHER_S);
	} else if (event == CANCEL) {
		assert_int_equal(tether_scope_cancel(s->asked.scope), 0);
	}
}

/* Threads of a connection need the processor too. */
static void settle(struct stage *s)
{
	int i;

	for (i = 0; i < 1000; i++) {
		tether_loop_turn(s->client.loop, false);
		if (s->threads && i % 10 == 0)
			usleep(100);
	}
}

static void check_idle(struct stage *s, enum event event)
{
	struct client *c = &s->client;
	struct tether_pool_stats stats;
	int i;

	settle(s);
	stats = tether_pool_stats(c->pool);
	assert_int_equal(stats.idle, event == CANCEL);
	assert_int_equal(stats.evicted, event == END || event == RESET);
	assert_int_equal(stats.expired, event == TIMEOUT);
	/* The next one does not meet it. */
	i = round_trip(c, event == CANCEL ? s->fd : -1);
	assert_int_equal(tether_pool_stats(c->pool).connects, event == CANCEL ? 1 : 2);
	if (i != s->fd)
		close(i);
}

/* The waiter is served in the place of the lease that died. */
static void check_wait(struct stage *s, enum event event)
{
	struct client *c = &s->client;
	char buf[4096];
	int fd;

	if (event == END || event == RESET) {
		fd = peer_accept(c->loop, c->listener);
		peer_read(c->loop, fd, buf, sizeof(buf));
		peer_send(fd, RESPONSE);
		turn_until(c->loop, &s->asked.ended);
		assert_int_equal(s->asked.why, 0);
		assert_int_equal(tether_lease_end(s->first.lease, true), -EBADF);
		close(fd);
		return;
	}
	turn_until(c->loop, &s->asked.got);
	assert_int_equal(s->asked.status, event == TIMEOUT ? -ETIMEDOUT : -ECANCELED);
	/* The scope of the lease has passed as well, and gave it back. */
	assert_int_equal(tether_lease_end(s->first.lease, true), event == TIMEOUT ? -EBADF : 0);
}

static void check_asked(struct stage *s, enum phase phase, enum event event)
{
	static const int why[] = { -ECONNRESET, -ECONNRESET, -ETIMEDOUT, -ECANCELED };
	struct client *c = &s->client;
	int want = why[event];

	if (phase == CONNECT || phase == SHAKE) {
		turn_until(c->loop, &s->asked.got);
		if (phase == CONNECT && event == RESET)
			want = -ECONNREFUSED;
		assert_int_equal(s->asked.status, want);
		assert_int_equal(s->asked.ended, 0);
		/* Who wanted it is gone, the connection may still come: until its own deadline. */
		pass(c->loop, &c->fake, 11 * TETHER_S);
		assert_int_equal(tether_pool_stats(c->pool).connecting, 0);
		return;
	}
	turn_until(c->loop, &s->asked.ended);
	if (s->asked.why == -EPIPE && phase == WRITE && event == RESET)
		want = -EPIPE;
	assert_int_equal(s->asked.why, want);
	assert_int_equal(s->asked.got, 1);
	assert_int_equal(tether_body_end(s->asked.body), -EBADF);
	assert_int_equal(tether_body_write(s->asked.body, "x", 1), -EBADF);
}

static void run(enum phase phase, enum event event, bool threads)
{
	struct tether_pool_options options = { .active = 1, .threads = threads };
	struct stage *s = test_calloc(1, sizeof(*s));
	int i;

	s->fd = -1;
	s->threads = threads;
	client_init(&s->client, &options);
	asked_init(&s->first, &s->client);
	asked_init(&s->asked, &s->client);
	bring_to(s, phase, event);
	happen(s, phase, event);
	if (phase == IDLE)
		check_idle(s, event);
	else if (phase == WAIT)
		check_wait(s, event);
	else
		check_asked(s, phase, event);
	settle(s);
	assert_true(s->asked.ended <= 1 && s->asked.got <= 1);
	assert_int_equal(tether_pool_stats(s->client.pool).active, 0);
	assert_int_equal(tether_pool_stats(s->client.pool).waiting, 0);
	asked_fini(&s->first);
	asked_fini(&s->asked);
	for (i = 0; i < s->n_fillers; i++)
		close(s->fillers[i]);
	if (s->fd >= 0)
		close(s->fd);
	if (s->client.listener < 0)
		s->client.listener = open("/dev/null", O_RDONLY);
	client_fini(&s->client);
	tether_tls_free(s->tls);
	test_free(s);
}

static void run_all(bool threads)
{
	struct tether_tls *tls;
	int phase, event;

	/* GnuTLS opens what it needs once. */
	assert_int_equal(tether_tls_client_insecure(&tls), 0);
	tether_tls_free(tls);
	for (phase = 0; phase < PHASES; phase++) {
		for (event = 0; event < EVENTS; event++) {
			/* What does not stand cannot end. */
			if (phase == CONNECT && event == END)
				continue;
			print_message("phase %d, event %d\n", phase, event);
			run(phase, event, threads);
		}
	}
}

static void test_on_the_loop(void **state)
{
	run_all(false);
}

static void test_with_threads(void **state)
{
	run_all(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_on_the_loop),
		cmocka_unit_test(test_with_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
