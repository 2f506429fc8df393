/* SPDX-License-Identifier: BSD-2-Clause */
/* A process looked at closely: its stacks by name, what blocks it, what it leaves open. */
#include <poll.h>
#include <signal.h>
#include <sys/un.h>
#include <time.h>

#include "source/live_internal.h"
#include "watch.h"

/* As most C libraries are built: nothing but unwind tables leads out of these. */
#define NO_FRAME_POINTER                  \
	__attribute__((noinline, noclone, \
		       optimize("omit-frame-pointer", "no-optimize-sibling-calls")))

#define FRAMES 256

struct close_look {
	struct source src;
	unsigned int n, frames;
	bool copy_seen;
	struct ls_unix rec[KEPT];
	struct {
		struct ls_frame head;
		char text[800];
	} frame[FRAMES];
	pid_t child;
	int to_child, from_child;
	uint16_t port;
	int listener, listener6;
};

static int take(void *ctx, const struct ls_hdr *rec)
{
	struct close_look *c = ctx;
	size_t len = rec->len;

	if (rec->type == LS_COPY)
		c->copy_seen = true;
	if (rec->type == LS_FRAME && c->frames < FRAMES) {
		len = len < sizeof(c->frame[0]) ? len : sizeof(c->frame[0]);
		memcpy(&c->frame[c->frames++], rec, len);
	} else if (c->n < KEPT) {
		len = len < sizeof(c->rec[0]) ? len : sizeof(c->rec[0]);
		memcpy(&c->rec[c->n++], rec, len);
	}
	return 0;
}

/* The @nth record of @type. */
static const void *nth(const struct close_look *c, uint16_t type, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (c->rec[i].sock.hdr.type == type && !n--)
			return &c->rec[i];
	return NULL;
}

/* Is there a frame of this function in the stack? Its index, -1 if there is none. */
static int frame_of(const struct close_look *c, int32_t stack, const char *function)
{
	unsigned int i;

	for (i = 0; i < c->frames; i++)
		if (c->frame[i].head.stack == stack && !strcmp(c->frame[i].text, function))
			return c->frame[i].head.index;
	return -1;
}

static void look(struct close_look *c)
{
	c->n = 0;
	assert_int_equal(c->src.ops->snapshot(c->src.arg, LS_PASS_FILES | LS_PASS_TASKS, take, c),
			 0);
}

static void pump(struct close_look *c)
{
	assert_int_equal(c->src.ops->pump(c->src.arg, take, c), 0);
}

/* ---- the child: does what it is told by a letter, and answers with one */

static NO_FRAME_POINTER int guilty_dial(uint16_t port, volatile char *room)
{
	room[port % 100] = 1;
	return connect_to(AF_INET, port) + room[7];
}

static NO_FRAME_POINTER int open_one(uint16_t port)
{
	volatile char room[100] = { 0 };

	return guilty_dial(port, room) + room[1];
}

static NO_FRAME_POINTER int open_another(uint16_t port)
{
	volatile char room[100] = { 0 };

	return guilty_dial(port, room) + room[2];
}

static NO_FRAME_POINTER int wait_for_answer(int fd)
{
	volatile char room[64] = { 0 };

	return (int)recv(fd, (void *)room, 1, 0) + room[0] * 0;
}

static NO_FRAME_POINTER int ask_and_wait(uint16_t port)
{
	return wait_for_answer(connect_to(AF_INET, port)) + 1;
}

static NO_FRAME_POINTER int poll_for_more(int fd)
{
	volatile char room[64] = { 0 };

	return (int)recv(fd, (void *)room, 1, MSG_DONTWAIT) + room[0];
}

static NO_FRAME_POINTER int accept_one(int listener)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	return accept(listener, (struct sockaddr *)&peer, &len) + (peer.ss_family == AF_UNIX);
}

static NO_FRAME_POINTER int open_datagram(void)
{
	volatile char room[64] = { 0 };

	return socket(AF_INET, SOCK_DGRAM, 0) + room[0];
}

/* To a listener of its own, after a try at what is not there. */
static NO_FRAME_POINTER int connect_by_name(int *listener)
{
	static const char name[] = "lostsock-attach", nobody[] = "lostsock-nobody";
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + sizeof(name);
	volatile int fd;

	memcpy(to.sun_path + 1, nobody, sizeof(nobody) - 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (!connect(fd, (struct sockaddr *)&to, len))
		_exit(1);
	close(fd);
	memcpy(to.sun_path + 1, name, sizeof(name) - 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	*listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(*listener, (struct sockaddr *)&to, len) || listen(*listener, 1) ||
	    connect(fd, (struct sockaddr *)&to, len))
		_exit(1);
	return fd;
}

/* Two connections, one of them twice, and both ends of a pair. */
static void hold(uint16_t port)
{
	int pair[2], one = connect_to(AF_INET, port), twice = connect_to(AF_INET, port);

	if (one < 0 || dup(twice) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		_exit(1);
}

static void child_main(int in, int out, uint16_t port, const int listeners[2])
{
	int fd = -1, own = -1;
	char what;

	while (read(in, &what, 1) == 1) {
		switch (what) {
		case '1':
			fd = open_one(port);
			break;
		case '2':
			fd = open_another(port);
			break;
		case 'w':
			ask_and_wait(port);
			break;
		case 'c':
			fd = connect_to(AF_INET, port);
			break;
		case 'e':
			poll_for_more(fd);
			break;
		case '4':
		case '6':
			accept_one(listeners[what == '6']);
			break;
		case 'd':
			fd = open_datagram();
			break;
		case 'u':
			fd = connect_by_name(&own);
			break;
		case 'h':
			hold(port);
			break;
		case 'q':
			_exit(0);
		}
		if (write(out, &what, 1) != 1)
			break;
	}
	_exit(1);
}

static int close_look(void **state, uint32_t detail, bool by_parent)
{
	struct close_look *c = calloc(1, sizeof(*c));
	struct live_options opt = { .detail = detail, .pid_count = 1 };
	char err[LIVE_ERROR_LEN];
	int to[2], from[2];
	uint32_t pid;

	assert(c);
	*state = c;
	c->listener = listen_on_loopback(AF_INET, 64);
	c->listener6 = listen_on_loopback(AF_INET6, 64);
	c->port = port_of(c->listener);
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return -1;
	c->child = fork();
	if (!c->child) {
		close(to[1]);
		if (by_parent && fork())
			pause();
		child_main(to[0], from[1], c->port, (int[]){ c->listener, c->listener6 });
	}
	close(to[0]);
	close(from[1]);
	usleep(by_parent ? 50000 : 0);
	c->to_child = to[1];
	c->from_child = from[0];
	pid = (uint32_t)c->child;
	opt.pids = &pid;
	if (!live_open(&c->src, &opt, err))
		return 0;
	print_error("%s\n", err);
	return -1;
}

static int with_stacks(void **state)
{
	return close_look(state, LIVE_COPY | LIVE_NAMES, false);
}

static int end(void **state)
{
	struct close_look *c = *state;

	close(c->to_child);
	close(c->from_child);
	kill(c->child, SIGKILL);
	waitpid(c->child, NULL, 0);
	close(c->listener);
	close(c->listener6);
	c->src.ops->close(c->src.arg);
	free(c);
	return 0;
}

static void tell_child(struct close_look *c, char what)
{
	char done = 0;

	assert_int_equal(write(c->to_child, &what, 1), 1);
	assert_int_equal(read(c->from_child, &done, 1), 1);
	assert_int_equal(done, what);
}

/* ---- stacks */

static void the_guilty_function_is_named(void **state)
{
	struct close_look *c = *state;
	const struct ls_open *open;
	int dial, caller;

	tell_child(c, '1');
	pump(c);
	open = nth(c, LS_OPEN, 0);
	assert_non_null(open);
	assert_int_equal(open->who.pid, c->child);
	assert_true(open->stack > 0);
	dial = frame_of(c, open->stack, "guilty_dial");
	caller = frame_of(c, open->stack, "open_one");
	assert_true(dial > 0);
	assert_true(caller > dial);
	assert_true(frame_of(c, open->stack, "main") > caller);
	assert_int_equal(frame_of(c, open->stack, "open_another"), -1);
	assert_false(c->copy_seen);
}

static uint32_t copies_taken(const struct close_look *c)
{
	return ((struct live *)c->src.arg)->skel->bss->copies;
}

/* The second of them is known by its shape, not copied again; what calls from elsewhere is told
 * apart from it, however alike the two look from the outside. */
static void callers_are_told_apart(void **state)
{
	struct close_look *c = *state;
	const struct ls_open *open;
	int32_t one, another;
	unsigned int i, stacks;
	uint32_t copies;

	tell_child(c, '1');
	tell_child(c, '2');
	pump(c);
	one = ((const struct ls_open *)nth(c, LS_OPEN, 0))->stack;
	another = ((const struct ls_open *)nth(c, LS_OPEN, 1))->stack;
	assert_true(one > 0 && another > 0 && one != another);
	assert_true(frame_of(c, another, "open_another") > 0);
	for (stacks = 0; nth(c, LS_STACK, stacks);)
		stacks++;
	assert_int_equal(stacks, 2);
	copies = copies_taken(c);
	assert_int_equal(copies, 2);
	for (i = 0; i < 20; i++)
		tell_child(c, i % 2 ? '2' : '1');
	c->n = 0;
	pump(c);
	assert_int_equal(copies_taken(c), copies);
	assert_null(nth(c, LS_STACK, 0));
	for (i = 0; i < 20; i++) {
		open = nth(c, LS_OPEN, i);
		assert_non_null(open);
		assert_int_equal(open->stack, i % 2 ? another : one);
	}
}

/* ---- accepted */

static int with_accept(void **state)
{
	return close_look(state, LIVE_COPY | LIVE_NAMES | LIVE_ACCEPT, false);
}

static void who_accepts_is_named(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct close_look *c = *state;
	const struct ls_open *open;
	int i, fd;

	for (i = 0; i < 2; i++) {
		uint16_t port = port_of(i ? c->listener6 : c->listener);

		fd = connect_to(families[i], port);
		tell_child(c, i ? '6' : '4');
		c->n = 0;
		pump(c);
		open = nth(c, LS_OPEN, 0);
		assert_non_null(open);
		assert_int_equal(open->who.pid, c->child);
		assert_int_equal(open->tuple.role, LS_ROLE_SERVER);
		assert_int_equal(open->tuple.state, 1);
		assert_int_equal(open->tuple.family, families[i]);
		assert_int_equal(open->tuple.lport, port);
		assert_int_equal(open->tuple.rport, port_of(fd));
		assert_int_equal(open->tuple.raddr[i ? 15 : 3], 1);
		assert_int_equal(open->tuple.raddr[i ? 3 : 15], 0);
		assert_memory_equal(open->tuple.laddr, open->tuple.raddr, 16);
		assert_true(frame_of(c, open->stack, "accept_one") > 0);
		close(fd);
	}
}

/* ---- opened without a connection, or by name */

static void who_opens_a_datagram_socket_is_named(void **state)
{
	struct close_look *c = *state;
	const struct ls_open *open;

	tell_child(c, 'd');
	pump(c);
	open = nth(c, LS_OPEN, 0);
	assert_non_null(open);
	assert_int_equal(open->tuple.proto, IPPROTO_UDP);
	assert_int_equal(open->who.pid, c->child);
	assert_true(frame_of(c, open->stack, "open_datagram") > 0);
}

/* One that has failed is nobody's, and who has succeeded is told of after the row. */
static void who_connects_by_name_is_named(void **state)
{
	struct close_look *c = *state;
	const struct ls_open *open;
	const struct ls_sock *row;
	unsigned int i;

	if (!((struct live *)c->src.arg)->local) {
		print_message("skipped: the kernel has no hook for AF_UNIX (6.7)\n");
		skip();
	}
	tell_child(c, 'u');
	pump(c);
	assert_null(nth(c, LS_OPEN, 0));
	look(c);
	open = nth(c, LS_OPEN, 0);
	assert_non_null(open);
	assert_null(nth(c, LS_OPEN, 1));
	assert_int_equal(open->tuple.family, AF_UNIX);
	assert_int_equal(open->who.pid, c->child);
	assert_true(frame_of(c, open->stack, "connect_by_name") > 0);
	for (i = 0; (row = nth(c, LS_SOCK, i)) && row->cookie != open->cookie; i++)
		;
	assert_non_null(row);
	assert_int_equal(row->tuple.role, LS_ROLE_CLIENT);
	assert_true((const void *)row < (const void *)open);
	look(c);
	assert_null(nth(c, LS_OPEN, 0));
}

/* ---- blocked */

static int with_waits(void **state)
{
	return close_look(state, LIVE_COPY | LIVE_NAMES | LIVE_WAITS, false);
}

/* The place where the child waits for the server's answer. */
static const struct ls_wait *the_wait(const struct close_look *c)
{
	const struct ls_wait *wait;
	unsigned int i;

	for (i = 0; (wait = nth(c, LS_WAIT, i)); i++)
		if (wait->stack >= 0 && frame_of(c, wait->stack, "wait_for_answer") > 0)
			return wait;
	return NULL;
}

static uint32_t counted(const struct ls_wait *wait)
{
	uint32_t sum = 0;
	int i;

	for (i = 0; i < LS_WAIT_BUCKETS; i++)
		sum += wait->bucket[i];
	return sum;
}

/* Twice: the first wait's stack is copied, the second is known by its shape; they are one place. */
static void blocked_time_has_its_place(void **state)
{
	struct close_look *c = *state;
	const struct ls_waiter *waiter;
	const struct ls_wait *wait;
	int i, fd;
	char done;

	for (i = 0; i < 2; i++) {
		assert_int_equal(write(c->to_child, "w", 1), 1);
		fd = accept(c->listener, NULL, NULL);
		usleep(150000);
		pump(c);
		look(c);
		wait = the_wait(c);
		assert_non_null(wait);
		assert_int_equal(wait->who.tid, c->child);
		assert_int_equal(wait->call, LS_CALL_READ);
		assert_int_equal(wait->nr, SYS_recvfrom);
		assert_int_equal(wait->count, i);
		assert_true(wait->since_ns > 0 && wait->since_ns < wait->hdr.time_ns - 100000000);
		waiter = nth(c, LS_WAITER, 0);
		assert_non_null(waiter);
		assert_int_equal(waiter->who.tid, c->child);
		assert_true(frame_of(c, waiter->stack, "ask_and_wait") > 0);
		look(c);
		assert_null(nth(c, LS_WAITER, 0)); /* it has not moved */
		assert_null(the_wait(c));
		say(fd, 1);
		assert_int_equal(read(c->from_child, &done, 1), 1);
		look(c);
		wait = the_wait(c);
		assert_non_null(wait);
		assert_int_equal(wait->count, i + 1);
		assert_int_equal(wait->since_ns, 0);
		assert_int_equal(counted(wait), i + 1);
		assert_true(wait->max_ns >= 100000000 && wait->total_ns >= wait->max_ns);
		assert_true(wait->bucket[17] + wait->bucket[18] > 0); /* 0.13 to 0.52 s */
		close(fd);
	}
}

/* ---- away empty */

static int with_empty(void **state)
{
	return close_look(state, LIVE_COPY | LIVE_NAMES | LIVE_EMPTY, false);
}

static void the_last_empty_reader_is_named(void **state)
{
	struct close_look *c = *state;
	const struct ls_empty *empty;
	uint64_t cookie;

	if (live_suspect(&c->src, NULL, 0) == -EOPNOTSUPP) {
		print_message("skipped: the tracepoint sock_recv_length is missing\n");
		skip();
	}
	tell_child(c, 'c');
	tell_child(c, 'e');
	pump(c);
	assert_null(nth(c, LS_EMPTY, 0)); /* nobody is suspect */
	cookie = ((const struct ls_open *)nth(c, LS_OPEN, 0))->cookie;
	assert_int_equal(live_suspect(&c->src, &cookie, 1), 0);
	tell_child(c, 'e');
	tell_child(c, 'e');
	pump(c);
	empty = nth(c, LS_EMPTY, 0);
	assert_non_null(empty);
	assert_int_equal(empty->cookie, cookie);
	assert_int_equal(empty->who.pid, c->child);
	assert_true(frame_of(c, empty->stack, "poll_for_more") > 0);
	assert_null(nth(c, LS_EMPTY, 1)); /* once a second */
	assert_non_null(((struct live *)c->src.arg)->skel->links.read_empty);
	assert_int_equal(live_suspect(&c->src, NULL, 0), 0);
	assert_null(((struct live *)c->src.arg)->skel->links.read_empty);
}

/* ---- left open */

static int with_held(void **state)
{
	return close_look(state, LIVE_HELD, false);
}

/* How often does a row of this socket stand before the end of its process? */
static unsigned int held_before_exit(const struct close_look *c, uint64_t cookie)
{
	unsigned int i, n = 0;

	for (i = 0; i < c->n; i++) {
		const struct ls_sock *s = &c->rec[i].sock;

		if (s->hdr.type == LS_HELD && s->cookie == cookie &&
		    s->who.pid == (uint32_t)c->child)
			n++;
		if (s->hdr.type == LS_PROC &&
		    ((const struct ls_proc *)(const void *)s)->what == LS_PROC_EXIT)
			break;
	}
	return n;
}

static void what_is_held_at_the_end_is_told(void **state)
{
	struct close_look *c = *state;
	const struct ls_open *one, *twice;
	const struct ls_sock *held;
	unsigned int i, inet = 0, unix_ends = 0;

	tell_child(c, 'h');
	assert_int_equal(write(c->to_child, "q", 1), 1);
	waitpid(c->child, NULL, 0);
	pump(c);
	one = nth(c, LS_OPEN, 0);
	twice = nth(c, LS_OPEN, 1);
	assert_int_equal(held_before_exit(c, one->cookie), 1);
	assert_int_equal(held_before_exit(c, twice->cookie), 2);
	for (i = 0; (held = nth(c, LS_HELD, i)); i++) {
		/* The listener is ours as well. */
		assert_int_not_equal(held->tuple.state, 10);
		unix_ends += held->tuple.family == AF_UNIX;
		inet += held->tuple.family == AF_INET;
		if (held->cookie != one->cookie)
			continue;
		assert_int_equal(held->tuple.rport, c->port);
		assert_int_equal(held->tuple.role, LS_ROLE_CLIENT);
		assert_int_equal(held->tuple.state, 1);
		assert_true(held->fd > 2);
	}
	assert_int_equal(inet, 3);
	assert_int_equal(unix_ends, 2);
}

/* ---- children */

static int with_parent(void **state)
{
	return close_look(state, LIVE_HELD, true);
}

static void children_at_the_start_are_followed(void **state)
{
	struct close_look *c = *state;
	const struct ls_open *open;

	tell_child(c, '1');
	pump(c);
	open = nth(c, LS_OPEN, 0);
	assert_non_null(open);
	assert_int_not_equal(open->who.pid, c->child);
	assert_int_equal(open->tuple.rport, c->port);
}

#define CLOSELY(f, how) cmocka_unit_test_setup_teardown(f, how, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLOSELY(the_guilty_function_is_named, with_stacks),
		CLOSELY(callers_are_told_apart, with_stacks),
		CLOSELY(who_accepts_is_named, with_accept),
		CLOSELY(who_opens_a_datagram_socket_is_named, with_stacks),
		CLOSELY(who_connects_by_name_is_named, with_stacks),
		CLOSELY(blocked_time_has_its_place, with_waits),
		CLOSELY(the_last_empty_reader_is_named, with_empty),
		CLOSELY(what_is_held_at_the_end_is_told, with_held),
		CLOSELY(children_at_the_start_are_followed, with_parent),
	};

	return cmocka_run_group_tests(tests, own_network, NULL);
}
