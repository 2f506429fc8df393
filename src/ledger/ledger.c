// SPDX-License-Identifier: BSD-2-Clause
/* The door: one function takes every record, the rest let readers look. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ledger/internal.h"

/* About 1 GiB when all are full. */
#define CONNS_MAX (6u << 20)
#define PROCS_MAX (1u << 17)
#define SITES_MAX (1u << 16)
#define TASKS_MAX (1u << 18)
/* What is looked at closely is little, and in no large number of processes. */
#define STACKS_MAX  (1u << 14)
#define WAITS_MAX   (1u << 16)
#define EMPTIES_MAX (1u << 16)
#define LEFTS_MAX   (1u << 16)
/* 200 MiB when all are full. */
#define STREAMS_MAX	 (1u << 21)
#define CARRIERS_MAX	 (1u << 18)
#define STREAM_SITES_MAX (1u << 14)
#define GAUGES_MAX	 (1u << 16)

/* A mangled name can be long; a path has a hundred bytes. */
#define PATHS_MAX	  (1u << 16)
#define PATHS_BYTES	  (16u << 20)
#define FRAME_NAMES_MAX	  (1u << 18)
#define FRAME_NAMES_BYTES (32u << 20)

static uint32_t limit(uint32_t asked, uint32_t otherwise)
{
	return asked && asked < otherwise ? asked : otherwise;
}

struct ledger *ledger_new(const struct ledger_limits *limits)
{
	struct ledger_limits none = { 0 };
	struct ledger *led = calloc(1, sizeof(*led));

	if (!led)
		return NULL;
	if (!limits)
		limits = &none;
	slab_init(&led->conns, sizeof(struct conn), limit(limits->conns, CONNS_MAX));
	slab_init(&led->holders, sizeof(struct holder), limit(limits->conns, CONNS_MAX));
	slab_init(&led->exts, sizeof(union conn_ext), limit(limits->conns, CONNS_MAX));
	slab_init(&led->procs, sizeof(struct proc_entry), limit(limits->procs, PROCS_MAX));
	slab_init(&led->sites, sizeof(struct site), limit(limits->sites, SITES_MAX));
	slab_init(&led->tasks, sizeof(struct task), TASKS_MAX);
	slab_init(&led->stacks, sizeof(struct stack), STACKS_MAX);
	slab_init(&led->waits, sizeof(struct wait), WAITS_MAX);
	slab_init(&led->empties, sizeof(struct empty), EMPTIES_MAX);
	slab_init(&led->parked, sizeof(struct parked), EMPTIES_MAX);
	slab_init(&led->lefts, sizeof(struct left), LEFTS_MAX);
	slab_init(&led->streams, sizeof(struct stream), limit(limits->streams, STREAMS_MAX));
	slab_init(&led->carriers, sizeof(struct carrier), limit(limits->conns, CARRIERS_MAX));
	slab_init(&led->stream_sites, sizeof(struct stream_site),
		  limit(limits->sites, STREAM_SITES_MAX));
	slab_init(&led->proc_streams, sizeof(struct streams_entry),
		  limit(limits->procs, PROCS_MAX));
	slab_init(&led->gauges, sizeof(struct gauge), GAUGES_MAX);
	led->names.count_max = PATHS_MAX;
	led->names.bytes_max = PATHS_BYTES;
	led->frame_names.count_max = FRAME_NAMES_MAX;
	led->frame_names.bytes_max = FRAME_NAMES_BYTES;
	led->gen = 1;
	return led;
}

void ledger_free(struct ledger *led)
{
	if (!led)
		return;
	JudyLFreeArray(&led->by_cookie, PJE0);
	JudyLFreeArray(&led->by_pid, PJE0);
	JudyLFreeArray(&led->by_tid, PJE0);
	JudyLFreeArray(&led->by_listener, PJE0);
	dict_fini(&led->by_site);
	JudyLFreeArray(&led->by_stack, PJE0);
	dict_fini(&led->by_wait);
	JudyLFreeArray(&led->by_empty, PJE0);
	JudyLFreeArray(&led->by_parked, PJE0);
	JudyLFreeArray(&led->by_left, PJE0);
	carriers_fini(led);
	stacks_fini(led);
	names_fini(&led->names);
	names_fini(&led->frame_names);
	slab_fini(&led->conns);
	slab_fini(&led->holders);
	slab_fini(&led->exts);
	slab_fini(&led->procs);
	slab_fini(&led->sites);
	slab_fini(&led->tasks);
	slab_fini(&led->stacks);
	slab_fini(&led->waits);
	slab_fini(&led->empties);
	slab_fini(&led->parked);
	slab_fini(&led->lefts);
	slab_fini(&led->streams);
	slab_fini(&led->carriers);
	slab_fini(&led->stream_sites);
	slab_fini(&led->proc_streams);
	slab_fini(&led->gauges);
	free(led);
}

/* How long a record of each type is at least; 0: nothing here reads it. */
static const uint16_t least[LS_TYPE_MAX] = {
	[LS_OPEN] = sizeof(struct ls_open),
	[LS_END] = sizeof(struct ls_end),
	[LS_ABORT] = sizeof(struct ls_abort),
	[LS_DEAD] = sizeof(struct ls_dead),
	[LS_PROC] = sizeof(struct ls_proc),
	[LS_SOCK] = sizeof(struct ls_sock),
	[LS_TASK] = sizeof(struct ls_task),
	[LS_SNAP] = sizeof(struct ls_snap),
	[LS_LOST] = sizeof(struct ls_lost),
	[LS_CGROUP] = sizeof(struct ls_cgroup),
	[LS_FRAME] = sizeof(struct ls_frame),
	[LS_WAITER] = sizeof(struct ls_waiter),
	[LS_WAIT] = sizeof(struct ls_wait),
	[LS_EMPTY] = sizeof(struct ls_empty),
	[LS_HELD] = sizeof(struct ls_sock),
	[LS_STREAM] = sizeof(struct ls_stream),
	[LS_STREAM_CONN] = sizeof(struct ls_stream_conn),
	[LS_LIBRARY] = sizeof(struct ls_library),
	[LS_PARKED] = sizeof(struct ls_parked),
};

static bool family_known(uint8_t family)
{
	return family == FAMILY_INET || family == FAMILY_INET6 || family == FAMILY_UNIX;
}

static void lost_apply(struct ledger *led, const struct ls_lost *rec)
{
	int i;

	if (rec->count[LS_LOST_RING] > led->totals.lost[LS_LOST_RING] ||
	    rec->count[LS_LOST_MAP] > led->totals.lost[LS_LOST_MAP])
		led->totals.lost_ns = rec->hdr.time_ns;
	for (i = 0; i < LS_LOST_MAX; i++)
		if (i != LS_LOST_LEDGER)
			led->totals.lost[i] = rec->count[i];
}

static int apply(struct ledger *led, const struct ls_hdr *rec)
{
	const struct ls_open *open = (const void *)rec;
	const struct ls_sock *row = (const void *)rec;

	switch (rec->type) {
	case LS_OPEN:
		return family_known(open->tuple.family) ? conn_apply_open(led, open) : -EBADMSG;
	case LS_END:
		return conn_apply_end(led, (const void *)rec);
	case LS_ABORT:
		return conn_apply_abort(led, (const void *)rec);
	case LS_DEAD:
		return conn_apply_dead(led, (const void *)rec);
	case LS_PROC:
		return proc_apply(led, (const void *)rec);
	case LS_SOCK:
		return family_known(row->tuple.family) ? row_apply(led, row) : -EBADMSG;
	case LS_TASK:
		return task_apply(led, (const void *)rec);
	case LS_SNAP:
		return snap_apply(led, (const void *)rec);
	case LS_LOST:
		lost_apply(led, (const void *)rec);
		return 0;
	case LS_CGROUP:
		return proc_apply_cgroup(led, (const void *)rec);
	case LS_FRAME:
		return stack_apply_frame(led, (const void *)rec);
	case LS_WAITER:
		return task_apply_waiter(led, (const void *)rec);
	case LS_WAIT:
		return wait_apply(led, (const void *)rec);
	case LS_EMPTY:
		return empty_apply(led, (const void *)rec);
	case LS_HELD:
		return family_known(row->tuple.family) ? left_apply(led, row) : -EBADMSG;
	case LS_STREAM:
		return stream_apply(led, (const void *)rec);
	case LS_STREAM_CONN:
		return carrier_apply(led, (const void *)rec);
	case LS_LIBRARY:
		return library_apply(led, (const void *)rec);
	case LS_PARKED:
		return parked_apply(led, (const void *)rec);
	}
	return 0;
}

int ledger_apply(struct ledger *led, const struct ls_hdr *rec)
{
	int err;

	if (rec->len < sizeof(*rec))
		return -EBADMSG;
	if (rec->type < LS_TYPE_MAX && rec->len < least[rec->type])
		return -EBADMSG;
	if (rec->time_ns > led->totals.time_ns)
		led->totals.time_ns = rec->time_ns;
	if (!led->totals.records++)
		led->totals.start_ns = rec->time_ns;
	err = apply(led, rec);
	if (err == -ENOMEM) {
		led->totals.lost[LS_LOST_LEDGER]++;
		led->totals.lost_ns = led->totals.time_ns;
	}
	return err;
}

const struct ledger_totals *ledger_totals(const struct ledger *led)
{
	return &led->totals;
}

struct ledger_limits ledger_capacity(const struct ledger *led)
{
	return (struct ledger_limits){
		.conns = led->conns.limit,
		.procs = led->procs.limit,
		.sites = led->sites.limit,
		.streams = led->streams.limit,
		.tasks = led->tasks.limit,
	};
}

uint32_t ledger_conn_end(const struct ledger *led)
{
	return led->conns.end;
}

uint32_t ledger_proc_end(const struct ledger *led)
{
	return led->procs.end;
}

uint32_t ledger_site_end(const struct ledger *led)
{
	return led->sites.end;
}

uint32_t ledger_task_end(const struct ledger *led)
{
	return led->tasks.end;
}

const struct conn *ledger_conn(const struct ledger *led, uint32_t id)
{
	return conn_at(led, id);
}

const struct proc *ledger_proc(const struct ledger *led, uint32_t id)
{
	const struct proc_entry *p = proc_at(led, id);

	return p ? &p->pub : NULL;
}

const struct site *ledger_site(const struct ledger *led, uint32_t id)
{
	return site_at(led, id);
}

const struct task *ledger_task(const struct ledger *led, uint32_t id)
{
	return slab_get(&led->tasks, id);
}

uint32_t ledger_find_proc(const struct ledger *led, uint32_t pid)
{
	return index_get(led->by_pid, pid);
}

uint32_t ledger_find_conn(const struct ledger *led, uint64_t cookie)
{
	return index_get(led->by_cookie, cookie);
}

const struct death *ledger_death(const struct ledger *led, uint32_t n)
{
	if (n >= DEATHS || n >= led->death_count)
		return NULL;
	return &led->deaths[(led->death_count - 1 - n) % DEATHS];
}
