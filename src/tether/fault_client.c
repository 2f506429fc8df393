// SPDX-License-Identifier: BSD-2-Clause
/* The client's faults (fault_client.h). An empty file in the release library. */
#include "fault_client.h"

#ifdef TETHER_FAULTS

#include "client.h"

/* Long enough for a body to come that nobody reads. */
#define BODY_COMES_NS (50 * TETHER_MS)

void fault_at_head(struct exchange *x)
{
	enum fault fault = x->loop->faults.fault;

	if (fault != FAULT_CANCEL_EARLY && fault != FAULT_CANCEL_NEVER)
		return;
	if (!x->length || !fault_due(x->loop, fault))
		return;
	x->fault = fault;
	loop_deadline(x->loop, &x->deadline, tether_loop_now_ns(x->loop) + BODY_COMES_NS);
}

bool fault_at_end(struct exchange *x, struct client_conn *cc)
{
	if (!x->fault || cc->conn.closing)
		return false;
	fault_log((enum fault)x->fault, &cc->conn, 1);
	if (x->fault == FAULT_CANCEL_EARLY)
		return false;
	/* It still counts as active; no list, no scope and no deadline knows it any more. */
	conn_read_stop(&cc->conn);
	loop_deadline_drop(cc->conn.loop, &cc->conn.deadline);
	loop_deadline_drop(cc->conn.loop, &cc->held.late);
	scope_leave(&cc->conn.member);
	list_remove(&cc->link);
	return true;
}

#endif
