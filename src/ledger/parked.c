// SPDX-License-Identifier: BSD-2-Clause
/* Goroutines that wait for connections: one for each, the last that was told of. */
#include <errno.h>
#include "ledger/internal.h"

static uint32_t parked_get(struct ledger *led, uint32_t conn)
{
	return index_get(led->by_parked, conn) ?: index_alloc(&led->by_parked, conn, &led->parked);
}

int parked_apply(struct ledger *led, const struct ls_parked *rec)
{
	uint32_t conn = ledger_find_conn(led, rec->cookie), proc;
	struct parked *p;

	if (!conn)
		return 0;
	if (rec->stack < 0) {
		parked_drop(led, conn);
		return 0;
	}
	proc = proc_get(led, &rec->who);
	p = proc ? slab_get(&led->parked, parked_get(led, conn)) : NULL;
	if (!p)
		return -ENOMEM;
	proc_ref(led, proc);
	proc_unref(led, p->proc);
	p->proc = proc;
	p->call = rec->call;
	p->stack = rec->stack;
	return 0;
}

void parked_drop(struct ledger *led, uint32_t conn)
{
	const struct parked *p = ledger_parked(led, conn);

	if (!p)
		return;
	proc_unref(led, p->proc);
	slab_free(&led->parked, index_get(led->by_parked, conn));
	index_drop(&led->by_parked, conn);
}

const struct parked *ledger_parked(const struct ledger *led, uint32_t conn)
{
	if (!led->parked.used)
		return NULL; /* nearly always */
	return slab_get(&led->parked, index_get(led->by_parked, conn));
}
