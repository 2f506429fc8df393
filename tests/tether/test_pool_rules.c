// SPDX-License-Identifier: BSD-2-Clause
/* The pool's rules: who is served, what is kept, for how long, and what a misuse gets. */
#include "peer.h"

static void settle(struct client *c)
{
	int i;

	for (i = 0; i < 500; i++)
		tether_loop_turn(c->loop, false);
}

/* @n leases at a time over @n new connections; the server's ends go to @fds. */
static void take(struct client *c, struct asked *asked, int n, int *fds)
{
	int i;

	for (i = 0; i < n; i++) {
		asked_init(&asked[i], c);
		asked[i].only_lease = true;
		ask_pool(&asked[i]);
		fds[i] = peer_accept(c->loop, c->listener);
		turn_until(c->loop, &asked[i].got);
		assert_int_equal(asked[i].status, 0);
	}
}

static void give(struct asked *asked, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		assert_int_equal(tether_lease_end(asked[i].lease, true), 0);
		asked_fini(&asked[i]);
	}
}

static void close_all(int *fds, int n)
{
	while (n--)
		close(fds[n]);
}

static void test_last_used_first(void **state)
{
	struct client c;
	struct asked asked[3];
	int fds[3], i;

	client_init(&c, NULL);
	take(&c, asked, 3, fds);
	give(asked, 3);
	settle(&c);
	assert_int_equal(tether_pool_stats(c.pool).idle, 3);
	/* The one given back last is taken, again and again. */
	for (i = 0; i < 5; i++)
		assert_int_equal(round_trip(&c, fds[2]), fds[2]);
	assert_int_equal(tether_pool_stats(c.pool).connects, 3);
	close_all(fds, 3);
	client_fini(&c);
}

static void test_first_come_first_served(void **state)
{
	struct tether_pool_options options = { .active = 1, .waiters = 4 };
	struct asked first, waiting[4], more;
	struct tether_lease lease;
	struct client c;
	int fd, i;

	client_init(&c, &options);
	take(&c, &first, 1, &fd);
	for (i = 0; i < 4; i++) {
		asked_init(&waiting[i], &c);
		waiting[i].only_lease = true;
		ask_pool(&waiting[i]);
	}
	asked_init(&more, &c);
	assert_int_equal(tether_pool_acquire(c.pool, &c.dest, more.scope, asked_lease, &more, NULL),
			 -EAGAIN);
	/* Whoever gives up holds nobody up. */
	assert_int_equal(tether_lease_end(waiting[1].lease, true), 0);
	give(&first, 1);
	/* It is idle for now, but somebody was first. */
	assert_int_equal(tether_pool_try_acquire(c.pool, &c.dest, more.scope, &lease), -EAGAIN);
	for (i = 0; i < 4; i++) {
		if (i == 1)
			continue;
		turn_until(c.loop, &waiting[i].got);
		assert_int_equal(tether_lease_end(waiting[i].lease, true), 0);
	}
	assert_int_equal(waiting[1].got, 0);
	assert_true(waiting[0].order < waiting[2].order && waiting[2].order < waiting[3].order);
	assert_int_equal(tether_pool_stats(c.pool).connects, 1);
	for (i = 0; i < 4; i++)
		asked_fini(&waiting[i]);
	asked_fini(&more);
	close(fd);
	client_fini(&c);
}

static void test_try_acquire(void **state)
{
	struct tether_lease lease, other;
	struct tether_scope gone = { 0 };
	struct client c;
	struct asked a;
	int fd;

	client_init(&c, NULL);
	asked_init(&a, &c);
	assert_int_equal(tether_pool_try_acquire(c.pool, &c.dest, a.scope, &lease), -EAGAIN);
	fd = round_trip(&c, -1);
	assert_int_equal(tether_pool_try_acquire(c.pool, &c.dest, gone, &lease), -EBADF);
	assert_int_equal(tether_pool_try_acquire(c.pool, &c.dest, a.scope, NULL), -EINVAL);
	assert_int_equal(tether_pool_try_acquire(c.pool, &c.dest, a.scope, &lease), 0);
	assert_int_equal(tether_pool_try_acquire(c.pool, &c.dest, a.scope, &other), -EAGAIN);
	assert_int_equal(tether_lease_end(lease, true), 0);
	assert_int_equal(tether_lease_end(lease, true), -EBADF);
	assert_int_equal(tether_pool_try_acquire(c.pool, &c.dest, a.scope, &lease), 0);
	/* The scope takes it back. */
	assert_int_equal(tether_scope_cancel(a.scope), 0);
	assert_int_equal(tether_lease_end(lease, true), -EBADF);
	assert_int_equal(tether_pool_stats(c.pool).idle, 1);
	asked_fini(&a);
	close(fd);
	client_fini(&c);
}

static void test_idle_limit(void **state)
{
	struct tether_pool_options options = { .idle = 2 };
	struct asked asked[4];
	struct client c;
	int fds[4];

	client_init(&c, &options);
	take(&c, asked, 4, fds);
	give(asked, 4);
	assert_int_equal(tether_pool_stats(c.pool).idle, 2);
	peer_closed(c.loop, fds[2]);
	peer_closed(c.loop, fds[3]);
	close_all(fds, 4);
	client_fini(&c);
}

/* The total is reached: a destination that has none is served at the cost of the longest unused. */
static void test_total_limit(void **state)
{
	struct tether_pool_options options = { .total = 2 };
	struct asked asked[2], third;
	struct client c;
	int fds[2], fd, other;
	uint16_t port;

	client_init(&c, &options);
	take(&c, asked, 2, fds);
	port = c.dest.port;
	other = peer_listen(4, &c.dest.port);
	asked_init(&third, &c);
	third.only_lease = true;
	ask_pool(&third);
	settle(&c);
	/* All are in use: it waits. */
	assert_int_equal(third.got, 0);
	give(asked, 2);
	fd = peer_accept(c.loop, other);
	turn_until(c.loop, &third.got);
	peer_closed(c.loop, fds[0]);
	assert_int_equal(tether_pool_stats(c.pool).idle, 1);
	give(&third, 1);
	c.dest.port = port;
	close_all(fds, 2);
	close(fd);
	close(other);
	client_fini(&c);
}

static void test_requests_of_a_connection(void **state)
{
	struct tether_pool_options options = { .requests = 2 };
	struct client c;
	int fd, next;

	client_init(&c, &options);
	fd = round_trip(&c, -1);
	round_trip(&c, fd);
	peer_closed(c.loop, fd);
	next = round_trip(&c, -1);
	assert_int_equal(tether_pool_stats(c.pool).expired, 1);
	assert_int_equal(tether_pool_stats(c.pool).connects, 2);
	close(fd);
	close(next);
	client_fini(&c);
}

/* Thirty connections do not all end in the same moment, and each within its tenth. */
static void test_lifetime(void **state)
{
	struct tether_pool_options options = { .idle = 64,
					       .lifetime_ns = 100 * TETHER_S,
					       .idle_ns = 1000 * TETHER_S };
	struct asked asked[30];
	struct client c;
	uint64_t idle, seen = 0;
	int fds[30], s;

	client_init(&c, &options);
	take(&c, asked, 30, fds);
	give(asked, 30);
	pass(c.loop, &c.fake, 90 * TETHER_S - 1);
	assert_int_equal(tether_pool_stats(c.pool).idle, 30);
	for (s = 0; s < 20; s++) {
		idle = tether_pool_stats(c.pool).idle;
		pass(c.loop, &c.fake, TETHER_S);
		seen += idle != tether_pool_stats(c.pool).idle;
	}
	pass(c.loop, &c.fake, 2);
	assert_int_equal(tether_pool_stats(c.pool).idle, 0);
	assert_int_equal(tether_pool_stats(c.pool).expired, 30);
	assert_true(seen >= 5);
	close_all(fds, 30);
	client_fini(&c);
}

/* A byte that nobody asked for, on an idle connection. */
static void test_silence_is_broken(void **state)
{
	struct client c;
	int fd, next;

	client_init(&c, NULL);
	fd = round_trip(&c, -1);
	peer_send(fd, "HTTP/1.1 408 Request Timeout\r\n\r\n");
	settle(&c);
	assert_int_equal(tether_pool_stats(c.pool).evicted, 1);
	next = round_trip(&c, -1);
	close(fd);
	close(next);
	client_fini(&c);
}

static void test_backoff(void **state)
{
	struct tether_pool_options options = { .backoff_ns = 100 * TETHER_MS,
					       .backoff_max_ns = 800 * TETHER_MS };
	struct client c;
	struct asked a;
	uint64_t least = 50 * TETHER_MS, most = 150 * TETHER_MS;
	int i;

	client_init(&c, &options);
	close(c.listener);
	for (i = 0; i < 6; i++) {
		asked_init(&a, &c);
		ask_pool(&a);
		if (i) {
			/* Not before the pause is over, and soon after it is. */
			pass(c.loop, &c.fake, least - 1);
			settle(&c);
			assert_int_equal(a.got, 0);
			pass(c.loop, &c.fake, most - least + 1);
			least = least * 2 < 400 * TETHER_MS ? least * 2 : 400 * TETHER_MS;
			most = most * 2 < 1200 * TETHER_MS ? most * 2 : 1200 * TETHER_MS;
		}
		turn_until(c.loop, &a.got);
		assert_int_equal(a.status, -ECONNREFUSED);
		assert_int_equal(tether_pool_stats(c.pool).connect_errors, i + 1);
		asked_fini(&a);
	}
	c.listener = open("/dev/null", O_RDONLY);
	client_fini(&c);
}

struct lateness {
	int times, returned;
	uint64_t held_ns;
	void *stack[16];
	size_t depth;
};

static void on_late(struct tether_lease lease, uint64_t held_ns, bool returned, void *const *stack,
		    size_t depth, void *arg)
{
	struct lateness *late = arg;

	(void)lease;
	late->times++;
	late->returned += returned;
	late->held_ns = held_ns;
	late->depth = depth;
	memcpy(late->stack, stack, depth * sizeof(*stack));
}

/* Two functions that call the pool: the report names the one that did. */
__attribute__((noinline)) static void acquire_here(struct asked *a)
{
	ask_pool(a);
	__asm__ volatile("");
}

static bool names(const struct lateness *late, void *fn)
{
	size_t i;

	for (i = 0; i < late->depth; i++)
		if (late->stack[i] > fn && (char *)late->stack[i] < (char *)fn + 4096)
			return true;
	return false;
}

static void test_late(void **state)
{
	struct lateness late = { 0 };
	struct tether_pool_options options = { .held_ns = 10 * TETHER_S,
					       .late = on_late,
					       .arg = &late };
	struct client c;
	struct asked a;
	int fd;

	client_init(&c, &options);
	asked_init(&a, &c);
	a.only_lease = true;
	acquire_here(&a);
	fd = peer_accept(c.loop, c.listener);
	turn_until(c.loop, &a.got);
	pass(c.loop, &c.fake, 10 * TETHER_S - 1);
	assert_int_equal(late.times, 0);
	pass(c.loop, &c.fake, 1);
	assert_int_equal(late.times, 1);
	assert_int_equal(late.returned, 0);
	assert_int_equal(late.held_ns, 10 * TETHER_S);
	assert_true(names(&late, (void *)acquire_here));
	pass(c.loop, &c.fake, 5 * TETHER_S);
	assert_int_equal(tether_pool_stats(c.pool).late, 1);
	assert_int_equal(tether_lease_end(a.lease, true), 0);
	assert_int_equal(late.times, 2);
	assert_int_equal(late.returned, 1);
	assert_int_equal(late.held_ns, 15 * TETHER_S);
	/* Who is not late is not spoken of. */
	round_trip(&c, fd);
	pass(c.loop, &c.fake, 30 * TETHER_S);
	assert_int_equal(late.times, 2);
	asked_fini(&a);
	close(fd);
	client_fini(&c);
}

/* ---- where ----------------------------------------------------------------------------------- */

static void test_destinations(void **state)
{
	struct tether_pool_options options = { .dests = 2 };
	struct client c;
	struct asked a;
	uint16_t port;
	int fd, i;

	client_init(&c, &options);
	port = c.dest.port;
	fd = round_trip(&c, -1);
	c.dest.host = "127.0.0.2";
	c.dest.port = 1;
	/* Destinations without connections are forgotten when another needs the room. */
	for (i = 1; i < 20; i++) {
		c.dest.port = i;
		asked_init(&a, &c);
		ask_pool(&a);
		turn_until(c.loop, &a.got);
		assert_int_equal(a.status, -ECONNREFUSED);
		asked_fini(&a);
	}
	c.dest.host = "127.0.0.1";
	c.dest.port = port;
	round_trip(&c, fd);
	assert_int_equal(tether_pool_stats(c.pool).connects, 1);
	close(fd);
	client_fini(&c);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Connections that are being made end at once, not by the grace; no time passes here. */
static void test_shutdown_while_connecting(void **state)
{
	struct tether_tls *tls;
	struct client c;
	struct asked a;
	int fd;

	assert_int_equal(tether_tls_client_insecure(&tls), 0);
	client_init(&c, NULL);
	c.dest.tls = tls;
	asked_init(&a, &c);
	ask_pool(&a);
	fd = peer_accept(c.loop, c.listener);
	assert_int_equal(tether_pool_stats(c.pool).connecting, 1);
	assert_int_equal(tether_pool_shutdown(c.pool, 3600 * TETHER_S, client_stopped, &c.stopped),
			 0);
	assert_int_equal(tether_pool_acquire(c.pool, &c.dest, a.scope, asked_lease, &a, NULL),
			 -ESHUTDOWN);
	assert_int_equal(tether_pool_shutdown(c.pool, TETHER_S, client_stopped, &c.stopped),
			 -EALREADY);
	assert_int_equal(a.got, 1);
	assert_int_equal(a.status, -ESHUTDOWN);
	asked_fini(&a);
	turn_until(c.loop, &c.stopped);
	close(fd);
	close(c.listener);
	tether_tls_free(tls);
	end_loop(c.loop);
	assert_int_equal(count_fds(), c.fds);
}

static void test_shutdown_waits_for_bodies(void **state)
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
	assert_int_equal(tether_pool_shutdown(c.pool, 3 * TETHER_S, client_stopped, &c.stopped), 0);
	settle(&c);
	assert_int_equal(c.stopped + a.ended, 0);
	pass(c.loop, &c.fake, 3 * TETHER_S);
	settle(&c);
	assert_int_equal(a.ended, 1);
	assert_int_equal(a.why, -ETIMEDOUT);
	assert_int_equal(c.stopped, 1);
	asked_fini(&a);
	close(fd);
	close(c.listener);
	end_loop(c.loop);
	assert_int_equal(count_fds(), c.fds);
}

static void test_misuse(void **state)
{
	const struct tether_body_events none = { 0 };
	struct tether_request request = { .target = "/" };
	struct tether_body nobody = { 0 };
	struct tether_lease never = { 0 };
	struct client c;
	struct asked a;
	char buf[4096];
	int fd;

	client_init(&c, NULL);
	assert_int_equal(tether_lease_end(never, true), -EBADF);
	assert_int_equal(tether_exchange(never, &request, TETHER_S, &none, NULL, NULL), -EBADF);
	assert_int_equal(tether_body_end(nobody), -EBADF);
	assert_int_equal(tether_body_read(nobody, asked_piece, NULL), -EBADF);
	asked_init(&a, &c);
	a.no_read = true;
	ask_pool(&a);
	/* It waits still: there is nothing to send over. */
	assert_int_equal(tether_exchange(a.lease, &request, TETHER_S, &none, NULL, NULL), -EBADF);
	fd = peer_accept(c.loop, c.listener);
	turn_until(c.loop, &a.got);
	assert_int_equal(tether_exchange(a.lease, &request, TETHER_S, &none, NULL, NULL), -EBADF);
	assert_int_equal(tether_lease_end(a.lease, true), -EBADF);
	peer_read(c.loop, fd, buf, sizeof(buf));
	assert_int_equal(tether_body_status(a.body), 0);
	peer_send(fd, RESPONSE);
	turn_until(c.loop, &a.head);
	assert_int_equal(tether_body_write(a.body, "x", 1), -EINVAL);
	assert_int_equal(tether_body_finish(a.body), -EINVAL);
	assert_int_equal(tether_body_end(a.body), 0);
	assert_int_equal(tether_body_end(a.body), -EBADF);
	assert_int_equal(tether_body_status(a.body), -EBADF);
	assert_null(tether_body_header(a.body, "Content-Length").at);
	assert_int_equal(a.ended, 1);
	/* Its body was not read: the connection is gone. */
	assert_int_equal(tether_pool_stats(c.pool).idle, 0);
	asked_fini(&a);
	close(fd);
	client_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_used_first),
		cmocka_unit_test(test_first_come_first_served),
		cmocka_unit_test(test_try_acquire),
		cmocka_unit_test(test_idle_limit),
		cmocka_unit_test(test_total_limit),
		cmocka_unit_test(test_requests_of_a_connection),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_silence_is_broken),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_shutdown_while_connecting),
		cmocka_unit_test(test_shutdown_waits_for_bodies),
		cmocka_unit_test(test_misuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
