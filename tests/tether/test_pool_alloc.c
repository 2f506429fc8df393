// SPDX-License-Identifier: BSD-2-Clause
/*
 * No memory: each allocation of a client fails in turn, from the loop to the last byte of a body.
 * Whatever could not be done says -ENOMEM, is done by half nowhere, and leaves nothing behind.
 */
#include "peer.h"

#include <malloc.h>
#include <stdlib.h>

struct purse {
	long until; /* allocations that still succeed; negative: all */
	long live;
	bool refused;
};

static void *purse_resize(void *arg, void *old, size_t bytes)
{
	struct purse *purse = arg;
	void *new;

	if (!bytes) {
		purse->live -= old != NULL;
		free(old);
		return NULL;
	}
	if (purse->until == 0) {
		purse->refused = true;
		return NULL;
	}
	purse->until -= purse->until > 0;
	/* Always another place: who keeps the old one is found out. */
	new = malloc(bytes);
	if (old) {
		memcpy(new, old, malloc_usable_size(old) < bytes ? malloc_usable_size(old) : bytes);
		free(old);
	} else {
		purse->live++;
	}
	return new;
}

struct tale {
	struct client client;
	struct asked one, two;
	bool threads;
	int err;
};

/* Whoever has no memory may have hung up. */
static void say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		assert_true(errno == EPIPE || errno == ECONNRESET);
}

/* The server's side, in which nothing fails: serves until the request is over. */
static void serve(struct tale *t, struct asked *a)
{
	struct client *c = &t->client;
	char buf[8192];
	int fd = -1, i, on;
	size_t len = 0;
	ssize_t n;

	for (i = 0; i < 400000 && !a->ended && !(a->got && a->status); i++) {
		tether_loop_turn(c->loop, false);
		on = peer_come(c->listener);
		if (on >= 0) {
			if (fd >= 0)
				close(fd);
			fd = on;
			len = 0;
		}
		n = fd >= 0 ? recv(fd, buf + len, sizeof(buf) - 1 - len, 0) : -1;
		len += n > 0 ? n : 0;
		buf[len] = '\0';
		if (fd < 0 || !strstr(buf, "\r\n\r\nbody"))
			continue;
		/* In pieces, with a head that outgrows its block, and one that is closed. */
		say(fd, "HTTP/1.1 200 OK\r\nX-Long: ");
		memset(buf, 'x', 7000);
		buf[7000] = '\0';
		say(fd, buf);
		say(fd, "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
		for (on = 0; on < 50; on++)
			tether_loop_turn(c->loop, false);
		say(fd, "6\r\n world\r\n0\r\n\r\n");
		len = 0;
		buf[0] = '\0';
	}
	if (fd >= 0)
		close(fd);
	assert_true(a->ended || (a->got && a->status));
}

static void lease_came(struct tether_lease lease, int status, void *arg)
{
	struct asked *a = arg;

	a->got++;
	a->status = status;
	a->lease = lease;
	if (status)
		return;
	a->status = tether_exchange(lease, &a->request, 5 * TETHER_S, &asked_events, a, &a->body);
	if (a->status)
		assert_int_equal(tether_lease_end(lease, true), 0);
}

static int ask(struct tale *t, struct asked *a)
{
	struct client *c = &t->client;
	int err;

	*a = (struct asked){ .client = c };
	a->request = (struct tether_request){
		.method = "PUT", .target = "/", .data = "body", .length = 4
	};
	err = tether_scope_new(c->loop, 30 * TETHER_S, &a->scope);
	if (err)
		return err;
	err = tether_pool_acquire(c->pool, &c->dest, a->scope, lease_came, a, &a->lease);
	if (!err) {
		serve(t, a);
		err = a->status ? a->status : a->why;
	}
	asked_fini(a);
	return err;
}

/* Two requests, the second over the connection of the first, which the server has closed. */
static int tell(struct tale *t, struct purse *purse)
{
	struct tether_alloc alloc = { purse_resize, purse };
	struct client *c = &t->client;
	struct tether_loop_options options = { .alloc = &alloc, .clock = &c->fake.clock };
	struct tether_pool_options pool = { .threads = t->threads };
	int err;

	c->stopped = 0;
	fake_clock_init(&c->fake);
	err = tether_loop_new(&options, &c->loop);
	if (err)
		return err;
	err = tether_pool_new(c->loop, &pool, &c->pool);
	if (!err) {
		err = ask(t, &t->one);
		if (!err)
			err = ask(t, &t->two);
		purse->until = -1;
		assert_int_equal(
			tether_pool_shutdown(c->pool, TETHER_S, client_stopped, &c->stopped), 0);
		turn_until(c->loop, &c->stopped);
	}
	purse->until = -1;
	end_loop(c->loop);
	return err;
}

static void sweep(bool threads)
{
	struct tale *t = test_calloc(1, sizeof(*t));
	struct purse purse;
	int failed = 0, fds, err;
	long n;

	end_loop(fake_loop(&t->client.fake));
	t->threads = threads;
	t->client.dest.host = "127.0.0.1";
	t->client.listener = peer_listen(16, &t->client.dest.port);
	fds = count_fds();
	for (n = 0;; n++) {
		purse = (struct purse){ .until = n };
		err = tell(t, &purse);
		assert_int_equal(purse.live, 0);
		assert_int_equal(count_fds(), fds);
		if (!purse.refused)
			break;
		if (err && err != -ENOMEM)
			print_message("allocation %ld: %d\n", n, err);
		/* Without memory for its copy, the second request is not sent again. */
		assert_true(err == -ENOMEM || err == -ECONNRESET || err == 0);
		failed += err == -ENOMEM;
	}
	assert_int_equal(err, 0);
	assert_int_equal(t->two.len, 11);
	print_message("%ld allocations, %d of them needed\n", n, failed);
	assert_true(n > 10 && failed > 8);
	close(t->client.listener);
	test_free(t);
}

static void test_loop(void **state)
{
	sweep(false);
}

static void test_threads(void **state)
{
	sweep(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
