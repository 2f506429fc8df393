/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to real sockets and processes arrives in the ring, with the right names to it. */
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include "watch.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static const struct ls_open *open_by_port(const struct watch *w, uint8_t role, uint16_t lport)
{
	const struct ls_open *open;
	unsigned int n;

	for (n = 0; (open = nth_about(w, LS_OPEN, 0, n)); n++)
		if (open->tuple.role == role && open->tuple.lport == lport)
			return open;
	return NULL;
}

/* ---- TCP */

static void a_connection_opens_and_ends(void **state)
{
	struct watch *w = *state;
	uint64_t before_ns = now_ns(), cookie;
	struct pair p = pair_open(AF_INET);
	const struct ls_open *open;

	cookie = cookie_of(p.client);
	watch_events(w);
	open = about(w, LS_OPEN, cookie);
	assert_non_null(open);
	assert_int_equal(open->hdr.len, sizeof(*open));
	assert_in_range(open->hdr.time_ns, before_ns, now_ns());
	assert_int_equal(open->who.pid, getpid());
	assert_int_equal(open->who.tid, syscall(SYS_gettid));
	assert_true(open->who.start_ns > 0 && open->who.start_ns < before_ns);
	assert_int_equal(open->tuple.family, AF_INET);
	assert_int_equal(open->tuple.proto, IPPROTO_TCP);
	assert_int_equal(open->tuple.role, LS_ROLE_CLIENT);
	assert_int_equal(open->tuple.state, TCP_SYN_SENT);
	assert_int_equal(open->tuple.rport, p.port);
	assert_int_equal(open->tuple.netns, w->netns);
	assert_memory_equal(open->tuple.raddr, "\x7f\0\0\1", 4);
	assert_true(open->stack < 0);
	assert_null(about(w, LS_END, cookie));
	assert_null(nth_about(w, LS_OPEN, 0, 1)); /* the accepted one lives: snapshots tell */
	pair_close(&p);
	watch_events(w);
	assert_non_null(about(w, LS_END, cookie));
}

static void v6_connections(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET6);
	const struct ls_open *open;

	watch_events(w);
	open = about(w, LS_OPEN, cookie_of(p.client));
	assert_non_null(open);
	assert_int_equal(open->tuple.family, AF_INET6);
	assert_int_equal(open->tuple.rport, p.port);
	assert_memory_equal(open->tuple.raddr, &in6addr_loopback, 16);
	pair_close(&p);
}

/* In a child: what the watcher itself closes may be a snapshot's doing, and is not told. */
static pid_t accept_and_close(int listener, bool after_eof, bool reset)
{
	const struct linger linger = { .l_onoff = 1 };
	pid_t pid = fork();
	int fd;
	char c;

	if (pid)
		return pid;
	fd = accept(listener, NULL, NULL);
	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	_exit((after_eof && read(fd, &c, 1)) || close(fd) ? 1 : 0);
}

/* Accepted and closed between two looks: its closer is named, and its end told. */
static void accepted(struct watch *w, bool after_eof, bool reset)
{
	int listener = listen_on_loopback(AF_INET, 16), client, status;
	uint16_t port = port_of(listener), client_port;
	const struct ls_open *open;
	pid_t pid = accept_and_close(listener, after_eof, reset);

	client = connect_to(AF_INET, port);
	client_port = port_of(client);
	if (after_eof) {
		close(client);
		client = -1;
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	if (client >= 0)
		close(client);
	close(listener);
	usleep(20000);
	watch_events(w);
	open = open_by_port(w, LS_ROLE_SERVER, port);
	assert_non_null(open);
	assert_int_equal(open->who.pid, pid);
	assert_int_equal(open->tuple.rport, client_port);
	assert_non_null(about(w, LS_END, open->cookie));
}

static void accepted_and_closed_within_a_tick(void **state)
{
	accepted(*state, false, false);
}

static void accepted_and_closed_after_its_peer(void **state)
{
	accepted(*state, true, false);
}

static void accepted_and_reset(void **state)
{
	accepted(*state, false, true);
}

static void refused(void **state)
{
	struct watch *w = *state;
	int listener = listen_on_loopback(AF_INET, 16), fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_storage ss;
	socklen_t len = loopback(&ss, AF_INET, port_of(listener));
	uint64_t cookie = cookie_of(fd);
	const struct ls_dead *dead;

	close(listener);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), -1);
	watch_events(w);
	assert_non_null(about(w, LS_OPEN, cookie));
	dead = about(w, LS_DEAD, cookie);
	assert_non_null(dead);
	assert_int_equal(dead->err, ECONNREFUSED);
	close(fd);
	watch_events(w);
	assert_non_null(about(w, LS_END, cookie));
}

static void reset_while_held(void **state)
{
	const struct linger reset = { .l_onoff = 1 };
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);
	const struct ls_dead *dead;

	setsockopt(p.server, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(p.server);
	usleep(10000);
	watch_events(w);
	dead = about(w, LS_DEAD, cookie_of(p.client));
	assert_non_null(dead);
	assert_int_equal(dead->err, ECONNRESET);
	assert_null(nth_about(w, LS_ABORT, 0, 0)); /* nothing was thrown away */
	close(p.client);
	close(p.listener);
}

static void aborted_with_bytes_unread(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);
	uint64_t cookie = cookie_of(p.server);
	const struct ls_abort *abort;

	say(p.client, 123);
	usleep(10000);
	close(p.server);
	watch_events(w);
	abort = about(w, LS_ABORT, cookie);
	assert_non_null(abort);
	assert_int_equal(abort->unread, 123);
	assert_int_equal(abort->who.pid, getpid());
	assert_null(nth_about(w, LS_ABORT, 0, 1));
	close(p.client);
	close(p.listener);
}

static void closed_with_all_read(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);

	say(p.client, 123);
	hear(p.server, 123);
	pair_close(&p);
	watch_events(w);
	assert_null(about(w, LS_ABORT, 0));
	assert_null(about(w, LS_DEAD, 0));
}

static void listeners_are_no_connections(void **state)
{
	struct watch *w = *state;

	close(listen_on_loopback(AF_INET, 16));
	watch_events(w);
	assert_null(about(w, LS_OPEN, 0));
	assert_null(about(w, LS_DEAD, 0));
}

/* ---- UDP */

static void a_datagram_socket_opens_and_ends(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct watch *w = *state;
	const struct ls_open *open;
	uint64_t cookie;
	int i, fd;

	for (i = 0; i < 2; i++) {
		fd = socket(families[i], SOCK_DGRAM, 0);
		cookie = cookie_of(fd);
		watch_events(w);
		open = about(w, LS_OPEN, cookie);
		assert_non_null(open);
		assert_int_equal(open->who.pid, getpid());
		assert_int_equal(open->tuple.family, families[i]);
		assert_int_equal(open->tuple.proto, IPPROTO_UDP);
		assert_int_equal(open->tuple.role, LS_ROLE_PEER);
		assert_int_equal(open->tuple.netns, w->netns);
		close(fd);
		watch_events(w);
		assert_non_null(about(w, LS_END, cookie));
	}
}

/* ---- processes */

static const struct ls_proc *proc_rec(const struct watch *w, uint32_t what, pid_t pid)
{
	const struct ls_proc *rec;
	unsigned int n;

	for (n = 0; (rec = nth_about(w, LS_PROC, 0, n)); n++)
		if (rec->what == what && rec->who.pid == (uint32_t)pid)
			return rec;
	return NULL;
}

static void fork_exec_exit(void **state)
{
	struct watch *w = *state;
	const struct ls_proc *rec;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		execl("/bin/sh", "sh", "-c", "exit 3", NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	watch_events(w);
	rec = proc_rec(w, LS_PROC_FORK, pid);
	assert_non_null(rec);
	assert_int_equal(rec->ppid, getpid());
	assert_int_equal(rec->netns, w->netns);
	assert_true(rec->who.start_ns > 0);
	rec = proc_rec(w, LS_PROC_EXEC, pid);
	assert_non_null(rec);
	assert_string_equal(rec->comm, "sh");
	rec = proc_rec(w, LS_PROC_EXIT, pid);
	assert_non_null(rec);
	assert_int_equal(rec->exit_code, status);
	assert_int_equal(rec->held, 0);
}

static void *ends_last(void *name)
{
	prctl(PR_SET_NAME, name);
	usleep(20000);
	_exit(0);
}

/* A process that names itself has that name at its end; the thread that is last has its own. */
static void renamed_at_the_end(void **state)
{
	struct watch *w = *state;
	const struct ls_proc *rec;
	pthread_t thread;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		prctl(PR_SET_NAME, "renamed");
		if (pthread_create(&thread, NULL, ends_last, "its-thread"))
			_exit(1);
		pthread_exit(NULL);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	watch_events(w);
	rec = proc_rec(w, LS_PROC_EXIT, pid);
	assert_non_null(rec);
	assert_string_equal(rec->comm, "renamed");
}

/* Of its two connections one is ours as well: only the other dies with it. */
static void died_holding(void **state)
{
	struct watch *w = *state;
	struct pair p = pair_open(AF_INET);
	const struct ls_proc *rec;
	int ready[2], status, fd;
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		fd = connect_to(AF_INET, p.port);
		if (fd < 0 || write(ready[1], "x", 1) < 0)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	watch_events(w);
	rec = proc_rec(w, LS_PROC_EXIT, pid);
	assert_non_null(rec);
	assert_int_equal(rec->exit_code & 0x7f, SIGKILL);
	assert_int_equal(rec->held, 1);
	close(ready[0]);
	close(ready[1]);
	pair_close(&p);
}

static void *idle(void *arg)
{
	*(uint32_t *)arg = (uint32_t)syscall(SYS_gettid);
	return NULL;
}

static void threads(void **state)
{
	struct watch *w = *state;
	const struct ls_proc *rec;
	pthread_t thread;
	uint32_t tid = 0;

	assert_int_equal(pthread_create(&thread, NULL, idle, &tid), 0);
	pthread_join(thread, NULL);
	usleep(10000); /* joined a little before it has ended */
	watch_events(w);
	rec = proc_rec(w, LS_PROC_THREAD, getpid());
	assert_non_null(rec);
	assert_int_equal(rec->who.tid, tid);
	rec = proc_rec(w, LS_PROC_THREAD_EXIT, getpid());
	assert_non_null(rec);
	assert_int_equal(rec->who.tid, tid);
	assert_true(rec->task_start_ns > rec->who.start_ns);
	assert_null(proc_rec(w, LS_PROC_EXIT, getpid()));
}

/* ---- what is not asked for does not come */

static void another_network_is_not_seen(void **state)
{
	struct watch *w = *state;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(own_network(NULL) || close(socket(AF_INET, SOCK_DGRAM, 0)) ? 1 : 0);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	watch_events(w);
	assert_null(about(w, LS_OPEN, 0));
}

/* A ring too small for what happens: each record that is lost is counted. */
static void losses_are_counted(void **state)
{
	struct live_options opt = { .ring_pages = 1 };
	uint64_t told, lost, died = 0;
	const struct ls_lost *rec;
	char err[LIVE_ERROR_LEN];
	struct watch *w;
	struct stat st;
	int i;

	w = calloc(1, sizeof(*w));
	stat("/proc/self/ns/net", &st);
	opt.netns = (uint32_t)st.st_ino;
	assert_int_equal(live_open(&w->src, &opt, err), 0);
	for (i = 0; i < 500; i++)
		close(socket(AF_INET, SOCK_DGRAM, 0));
	watch_events(w);
	for (told = 0; nth_about(w, LS_OPEN, 0, (unsigned int)told);)
		told++;
	while (nth_about(w, LS_END, 0, (unsigned int)died))
		died++;
	watch_look(w, 0);
	rec = (const void *)&w->rec[0];
	assert_int_equal(rec->hdr.type, LS_LOST);
	lost = rec->count[LS_LOST_RING];
	assert_true(lost > 0);
	assert_int_equal(told + died + lost, 1000);
	watch_teardown((void **)&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WATCHED(a_connection_opens_and_ends),
		WATCHED(v6_connections),
		WATCHED(accepted_and_closed_within_a_tick),
		WATCHED(accepted_and_closed_after_its_peer),
		WATCHED(accepted_and_reset),
		WATCHED(refused),
		WATCHED(reset_while_held),
		WATCHED(aborted_with_bytes_unread),
		WATCHED(closed_with_all_read),
		WATCHED(listeners_are_no_connections),
		WATCHED(a_datagram_socket_opens_and_ends),
		WATCHED(fork_exec_exit),
		WATCHED(renamed_at_the_end),
		WATCHED(died_holding),
		WATCHED(threads),
		WATCHED(another_network_is_not_seen),
		cmocka_unit_test(losses_are_counted),
	};

	return cmocka_run_group_tests(tests, own_network, NULL);
}
