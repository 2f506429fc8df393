// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names: several addresses are tried in turn, each for its share of the time. The resolver is this
 * file's own (it stands in the place of the C library's for libuv), the sockets are real.
 */
#include "peer.h"

#include <netdb.h>
#include <stdlib.h>

/* The ports that "two.test" stands for, in order. */
static uint16_t ports[2];

static struct addrinfo *address(uint16_t port, struct addrinfo *next)
{
	struct addrinfo *info = calloc(1, sizeof(*info) + sizeof(struct sockaddr_in));
	struct sockaddr_in *addr = (struct sockaddr_in *)(info + 1);

	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr->sin_port = htons(port);
	info->ai_family = AF_INET;
	info->ai_addr = (struct sockaddr *)addr;
	info->ai_addrlen = sizeof(*addr);
	info->ai_next = next;
	return info;
}

TETHER_API int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
			   struct addrinfo **res)
{
	if (!strcmp(node, "slow.test"))
		usleep(200000);
	if (!strcmp(node, "none.test"))
		return EAI_NONAME;
	*res = address(ports[0], address(ports[1], NULL));
	return 0;
}

TETHER_API void freeaddrinfo(struct addrinfo *res)
{
	struct addrinfo *next;

	for (; res; res = next) {
		next = res->ai_next;
		free(res);
	}
}

static int hole, fillers[2];

/* A listener whose queue is full: who connects is not answered. */
static void dig_hole(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int i;

	hole = peer_listen(0, &ports[0]);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = htons(ports[0]);
	for (i = 0; i < 2; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fillers[i], (struct sockaddr *)&addr, sizeof(addr));
	}
}

static void fill_hole(void)
{
	close(hole);
	close(fillers[0]);
	close(fillers[1]);
}

/* libuv's threads, and what they open, are there before descriptors are counted. */
static void begin(struct client *c, const char *host)
{
	struct asked a;

	client_init(c, NULL);
	c->dest.host = "none.test";
	asked_init(&a, c);
	ask_pool(&a);
	turn_until(c->loop, &a.got);
	assert_int_equal(a.status, -EHOSTUNREACH);
	asked_fini(&a);
	ports[0] = 1;
	ports[1] = c->dest.port;
	c->dest.host = host;
}

static void test_next_address(void **state)
{
	struct client c;

	begin(&c, "two.test");
	close(round_trip(&c, -1));
	assert_int_equal(tether_pool_stats(c.pool).connect_errors, 1);
	assert_int_equal(tether_pool_stats(c.pool).connects, 1);
	client_fini(&c);
}

static void test_no_address_is_left(void **state)
{
	struct client c;
	struct asked a;

	begin(&c, "two.test");
	ports[1] = 1;
	asked_init(&a, &c);
	ask_pool(&a);
	turn_until(c.loop, &a.got);
	assert_int_equal(a.status, -ECONNREFUSED);
	asked_fini(&a);
	client_fini(&c);
}

static void test_share_of_the_time(void **state)
{
	struct client c;
	struct asked a;
	int fd;

	begin(&c, "two.test");
	dig_hole();
	asked_init(&a, &c);
	a.only_lease = true;
	ask_pool(&a);
	while (!tether_pool_stats(c.pool).connecting)
		tether_loop_turn(c.loop, false);
	usleep(20000);
	pass(c.loop, &c.fake, 0);
	/* Half of connect_ns, and then the other. */
	pass(c.loop, &c.fake, 5 * TETHER_S);
	fd = peer_accept(c.loop, c.listener);
	turn_until(c.loop, &a.got);
	assert_int_equal(a.status, 0);
	assert_int_equal(tether_lease_end(a.lease, true), 0);
	asked_fini(&a);
	fill_hole();
	close(fd);
	client_fini(&c);
}

static void test_shutdown_while_resolving(void **state)
{
	struct client c;
	struct asked a;

	begin(&c, "slow.test");
	asked_init(&a, &c);
	ask_pool(&a);
	while (!tether_pool_stats(c.pool).connecting)
		tether_loop_turn(c.loop, false);
	assert_int_equal(tether_scope_cancel(a.scope), 0);
	assert_int_equal(a.status, -ECANCELED);
	asked_fini(&a);
	client_fini(&c);
}

/* Shut down between two addresses. */
static void test_shutdown_while_changing(void **state)
{
	struct client c;
	struct asked a;

	begin(&c, "two.test");
	dig_hole();
	asked_init(&a, &c);
	ask_pool(&a);
	while (!tether_pool_stats(c.pool).connecting)
		tether_loop_turn(c.loop, false);
	usleep(20000);
	pass(c.loop, &c.fake, 0);
	c.fake.now_ns += 5 * TETHER_S;
	tether_loop_turn(c.loop, false);
	fill_hole();
	assert_int_equal(tether_pool_shutdown(c.pool, 3600 * TETHER_S, client_stopped, &c.stopped),
			 0);
	assert_int_equal(a.status, -ESHUTDOWN);
	asked_fini(&a);
	turn_until(c.loop, &c.stopped);
	close(c.listener);
	end_loop(c.loop);
	assert_int_equal(count_fds(), c.fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_address),
		cmocka_unit_test(test_no_address_is_left),
		cmocka_unit_test(test_share_of_the_time),
		cmocka_unit_test(test_shutdown_while_resolving),
		cmocka_unit_test(test_shutdown_while_changing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
