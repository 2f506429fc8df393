// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who opened AF_UNIX connections: told by the kernel before connect() has succeeded, and passed on
 * when a row shows that it has. What no snapshot shows never was a connection, or is none any more.
 */
#include <stdlib.h>
#include "source/live_internal.h"

#define OPENS_MAX 65536u

struct live_local {
	Pvoid_t opens; /* JudyL: cookie → struct waiting */
	uint32_t n;
};

struct waiting {
	struct ls_open open;
	uint64_t seq; /* of the last snapshot that has shown it, unconnected */
};

struct live_local *live_local_new(void)
{
	return calloc(1, sizeof(struct live_local));
}

void live_local_free(struct live_local *l)
{
	Word_t cookie = 0;
	PPvoid_t slot;

	if (!l)
		return;
	while ((slot = JudyLNext(l->opens, &cookie, PJE0)))
		free(*slot);
	JudyLFreeArray(&l->opens, PJE0);
	free(l);
}

static void forget(struct live_local *l, Word_t cookie, struct waiting *w)
{
	JudyLDel(&l->opens, cookie, PJE0);
	l->n--;
	free(w);
}

void live_local_told(struct live *live, const struct ls_open *open)
{
	struct live_local *l = live->local;
	struct waiting *w;
	PPvoid_t slot;

	if (!l || l->n >= OPENS_MAX)
		return;
	slot = JudyLIns(&l->opens, open->cookie, PJE0);
	if (!slot || slot == PPJERR || *slot)
		return; /* it tries again: the first to try is who opened it */
	w = calloc(1, sizeof(*w));
	if (!w) {
		JudyLDel(&l->opens, open->cookie, PJE0);
		return;
	}
	w->open = *open;
	*slot = w;
	l->n++;
}

int live_local_shown(struct live *live, const struct ls_sock *row)
{
	struct live_local *l = live->local;
	struct waiting *w;
	PPvoid_t slot;
	int err;

	if (!l || !l->n || row->tuple.family != AF_UNIX)
		return 0;
	slot = JudyLGet(l->opens, row->cookie, PJE0);
	if (!slot || slot == PPJERR)
		return 0;
	w = *slot;
	w->seq = live->seq;
	if (!(row->flags & LS_SOCK_CONNECTED))
		return 0;
	err = live->sink(live->sink_ctx, &w->open.hdr);
	forget(l, row->cookie, w);
	return err;
}

void live_local_sweep(struct live *live, uint64_t begin_ns)
{
	struct live_local *l = live->local;
	Word_t cookie = 0;
	PPvoid_t slot;

	if (!l || !l->n)
		return;
	while ((slot = JudyLNext(l->opens, &cookie, PJE0))) {
		struct waiting *w = *slot;

		if (w->open.hdr.time_ns < begin_ns && w->seq != live->seq)
			forget(l, cookie, w);
	}
}
