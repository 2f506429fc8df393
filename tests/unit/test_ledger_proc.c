/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes and threads in the ledger: who is who, how they end, and what they leave. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/story.h"

static struct ls_who who_started(uint32_t pid, uint64_t start_ns)
{
	return (struct ls_who){ .pid = pid, .tid = pid, .start_ns = start_ns };
}

/* The number of processes that the ledger still knows. */
static uint32_t procs_known(const struct story *s)
{
	uint32_t id, n = 0;

	for (id = 1; id < ledger_proc_end(s->led); id++)
		n += ledger_proc(s->led, id) != NULL;
	return n;
}

static void look_at(struct story *s, uint32_t pid)
{
	begin(s);
	tell_process(s, pid);
	finish(s);
	later(s, 1);
}

static void fork_exec_exit(void **state)
{
	struct story *s = *state;
	const struct proc *p;

	tell_proc(s, rec_who(100), LS_PROC_FORK, 0, "sh");
	p = proc_of(s, 100);
	assert_string_equal(p->comm, "sh");
	assert_int_equal(p->ppid, 1);
	assert_int_equal(p->exec_ns, p->start_ns);
	later(s, 1);
	tell_proc(s, rec_who(100), LS_PROC_EXEC, 0, "postgres: writer process");
	assert_string_equal(p->comm, "postgres: write");
	assert_int_equal(p->exec_ns, s->now_ns);
	assert_int_equal(p->netns, 1);
	assert_int_equal(p->cgroup, 7);
	later(s, 1);
	tell_proc(s, rec_who(100), LS_PROC_THREAD, 0, "pool-1");
	assert_string_equal(p->comm, "postgres: write");
	tell_proc(s, rec_who(100), LS_PROC_EXIT, 3 << 8, "renamed");
	assert_string_equal(p->comm, "renamed");
	assert_int_equal(p->exit_ns, s->now_ns);
	assert_int_equal(p->exit_code, 3 << 8);
	look_at_nothing(s);
	assert_int_equal(ledger_find_proc(s->led, 100), 0); /* nothing names it */
	assert_int_equal(ledger_totals(s->led)->procs, 0);
}

/* An earlier life of the pid stays as long as a connection names it. */
static void pid_used_again(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, 77, 100, 5, LS_ROLE_CLIENT);
	struct ls_task successor = task_rec(s, 100, 100);
	uint32_t old, new;

	row.who = who_started(100, 1000);
	begin(s);
	tell(s, &row);
	finish(s);
	old = ledger_find_proc(s->led, 100);
	later(s, 1);
	tell_proc(s, who_started(100, 1000), LS_PROC_EXIT, 0, "old");
	tell_proc(s, who_started(100, 2000), LS_PROC_FORK, 0, "new");
	new = ledger_find_proc(s->led, 100);
	assert_int_not_equal(new, old);
	assert_int_equal(ledger_proc(s->led, new)->exit_ns, 0);
	assert_int_equal(ledger_proc(s->led, old)->live, 1);
	assert_int_equal(ledger_proc(s->led, new)->live, 0);
	/* Its child holds what it opened. */
	later(s, 1);
	begin(s);
	tell_row(s, 77, 200, 5, LS_ROLE_CLIENT);
	successor.who.start_ns = 2000;
	tell(s, &successor);
	finish(s);
	assert_int_equal(conn_of(s, 77)->opener, old);
	assert_int_equal(ledger_proc(s->led, old)->live, 0);
	/* A record of the old one that comes late does not touch the new one. */
	tell_proc(s, who_started(100, 1000), LS_PROC_EXEC, 0, "late");
	assert_string_equal(ledger_proc(s->led, new)->comm, "prog");
	assert_string_equal(ledger_proc(s->led, old)->comm, "late");
	tell_end(s, 77);
	tell_proc(s, who_started(100, 2000), LS_PROC_EXIT, 0, "");
	later(s, 1);
	look_at(s, 200);
	look_at(s, 200); /* first the successor goes, then its forerunner */
	assert_int_equal(ledger_find_proc(s->led, 100), 0);
	assert_int_equal(procs_known(s), 1);
}

/* Three lives; the one in the middle goes last. */
static void pid_used_often(void **state)
{
	struct story *s = *state;
	struct ls_open open;
	uint64_t start;

	for (start = 1; start <= 3; start++) {
		open = open_rec(s, start, 100, LS_ROLE_CLIENT, 5);
		open.who = who_started(100, start);
		assert_int_equal(tell(s, &open), 0);
		tell_proc(s, open.who, LS_PROC_EXIT, 0, "x");
	}
	assert_int_equal(procs_known(s), 3);
	tell_end(s, 3);
	tell_end(s, 1);
	look_at_nothing(s);
	look_at_nothing(s);
	assert_int_equal(ledger_proc(s->led, conn_of(s, 2)->opener)->start_ns, 2);
	assert_int_equal(proc_of(s, 100)->start_ns, 2);
	tell_end(s, 2);
	look_at_nothing(s);
	look_at_nothing(s);
	look_at_nothing(s);
	assert_int_equal(procs_known(s), 0);
}

/* The one in the middle goes first: the earliest is found all the same. */
static void pid_used_often_and_the_middle_gone(void **state)
{
	struct story *s = *state;
	struct ls_open open;
	uint64_t start;

	for (start = 1; start <= 3; start++) {
		open = open_rec(s, start, 100, LS_ROLE_CLIENT, 5);
		open.who = who_started(100, start);
		tell(s, &open);
		tell_proc(s, open.who, LS_PROC_EXIT, 0, "x");
	}
	tell_end(s, 2);
	later(s, 1);
	look_at_nothing(s);
	look_at_nothing(s);
	assert_int_equal(procs_known(s), 2);
	tell_proc(s, who_started(100, 1), LS_PROC_EXEC, 0, "first");
	assert_int_equal(procs_known(s), 2);
	assert_string_equal(ledger_proc(s->led, conn_of(s, 1)->opener)->comm, "first");
}

/* Who does not know the start time means the newest. */
static void start_unknown(void **state)
{
	struct story *s = *state;

	tell_proc(s, who_started(100, 1000), LS_PROC_FORK, 0, "a");
	tell_proc(s, who_started(100, 0), LS_PROC_EXEC, 0, "b");
	assert_string_equal(proc_of(s, 100)->comm, "b");
	assert_int_equal(procs_known(s), 1);
}

/* @held: as the kernel counts it, while its descriptors are still open. */
static void ends(struct story *s, uint32_t pid, uint32_t exit_code, uint32_t n)
{
	struct ls_proc rec = {
		.hdr = rec_hdr(LS_PROC, sizeof(rec), s->now_ns),
		.who = rec_who(pid),
		.what = LS_PROC_EXIT,
		.exit_code = exit_code,
		.held = n,
	};

	assert_int_equal(tell(s, &rec), 0);
}

static void died_with_connections(void **state)
{
	struct story *s = *state;

	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	tell_open(s, 2, 200, LS_ROLE_CLIENT, 5);
	tell_open(s, 3, 300, LS_ROLE_CLIENT, 5);
	ends(s, 100, SIGSEGV | 0x80, 4);
	later(s, 1);
	ends(s, 200, SIGKILL, 2);
	ends(s, 300, 1 << 8, 3);			    /* exit(1): it meant to */
	assert_int_equal(ledger_death(s->led, 0)->live, 2); /* newest first */
	assert_int_equal(ledger_death(s->led, 0)->time_ns, s->now_ns);
	assert_int_equal(ledger_proc(s->led, ledger_death(s->led, 0)->proc)->pid, 200);
	assert_int_equal(ledger_proc(s->led, ledger_death(s->led, 1)->proc)->pid, 100);
	assert_int_equal(proc_of(s, 100)->exit_live, 4);
	assert_null(ledger_death(s->led, 2));
	tell_end(s, 1);
	later(s, 1);
	look_at_nothing(s);
	assert_int_equal(proc_of(s, 100)->exit_code, SIGSEGV | 0x80); /* the death names it */
}

static void died_with_nothing(void **state)
{
	struct story *s = *state;

	ends(s, 100, SIGKILL, 0);
	assert_null(ledger_death(s->led, 0));
}

static void died_once(void **state)
{
	struct story *s = *state;

	ends(s, 100, SIGKILL, 2);
	ends(s, 100, SIGKILL, 2);
	assert_null(ledger_death(s->led, 1));
}

/* The last 64 are kept, and with them their processes, no more. */
static void deaths_are_kept_within_bounds(void **state)
{
	struct story *s = *state;
	uint32_t i;

	for (i = 1; i <= 100; i++) {
		tell_proc(s, rec_who(i), LS_PROC_FORK, 0, "x");
		ends(s, i, SIGKILL, i);
	}
	for (i = 0; i < 64; i++)
		assert_int_equal(ledger_death(s->led, i)->live, 100 - i);
	assert_null(ledger_death(s->led, 64));
	look_at_nothing(s);
	assert_int_equal(procs_known(s), 64);
}

static void lost_exit_healed_by_the_task_pass(void **state)
{
	struct story *s = *state;

	look_at(s, 100);
	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	assert_int_equal(proc_of(s, 100)->exit_ns, 0);
	begin(s);
	finish(s); /* neither it nor its connection is there any more, and no record said so */
	assert_int_equal(proc_of(s, 100)->exit_ns, s->now_ns);
	tell_end(s, 1);
	later(s, 1);
	look_at_nothing(s);
	look_at_nothing(s);
	assert_int_equal(ledger_find_proc(s->led, 100), 0);
}

/* A snapshot without the task pass, as of a kernel that has none, proves nothing. */
static void no_task_pass_ends_nobody(void **state)
{
	struct story *s = *state;

	look_at(s, 100);
	begin(s);
	tell_snap(s, LS_SNAP_END, LS_PASS_FILES);
	assert_int_equal(proc_of(s, 100)->exit_ns, 0);
}

/* Born while the snapshot walked elsewhere. */
static void younger_than_the_snapshot(void **state)
{
	struct story *s = *state;

	begin(s);
	tell_proc(s, who_started(100, s->now_ns + 1), LS_PROC_FORK, 0, "x");
	finish(s);
	assert_int_equal(proc_of(s, 100)->exit_ns, 0);
}

static void threads_come_and_go(void **state)
{
	struct story *s = *state;
	struct ls_proc end = {
		.hdr = rec_hdr(LS_PROC, sizeof(end), s->now_ns),
		.who = rec_who(100),
		.what = LS_PROC_THREAD_EXIT,
		.task_start_ns = s->now_ns - 100 * S_NS,
		.comm = "worker",
	};

	tell_proc(s, rec_who(100), LS_PROC_FORK, 0, "main");
	tell_proc(s, rec_who(100), LS_PROC_THREAD, 0, "worker");
	tell_proc(s, rec_who(100), LS_PROC_THREAD, 0, "worker");
	assert_int_equal(proc_of(s, 100)->threads, 3);
	assert_int_equal(proc_of(s, 100)->threads_started, 2);
	tell(s, &end);
	assert_int_equal(proc_of(s, 100)->threads, 2);
	assert_int_equal(proc_of(s, 100)->threads_ended, 1);
	assert_int_equal(proc_of(s, 100)->thread_end_ns[6], s->now_ns); /* 64 to 128 s old */
	assert_int_equal(proc_of(s, 100)->thread_end_ns[5], 0);
	assert_string_equal(proc_of(s, 100)->comm, "main"); /* not a thread's */
	begin(s);
	tell_process(s, 100);
	finish(s);
	assert_int_equal(proc_of(s, 100)->threads, 1); /* the snapshot knows best */
}

/* ---- who waits */

static void waiter_on_its_connection(void **state)
{
	struct story *s = *state;
	const struct task *t;
	uint64_t first_ns = s->now_ns;

	begin(s);
	tell_row(s, 77, 100, 5, LS_ROLE_CLIENT);
	tell_process(s, 100);
	tell_waiter(s, 100, 101, 77);
	finish(s);
	t = ledger_task(s->led, conn_of(s, 77)->waiter);
	assert_int_equal(t->tid, 101);
	assert_int_equal(t->call, LS_CALL_READ);
	assert_true(t->forever);
	assert_int_equal(t->conn, ledger_find_conn(s->led, 77));
	later(s, 60);
	begin(s);
	tell_row(s, 77, 100, 5, LS_ROLE_CLIENT);
	tell_process(s, 100);
	tell_waiter(s, 100, 101, 77);
	finish(s);
	assert_int_equal(t->since_ns, first_ns);
	later(s, 1);
	begin(s);
	tell_row(s, 77, 100, 5, LS_ROLE_CLIENT);
	tell_process(s, 100);
	finish(s);
	assert_int_equal(conn_of(s, 77)->waiter, 0);
	assert_int_equal(ledger_totals(s->led)->tasks, 0);
}

/* It ran in between: what it sits in now is another wait. */
static void a_thread_that_ran_waits_anew(void **state)
{
	struct story *s = *state;
	struct ls_task rec;

	look_at(s, 100);
	begin(s);
	tell_row(s, 77, 100, 5, LS_ROLE_CLIENT);
	tell_waiter(s, 100, 101, 77);
	finish(s);
	later(s, 60);
	begin(s);
	tell_row(s, 77, 100, 5, LS_ROLE_CLIENT);
	rec = task_rec(s, 100, 101);
	rec.flags = LS_TASK_BLOCKED;
	rec.cookie = 77;
	rec.fd = 77;
	rec.nr = 45;
	rec.switches = 6;
	tell(s, &rec);
	finish(s);
	assert_int_equal(ledger_task(s->led, conn_of(s, 77)->waiter)->since_ns, s->now_ns);
	assert_false(ledger_task(s->led, conn_of(s, 77)->waiter)->forever);
}

/* It waits for another connection now: nobody waits for the first. */
static void a_waiter_that_went_on(void **state)
{
	struct story *s = *state;
	uint64_t cookie;

	look_at(s, 100);
	for (cookie = 1; cookie <= 2; cookie++) {
		begin(s);
		tell_row(s, 1, 100, 5, LS_ROLE_CLIENT);
		tell_row(s, 2, 100, 6, LS_ROLE_CLIENT);
		tell_process(s, 100);
		tell_waiter(s, 100, 101, cookie);
		finish(s);
		later(s, 1);
	}
	assert_int_equal(conn_of(s, 1)->waiter, 0);
	assert_int_not_equal(conn_of(s, 2)->waiter, 0);
}

/* A thread of another process has its number now. */
static void a_tid_used_again(void **state)
{
	struct story *s = *state;
	const struct task *t;

	begin(s);
	tell_row(s, 77, 100, 5, LS_ROLE_CLIENT);
	tell_waiter(s, 100, 101, 77);
	finish(s);
	later(s, 60);
	begin(s);
	tell_row(s, 77, 200, 5, LS_ROLE_CLIENT);
	tell_waiter(s, 200, 101, 77);
	finish(s);
	t = ledger_task(s->led, conn_of(s, 77)->waiter);
	assert_int_equal(ledger_proc(s->led, t->proc)->pid, 200);
	assert_int_equal(t->since_ns, s->now_ns);
}

/* ---- the trend */

static void trend_is_exact_at_first(void **state)
{
	struct story *s = *state;
	const struct proc *p;
	uint32_t i;

	for (i = 0; i < PROC_TREND; i++) {
		tell_open(s, i + 1, 100, LS_ROLE_CLIENT, 5);
		begin(s);
		for (uint32_t k = 0; k <= i; k++)
			tell_row(s, k + 1, 100, 5, LS_ROLE_CLIENT);
		tell_process(s, 100);
		finish(s);
		later(s, 1);
	}
	p = proc_of(s, 100);
	assert_int_equal(p->trend_len, PROC_TREND);
	for (i = 0; i < PROC_TREND; i++) {
		assert_int_equal(p->trend[i], i + 1);
		assert_int_equal(p->thread_trend[i], 1);
		assert_int_equal(p->trend_ns[i], (1000 + i) * S_NS);
	}
}

/* Two hours of seconds: for every age there is a mark within a quarter of it, the first one and the
 * newest are kept, and times rise. */
static void trend_thins_with_age(void **state)
{
	struct story *s = *state;
	const struct proc *p;
	uint32_t i, k;

	for (i = 0; i < 7200; i++)
		look_at(s, 100);
	p = proc_of(s, 100);
	assert_int_equal(p->trend_ns[0], 1000 * S_NS);
	assert_int_equal(p->trend_ns[PROC_TREND - 1], s->now_ns - S_NS);
	for (i = 1; i < PROC_TREND; i++)
		assert_true(p->trend_ns[i] > p->trend_ns[i - 1]);
	for (i = 4; i < 7000; i++) {
		uint64_t wanted_ns = s->now_ns - S_NS - i * S_NS;

		for (k = PROC_TREND; p->trend_ns[k - 1] > wanted_ns;)
			k--;
		assert_true((wanted_ns - p->trend_ns[k - 1]) / S_NS <= i / 4);
	}
}

static void trend_of_one_moment_is_one(void **state)
{
	struct story *s = *state;

	begin(s);
	tell_process(s, 100);
	finish(s);
	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	begin(s);
	tell_process(s, 100);
	finish(s);
	assert_int_equal(proc_of(s, 100)->trend_len, 1);
	assert_int_equal(proc_of(s, 100)->trend[0], 1);
}

static void cgroup_is_remembered(void **state)
{
	struct story *s = *state;
	struct ls_cgroup rec = {
		.hdr = rec_hdr(LS_CGROUP, sizeof(rec), s->now_ns),
		.who = rec_who(100),
		.path = "/system.slice/db.service",
	};

	look_at(s, 100);
	assert_string_equal(proc_of(s, 100)->cgroup_path, "");
	assert_int_equal(tell(s, &rec), 0);
	assert_string_equal(proc_of(s, 100)->cgroup_path, rec.path);
	rec.who = rec_who(200);
	tell(s, &rec);
	assert_ptr_equal(proc_of(s, 200)->cgroup_path, proc_of(s, 100)->cgroup_path);
	memset(rec.path, 'x', sizeof(rec.path)); /* not terminated */
	tell(s, &rec);
	assert_int_equal(strlen(proc_of(s, 200)->cgroup_path), sizeof(rec.path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(fork_exec_exit),
		CASE(pid_used_again),
		CASE(pid_used_often),
		CASE(pid_used_often_and_the_middle_gone),
		CASE(start_unknown),
		CASE(died_with_connections),
		CASE(died_with_nothing),
		CASE(died_once),
		CASE(deaths_are_kept_within_bounds),
		CASE(lost_exit_healed_by_the_task_pass),
		CASE(no_task_pass_ends_nobody),
		CASE(younger_than_the_snapshot),
		CASE(threads_come_and_go),
		CASE(waiter_on_its_connection),
		CASE(a_thread_that_ran_waits_anew),
		CASE(a_waiter_that_went_on),
		CASE(a_tid_used_again),
		CASE(trend_is_exact_at_first),
		CASE(trend_thins_with_age),
		CASE(trend_of_one_moment_is_one),
		CASE(cgroup_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
