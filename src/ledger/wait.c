// SPDX-License-Identifier: BSD-2-Clause
/* Who waited, where and for how long; and who came to read, and went away empty. */
#include <errno.h>
#include <string.h>
#include "ledger/internal.h"

#define WAITS_KEPT    16384
#define WAIT_LEAST_NS 1000000ull

struct wait_key {
	uint32_t proc;
	uint32_t tid;
	int32_t stack;
	uint32_t call;
	int32_t nr;
};

static bool wait_same(const void *owner, uint32_t id, const void *key, size_t len)
{
	const struct wait *w = ledger_wait(owner, id);
	const struct wait_key *k = key;

	return len == sizeof(*k) && w->proc == k->proc && w->tid == k->tid &&
	       w->stack == k->stack && w->call == k->call && w->nr == k->nr;
}

static uint32_t wait_get(struct ledger *led, const struct wait_key *k)
{
	uint32_t id = dict_get(&led->by_wait, k, sizeof(*k), wait_same, led);
	struct wait *w;

	if (id)
		return id;
	id = slab_alloc(&led->waits);
	if (!id)
		return 0;
	if (dict_put(&led->by_wait, k, sizeof(*k), id)) {
		slab_free(&led->waits, id);
		return 0;
	}
	w = slab_get(&led->waits, id);
	w->proc = k->proc;
	w->tid = k->tid;
	w->stack = k->stack;
	w->call = k->call;
	w->nr = k->nr;
	proc_ref(led, k->proc);
	return id;
}

int wait_apply(struct ledger *led, const struct ls_wait *rec)
{
	struct wait_key k = {
		.proc = proc_get(led, &rec->who),
		.tid = rec->who.tid,
		.stack = rec->stack < 0 ? -1 : rec->stack,
		.call = rec->call,
		.nr = rec->nr,
	};
	struct wait *w = k.proc ? slab_get(&led->waits, wait_get(led, &k)) : NULL;

	if (!w)
		return -ENOMEM;
	w->count = rec->count;
	w->total_ns = rec->total_ns;
	w->max_ns = rec->max_ns;
	w->since_ns = rec->since_ns;
	memcpy(w->bucket, rec->bucket, sizeof(w->bucket));
	return 0;
}

static void wait_free(struct ledger *led, uint32_t id)
{
	const struct wait *w = slab_get(&led->waits, id);
	struct wait_key k = { w->proc, w->tid, w->stack, w->call, w->nr };

	dict_drop(&led->by_wait, &k, sizeof(k), id);
	proc_unref(led, w->proc);
	slab_free(&led->waits, id);
}

/* Thousands of threads come and go, and of those that have ended no record says so. The shortest
 * waits go; a thread that lives on tells of its own again, whole, once there is more. */
void waits_sweep(struct ledger *led)
{
	uint64_t least_ns;
	uint32_t id;

	for (least_ns = WAIT_LEAST_NS; led->waits.used > WAITS_KEPT; least_ns *= 4) {
		for (id = 1; id < led->waits.end && led->waits.used > WAITS_KEPT; id++) {
			const struct wait *w = slab_get(&led->waits, id);

			if (w && !w->since_ns && w->total_ns < least_ns)
				wait_free(led, id);
		}
		if (least_ns > UINT64_MAX / 4)
			break; /* all wait now */
	}
}

uint32_t ledger_wait_end(const struct ledger *led)
{
	return led->waits.end;
}

const struct wait *ledger_wait(const struct ledger *led, uint32_t id)
{
	return slab_get(&led->waits, id);
}

/* ---- empty readers */

static uint32_t empty_get(struct ledger *led, uint32_t conn)
{
	return index_get(led->by_empty, conn) ?: index_alloc(&led->by_empty, conn, &led->empties);
}

int empty_apply(struct ledger *led, const struct ls_empty *rec)
{
	uint32_t conn = ledger_find_conn(led, rec->cookie), proc;
	struct empty *e;

	if (!conn)
		return 0;
	proc = proc_get(led, &rec->who);
	e = proc ? slab_get(&led->empties, empty_get(led, conn)) : NULL;
	if (!e)
		return -ENOMEM;
	if (rec->hdr.time_ns < e->time_ns)
		return 0;
	proc_ref(led, proc);
	proc_unref(led, e->proc);
	e->proc = proc;
	e->tid = rec->who.tid;
	e->stack = rec->stack < 0 ? -1 : rec->stack;
	e->time_ns = rec->hdr.time_ns;
	return 0;
}

void empty_drop(struct ledger *led, uint32_t conn)
{
	const struct empty *e = ledger_empty(led, conn);

	if (!e)
		return;
	proc_unref(led, e->proc);
	slab_free(&led->empties, index_get(led->by_empty, conn));
	index_drop(&led->by_empty, conn);
}

const struct empty *ledger_empty(const struct ledger *led, uint32_t conn)
{
	if (!led->empties.used)
		return NULL; /* nearly always */
	return slab_get(&led->empties, index_get(led->by_empty, conn));
}
