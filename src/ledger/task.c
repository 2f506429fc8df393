// SPDX-License-Identifier: BSD-2-Clause
/* Processes and blocked threads as a snapshot shows them. */
#include <errno.h>
#include <string.h>
#include "ledger/internal.h"

static uint32_t task_get(struct ledger *led, uint32_t tid)
{
	return index_get(led->by_tid, tid) ?: index_alloc(&led->by_tid, tid, &led->tasks);
}

static void task_free(struct ledger *led, uint32_t id)
{
	struct task *t = slab_get(&led->tasks, id);

	index_drop(&led->by_tid, t->tid);
	proc_unref(led, t->proc);
	slab_free(&led->tasks, id);
}

/* Whoever is traced stops at each system call, too: only one that has not run since the look before
 * stands still. What the first look finds stopped may always have been. */
static void stopped_row(struct proc_entry *p, const struct ls_task *rec)
{
	uint64_t from_ns = p->stopped_ns;

	if (!(rec->flags & LS_TASK_STOPPED))
		from_ns = 0;
	else if (!p->rowed)
		from_ns = p->pub.start_ns;
	else if (!from_ns || p->switches != rec->switches)
		from_ns = rec->hdr.time_ns;
	if (from_ns && (from_ns == p->stopped_ns || !p->rowed)) {
		p->pub.stopped_from_ns = from_ns;
		p->pub.stopped_to_ns = rec->hdr.time_ns;
	}
	p->stopped_ns = from_ns;
	p->switches = rec->switches;
	p->rowed = true;
}

static void process_row(struct proc_entry *p, const struct ls_task *rec)
{
	stopped_row(p, rec);
	memcpy(p->pub.comm, rec->comm, LS_COMM_LEN);
	p->pub.ppid = rec->ppid;
	p->pub.netns = rec->netns;
	p->pub.cgroup = rec->cgroup;
	p->pub.threads = rec->threads;
}

int task_apply(struct ledger *led, const struct ls_task *rec)
{
	uint32_t proc = proc_get(led, &rec->who), id;
	struct conn *c;
	struct task *t;

	if (!proc)
		return -ENOMEM;
	proc_at(led, proc)->gen = led->gen;
	if (rec->flags & LS_TASK_PROCESS)
		process_row(proc_at(led, proc), rec);
	if (!(rec->flags & LS_TASK_BLOCKED))
		return 0;
	id = task_get(led, rec->who.tid);
	if (!id)
		return -ENOMEM;
	t = slab_get(&led->tasks, id);
	/* It ran since, or it is another thread, or it waits for something else. */
	if (t->proc != proc || t->switches != rec->switches || t->nr != rec->nr ||
	    t->fd != rec->fd) {
		t->since_ns = rec->hdr.time_ns;
		t->stack = -1;
	}
	if (t->proc != proc) {
		proc_ref(led, proc);
		if (t->proc)
			proc_unref(led, t->proc);
	}
	t->proc = proc;
	t->tid = rec->who.tid;
	t->call = rec->call;
	t->nr = rec->nr;
	t->fd = rec->fd;
	t->switches = rec->switches;
	t->forever = rec->flags & LS_TASK_FOREVER;
	t->gen = led->gen;
	memcpy(t->comm, rec->comm, LS_COMM_LEN);
	t->conn = ledger_find_conn(led, rec->cookie);
	c = conn_at(led, t->conn);
	if (c)
		c->waiter = id;
	return 0;
}

int task_apply_waiter(struct ledger *led, const struct ls_waiter *rec)
{
	struct task *t = slab_get(&led->tasks, index_get(led->by_tid, rec->who.tid));

	if (t && t->proc == proc_find(led, &rec->who))
		t->stack = rec->stack < 0 ? -1 : rec->stack;
	return 0;
}

void tasks_sweep(struct ledger *led)
{
	uint32_t id;

	for (id = 1; id < led->tasks.end; id++) {
		const struct task *t = slab_get(&led->tasks, id);

		if (t && t->gen != led->gen)
			task_free(led, id);
	}
	led->totals.tasks = led->tasks.used;
}
