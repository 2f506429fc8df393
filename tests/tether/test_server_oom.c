// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each allocation of the library fails in turn, over the life of a loop, a server and two requests:
 * nothing leaks, nothing crashes, and once there is memory again requests are answered.
 */
#include "server_world.h"

#define LARGE 6000000 /* more than the kernel buffers */

struct purse {
	struct tether_alloc alloc;
	long until_fail; /* counts down; fails at 0, once */
	long blocks;	 /* that are out */
};

static void *purse_resize(void *arg, void *old, size_t bytes)
{
	struct purse *purse = arg;
	void *p;

	if (!bytes) {
		purse->blocks -= old != NULL;
		free(old);
		return NULL;
	}
	if (!purse->until_fail--)
		return NULL;
	p = realloc(old, bytes);
	purse->blocks += p && !old;
	return p;
}

/* Holds the body back, so that what is not asked for has to be kept. */
static void echo_piece(struct tether_call call, const void *data, size_t len, void *arg);

static void echo_more(struct tether_call call, void *arg)
{
	tether_call_read(call, echo_piece, arg);
}

static void echo_piece(struct tether_call call, const void *data, size_t len, void *arg)
{
	if (!len)
		tether_call_finish(call);
	else if (tether_call_write(call, data, len) || tether_call_drained(call, echo_more, arg))
		tether_call_cancel(call);
}

static void handle(struct tether_call call, void *arg)
{
	struct peer_world *w = arg;

	w->came++;
	if (tether_call_on_end(call, note_over, w) || tether_call_read(call, echo_piece, w) ||
	    tether_call_begin(call, 200, NULL, 0, TETHER_LENGTH_UNKNOWN))
		tether_call_cancel(call);
}

/* One request with a body of @len bytes, in two pieces; true if it came back whole. */
static int round_trip(struct peer_world *w, size_t len)
{
	static char text[LARGE + 16384];
	size_t n = snprintf(text, 16384,
			    "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Long: %09000d\r\n"
			    "Content-Length: %zu\r\n\r\n",
			    1, len);
	size_t at = 0;
	ssize_t sent;
	int i;

	memset(text + n, 'x', len);
	peer_connect(w);
	for (i = 0; i < 20000 && !w->gone; i++) {
		sent = at < n + len
			       ? send(w->peer, text + at, n + len - at, MSG_NOSIGNAL | MSG_DONTWAIT)
			       : 0;
		at += sent > 0 ? sent : 0;
		turns(w, 1);
		/* Late, so that output has to be queued. */
		if (i > 50) {
			if (w->got_len > sizeof(w->got) / 2)
				w->got_len = 0;
			peer_read(w);
		}
	}
	peer_close(w);
	await_nobody(w);
	return w->got_len > len && strstr(w->got, "\r\n0\r\n\r\n") != NULL;
}

static int shut_down(struct peer_world *w)
{
	assert_int_equal(tether_server_shutdown(w->server, TETHER_S, note_done, &w->done), 0);
	pass(w->loop, &w->fake, TETHER_S);
	turn_until(w->loop, &w->done);
	return tether_server_free(w->server);
}

/* True if the allocation that was to fail did. */
static int attempt(long nth)
{
	struct purse purse = { .until_fail = nth };
	struct peer_world *w = test_calloc(1, sizeof(*w));
	struct tether_loop_options options = { .alloc = &purse.alloc, .clock = &w->fake.clock };
	int fds = open_fds(), err, failed;

	purse.alloc = (struct tether_alloc){ purse_resize, &purse };
	fake_clock_init(&w->fake);
	w->peer = -1;
	w->options.handler = handle;
	w->options.arg = w;
	err = tether_loop_new(&options, &w->loop);
	if (!err) {
		err = tether_server_new(&w->loop, 1, &w->options, &w->server);
		if (!err) {
			err = tether_server_listen(w->server, "127.0.0.1:0", &w->port);
			if (!err) {
				round_trip(w, LARGE);
				failed = purse.until_fail < 0;
				/* There is memory again, or it is to fail yet. */
				if (failed)
					assert_true(round_trip(w, 1000));
			}
			assert_int_equal(shut_down(w), 0);
		}
		end_loop(w->loop);
	}
	if (err)
		assert_int_equal(err, -ENOMEM);
	failed = purse.until_fail < 0;
	assert_int_equal(w->over, w->came);
	assert_int_equal(purse.blocks, 0);
	assert_int_equal(open_fds(), fds);
	test_free(w);
	return failed;
}

static void test_each_fails(void **state)
{
	long n = 0;

	while (attempt(n))
		n++;
	print_message("%ld allocations failed in turn\n", n);
	assert_true(n > 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fails),
	};

	return cmocka_run_group_tests(tests, warm_up, NULL);
}
