// SPDX-License-Identifier: BSD-2-Clause
/* Sockets that listen already: those of UNIX, those that somebody else has opened. */
#include "server_world.h"

#include <sys/un.h>

static void hello(struct tether_call call, void *arg)
{
	const struct sockaddr *peer = tether_call_peer(call);

	(void)arg;
	assert_non_null(peer);
	assert_int_equal(tether_call_reply(call, 200, NULL, 0,
					   peer->sa_family == AF_UNIX ? "unix" : "inet", 4),
			 0);
}

/* In the abstract namespace: nothing is left in a directory. */
static struct sockaddr_un name_of(const char *name, socklen_t *len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	*len = offsetof(struct sockaddr_un, sun_path) + 1 +
	       snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "%s-%d", name, getpid());
	return addr;
}

static int unix_listener(struct sockaddr_un *addr, socklen_t *len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*addr = name_of("tether-adopt", len);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)addr, *len), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static struct peer_world *world_idle(void)
{
	struct peer_world *w = world_new(hello);

	assert_int_equal(tether_server_new(&w->loop, 1, &w->options, &w->server), 0);
	return w;
}

static void test_unix(void **state)
{
	struct peer_world *w = world_idle();
	struct sockaddr_un addr;
	socklen_t len;
	int fd = unix_listener(&addr, &len);

	(void)state;
	assert_int_equal(tether_server_adopt(w->server, fd), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	w->peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(w->peer, (struct sockaddr *)&addr, len), 0);
	peer_send(w, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	peer_await_end(w);
	assert_non_null(strstr(w->got, "\r\n\r\nunix"));
	peer_close(w);
	world_free(w);
	/* It was the server's, and went with it. */
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_tcp(void **state)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct peer_world *w = world_idle();
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	w->port = ntohs(addr.sin_port);
	assert_int_equal(tether_server_adopt(w->server, fd), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	peer_connect(w);
	peer_send(w, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	peer_await_end(w);
	assert_non_null(strstr(w->got, "\r\n\r\ninet"));
	world_free(w);
}

/* What is refused stays the caller's. */
static void test_refused(void **state)
{
	struct peer_world *w = world_idle();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pair[2];

	(void)state;
	assert_int_equal(tether_server_adopt(NULL, fd), -EINVAL);
	assert_int_equal(tether_server_adopt(w->server, fd), -EINVAL);
	assert_int_equal(tether_server_adopt(w->server, -1), -EBADF);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_int_equal(tether_server_adopt(w->server, pair[0]), -ENOTSOCK);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(tether_server_shutdown(w->server, TETHER_S, note_done, &w->done), 0);
	assert_int_equal(tether_server_adopt(w->server, fd), -ESHUTDOWN);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	turn_until(w->loop, &w->done);
	world_free(w);
}

/* One queue for two loops: closing both listeners closes the socket. */
static void test_two_loops(void **state)
{
	struct tether_loop *loops[2];
	struct tether_server_options options = { .handler = hello };
	struct tether_server *server;
	struct sockaddr_un addr;
	socklen_t len;
	int fd, fds, done = 0, client, turn;

	(void)state;
	fds = open_fds();
	assert_int_equal(tether_loop_new(NULL, &loops[0]), 0);
	assert_int_equal(tether_loop_new(NULL, &loops[1]), 0);
	assert_int_equal(tether_server_new(loops, 2, &options, &server), 0);
	fd = unix_listener(&addr, &len);
	assert_int_equal(tether_server_adopt(server, fd), 0);
	assert_int_equal(tether_server_shutdown(server, TETHER_S, note_done, &done), 0);
	for (turn = 0; turn < 1000 && !done; turn++) {
		tether_loop_turn(loops[0], false);
		tether_loop_turn(loops[1], false);
	}
	assert_int_equal(done, 1);
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&addr, len), -1);
	close(client);
	assert_int_equal(tether_server_free(server), 0);
	assert_int_equal(tether_loop_free(loops[0]), 0);
	assert_int_equal(tether_loop_free(loops[1]), 0);
	assert_int_equal(open_fds(), fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_two_loops),
	};

	return cmocka_run_group_tests(tests, warm_up, NULL);
}
