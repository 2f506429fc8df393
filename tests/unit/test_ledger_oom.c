/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each allocation of a ledger's life fails in turn, those of its indexes (libJudy) included: it
 * counts what it could not take, stays right about the rest, goes on as soon as there is memory,
 * and gives all of it back.
 */
#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/detail.h"
#include "unit/streams.h"

#define STREAM_MAX 14000
#define COOKIES	   1500 /* more than a chunk of a slab */

static long fail_at;	/* 0: none; n: the nth from now */
static long fail_count; /* how many in a row */
static long failed;
static long outstanding; /* but for libJudy's own */

/* libJudy forgets what it has taken when it cannot take the rest: that is not ours to give back. */
static struct {
	uintptr_t from, to;
} judy;

static int find_judy(struct dl_phdr_info *info, size_t size, void *arg)
{
	int i;

	if (!strstr(info->dlpi_name, "libJudy"))
		return 0;
	judy.from = info->dlpi_addr;
	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD)
			judy.to =
				judy.from + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
	return 1;
}

static bool ours(const void *caller)
{
	return (uintptr_t)caller < judy.from || (uintptr_t)caller >= judy.to;
}

static int fails(void)
{
	if (!fail_at || --fail_at)
		return 0;
	if (--fail_count > 0)
		fail_at = 1;
	failed++;
	errno = ENOMEM;
	return 1;
}

/* In the place of libc's, for the whole program and its libraries. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

#define COUNTED(p) counted(p, __builtin_return_address(0))

static void *counted(void *p, const void *caller)
{
	outstanding += p && ours(caller);
	return p;
}

void *malloc(size_t size)
{
	return fails() ? NULL : COUNTED(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : COUNTED(__libc_calloc(n, size));
}

void *realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	return p ? __libc_realloc(p, size) : COUNTED(__libc_realloc(p, size));
}

void free(void *p)
{
	outstanding -= p && ours(__builtin_return_address(0));
	__libc_free(p);
}

/* ---- a stream that touches every table */

static struct {
	union {
		struct ls_hdr hdr;
		struct ls_open open;
		struct ls_unix row;
		struct ls_cgroup cgroup;
		struct ls_task task;
		struct ls_proc proc;
		struct ls_abort abort;
		struct ls_snap snap;
		struct ls_end end;
		struct ls_wait wait;
		struct ls_waiter waiter;
		struct ls_empty empty;
		struct ls_parked parked;
		struct ls_stream stream;
		struct ls_stream_conn conn;
		struct ls_library library;
		union frame_rec frame;
	} rec[STREAM_MAX];
	unsigned int n;
	struct story clock; /* without a ledger: it only says the time */
} stream;

#define put(r)                                                    \
	do {                                                      \
		assert_true(stream.n < STREAM_MAX);               \
		memcpy(&stream.rec[stream.n++], &(r), sizeof(r)); \
	} while (0)

static void put_snap(uint16_t what)
{
	struct ls_snap rec = {
		.hdr = rec_hdr(LS_SNAP, sizeof(rec), stream.clock.now_ns),
		.what = what,
		.ends = LS_ENDS_TCP | LS_ENDS_UDP,
		.passes = ALL_PASSES,
	};

	put(rec);
}

/* Spread out, so that the indexes branch in many ways. */
static uint64_t cookie_of(unsigned int i)
{
	return i < 400 ? i + 1 : (i + 1) * 0x9e3779b97f4a7c15ull;
}

static struct ls_unix stream_row(unsigned int i, uint32_t pid, int32_t fd)
{
	struct ls_unix row = { .sock = row_rec(&stream.clock, cookie_of(i), pid, fd,
					       LS_ROLE_CLIENT) };

	row.sock.tuple.rport = (uint16_t)(i % 90);
	if (i % 7 == 0)
		row.sock.tuple.family = AF_INET6;
	if (i % 11 == 0) {
		row.sock.tuple = (struct ls_tuple){ .family = AF_UNIX, .role = LS_ROLE_CLIENT };
		row.sock.hdr.len = sizeof(row);
		snprintf(row.path, sizeof(row.path), "/run/%u.sock", i);
	}
	if (i % 13 == 0) {
		row.sock.tuple = tuple_tcp(LS_ROLE_LISTEN, TCP_LISTENS);
		row.sock.tuple.lport = (uint16_t)i;
	}
	return row;
}

static void put_births(void)
{
	unsigned int i;

	for (i = 0; i < COOKIES; i++) {
		struct ls_unix row = stream_row(i, 0, 0);
		struct ls_open open = {
			.hdr = rec_hdr(LS_OPEN, sizeof(open), stream.clock.now_ns),
			.who = rec_who(100 + i % 60),
			.cookie = cookie_of(i),
			.stack = (int32_t)(i % 3) - 1,
			.fd = -1,
			.tuple = row.sock.tuple,
		};

		if (row.sock.tuple.family != AF_UNIX && row.sock.tuple.role == LS_ROLE_CLIENT)
			put(open);
	}
}

static void put_row(const struct ls_unix *row)
{
	assert_true(stream.n < STREAM_MAX);
	stream.rec[stream.n++].row = *row;
}

static void put_look(unsigned int first, unsigned int step)
{
	unsigned int i;

	put_snap(LS_SNAP_BEGIN);
	for (i = 0; i < 60; i++) {
		struct ls_task task = task_rec(&stream.clock, 100 + i, 100 + i);
		struct ls_cgroup cgroup = {
			.hdr = rec_hdr(LS_CGROUP, sizeof(cgroup), stream.clock.now_ns),
			.who = rec_who(100 + i),
		};

		snprintf(cgroup.path, sizeof(cgroup.path), "/system.slice/%u.service", i);
		put(cgroup);
		put(task);
		task.who.tid += 1000;
		task.flags = LS_TASK_BLOCKED;
		task.cookie = cookie_of(i);
		put(task);
	}
	for (i = first; i < COOKIES; i += step) {
		struct ls_unix row = stream_row(i, 100 + i % 60, 5);

		put_row(&row);
		row.sock.fd = 6;
		if (i % 3 == 0)
			put_row(&row);
	}
	put_snap(LS_SNAP_END);
	later(&stream.clock, 1);
}

static void put_ends(unsigned int step)
{
	unsigned int i;

	for (i = 0; i < COOKIES; i += step) {
		struct ls_end rec = {
			.hdr = rec_hdr(LS_END, sizeof(rec), stream.clock.now_ns),
			.cookie = cookie_of(i),
		};

		put(rec);
	}
}

static void put_exits(void)
{
	unsigned int i;

	for (i = 0; i < 60; i++) {
		struct ls_proc rec = {
			.hdr = rec_hdr(LS_PROC, sizeof(rec), stream.clock.now_ns),
			.who = rec_who(100 + i),
			.what = LS_PROC_EXIT,
			.exit_code = 9,
			.held = i % 2,
		};
		struct ls_abort abort = {
			.hdr = rec_hdr(LS_ABORT, sizeof(abort), stream.clock.now_ns),
			.who = rec_who(100 + i),
			.cookie = cookie_of(i * 20),
			.unread = 1,
		};

		if (i % 2)
			put(abort);
		else
			put(rec);
	}
}

/* Names for many stacks, a few of them deep; and who waits there. */
static void put_details(void)
{
	char texts[64];
	unsigned int i;

	for (i = 0; i < 300; i++) {
		int n = snprintf(texts, sizeof(texts), "f%u%cfile%u%c%c", i, 0, i / 9, 0, 0);
		union frame_rec frame = frame_rec((int32_t)(i / 2 * 77), (uint16_t)(i % 2 * i),
						  texts, (size_t)n + 1);
		struct ls_wait wait = wait_rec(&stream.clock, 100 + i % 60, 7000 + i, 3, 1);
		struct ls_empty empty = {
			.hdr = rec_hdr(LS_EMPTY, sizeof(empty), stream.clock.now_ns),
			.who = rec_who(100 + i % 60),
			.cookie = cookie_of(i * 3),
			.stack = 3,
		};
		struct ls_waiter waiter = {
			.hdr = rec_hdr(LS_WAITER, sizeof(waiter), stream.clock.now_ns),
			.who = rec_who(100 + i % 60),
			.stack = 4,
		};

		struct ls_parked parked = {
			.hdr = rec_hdr(LS_PARKED, sizeof(parked), stream.clock.now_ns),
			.who = rec_who(100 + i % 60),
			.cookie = cookie_of(i * 3),
			.stack = i % 5 ? 3 : -1,
		};

		waiter.who.tid += 1000;
		put(frame);
		put(wait);
		put(empty);
		put(parked);
		put(waiter);
	}
}

static void put_held(unsigned int first, unsigned int step)
{
	unsigned int i;

	for (i = first; i < COOKIES; i += step) {
		struct ls_unix row = stream_row(i, 100 + i % 60, 5);

		row.sock.hdr.type = LS_HELD;
		put_row(&row);
	}
}

/* Connections of some processes, their streams, and counters. */
static void put_streams(void)
{
	uint64_t now_ns = stream.clock.now_ns;
	unsigned int i;

	for (i = 0; i < 40; i++) {
		uint32_t pid = 100 + i % 20;
		struct ls_stream_conn conn =
			stream_conn_rec(now_ns, pid, i % 90, LS_STREAM_CONN_OPEN, cookie_of(i));
		struct ls_stream_conn count =
			stream_conn_rec(now_ns, pid, i % 5, LS_STREAM_CONN_COUNT, i);
		struct ls_stream open =
			stream_rec(now_ns, pid, i % 90, i * 97, LS_STREAM_OPEN, i % 4);
		struct ls_stream closed =
			stream_rec(now_ns, pid, i % 90, i * 97,
				   i % 3 ? LS_STREAM_FREE : LS_STREAM_READ_CLOSED, LS_STREAM_END);
		struct ls_library library = library_rec(now_ns, 1 + i % 255, "some-library");

		open.stack = (int32_t)(i % 40);
		put(conn);
		put(count);
		put(open);
		put(closed);
		if (i < 9)
			put(library);
	}
}

static int make_stream(void **state)
{
	if (!dl_iterate_phdr(find_judy, NULL))
		return -1;
	stream.clock.now_ns = 1000 * S_NS;
	put_births();
	put_look(0, 1);
	put_details();
	put_streams();
	put_ends(3);
	put_look(1, 2);
	put_held(0, 5);
	put_exits();
	put_ends(2);
	put_look(1, 4);
	return 0;
}

/* ---- what must hold whatever failed */

static void details_whole(const struct ledger *led)
{
	const struct left *l;
	const struct wait *w;
	uint32_t id, n;

	for (id = 1; id < ledger_wait_end(led); id++) {
		w = ledger_wait(led, id);
		assert_true(!w || ledger_proc(led, w->proc));
	}
	for (id = 1; id < ledger_conn_end(led); id++)
		if (ledger_empty(led, id))
			assert_non_null(ledger_proc(led, ledger_empty(led, id)->proc));
	for (id = 1; id < ledger_left_end(led); id++) {
		l = ledger_left(led, id);
		if (!l)
			continue;
		assert_non_null(ledger_proc(led, l->proc));
		assert_non_null(ledger_proc(led, l->conn.opener));
		assert_true(!l->conn.site || ledger_site(led, l->conn.site));
		assert_non_null(ledger_conn_remote(led, &l->conn));
	}
	for (id = 0; id < 300; id++)
		for (n = 0; ledger_frame(led, (int32_t)(id / 2 * 77), n); n++)
			assert_non_null(ledger_frame(led, (int32_t)(id / 2 * 77), n)->file);
}

static void whole(const struct ledger *led)
{
	uint32_t live[256] = { 0 }, id, conns = 0;
	const struct conn *c;

	for (id = 1; id < ledger_conn_end(led); id++) {
		c = ledger_conn(led, id);
		if (!c)
			continue;
		conns++;
		assert_int_equal(ledger_find_conn(led, c->cookie), id);
		assert_true(!c->opener || ledger_proc(led, c->opener));
		assert_true(!c->site || ledger_site(led, c->site));
		if (!c->holder.proc || c->role == LS_ROLE_LISTEN)
			continue;
		assert_true(c->holder.proc < 256);
		live[c->holder.proc]++;
	}
	assert_int_equal(ledger_totals(led)->conns, conns);
	for (id = 1; id < ledger_proc_end(led); id++)
		if (ledger_proc(led, id))
			assert_int_equal(ledger_proc(led, id)->live, live[id]);
	for (id = 0; id < COOKIES; id++) {
		uint32_t found = ledger_find_conn(led, cookie_of(id));

		assert_true(!found || ledger_conn(led, found)->cookie == cookie_of(id));
	}
	details_whole(led);
}

static void takes_new_ones(struct story *s)
{
	begin(s);
	assert_int_equal(tell_row(s, 1ull << 40, 5000, 5, LS_ROLE_CLIENT), 0);
	tell_process(s, 5000);
	finish(s);
	assert_int_equal(proc_of(s, 5000)->live, 1);
	assert_int_not_equal(conn_of(s, 1ull << 40)->site, 0);
	assert_int_equal(tell_end(s, 1ull << 40), 0);
	assert_null(conn_of(s, 1ull << 40));
}

/* Returns whether it came to a failure. */
static bool run(long nth, long in_a_row)
{
	long before = outstanding;
	struct story s = { .now_ns = stream.clock.now_ns };
	uint64_t refused = 0;
	unsigned int i;
	int err;

	fail_at = nth;
	fail_count = in_a_row;
	failed = 0;
	s.led = ledger_new(NULL);
	for (i = 0; s.led && i < stream.n; i++) {
		err = tell(&s, &stream.rec[i]);
		if (err != 0 && err != -ENOMEM)
			assert_int_equal(err, 0);
		refused += err == -ENOMEM;
	}
	fail_at = 0;
	if (s.led) {
		assert_int_equal(ledger_totals(s.led)->lost[LS_LOST_LEDGER], refused);
		whole(s.led);
		takes_new_ones(&s);
		whole(s.led);
	} else {
		assert_int_equal(errno, ENOMEM);
	}
	ledger_free(s.led);
	assert_int_equal(outstanding, before);
	return failed > 0;
}

static void each_allocation_fails_once(void **state)
{
	long nth;

	for (nth = 1; run(nth, 1); nth++)
		;
	assert_true(nth > 200);
}

static void memory_is_short_for_a_while(void **state)
{
	long nth;

	for (nth = 1; run(nth, 40); nth += 7)
		;
	assert_true(nth > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_fails_once),
		cmocka_unit_test(memory_is_short_for_a_while),
	};

	return cmocka_run_group_tests(tests, make_stream, NULL);
}
