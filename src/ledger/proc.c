// SPDX-License-Identifier: BSD-2-Clause
/*
 * Processes. One is named by its pid and the time it started, so that a pid used again is another
 * process; the earlier one stays as long as something names it.
 */
#include <errno.h>
#include <string.h>
#include "ledger/internal.h"

/* /proc counts in clock ticks, the kernel in nanoseconds: who says start 0 does not know it. */
static bool same_start(const struct proc *p, const struct ls_who *who)
{
	return !who->start_ns || p->start_ns == who->start_ns;
}

struct proc_entry *proc_at(const struct ledger *led, uint32_t id)
{
	return slab_get(&led->procs, id);
}

uint32_t proc_find(const struct ledger *led, const struct ls_who *who)
{
	uint32_t id = index_get(led->by_pid, who->pid);

	while (id) {
		struct proc_entry *p = proc_at(led, id);

		if (same_start(&p->pub, who))
			return id;
		id = p->older;
	}
	return 0;
}

uint32_t proc_get(struct ledger *led, const struct ls_who *who)
{
	uint32_t id = proc_find(led, who);
	struct proc_entry *p;
	PPvoid_t slot;

	if (id)
		return id;
	id = slab_alloc(&led->procs);
	if (!id)
		return 0;
	slot = JudyLIns(&led->by_pid, who->pid, PJE0);
	if (!slot || slot == PPJERR) {
		slab_free(&led->procs, id);
		return 0;
	}
	p = proc_at(led, id);
	p->pub.pid = who->pid;
	p->pub.start_ns = who->start_ns;
	p->pub.exec_ns = who->start_ns;
	p->pub.cgroup_path = "";
	p->gen = led->gen;
	p->older = (uint32_t)(uintptr_t)*slot;
	*slot = (void *)(uintptr_t)id;
	return id;
}

/* Takes it out of the row of those that have had its pid. */
static void proc_unlink(struct ledger *led, uint32_t id)
{
	const struct proc_entry *p = proc_at(led, id);
	PPvoid_t slot = JudyLGet(led->by_pid, p->pub.pid, PJE0);
	uint32_t newest = slot ? (uint32_t)(uintptr_t)*slot : 0;
	struct proc_entry *younger;

	if (newest == id && !p->older) {
		index_drop(&led->by_pid, p->pub.pid);
		return;
	}
	if (newest == id) {
		*slot = (void *)(uintptr_t)p->older;
		return;
	}
	for (younger = proc_at(led, newest); younger->older != id;)
		younger = proc_at(led, younger->older);
	younger->older = p->older;
}

static void proc_free(struct ledger *led, uint32_t id)
{
	proc_unlink(led, id);
	slab_free(&led->procs, id);
}

void proc_ref(struct ledger *led, uint32_t id)
{
	struct proc_entry *p = proc_at(led, id);

	if (p)
		p->refs++;
}

void proc_unref(struct ledger *led, uint32_t id)
{
	struct proc_entry *p = proc_at(led, id);

	if (p && p->refs)
		p->refs--;
}

void age_bucket_mark(uint64_t *buckets, uint64_t age_ns, uint64_t now_ns)
{
	uint64_t s = age_ns / 1000000000;
	unsigned int i = s ? 63 - __builtin_clzll(s) : 0;

	buckets[i < AGE_BUCKETS ? i : AGE_BUCKETS - 1] = now_ns;
}

static void note_death(struct ledger *led, uint32_t id, uint64_t now_ns)
{
	struct proc_entry *p = proc_at(led, id);
	struct death *d;

	if (!(p->pub.exit_code & 0x7f) || !p->pub.exit_live)
		return;
	d = &led->deaths[led->death_count++ % DEATHS];
	if (d->proc)
		proc_unref(led, d->proc);
	d->proc = id;
	d->live = p->pub.exit_live;
	d->time_ns = now_ns;
	proc_ref(led, id);
}

static void proc_exit(struct ledger *led, uint32_t id, const struct ls_proc *rec)
{
	struct proc_entry *entry = proc_at(led, id);
	struct proc *p = &entry->pub;

	if (entry->exit_told)
		return;
	/* A snapshot may have missed it first: its record tells more. */
	entry->exit_told = true;
	p->exit_ns = rec->hdr.time_ns;
	p->exit_code = rec->exit_code;
	p->exit_live = rec->held;
	note_death(led, id, rec->hdr.time_ns);
	streams_exit(led, id, rec->hdr.time_ns);
}

/* Programs rename themselves, some too late for any snapshot; none ends with a better name than it
 * had if it ends with none. */
static bool tells_name(const struct ls_proc *rec)
{
	return rec->what == LS_PROC_FORK || rec->what == LS_PROC_EXEC ||
	       (rec->what == LS_PROC_EXIT && rec->comm[0]);
}

int proc_apply(struct ledger *led, const struct ls_proc *rec)
{
	uint32_t id = proc_get(led, &rec->who);
	struct proc *p;

	if (!id)
		return -ENOMEM;
	p = &proc_at(led, id)->pub;
	if (tells_name(rec) || !p->comm[0])
		memcpy(p->comm, rec->comm, LS_COMM_LEN);
	p->netns = rec->netns;
	p->cgroup = rec->cgroup;
	switch (rec->what) {
	case LS_PROC_FORK:
		p->ppid = rec->ppid;
		p->threads = 1;
		break;
	case LS_PROC_EXEC:
		p->exec_ns = rec->hdr.time_ns;
		streams_exit(led, id, rec->hdr.time_ns);
		break;
	case LS_PROC_THREAD:
		p->threads_started++;
		p->threads++;
		break;
	case LS_PROC_THREAD_EXIT:
		p->threads_ended++;
		if (p->threads > 1)
			p->threads--;
		age_bucket_mark(p->thread_end_ns, ns_since(rec->hdr.time_ns, rec->task_start_ns),
				rec->hdr.time_ns);
		break;
	case LS_PROC_ASKED:
		p->asked = rec->exit_code;
		break;
	case LS_PROC_EXIT:
		proc_exit(led, id, rec);
		break;
	}
	return 0;
}

int proc_apply_cgroup(struct ledger *led, const struct ls_cgroup *rec)
{
	uint32_t id = proc_get(led, &rec->who);

	if (!id)
		return -ENOMEM;
	proc_at(led, id)->pub.cgroup_path = name_intern(&led->names, rec->path, sizeof(rec->path));
	return 0;
}

/* The slot that is missed least: whose neighbours are closest, measured by how old they are. Never
 * the oldest nor the newest. */
static uint32_t trend_least(const struct proc *p, uint64_t now_ns)
{
	uint32_t i, least = 1;
	double gap, lowest = 0;

	for (i = 1; i < PROC_TREND - 1; i++) {
		gap = (double)(p->trend_ns[i + 1] - p->trend_ns[i - 1]) /
		      (double)(now_ns - p->trend_ns[i + 1]);
		if (i > 1 && !(gap < lowest))
			continue;
		least = i;
		lowest = gap;
	}
	return least;
}

static void trend_drop(struct proc *p, uint32_t slot)
{
	uint32_t after = --p->trend_len - slot;

	memmove(&p->trend[slot], &p->trend[slot + 1], after * sizeof(p->trend[0]));
	memmove(&p->thread_trend[slot], &p->thread_trend[slot + 1],
		after * sizeof(p->thread_trend[0]));
	memmove(&p->trend_ns[slot], &p->trend_ns[slot + 1], after * sizeof(p->trend_ns[0]));
}

static void proc_trend(struct ledger *led, struct proc *p)
{
	uint64_t now_ns = led->totals.snapshot_time_ns;
	uint32_t slot;

	/* Times rise: a second look at the same moment takes the place of the first. */
	if (p->trend_len && p->trend_ns[p->trend_len - 1] >= now_ns)
		p->trend_len--;
	else if (p->trend_len == PROC_TREND)
		trend_drop(p, trend_least(p, now_ns));
	slot = p->trend_len++;
	p->trend[slot] = p->live;
	p->thread_trend[slot] = p->threads;
	p->trend_ns[slot] = now_ns;
}

void procs_sweep(struct ledger *led, uint32_t passes)
{
	uint32_t id;

	for (id = 1; id < led->procs.end; id++) {
		struct proc_entry *p = proc_at(led, id);

		if (!p)
			continue;
		/* Its exit record was lost. */
		if ((passes & LS_PASS_TASKS) && p->gen != led->gen && !p->pub.exit_ns &&
		    p->pub.start_ns < led->totals.snapshot_time_ns) {
			p->pub.exit_ns = led->totals.snapshot_time_ns;
			streams_exit(led, id, p->pub.exit_ns);
		}
		if (p->pub.exit_ns && !p->refs)
			proc_free(led, id);
		else
			proc_trend(led, &p->pub);
	}
	led->totals.procs = led->procs.used;
}
