// SPDX-License-Identifier: BSD-2-Clause
/* Leases (tether/pool.h): from waiting over holding to given back, or spent on an exchange. */
#include <errno.h>

#include "client.h"
#include "probes.h"

struct lease *lease_find(struct tether_lease handle)
{
	return slot_find(handle.loop, SLOT_LEASE, handle.id);
}

static void stop_waiting(struct lease *lease)
{
	list_remove(&lease->link);
	lease->place->n_waiting--;
	lease->pool->stats.waiting--;
}

void lease_grant(struct lease *lease, struct client_conn *cc)
{
	struct tether_loop *loop = lease->pool->loop;
	struct scope *scope = lease->member.scope;

	stop_waiting(lease);
	list_remove(&cc->link);
	list_append(&cc->pool->conns, &cc->link);
	cc->idle = false;
	cc->place->n_idle--;
	cc->place->n_active++;
	cc->pool->stats.idle--;
	cc->pool->stats.active++;
	cc->pool->stats.reuses += cc->requests > 0;
	cc->lease = lease;
	lease->cc = cc;
	/* The scope ends first; this is for a scope that is not cancelled in time. */
	conn_phase(&cc->conn, CONN_LEASED, scope->deadline.at_ns + TETHER_S);
	PROBE4(lease_acquire, lease->id, cc->conn.id, scope->id, scope->deadline.at_ns);
	lease->got((struct tether_lease){ loop, lease->id }, 0, lease->arg);
}

static void lease_free(struct lease *lease)
{
	struct tether_loop *loop = lease->pool->loop;

	slot_give(loop, lease->id);
	scope_leave(&lease->member);
	mem_free(loop, lease);
}

static void is_leaving(struct member *member, int why)
{
	(void)member;
	(void)why;
}

void lease_drop(struct lease *lease, int why, bool tell, bool reuse)
{
	struct tether_loop *loop = lease->pool->loop;
	struct client_conn *cc = lease->cc;

	lease->member.cancel = is_leaving;
	PROBE2(lease_end, lease->id, (int64_t)why);
	slot_give(loop, lease->id);
	if (cc) {
		cc->lease = NULL;
		lease->cc = NULL;
		pool_put(cc, reuse);
	} else {
		stop_waiting(lease);
		pool_serve_later(lease->pool);
		if (tell)
			lease->got((struct tether_lease){ loop, lease->id }, why, lease->arg);
	}
	lease_free(lease);
}

struct client_conn *lease_spend(struct lease *lease)
{
	struct client_conn *cc = lease->cc;

	cc->lease = NULL;
	PROBE2(lease_end, lease->id, (int64_t)0);
	lease_free(lease);
	return cc;
}

int tether_lease_end(struct tether_lease handle, bool reuse)
{
	struct lease *lease = lease_find(handle);

	if (!lease)
		return -EBADF;
	lease_drop(lease, 0, false, reuse);
	return 0;
}
