// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of a snapshot settles accounts: what it did not show is gone, unless the kernel would
 * have told us of its end and has not.
 */
#include "ledger/internal.h"

#define GAP_LEAST_NS (30 * 1000000000ull)
#define GAP_TIMES    8 /* as long as any of the last looks took to come */
#define PLACE_AGAIN_NS \
	(10 * 1000000000ull) /* a walk of the kernel's tables may cost a tick's worth */

static bool end_is_told(const struct ledger *led, const struct conn *c)
{
	if (c->cookie & LS_COOKIE_FILE)
		return false;
	if (c->proto == PROTO_TCP && c->family != FAMILY_UNIX)
		return led->ends & LS_ENDS_TCP;
	if (c->proto == PROTO_UDP && c->family != FAMILY_UNIX)
		return led->ends & LS_ENDS_UDP;
	return false;
}

/* Not in any descriptor table: it lives on unheld, in an io_uring, on its way in a UNIX socket or
 * as an orphan; or its end was lost, perhaps by who does not count what it loses. The kernel's own
 * tables know, for all but one that is dead. They are asked for at once when a record was lost, and
 * now and then when one snapshot after the other has missed it. */
static void conn_missed(struct ledger *led, uint32_t id, uint32_t passes, bool lossy)
{
	struct conn *c = conn_at(led, id);
	uint64_t now_ns = led->totals.snapshot_time_ns;
	bool again = c->flags & CONN_UNHELD;

	if (c->open_ns >= now_ns)
		return; /* opened after the snapshot began */
	if (!end_is_told(led, c)) {
		conn_close(led, id, now_ns);
		return;
	}
	holders_sweep(led, c);
	c->flags |= CONN_UNHELD;
	c->gen = 0; /* none: the numbers come round again */
	if (!(passes & LS_PASS_SOCKS)) {
		if (lossy || (again && ns_since(now_ns, led->placed_ns) >= PLACE_AGAIN_NS))
			led->totals.unplaced = true;
	} else if (lossy || !(c->flags & CONN_DEAD)) {
		led->totals.healed++;
		conn_close(led, id, now_ns);
	}
}

static void conns_sweep(struct ledger *led, uint32_t passes)
{
	bool lossy = led->lost_at_begin > led->lost_judged;
	uint32_t id;

	led->totals.unplaced = false;
	for (id = 1; id < led->conns.end; id++) {
		struct conn *c = conn_at(led, id);

		if (!c)
			continue;
		if (c->waiter) {
			const struct task *t = slab_get(&led->tasks, c->waiter);

			if (!t || t->gen != led->gen || t->conn != id)
				c->waiter = 0;
		}
		if (c->gen != led->gen)
			conn_missed(led, id, passes, lossy);
		else if (c->holder.gen != led->gen || c->holder.next)
			holders_sweep(led, c);
	}
	if (!led->totals.unplaced)
		led->lost_judged = led->lost_at_begin;
	if (passes & LS_PASS_SOCKS)
		led->placed_ns = led->totals.snapshot_time_ns;
}

/* Looks come so far apart as they did, or somewhat more on a busy machine; else it is a gap. */
static void look_comes(struct ledger *led, uint64_t now_ns)
{
	struct ledger_totals *t = &led->totals;
	uint64_t took_ns = ns_since(now_ns, t->snapshot_time_ns), longest_ns = 0;
	int i;

	if (!t->snapshot_time_ns)
		return;
	for (i = 0; i < LOOKS; i++)
		if (led->looks_ns[i] > longest_ns)
			longest_ns = led->looks_ns[i];
	if (led->looks < LOOKS || took_ns < GAP_LEAST_NS || took_ns / GAP_TIMES <= longest_ns) {
		led->looks_ns[led->looks++ % LOOKS] = took_ns;
		return;
	}
	t->gap[t->gaps++ % LEDGER_GAPS] = (struct ledger_gap){ t->snapshot_time_ns, now_ns };
}

static void snap_begin(struct ledger *led, const struct ls_snap *rec)
{
	led->gen = led->gen % 255 + 1;
	led->in_snapshot = true;
	led->ends = rec->ends;
	led->given = rec->passes & LS_PASS_GIVEN;
	look_comes(led, rec->hdr.time_ns);
	led->totals.snapshot_time_ns = rec->hdr.time_ns;
	if (!led->snapshot_seen)
		led->totals.snapshot_first_ns = rec->hdr.time_ns;
	led->lost_at_begin = led->totals.lost[LS_LOST_RING] + led->totals.lost[LS_LOST_MISSED];
}

static void snap_end(struct ledger *led, const struct ls_snap *rec)
{
	if (!led->in_snapshot)
		return; /* a recording that starts in the middle of one */
	led->in_snapshot = false;
	if (rec->passes & LS_PASS_TASKS)
		tasks_sweep(led);
	if (rec->passes & LS_PASS_FILES) {
		conns_sweep(led, rec->passes);
		sites_sweep(led);
		led->snapshot_seen = true;
	}
	if (led->proc_streams.used || led->stream_sites.used) {
		carriers_sweep(led);
		stream_sites_sweep(led);
	}
	waits_sweep(led);
	procs_sweep(led, rec->passes);
	led->totals.snapshots++;
	led->totals.snapshot_ns = rec->took_ns;
}

int snap_apply(struct ledger *led, const struct ls_snap *rec)
{
	if (rec->what == LS_SNAP_BEGIN)
		snap_begin(led, rec);
	else if (rec->what == LS_SNAP_END)
		snap_end(led, rec);
	return 0;
}
