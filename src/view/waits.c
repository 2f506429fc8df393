// SPDX-License-Identifier: BSD-2-Clause
/* Blocked time, as a table and as JSON. */
#include "view/waits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include "base/text.h"
#include "view/endpoint.h"
#include "view/frames.h"
#include "view/json_part.h"

#define HISTOGRAM_LEN (LS_WAIT_BUCKETS * 4 + 1)
#define SCALE	      "1us       1ms       1s  " /* as wide as there are buckets */

_Static_assert(sizeof(SCALE) == LS_WAIT_BUCKETS + 1, "a mark for each bucket");

static int by_total(const void *a, const void *b)
{
	const struct wait *x = &((const struct wait_row *)a)->wait,
			  *y = &((const struct wait_row *)b)->wait;

	if (x->total_ns != y->total_ns)
		return x->total_ns > y->total_ns ? -1 : 1;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

/* Of each thread, where it was last, first. */
static int by_thread(const void *a, const void *b)
{
	const struct wait *x = &((const struct wait_row *)a)->wait,
			  *y = &((const struct wait_row *)b)->wait;

	if (x->proc != y->proc)
		return x->proc < y->proc ? -1 : 1;
	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	return (x->since_ns < y->since_ns) - (x->since_ns > y->since_ns);
}

static bool same_thread(const struct wait *x, const struct wait *y)
{
	return x->proc == y->proc && x->tid == y->tid;
}

/* The present wait is counted when it ends; who is stuck would not show at all. And a thread waits
 * at one place only. */
static void add_present(struct wait_row *r, const struct wait_row *before,
			const struct view_input *in)
{
	struct wait *w = &r->wait;

	if (!w->since_ns || (before && same_thread(&before->wait, w)))
		return;
	r->now_ns = ns_since(in->now_ns, w->since_ns);
	w->count++;
	w->total_ns += r->now_ns;
	w->max_ns = w->max_ns > r->now_ns ? w->max_ns : r->now_ns;
}

/* A thread that has slept all the while is known from snapshots alone. */
static struct wait wait_of(const struct task *t)
{
	return (struct wait){
		.proc = t->proc,
		.tid = t->tid,
		.stack = t->stack,
		.call = t->call,
		.nr = t->nr,
		.since_ns = t->since_ns,
	};
}

static uint32_t collect(struct wait_row *row, const struct view_input *in)
{
	uint32_t end = ledger_wait_end(in->ledger), id, n = 0;

	for (id = 1; id < end; id++) {
		const struct wait *w = ledger_wait(in->ledger, id);

		if (w)
			row[n++].wait = *w;
	}
	end = ledger_task_end(in->ledger);
	for (id = 1; n && id < end; id++) {
		const struct task *t = ledger_task(in->ledger, id);

		if (t && t->call)
			row[n++].wait = wait_of(t);
	}
	return n;
}

int wait_rows_fill(struct wait_rows *t, const struct view_input *in)
{
	size_t room = (size_t)ledger_wait_end(in->ledger) + ledger_task_end(in->ledger) + 1;
	struct wait_row *row = calloc(room, sizeof(*row));
	uint32_t n, i, kept = 0;

	if (!row)
		return -ENOMEM;
	n = collect(row, in);
	qsort(row, n, sizeof(*row), by_thread);
	for (i = 0; i < n; i++)
		add_present(&row[i], i ? &row[i - 1] : NULL, in);
	for (i = 0; i < n; i++)
		if (row[i].wait.count)
			row[kept++] = row[i];
	qsort(row, kept, sizeof(*row), by_total);
	wait_rows_fini(t);
	t->row = row;
	t->len = kept;
	return 0;
}

void wait_rows_fini(struct wait_rows *t)
{
	free(t->row);
	*t = (struct wait_rows){ .row = NULL };
}

/* Calls that block and are not on one socket; their numbers differ by architecture. */
static const char *nr_name(int32_t nr)
{
	static const struct {
		int32_t nr;
		const char *name;
	} names[] = {
		{ SYS_futex, "futex" },
		{ SYS_epoll_pwait, "epoll_pwait" },
		{ SYS_clock_nanosleep, "nanosleep" },
		{ SYS_nanosleep, "nanosleep" },
		{ SYS_ppoll, "ppoll" },
		{ SYS_pselect6, "pselect" },
		{ SYS_read, "read" },
		{ SYS_write, "write" },
		{ SYS_wait4, "wait4" },
		{ SYS_waitid, "waitid" },
		{ SYS_rt_sigtimedwait, "sigtimedwait" },
		{ SYS_io_uring_enter, "io_uring_enter" },
		{ SYS_fsync, "fsync" },
		{ SYS_fdatasync, "fdatasync" },
#ifdef SYS_epoll_wait
		{ SYS_epoll_wait, "epoll_wait" },
#endif
#ifdef SYS_poll
		{ SYS_poll, "poll" },
#endif
#ifdef SYS_select
		{ SYS_select, "select" },
#endif
#ifdef SYS_pause
		{ SYS_pause, "pause" },
#endif
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].nr == nr)
			return names[i].name;
	return NULL;
}

char *wait_call(char *buf, size_t len, const struct wait *w)
{
	const char *name = w->call ? call_name(w->call) : nr_name(w->nr);

	if (name)
		snprintf(buf, len, "%s", name);
	else if (w->nr >= 0)
		snprintf(buf, len, "call %d", w->nr);
	else
		snprintf(buf, len, "-");
	return buf;
}

char *wait_histogram(char *buf, size_t len, const uint32_t bucket[LS_WAIT_BUCKETS])
{
	static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[] = { ".", ":", "-", "=", "+", "*", "#", "#" };
	const char *const *marks = cell_utf8() ? blocks : ascii;
	uint32_t most = 1;
	size_t at = 0;
	unsigned int i;

	for (i = 0; i < LS_WAIT_BUCKETS; i++)
		most = bucket[i] > most ? bucket[i] : most;
	for (i = 0; i < LS_WAIT_BUCKETS; i++) {
		const char *mark = bucket[i] ? marks[((uint64_t)bucket[i] * 8 - 1) / most] : " ";

		if (at + strlen(mark) >= len)
			break;
		memcpy(buf + at, mark, strlen(mark));
		at += strlen(mark);
	}
	buf[at] = '\0';
	return buf;
}

static void put_row(struct report *r, const struct wait_row *row)
{
	const struct wait *w = &row->wait;
	const struct proc *p = ledger_proc(r->in->ledger, w->proc);
	char comm[LS_COMM_LEN + 1], call[TEXT_LEN], count[TEXT_LEN], total[TEXT_LEN], max[TEXT_LEN],
		histogram[HISTOGRAM_LEN], now[TEXT_LEN] = "", where[FRAMES_LEN];

	if (row->now_ns)
		snprintf(now, sizeof(now), "%s", text_duration(max, sizeof(max), row->now_ns));
	stack_text(where, sizeof(where), r->in->ledger, w->stack);
	fprintf(r->out, "%7u %-15s %-14s %6s %6s %6s  %s  %s%s%s%s", w->tid,
		text_clean(comm, sizeof(comm), p ? p->comm : "-"), wait_call(call, sizeof(call), w),
		text_count(count, sizeof(count), w->count),
		text_duration_short(total, sizeof(total), w->total_ns),
		text_duration_short(max, sizeof(max), w->max_ns),
		wait_histogram(histogram, sizeof(histogram), w->bucket), *now ? "(for " : "", now,
		*now ? " now) " : "", where);
	report_end(r);
}

/*
 * Blocked time, the longest first
 *  THREAD PROCESS         CALL            COUNT  TOTAL    MAX  1us       1ms       1s    WHERE
 *    4207 worker          read              12    40s    20s            ▁ █ ▂            loop (c:7)
 */
void waits_report(struct report *r, const struct wait_rows *t, uint32_t max)
{
	uint32_t i;

	if (!t->len)
		return;
	report_end(r);
	fputs("Blocked time, the longest first", r->out);
	report_end(r);
	report_put(r, SEVERITY_DIM,
		   " THREAD PROCESS         CALL            COUNT  TOTAL    MAX  " SCALE "  WHERE");
	report_end(r);
	for (i = 0; i < t->len && i < max && !r->err; i++)
		put_row(r, &t->row[i]);
	if (i < t->len) {
		fprintf(r->out, "... and %u more", t->len - i);
		report_end(r);
	}
}

static json_t *histogram_array(const uint32_t bucket[LS_WAIT_BUCKETS])
{
	json_t *all = json_array();
	unsigned int i;

	for (i = 0; i < LS_WAIT_BUCKETS; i++)
		if (json_array_append_new(all, json_integer(bucket[i]))) {
			json_decref(all);
			return NULL;
		}
	return all;
}

json_t *waits_json(const struct view_input *in, const struct wait_row *row)
{
	const struct wait *w = &row->wait;
	const struct proc *p = ledger_proc(in->ledger, w->proc);
	struct element e = element_new();
	char call[TEXT_LEN];

	element_set(&e, "pid", p ? json_integer(p->pid) : json_null());
	element_set(&e, "comm", p ? json_text(p->comm) : json_null());
	element_set(&e, "tid", json_integer(w->tid));
	element_set(&e, "syscall", json_string(wait_call(call, sizeof(call), w)));
	element_set(&e, "count", json_integer((json_int_t)w->count));
	element_set(&e, "total_s", json_seconds(w->total_ns));
	element_set(&e, "max_s", json_seconds(w->max_ns));
	element_set(&e, "blocked_s", row->now_ns ? json_seconds(row->now_ns) : json_null());
	element_set(&e, "histogram", histogram_array(w->bucket));
	json_set_stack(&e, in, w->stack);
	return element_end(&e);
}
