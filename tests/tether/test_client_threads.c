// SPDX-License-Identifier: BSD-2-Clause
/*
 * The blocking wrapper, and connections with threads of their own, against a server on another
 * thread. Under TSan.
 */
#include "world.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define BIG (1 << 20)

struct world {
	struct tether_loop *loop;
	struct tether_server *server;
	struct tether_client *client;
	struct tether_dest dest;
	pthread_t thread;
	_Atomic int wrong;
};

static char big[BIG];

static void handle(struct tether_call call, void *arg)
{
	struct tether_text target = tether_call_target(call);

	(void)arg;
	if (!strcmp(target.at, "/big"))
		tether_call_reply(call, 200, NULL, 0, big, sizeof(big));
	else if (!strcmp(target.at, "/later"))
		return; /* until the client has enough */
	else
		tether_call_reply(call, 200, NULL, 0, "hello", 5);
}

static void *serve(void *arg)
{
	tether_loop_run(arg);
	return NULL;
}

static void world_init(struct world *w, bool threads)
{
	struct tether_server_options options = { .handler = handle };
	struct tether_pool_options pool = { .threads = threads };

	memset(w, 0, sizeof(*w));
	memset(big, 'b', sizeof(big));
	w->dest.host = "127.0.0.1";
	assert_int_equal(tether_loop_new(NULL, &w->loop), 0);
	assert_int_equal(tether_server_new(&w->loop, 1, &options, &w->server), 0);
	assert_int_equal(tether_server_listen(w->server, "127.0.0.1:0", &w->dest.port), 0);
	assert_int_equal(pthread_create(&w->thread, NULL, serve, w->loop), 0);
	assert_int_equal(tether_client_new(&pool, &w->client), 0);
}

static void stop(void *arg)
{
	tether_loop_stop(arg);
}

static void world_fini(struct world *w)
{
	assert_int_equal(tether_server_shutdown(w->server, 100 * TETHER_MS, stop, w->loop), 0);
	pthread_join(w->thread, NULL);
	assert_int_equal(tether_server_free(w->server), 0);
	end_loop(w->loop);
}

static void expect(struct world *w, bool right)
{
	if (!right)
		w->wrong++;
}

static void fetch(struct world *w, const char *target, size_t want)
{
	struct tether_request request = { .target = target };
	struct tether_reply *reply;
	char buf[10000];
	size_t len = 0;
	ssize_t n;
	int err;

	err = tether_client_ask(w->client, &w->dest, &request, 20 * TETHER_S, &reply);
	expect(w, !err);
	if (err)
		return;
	expect(w, tether_reply_status(reply) == 200);
	expect(w, tether_reply_header(reply, "content-LENGTH").len > 0);
	expect(w, !tether_reply_header(reply, "X-None").at);
	while ((n = tether_reply_read(reply, buf, sizeof(buf))) > 0)
		len += n;
	expect(w, n == 0 && len == want);
	expect(w, tether_reply_read(reply, buf, sizeof(buf)) == 0);
	tether_reply_free(reply);
}

static void *fetch_all(void *arg)
{
	int i;

	for (i = 0; i < 20; i++) {
		fetch(arg, "/", 5);
		if (i % 10 == 0)
			fetch(arg, "/big", BIG);
	}
	return NULL;
}

static void many(bool threads)
{
	pthread_t asking[4];
	struct world w;
	int i;

	world_init(&w, threads);
	for (i = 0; i < 4; i++)
		pthread_create(&asking[i], NULL, fetch_all, &w);
	for (i = 0; i < 4; i++)
		pthread_join(asking[i], NULL);
	assert_int_equal(w.wrong, 0);
	tether_client_free(w.client, TETHER_S);
	world_fini(&w);
}

static void test_many(void **state)
{
	many(false);
}

static void test_many_with_threads(void **state)
{
	many(true);
}

/* Its deadline, an answer that is not read, and what cannot be asked. */
static void test_ends(void **state)
{
	struct tether_request later = { .target = "/later" }, large = { .target = "/big" };
	struct tether_request bad = { .target = "no word" },
			      streamed = { .target = "/", .length = 5 };
	struct tether_dest nobody = { .host = "127.0.0.1", .port = 1 };
	struct tether_reply *reply;
	struct world w;
	char buf[16];

	world_init(&w, true);
	assert_int_equal(tether_client_ask(w.client, &w.dest, &later, 50 * TETHER_MS, &reply),
			 -ETIMEDOUT);
	assert_int_equal(tether_client_ask(w.client, &nobody, &later, TETHER_S, &reply),
			 -ECONNREFUSED);
	assert_int_equal(tether_client_ask(w.client, &w.dest, &bad, TETHER_S, &reply), -EINVAL);
	assert_int_equal(tether_client_ask(w.client, &w.dest, &streamed, TETHER_S, &reply),
			 -EINVAL);
	assert_int_equal(tether_client_ask(w.client, &w.dest, &later, 0, &reply), -ERANGE);
	assert_int_equal(tether_client_ask(w.client, &w.dest, &large, 20 * TETHER_S, &reply), 0);
	assert_int_equal(tether_reply_read(reply, buf, sizeof(buf)), sizeof(buf));
	tether_reply_free(reply);
	/* The deadline goes on while the caller holds the reply. */
	assert_int_equal(tether_client_ask(w.client, &w.dest, &large, TETHER_S, &reply), 0);
	sleep(2);
	while (tether_reply_read(reply, big, sizeof(big)) > 0)
		;
	assert_int_equal(tether_reply_read(reply, buf, sizeof(buf)), -ETIMEDOUT);
	tether_reply_free(reply);
	tether_reply_free(NULL);
	tether_client_free(w.client, TETHER_S);
	tether_client_free(NULL, 1);
	world_fini(&w);
}

/* The client goes while a reply is held: it is cut off, and still to be freed. */
static void test_cut_off(void **state)
{
	struct tether_request large = { .target = "/big" };
	struct tether_reply *reply;
	struct world w;
	ssize_t n;

	world_init(&w, true);
	assert_int_equal(tether_client_ask(w.client, &w.dest, &large, 20 * TETHER_S, &reply), 0);
	tether_client_free(w.client, 50 * TETHER_MS);
	do
		n = tether_reply_read(reply, big, sizeof(big));
	while (n > 0);
	assert_int_equal(n, -ECANCELED);
	tether_reply_free(reply);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_many_with_threads),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
