/* SPDX-License-Identifier: BSD-2-Clause */
/* Named stacks in the ledger, who waits where, and who came to read and went away empty. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/detail.h"

static const char *function_at(const struct story *s, int32_t stack, uint32_t n)
{
	const struct frame *f = ledger_frame(s->led, stack, n);

	return f ? f->function : NULL;
}

static void a_stack_has_names(void **state)
{
	struct story *s = *state;
	const struct frame *f;

	assert_null(ledger_frame(s->led, 7, 0));
	assert_int_equal(tell_frame(s, 7, 0, "connect"), 0);
	assert_int_equal(tell_frame(s, 7, 1, "pool_borrow"), 0);
	f = ledger_frame(s->led, 7, 1);
	assert_string_equal(f->function, "pool_borrow");
	assert_string_equal(f->file, "pool.c");
	assert_string_equal(f->module, "/usr/lib/libpool.so");
	assert_string_equal(f->build_id, "c0ffee");
	assert_int_equal(f->line, 11);
	assert_int_equal(f->offset, 0x40);
	assert_string_equal(function_at(s, 7, 0), "connect");
	assert_null(ledger_frame(s->led, 7, 2));
	assert_null(ledger_frame(s->led, 8, 0));
	assert_null(ledger_frame(s->led, -1, 0));
}

/* The name of a function stands once, however many stacks go through it. */
static void names_are_shared(void **state)
{
	struct story *s = *state;

	tell_frame(s, 1, 0, "main");
	tell_frame(s, 2, 5, "main");
	assert_ptr_equal(function_at(s, 1, 0), function_at(s, 2, 5));
}

static void a_missing_frame_is_unknown(void **state)
{
	struct story *s = *state;

	tell_frame(s, 7, 2, "main");
	assert_string_equal(function_at(s, 7, 0), "");
	assert_string_equal(ledger_frame(s->led, 7, 1)->build_id, "");
	assert_string_equal(function_at(s, 7, 2), "main");
	tell_frame(s, 7, 0, "connect"); /* late, and the others stay */
	assert_string_equal(function_at(s, 7, 0), "connect");
	assert_string_equal(function_at(s, 7, 2), "main");
}

static void a_stack_told_again(void **state)
{
	struct story *s = *state;
	uint16_t i;

	for (i = 0; i < 40; i++)
		tell_frame(s, 7, i, "old");
	tell_frame(s, 7, 0, "new");
	tell_frame(s, 7, 1, "main");
	assert_string_equal(function_at(s, 7, 0), "new");
	assert_string_equal(function_at(s, 7, 1), "main");
	assert_null(ledger_frame(s->led, 7, 2));
}

static void unreadable_frames(void **state)
{
	struct story *s = *state;
	union frame_rec f = frame_rec(7, 0, "f\0\0\0", 5);

	assert_int_equal(tell(s, &f), 0);
	f = frame_rec(7, 1, "abcdefgh\0abcdefg\0abcdefg\0abcdefgh", 33);
	f.rec.hdr.len -= 8; /* the last NUL is beyond the record */
	assert_int_equal(tell(s, &f), -EBADMSG);
	f = frame_rec(7, 1, "abcdefgh", 8);
	assert_int_equal(tell(s, &f), -EBADMSG);
	f = frame_rec(7, 1, "", 0);
	assert_int_equal(tell(s, &f), -EBADMSG);
	f.rec.hdr.len = sizeof(f.rec) - 8;
	assert_int_equal(tell(s, &f), -EBADMSG);
	f = frame_rec(-3, 0, "f\0\0\0", 5);
	assert_int_equal(tell(s, &f), -EBADMSG);
	assert_null(ledger_frame(s->led, 7, 1));
	assert_int_equal(ledger_totals(s->led)->lost[LS_LOST_LEDGER], 0);
}

/* Recursion without end, and stacks without end: neither fills the memory. */
static void stacks_are_bounded(void **state)
{
	struct story *s = *state;
	uint32_t n, i;

	for (i = 0; i < 65536; i += 5)
		assert_int_equal(tell_frame(s, 7, (uint16_t)i, "f"), 0);
	for (n = 0; ledger_frame(s->led, 7, n); n++)
		;
	assert_in_range(n, 128, 1024);
	for (i = 100; i < 40000 && tell_frame(s, (int32_t)i, 0, "f") == 0; i++)
		;
	assert_in_range(i, 10000, 39999);
	assert_int_equal(tell_frame(s, (int32_t)i, 0, "f"), -ENOMEM);
	assert_int_equal(ledger_totals(s->led)->lost[LS_LOST_LEDGER], 2);
	assert_int_equal(tell_frame(s, 100, 0, "still"), 0);
	assert_string_equal(function_at(s, 100, 0), "still");
}

static void names_are_bounded(void **state)
{
	struct story *s = *state;
	struct ls_cgroup cgroup = {
		.hdr = rec_hdr(LS_CGROUP, sizeof(cgroup), s->now_ns),
		.who = rec_who(100),
		.path = "/after",
	};
	char name[64];
	uint32_t i;

	for (i = 0; i < 300000; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		assert_int_equal(tell_frame(s, (int32_t)(i % 9), 1, name), 0);
	}
	assert_string_equal(function_at(s, (int32_t)((i - 1) % 9), 1), "");
	assert_int_equal(tell(s, &cgroup), 0); /* paths have room of their own */
	assert_string_equal(proc_of(s, 100)->cgroup_path, "/after");
}

/* Few, but long: the room is counted in bytes too. */
static void long_names_are_bounded(void **state)
{
	struct story *s = *state;
	struct {
		struct ls_frame rec;
		char text[2000];
	} f = { .rec = { .hdr = rec_hdr(LS_FRAME, sizeof(f), 0), .stack = 1 } };
	uint32_t i;

	memset(f.text, 'f', sizeof(f.text) - 8);
	for (i = 0; i < 40000; i++) {
		snprintf(f.text, 8, "%07u", i);
		f.text[7] = 'f';
		assert_int_equal(tell(s, &f), 0);
		if (!function_at(s, 1, 0)[0])
			break;
	}
	assert_in_range(i, 1000, 39999);
}

/* ---- threads */

static const struct task *task_of(const struct story *s, uint32_t tid)
{
	uint32_t id;

	for (id = 0; id < ledger_task_end(s->led); id++)
		if (ledger_task(s->led, id) && ledger_task(s->led, id)->tid == tid)
			return ledger_task(s->led, id);
	return NULL;
}

static void look_at_waiter(struct story *s, uint64_t switches)
{
	struct ls_task rec = task_rec(s, 100, 101);

	rec.flags = LS_TASK_BLOCKED;
	rec.switches = switches;
	begin(s);
	tell_process(s, 100);
	tell(s, &rec);
	finish(s);
	later(s, 1);
}

static void the_waiter_has_a_stack(void **state)
{
	struct story *s = *state;

	assert_int_equal(tell_waiter_stack(s, 100, 101, 3), 0); /* nobody knows it yet */
	look_at_waiter(s, 5);
	assert_int_equal(task_of(s, 101)->stack, -1);
	assert_int_equal(tell_waiter_stack(s, 100, 101, 0), 0);
	assert_int_equal(task_of(s, 101)->stack, 0);
	look_at_waiter(s, 5);
	assert_int_equal(task_of(s, 101)->stack, 0); /* it has not moved */
	look_at_waiter(s, 6);
	assert_int_equal(task_of(s, 101)->stack, -1);
	tell_waiter_stack(s, 200, 101, 4); /* another's thread of that number */
	assert_int_equal(task_of(s, 101)->stack, -1);
	tell_waiter_stack(s, 100, 101, -14);
	assert_int_equal(task_of(s, 101)->stack, -1);
}

static uint32_t waits_known(const struct story *s)
{
	uint32_t id, n = 0;

	for (id = 0; id < ledger_wait_end(s->led); id++)
		n += ledger_wait(s->led, id) != NULL;
	return n;
}

static void waits_by_thread_and_place(void **state)
{
	struct story *s = *state;
	const struct wait *w;

	assert_int_equal(tell_blocked(s, 100, 101, 3, 1), 0);
	assert_int_equal(tell_blocked(s, 100, 101, 4, 1), 0);
	assert_int_equal(tell_blocked(s, 100, 102, 3, 1), 0);
	assert_int_equal(tell_blocked(s, 200, 101, 3, 1), 0);
	assert_int_equal(tell_blocked(s, 100, 101, 3, 9), 0);
	assert_int_equal(waits_known(s), 4);
	w = ledger_wait(s->led, 1);
	assert_int_equal(ledger_proc(s->led, w->proc)->pid, 100);
	assert_int_equal(w->tid, 101);
	assert_int_equal(w->stack, 3);
	assert_int_equal(w->call, LS_CALL_READ);
	assert_int_equal(w->nr, 45);
	assert_int_equal(w->count, 9);
	assert_int_equal(w->total_ns, 27 * S_NS);
	assert_int_equal(w->max_ns, 4 * S_NS);
	assert_int_equal(w->bucket[LS_WAIT_BUCKETS - 1], 9);
}

static void waits_outlive_their_process(void **state)
{
	struct story *s = *state;

	tell_blocked(s, 100, 101, 3, 1);
	tell_proc(s, rec_who(100), LS_PROC_EXIT, 0, "prog");
	look_at_nothing(s);
	look_at_nothing(s);
	assert_int_equal(ledger_proc(s->led, ledger_wait(s->led, 1)->proc)->pid, 100);
}

static void waits_are_bounded(void **state)
{
	struct story *s = *state;
	uint32_t i;

	for (i = 0; tell_blocked(s, 100, 1000 + i, 3, 1) == 0; i++)
		assert_true(i < 200000);
	assert_true(i > 10000);
	assert_int_equal(ledger_totals(s->led)->lost[LS_LOST_LEDGER], 1);
	assert_int_equal(tell_blocked(s, 100, 1000, 3, 2), 0);
	assert_int_equal(ledger_wait(s->led, 1)->count, 2);
}

/* Threads of a server that starts one for each connection: the longest waits stay, and who waits
 * now. */
static void short_waits_make_room(void **state)
{
	struct story *s = *state;
	uint32_t i, n;

	for (n = 0; n < 4; n++) {
		for (i = 0; i < 30000; i++) {
			struct ls_wait w = wait_rec(s, 1000 + n, 100000 + 30000 * n + i, 3, 1);

			w.total_ns = i == 7 ? 1000 * S_NS : i * S_NS / 1000;
			if (i == 5)
				w.since_ns = s->now_ns;
			assert_int_equal(tell(s, &w), 0);
		}
		tell_proc(s, rec_who(1000 + n), LS_PROC_EXIT, 0, "prog");
		look_at_nothing(s);
		assert_in_range(waits_known(s), 1000, 16384);
	}
	for (n = 0, i = 0; i < ledger_wait_end(s->led); i++) {
		const struct wait *w = ledger_wait(s->led, i);

		n += w && (w->since_ns || w->total_ns == 1000 * S_NS);
	}
	assert_int_equal(n, 8);
	assert_int_equal(ledger_totals(s->led)->lost[LS_LOST_LEDGER], 0);
}

/* ---- empty readers */

static void the_last_empty_reader(void **state)
{
	struct story *s = *state;
	const struct empty *e;
	uint32_t conn;

	tell_empty(s, 100, 101, 1, 3); /* of a connection that is not known */
	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	conn = ledger_find_conn(s->led, 1);
	assert_null(ledger_empty(s->led, conn));
	assert_int_equal(tell_empty(s, 100, 101, 1, 3), 0);
	later(s, 1);
	assert_int_equal(tell_empty(s, 100, 102, 1, -14), 0);
	e = ledger_empty(s->led, conn);
	assert_int_equal(e->tid, 102);
	assert_int_equal(e->stack, -1);
	assert_int_equal(e->time_ns, s->now_ns);
	s->now_ns -= S_NS / 2; /* records of two processors cross */
	tell_empty(s, 100, 103, 1, 3);
	assert_int_equal(ledger_empty(s->led, conn)->tid, 102);
	assert_null(ledger_empty(s->led, conn + 1));
}

static void it_goes_with_its_connection(void **state)
{
	struct story *s = *state;
	uint32_t conn;

	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	conn = ledger_find_conn(s->led, 1);
	tell_empty(s, 200, 200, 1, 3);
	tell_end(s, 1);
	tell_open(s, 2, 100, LS_ROLE_CLIENT, 5);
	assert_int_equal(ledger_find_conn(s->led, 2), conn); /* the number is used again */
	assert_null(ledger_empty(s->led, conn));
	tell_proc(s, rec_who(200), LS_PROC_EXIT, 0, "prog");
	look_at_nothing(s);
	assert_int_equal(ledger_find_proc(s->led, 200), 0); /* nothing names its reader */
}

static void its_reader_stays_named(void **state)
{
	struct story *s = *state;

	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	tell_empty(s, 200, 200, 1, 3);
	tell_empty(s, 300, 300, 1, 3);
	tell_proc(s, rec_who(200), LS_PROC_EXIT, 0, "prog");
	tell_proc(s, rec_who(300), LS_PROC_EXIT, 0, "prog");
	look_at_nothing(s);
	assert_int_equal(ledger_find_proc(s->led, 200), 0);
	assert_int_not_equal(ledger_find_proc(s->led, 300), 0);
}

static void the_goroutine_that_waits(void **state)
{
	struct story *s = *state;
	const struct parked *p;
	uint32_t conn;

	assert_int_equal(tell_parked(s, 100, 1, 3, LS_CALL_READ), 0); /* of nothing that is known */
	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	conn = ledger_find_conn(s->led, 1);
	assert_null(ledger_parked(s->led, conn));
	assert_int_equal(tell_parked(s, 100, 1, 3, LS_CALL_READ), 0);
	p = ledger_parked(s->led, conn);
	assert_int_equal(ledger_proc(s->led, p->proc)->pid, 100);
	assert_int_equal(p->stack, 3);
	assert_int_equal(p->call, LS_CALL_READ);
	tell_parked(s, 200, 1, 4, LS_CALL_WRITE);
	p = ledger_parked(s->led, conn);
	assert_int_equal(ledger_proc(s->led, p->proc)->pid, 200);
	assert_int_equal(p->stack, 4);
	assert_int_equal(p->call, LS_CALL_WRITE);
	assert_null(ledger_parked(s->led, conn + 1));
	tell_parked(s, 200, 1, -1, LS_CALL_READ);
	assert_null(ledger_parked(s->led, conn));
	tell_parked(s, 200, 1, -1, LS_CALL_READ);
}

static void the_goroutine_goes_with_its_connection(void **state)
{
	struct story *s = *state;
	uint32_t conn;

	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	conn = ledger_find_conn(s->led, 1);
	tell_parked(s, 200, 1, 3, LS_CALL_READ);
	tell_end(s, 1);
	tell_open(s, 2, 100, LS_ROLE_CLIENT, 5);
	assert_int_equal(ledger_find_conn(s->led, 2), conn);
	assert_null(ledger_parked(s->led, conn));
	tell_proc(s, rec_who(200), LS_PROC_EXIT, 0, "prog");
	look_at_nothing(s);
	assert_int_equal(ledger_find_proc(s->led, 200), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_stack_has_names),
		CASE(names_are_shared),
		CASE(a_missing_frame_is_unknown),
		CASE(a_stack_told_again),
		CASE(unreadable_frames),
		CASE(stacks_are_bounded),
		CASE(names_are_bounded),
		CASE(long_names_are_bounded),
		CASE(the_waiter_has_a_stack),
		CASE(waits_by_thread_and_place),
		CASE(waits_outlive_their_process),
		CASE(waits_are_bounded),
		CASE(the_last_empty_reader),
		CASE(it_goes_with_its_connection),
		CASE(its_reader_stays_named),
		CASE(the_goroutine_that_waits),
		CASE(the_goroutine_goes_with_its_connection),
		CASE(short_waits_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
