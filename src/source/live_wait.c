// SPDX-License-Identifier: BSD-2-Clause
/*
 * Blocked time, brought up at each snapshot from the kernel's map.
 *
 * One place may stand there twice: as it looked before its stack was unwound, and by its number
 * from then on. They are added up here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "source/live_stack.h"
#include "source/live_wait.h"

#define BATCH 512

struct live_waits *live_waits_new(void)
{
	return calloc(1, sizeof(struct live_waits));
}

void live_waits_free(struct live_waits *w)
{
	if (!w)
		return;
	JudyLFreeArray(&w->told, PJE0);
	JudyLFreeArray(&w->waiters, PJE0);
	Judy1FreeArray(&w->ended, PJE0);
	free(w);
}

void live_waits_proc(struct live *live, const struct ls_proc *proc)
{
	struct live_waits *w = live->waits;

	if (!w || (proc->what != LS_PROC_EXIT && proc->what != LS_PROC_THREAD_EXIT))
		return;
	Judy1Set(&w->ended, proc->who.tid, PJE0);
	JudyLDel(&w->waiters, proc->who.tid, PJE0);
}

/* ---- reading the map */

struct table {
	struct ls_wait *rec;
	size_t n, room;
};

static bool grow(struct table *t)
{
	size_t room = t->room ? 2 * t->room : BATCH;
	struct ls_wait *rec;

	if (t->n < t->room)
		return true;
	rec = realloc(t->rec, room * sizeof(*rec));
	if (!rec)
		return false;
	t->rec = rec;
	t->room = room;
	return true;
}

static int add(struct live *live, struct table *t, const struct ls_wait_key *key,
	       const struct ls_wait_sum *sum, uint64_t time_ns)
{
	struct ls_wait *rec;
	int err;

	if (!sum->start_ns || !grow(t))
		return 0;
	rec = &t->rec[t->n];
	memset(rec, 0, sizeof(*rec));
	rec->hdr.type = LS_WAIT;
	rec->hdr.len = sizeof(*rec);
	rec->hdr.time_ns = time_ns;
	rec->who.pid = key->pid;
	rec->who.tid = key->tid;
	rec->who.start_ns = sum->start_ns;
	rec->stack = sum->stack;
	rec->nr = key->nr;
	rec->call = sum->call;
	rec->count = sum->count;
	rec->total_ns = sum->total_ns;
	rec->max_ns = sum->max_ns;
	rec->since_ns = sum->since_ns;
	memcpy(rec->bucket, sum->bucket, sizeof(rec->bucket));
	err = live_stack_number(live, &rec->who, time_ns, false, &rec->stack);
	t->n++;
	return err;
}

/* A place of a thread that has ended is told of once more, and goes. */
static void drop_ended(struct live *live, const struct ls_wait_key *key,
		       const struct ls_wait_sum *sum)
{
	if (!Judy1Test(live->waits->ended, key->tid, PJE0))
		return;
	bpf_map_delete_elem(bpf_map__fd(live->skel->maps.waits), key);
	if (sum->stack >= 0 && (sum->stack & LS_NUMBER_COPY))
		JudyLDel(&live->stacks->by_copy, sum->stack, PJE0);
}

static int read_map(struct live *live, struct table *t, uint64_t time_ns)
{
	struct ls_wait_key *keys = calloc(BATCH, sizeof(*keys));
	struct ls_wait_sum *sums = calloc(BATCH, sizeof(*sums));
	int fd = bpf_map__fd(live->skel->maps.waits), rc = 0, err = 0;
	uint32_t n, i, at = 0;
	bool begun = false;

	while (keys && sums && !rc && !err) {
		n = BATCH;
		rc = bpf_map_lookup_batch(fd, begun ? &at : NULL, &at, keys, sums, &n, NULL);
		if (rc && rc != -ENOENT)
			break;
		begun = true;
		for (i = 0; i < n && !err; i++) {
			err = add(live, t, &keys[i], &sums[i], time_ns);
			drop_ended(live, &keys[i], &sums[i]);
		}
	}
	free(keys);
	free(sums);
	return err;
}

/* ---- adding up */

static int by_place(const void *a, const void *b)
{
	const struct ls_wait *x = a, *y = b;

	if (x->who.pid != y->who.pid)
		return x->who.pid < y->who.pid ? -1 : 1;
	if (x->who.tid != y->who.tid)
		return x->who.tid < y->who.tid ? -1 : 1;
	if (x->nr != y->nr)
		return x->nr < y->nr ? -1 : 1;
	return x->stack < y->stack ? -1 : x->stack > y->stack;
}

static void add_up(struct ls_wait *to, const struct ls_wait *from)
{
	int i;

	to->count += from->count;
	to->total_ns += from->total_ns;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	if (from->since_ns > to->since_ns)
		to->since_ns = from->since_ns;
	if (to->call == LS_CALL_NONE)
		to->call = from->call;
	for (i = 0; i < LS_WAIT_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

static bool changed(struct live_waits *w, const struct ls_wait *rec)
{
	uint64_t key = ls_shape_mix(rec->who.start_ns, (uint64_t)rec->who.tid << 32 | rec->nr);
	uint64_t now = ls_shape_mix(rec->count, rec->since_ns) | 1;
	PPvoid_t slot = JudyLIns(&w->told, ls_shape_mix(key, rec->stack), PJE0);

	if (!slot || slot == PPJERR)
		return true;
	if (*slot == (void *)(uintptr_t)now)
		return false;
	*slot = (void *)(uintptr_t)now;
	return true;
}

static int tell(struct live *live, struct table *t)
{
	size_t i = 0, next;
	int err = 0;

	qsort(t->rec, t->n, sizeof(*t->rec), by_place);
	for (; i < t->n && !err; i = next) {
		for (next = i + 1; next < t->n && !by_place(&t->rec[i], &t->rec[next]); next++)
			add_up(&t->rec[i], &t->rec[next]);
		if (changed(live->waits, &t->rec[i]))
			err = live->sink(live->sink_ctx, &t->rec[i].hdr);
	}
	return err;
}

#define TOLD_MAX (1 << 17) /* then all is told again */

int live_waits_tell(struct live *live, uint64_t time_ns)
{
	struct live_waits *w = live->waits;
	struct table t = { 0 };
	int err;

	if (!w)
		return 0;
	if (JudyLCount(w->told, 0, -1, PJE0) > TOLD_MAX)
		JudyLFreeArray(&w->told, PJE0);
	err = read_map(live, &t, time_ns);
	if (!err && t.n)
		err = tell(live, &t);
	Judy1FreeArray(&w->ended, PJE0);
	free(t.rec);
	return err;
}
