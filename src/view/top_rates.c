/* SPDX-License-Identifier: BSD-2-Clause */
/* What was opened and closed a second between two snapshots. Knows no screen. */
#include "view/top.h"

#include <errno.h>
#include <stdlib.h>

static int rates_reserve(struct top_rates *r, uint32_t len)
{
	struct top_rate *more;
	uint32_t i;

	if (len <= r->len)
		return 0;
	len += len / 4;
	more = reallocarray(r->rate, len, sizeof(*more));
	if (!more)
		return -ENOMEM;
	for (i = r->len; i < len; i++)
		more[i] = (struct top_rate){ .start_ns = 0 };
	r->rate = more;
	r->len = len;
	return 0;
}

/* A process that began since the last snapshot has opened all its connections since then; one that
 * we only now hear of is counted from now. */
static void rate_update(struct top_rate *rate, const struct proc *p, uint64_t streams,
			uint64_t last_ns, double s)
{
	if (rate->start_ns != p->start_ns) {
		bool young = last_ns && p->start_ns > last_ns;

		*rate = (struct top_rate){ .start_ns = p->start_ns };
		if (!young) {
			rate->opened = p->opened;
			rate->closed = p->closed;
			rate->streams = streams;
		}
	}
	rate->opened_per_s = p->opened > rate->opened ? (double)(p->opened - rate->opened) / s : 0;
	rate->closed_per_s = p->closed > rate->closed ? (double)(p->closed - rate->closed) / s : 0;
	rate->streams_per_s = streams > rate->streams ? (double)(streams - rate->streams) / s : 0;
	rate->opened = p->opened;
	rate->closed = p->closed;
	rate->streams = streams;
}

int top_rates_update(struct top_rates *r, const struct view_input *in)
{
	uint32_t end = ledger_proc_end(in->ledger), id;
	double s = (double)ns_since(in->now_ns, r->time_ns) / 1e9;

	if (s <= 0)
		return 0;
	if (rates_reserve(r, end))
		return -ENOMEM;
	for (id = 1; id < end; id++) {
		const struct proc *p = ledger_proc(in->ledger, id);

		const struct proc_streams *streams = ledger_proc_streams(in->ledger, id);

		if (p)
			rate_update(&r->rate[id], p, streams ? streams->opened : 0, r->time_ns, s);
	}
	r->known = r->time_ns != 0;
	r->time_ns = in->now_ns;
	return 0;
}

/* Before there were two snapshots, a row keeps its rate over all the time watched. */
void top_rates_apply(const struct top_rates *r, struct rows *rows)
{
	uint32_t i;

	if (r->known)
		rows->streams_per_s = 0;
	for (i = 0; r->known && i < rows->len; i++) {
		struct proc_row *row = &rows->row[i];

		if (row->id >= r->len || r->rate[row->id].start_ns != row->start_ns)
			continue;
		row->opened_per_s = r->rate[row->id].opened_per_s;
		row->closed_per_s = r->rate[row->id].closed_per_s;
		row->streams_per_s = r->rate[row->id].streams_per_s;
		rows->streams_per_s += row->streams_per_s;
	}
}
