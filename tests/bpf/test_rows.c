/* SPDX-License-Identifier: BSD-2-Clause */
/* What a snapshot says of real sockets and threads: set against what we did with them. */
#include <poll.h>
#include <pthread.h>

#include "watch.h"

#define FILES_AND_TASKS (LS_PASS_FILES | LS_PASS_TASKS)

static const struct ls_sock *row_of(struct watch *w, int fd)
{
	watch_look(w, LS_PASS_FILES);
	return about(w, LS_SOCK, cookie_of(fd));
}

/* Loopback delivers at once, but acknowledgements may be late. */
static void settle(void)
{
	usleep(100000);
}

/* ---- TCP */

static void who_and_where(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);
	const struct ls_sock *row = row_of(w, p.client);

	assert_int_equal(row->hdr.len, sizeof(*row));
	assert_int_equal(row->who.pid, getpid());
	assert_true(row->who.start_ns > 0);
	assert_int_equal(row->fd, p.client);
	assert_int_equal(row->tuple.family, AF_INET);
	assert_int_equal(row->tuple.proto, IPPROTO_TCP);
	assert_int_equal(row->tuple.state, TCP_ESTABLISHED);
	assert_int_equal(row->tuple.lport, p.client_port);
	assert_int_equal(row->tuple.rport, p.port);
	assert_int_equal(row->tuple.netns, w->netns);
	assert_memory_equal(row->tuple.laddr, "\x7f\0\0\1", 4);
	assert_true(row->flags & LS_SOCK_CONNECTED);
	row = row_of(w, p.server);
	assert_int_equal(row->tuple.lport, p.port);
	assert_int_equal(row->tuple.rport, p.client_port);
	pair_close(&p);
}

/* From the counters alone: before any byte, after some, and with bytes in flight. */
static void roles(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);

	assert_int_equal(row_of(w, p.client)->tuple.role, LS_ROLE_CLIENT);
	assert_int_equal(row_of(w, p.server)->tuple.role, LS_ROLE_SERVER);
	say(p.client, 100);
	say(p.server, 2000);
	assert_int_equal(row_of(w, p.client)->tuple.role, LS_ROLE_CLIENT);
	assert_int_equal(row_of(w, p.server)->tuple.role, LS_ROLE_SERVER);
	settle();
	assert_int_equal(row_of(w, p.client)->tuple.role, LS_ROLE_CLIENT);
	assert_int_equal(row_of(w, p.server)->tuple.role, LS_ROLE_SERVER);
	hear(p.server, 100);
	hear(p.client, 2000);
	shutdown(p.client, SHUT_WR);
	assert_int_equal(row_of(w, p.client)->tuple.role, LS_ROLE_CLIENT);
	assert_int_equal(row_of(w, p.server)->tuple.role, LS_ROLE_SERVER);
	pair_close(&p);
	p = pair_open(AF_INET);
	say(p.client, 1);
	hear(p.server, 1);
	shutdown(p.server, SHUT_WR);
	settle();
	assert_int_equal(row_of(w, p.server)->tuple.role, LS_ROLE_SERVER);
	assert_int_equal(row_of(w, p.client)->tuple.role, LS_ROLE_CLIENT);
	pair_close(&p);
}

static void bytes_and_ages(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);
	const struct ls_sock *row = row_of(w, p.client);

	assert_int_equal(row->bytes_sent + row->bytes_received, 0);
	assert_int_equal(row->send_age_ms, LS_AGE_NEVER);
	assert_int_equal(row->recv_age_ms, LS_AGE_NEVER);
	say(p.client, 100);
	hear(p.server, 100);
	usleep(400000);
	say(p.server, 2500);
	hear(p.client, 2500);
	usleep(200000);
	row = row_of(w, p.client);
	assert_int_equal(row->bytes_sent, 100);
	assert_int_equal(row->bytes_received, 2500);
	assert_in_range(row->send_age_ms, 580, 2000);
	assert_in_range(row->recv_age_ms, 180, 1500);
	assert_true(row->send_age_ms >= row->recv_age_ms + 300);
	assert_int_equal(row->unread, 0);
	row = row_of(w, p.server);
	assert_int_equal(row->bytes_sent, 2500);
	assert_int_equal(row->bytes_received, 100);
	assert_true(row->recv_age_ms >= row->send_age_ms + 300);
	assert_int_equal(row->unsent, 0);
	pair_close(&p);
}

static void unread_bytes(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);

	say(p.client, 700);
	settle();
	assert_int_equal(row_of(w, p.server)->unread, 700);
	hear(p.server, 300);
	assert_int_equal(row_of(w, p.server)->unread, 400);
	close(p.client); /* its FIN is no byte */
	settle();
	assert_int_equal(row_of(w, p.server)->unread, 400);
	hear(p.server, 400);
	assert_int_equal(row_of(w, p.server)->unread, 0);
	close(p.server);
	close(p.listener);
}

static void unsent_bytes(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);
	static char buf[1 << 16];
	const struct ls_sock *row;
	int tries;

	fcntl(p.client, F_SETFL, O_NONBLOCK);
	for (tries = 0; tries < 20; tries++) {
		while (send(p.client, buf, sizeof(buf), MSG_NOSIGNAL) > 0)
			;
		settle();
	}
	row = row_of(w, p.client);
	assert_true(row->unsent > 0);
	assert_true(row->flags & LS_SOCK_ZERO_WINDOW);
	assert_true(row->flags & LS_SOCK_NONBLOCK);
	assert_int_equal(row->tuple.role, LS_ROLE_CLIENT);
	row = row_of(w, p.server);
	assert_true(row->unread > 0);
	assert_int_equal(row->bytes_received, row->unread);
	assert_false(row->flags & (LS_SOCK_ZERO_WINDOW | LS_SOCK_NONBLOCK));
	pair_close(&p);
}

static void options(void **state)
{
	static const uint32_t ends_it =
		LS_SOCK_KEEPALIVE | LS_SOCK_RCVTIMEO | LS_SOCK_SNDTIMEO | LS_SOCK_USER_TIMEOUT;
	const struct timeval second = { .tv_sec = 1 };
	const unsigned int ms = 1000;
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);
	const int on = 1;

	assert_int_equal(row_of(w, p.client)->flags & ends_it, 0);
	setsockopt(p.client, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	assert_int_equal(row_of(w, p.client)->flags & ends_it, LS_SOCK_KEEPALIVE);
	setsockopt(p.client, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	setsockopt(p.server, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	assert_int_equal(row_of(w, p.client)->flags & ends_it,
			 LS_SOCK_KEEPALIVE | LS_SOCK_RCVTIMEO);
	assert_int_equal(row_of(w, p.server)->flags & ends_it, LS_SOCK_SNDTIMEO);
	setsockopt(p.server, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	assert_int_equal(row_of(w, p.server)->flags & ends_it,
			 LS_SOCK_SNDTIMEO | LS_SOCK_USER_TIMEOUT);
	pair_close(&p);
}

static void states(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);
	const struct ls_sock *row;

	shutdown(p.client, SHUT_WR);
	usleep(300000);
	row = row_of(w, p.client);
	assert_int_equal(row->tuple.state, 5); /* FIN_WAIT2 */
	assert_true(row->flags & LS_SOCK_SND_SHUT);
	assert_false(row->flags & LS_SOCK_RCV_SHUT);
	row = row_of(w, p.server);
	assert_int_equal(row->tuple.state, 8); /* CLOSE_WAIT */
	assert_true(row->flags & LS_SOCK_RCV_SHUT);
	assert_in_range(row->ack_age_ms, 250, 2000); /* the FIN came with the last one */
	assert_int_equal(row->unread, 0);
	pair_close(&p);
}

/* Reset: held, and closed. */
static void dead_one(void **state)
{
	const struct linger reset = { .l_onoff = 1 };
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);
	const struct ls_sock *row;

	setsockopt(p.server, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(p.server);
	settle();
	row = row_of(w, p.client);
	assert_non_null(row);
	assert_int_equal(row->tuple.state, 7); /* CLOSE */
	assert_int_equal(row->err, ECONNRESET);
	close(p.client);
	close(p.listener);
}

static void v6(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET6);
	const struct ls_sock *row = row_of(w, p.server);

	assert_int_equal(row->tuple.family, AF_INET6);
	assert_int_equal(row->tuple.role, LS_ROLE_SERVER);
	assert_int_equal(row->tuple.lport, p.port);
	assert_memory_equal(row->tuple.laddr, &in6addr_loopback, 16);
	assert_memory_equal(row->tuple.raddr, &in6addr_loopback, 16);
	pair_close(&p);
}

static void listener_and_its_queue(void **state)
{
	struct watch *w = *state;
	int listener = listen_on_loopback(AF_INET, 7), a, b, taken;
	uint64_t first, second;
	const struct ls_sock *row;

	row = row_of(w, listener);
	assert_int_equal(row->tuple.role, LS_ROLE_LISTEN);
	assert_int_equal(row->tuple.state, TCP_LISTEN);
	assert_int_equal(row->unread, 0);
	assert_int_equal(row->unsent, 7);
	a = connect_to(AF_INET, port_of(listener));
	b = connect_to(AF_INET, port_of(listener));
	row = row_of(w, listener);
	assert_int_equal(row->unread, 2);
	first = row->bytes_received;
	assert_int_equal(row_of(w, listener)->bytes_received, first);
	taken = accept(listener, NULL, NULL);
	row = row_of(w, listener);
	assert_int_equal(row->unread, 1);
	second = row->bytes_received;
	assert_true(second != first); /* another stands first: somebody accepts */
	close(taken);
	close(a);
	close(b);
	close(listener);
}

static void neither_connected_nor_listening(void **state)
{
	struct watch *w = *state;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_null(row_of(w, fd));
	close(fd);
}

/* ---- holders */

static void each_descriptor_has_a_row(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);
	int copy = dup(p.client), ready[2], status, rows = 0, childs = 0;
	const struct ls_sock *row;
	uint64_t cookie;
	char c = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		close(ready[1]);
		_exit(read(ready[0], &c, 1) < 0 ? 1 : 0);
	}
	cookie = cookie_of(p.client);
	watch_look(w, LS_PASS_FILES);
	for (; (row = nth_about(w, LS_SOCK, cookie, (unsigned int)rows)); rows++) {
		assert_true(row->fd == p.client || row->fd == copy);
		assert_true(row->who.pid == (uint32_t)pid || row->who.pid == (uint32_t)getpid());
		childs += row->who.pid == (uint32_t)pid;
	}
	assert_int_equal(rows, 4);
	assert_int_equal(childs, 2);
	close(ready[0]);
	close(ready[1]);
	waitpid(pid, &status, 0);
	close(copy);
	pair_close(&p);
}

/* On its way in a UNIX socket: no table holds it, the socket pass shows it, and nobody's name. */
static void in_flight(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);
	uint64_t cookie = cookie_of(p.client);
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	const struct ls_sock *row;
	int ways[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ways), 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &p.client, sizeof(int));
	assert_int_equal(sendmsg(ways[0], &msg, 0), 1);
	close(p.client);
	watch_look(w, LS_PASS_FILES);
	assert_null(about(w, LS_SOCK, cookie));
	watch_look(w, LS_PASS_FILES | LS_PASS_SOCKS);
	row = about(w, LS_SOCK, cookie);
	assert_non_null(row);
	assert_int_equal(row->who.pid, 0);
	assert_int_equal(row->fd, -1);
	close(ways[0]);
	close(ways[1]);
	close(p.server);
	close(p.listener);
}

/* ---- UDP and UNIX */

static void udp(void **state)
{
	struct watch *w = *state;
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage ss;
	socklen_t len = loopback(&ss, AF_INET, 0);
	const struct ls_sock *row;

	assert_int_equal(bind(a, (struct sockaddr *)&ss, len), 0);
	row = row_of(w, a);
	assert_int_equal(row->tuple.proto, IPPROTO_UDP);
	assert_int_equal(row->tuple.role, LS_ROLE_PEER);
	assert_int_equal(row->tuple.lport, port_of(a));
	assert_int_equal(row->unread, 0);
	len = loopback(&ss, AF_INET, port_of(a));
	assert_int_equal(connect(b, (struct sockaddr *)&ss, len), 0);
	say(b, 50);
	row = row_of(w, b);
	assert_int_equal(row->tuple.role, LS_ROLE_CLIENT);
	assert_int_equal(row->tuple.rport, port_of(a));
	assert_true(row->flags & LS_SOCK_CONNECTED);
	assert_true(row_of(w, a)->unread >= 50); /* its memory */
	hear(a, 50);
	assert_int_equal(row_of(w, a)->unread, 0);
	close(a);
	close(b);
}

static void socket_pair(void **state)
{
	struct watch *w = *state;
	const struct ls_sock *row;
	int ways[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ways), 0);
	row_of(w, ways[1]); /* a cookie each */
	row = row_of(w, ways[0]);
	assert_int_equal(row->tuple.family, AF_UNIX);
	assert_int_equal(row->tuple.role, LS_ROLE_PEER);
	assert_int_equal(row->peer, cookie_of(ways[1]));
	assert_int_equal(row->unread, 0);
	assert_int_equal(row->unsent, 0);
	say(ways[0], 10);
	assert_true(row_of(w, ways[1])->unread >= 10);
	assert_true(row_of(w, ways[0])->unsent >= 10);
	assert_int_equal(row_of(w, ways[0])->unread, 0);
	close(ways[1]);
	assert_int_equal(row_of(w, ways[0])->peer, 0);
	close(ways[0]);
}

static void unix_stream(struct watch *w, const char *name, size_t len, const char *shown)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	socklen_t sa_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client, server;
	const struct ls_unix *row;

	memcpy(sa.sun_path, name, len);
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, sa_len), 0);
	assert_int_equal(listen(listener, 9), 0);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&sa, sa_len), 0);
	/* The kernel keeps a path's NUL, and none behind an abstract name. */
	row = (const void *)row_of(w, listener);
	assert_int_equal(row->sock.hdr.len, sizeof(*row));
	assert_int_equal(row->sock.tuple.role, LS_ROLE_LISTEN);
	assert_int_equal(row->sock.unread, 1);
	assert_int_equal(row->sock.unsent, 9);
	assert_string_equal(row->path, shown);
	server = accept(listener, NULL, NULL);
	row = (const void *)row_of(w, client);
	assert_int_equal(row->sock.tuple.role, LS_ROLE_CLIENT);
	assert_string_equal(row->path, shown);
	row = (const void *)row_of(w, server);
	assert_int_equal(row->sock.tuple.role, LS_ROLE_SERVER);
	assert_string_equal(row->path, shown);
	assert_int_equal(row->sock.peer, cookie_of(client));
	assert_int_equal(((const struct ls_sock *)row_of(w, listener))->unread, 0);
	close(client);
	close(server);
	close(listener);
}

static void unix_with_a_path(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/rows.%d.sock", getpid());
	unlink(path);
	unix_stream(*state, path, strlen(path) + 1, path);
	unlink(path);
}

static void unix_with_an_abstract_name(void **state)
{
	unix_stream(*state, "\0rows", 5, "@rows");
}

static void unix_datagrams_are_not_tracked(void **state)
{
	struct watch *w = *state;
	int ways[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ways), 0);
	assert_null(row_of(w, ways[0]));
	close(ways[0]);
	close(ways[1]);
}

/* ---- who waits */

struct waiter {
	int fd, timeout_ms;
	bool polls;
	uint32_t tid;
};

static void *wait_for_it(void *arg)
{
	struct waiter *me = arg;
	struct pollfd p = { .fd = me->fd, .events = POLLIN };
	char c;

	__atomic_store_n(&me->tid, (uint32_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	if (me->polls)
		poll(&p, 1, me->timeout_ms);
	else
		recv(me->fd, &c, 1, 0);
	return NULL;
}

/* Our thread's row, while it sits there. */
static const struct ls_task *row_while_waiting(struct watch *w, struct waiter *me,
					       pthread_t *thread)
{
	const struct ls_task *row;
	unsigned int n;

	assert_int_equal(pthread_create(thread, NULL, wait_for_it, me), 0);
	while (!__atomic_load_n(&me->tid, __ATOMIC_ACQUIRE))
		usleep(1000);
	settle();
	watch_look(w, FILES_AND_TASKS);
	for (n = 0; (row = nth_about(w, LS_TASK, 0, n)); n++)
		if (row->who.tid == me->tid)
			return row;
	return NULL;
}

static void a_wait(struct watch *w, bool polls, int timeout_ms, uint32_t call, bool forever)
{
	struct pair p = pair_open(AF_INET);
	struct waiter me = { .fd = p.client, .polls = polls, .timeout_ms = timeout_ms };
	const struct ls_task *row;
	pthread_t thread;

	row = row_while_waiting(w, &me, &thread);
	assert_non_null(row);
	assert_int_equal(row->who.pid, getpid());
	assert_true(row->flags & LS_TASK_BLOCKED);
	assert_false(row->flags & LS_TASK_PROCESS);
	assert_int_equal(!!(row->flags & LS_TASK_FOREVER), forever);
	assert_int_equal(row->cookie, cookie_of(p.client));
	assert_int_equal(row->fd, p.client);
	assert_int_equal(row->call, call);
	say(p.server, 1);
	pthread_join(thread, NULL);
	pair_close(&p);
}

static void waits_in_recv(void **state)
{
	a_wait(*state, false, 0, LS_CALL_READ, true);
}

static void waits_in_poll(void **state)
{
	a_wait(*state, true, -1, LS_CALL_POLL, true);
}

static void waits_in_poll_for_a_while(void **state)
{
	a_wait(*state, true, 60000, LS_CALL_POLL, false);
}

static void a_row_for_each_process(void **state)
{
	struct watch *w = *state;
	const struct ls_task *row;
	unsigned int n, ours = 0;

	watch_look(w, LS_PASS_TASKS);
	for (n = 0; (row = nth_about(w, LS_TASK, 0, n)); n++) {
		assert_false(row->flags & LS_TASK_KTHREAD);
		if (row->who.pid != (uint32_t)getpid())
			continue;
		ours++;
		assert_true(row->flags & LS_TASK_PROCESS);
		assert_int_equal(row->ppid, getppid());
		assert_int_equal(row->netns, w->netns);
		assert_int_equal(row->threads, 1);
		assert_memory_equal(row->comm, "test_rows", 10);
	}
	assert_int_equal(ours, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WATCHED(who_and_where),
		WATCHED(roles),
		WATCHED(bytes_and_ages),
		WATCHED(unread_bytes),
		WATCHED(unsent_bytes),
		WATCHED(options),
		WATCHED(states),
		WATCHED(dead_one),
		WATCHED(v6),
		WATCHED(listener_and_its_queue),
		WATCHED(neither_connected_nor_listening),
		WATCHED(each_descriptor_has_a_row),
		WATCHED(in_flight),
		WATCHED(udp),
		WATCHED(socket_pair),
		WATCHED(unix_with_a_path),
		WATCHED(unix_with_an_abstract_name),
		WATCHED(unix_datagrams_are_not_tracked),
		WATCHED(waits_in_recv),
		WATCHED(waits_in_poll),
		WATCHED(waits_in_poll_for_a_while),
		WATCHED(a_row_for_each_process),
	};

	return cmocka_run_group_tests(tests, own_network, NULL);
}
