// SPDX-License-Identifier: BSD-2-Clause
/* A server on four loops, each on a thread of its own, under load, and drained from a fifth. */
#include "world.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOPS	 4
#define CLIENTS	 3
#define REQUESTS 300

struct threads_world {
	struct tether_loop *loops[LOOPS];
	struct tether_server *server;
	uint16_t port;
	atomic_int done, answered, posted;
};

static void answer(struct tether_call call, void *arg)
{
	(void)arg;
	tether_call_reply(call, 200, NULL, 0, "hello", 5);
}

static void *run(void *arg)
{
	/* Until it is stopped, or has nothing left to wait for. */
	tether_loop_run(arg);
	return NULL;
}

static void on_done(void *arg)
{
	struct threads_world *w = arg;
	int i;

	atomic_fetch_add(&w->done, 1);
	for (i = 0; i < LOOPS; i++)
		tether_loop_stop(w->loops[i]);
}

static void on_post(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static int dial(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close(fd);
	return -1;
}

/* A new connection now and then, so that all loops have some. */
static void *client(void *arg)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct threads_world *w = arg;
	char got[1024];
	int fd = -1, i;

	for (i = 0; i < REQUESTS; i++) {
		if (fd < 0)
			fd = dial(w->port);
		if (fd < 0)
			break;
		if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0 &&
		    recv(fd, got, sizeof(got), 0) > 0)
			atomic_fetch_add(&w->answered, 1);
		if (i % 10 == 9) {
			close(fd);
			fd = -1;
		}
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void start(struct threads_world *w, pthread_t *threads)
{
	struct tether_server_options options = { .handler = answer, .arg = w };
	int i;

	for (i = 0; i < LOOPS; i++)
		assert_int_equal(tether_loop_new(NULL, &w->loops[i]), 0);
	assert_int_equal(tether_server_new(w->loops, LOOPS, &options, &w->server), 0);
	assert_int_equal(tether_server_listen(w->server, "127.0.0.1:0", &w->port), 0);
	for (i = 0; i < LOOPS; i++)
		pthread_create(&threads[i], NULL, run, w->loops[i]);
}

static void stop(struct threads_world *w, pthread_t *threads)
{
	int i;

	assert_int_equal(tether_server_shutdown(w->server, TETHER_S, on_done, w), 0);
	for (i = 0; i < LOOPS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&w->done), 1);
	assert_int_equal(tether_server_stats(w->server).open, 0);
	assert_int_equal(tether_server_free(w->server), 0);
	for (i = 0; i < LOOPS; i++)
		assert_int_equal(tether_loop_free(w->loops[i]), 0);
}

static void serve_some(bool drain_early)
{
	struct threads_world w = { 0 };
	pthread_t threads[LOOPS], clients[CLIENTS];
	int i;

	start(&w, threads);
	for (i = 0; i < CLIENTS; i++)
		pthread_create(&clients[i], NULL, client, &w);
	for (i = 0; i < 100; i++) {
		assert_int_equal(tether_loop_post(w.loops[i % LOOPS], on_post, &w.posted), 0);
		tether_server_stats(w.server);
	}
	while (drain_early && atomic_load(&w.answered) < 100)
		usleep(1000);
	for (i = 0; i < CLIENTS && !drain_early; i++)
		pthread_join(clients[i], NULL);
	if (!drain_early) {
		assert_int_equal(atomic_load(&w.answered), CLIENTS * REQUESTS);
		assert_int_equal(tether_server_stats(w.server).requests, CLIENTS * REQUESTS);
	}
	stop(&w, threads);
	for (i = 0; i < CLIENTS && drain_early; i++)
		pthread_join(clients[i], NULL);
	assert_int_equal(atomic_load(&w.posted), 100);
}

static void test_serve(void **state)
{
	serve_some(false);
}

static void test_drain_under_load(void **state)
{
	int i;

	for (i = 0; i < 20; i++)
		serve_some(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serve),
		cmocka_unit_test(test_drain_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
