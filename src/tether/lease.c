// SPDX-License-Identifier: BSD-2-Clause
/* Leases (tether/pool.h): from waiting over holding to given back, or spent on an exchange. */
#include <errno.h>
#include <stddef.h>

#include "client.h"
#include "probes.h"

struct lease *lease_find(struct tether_lease handle)
{
	return slot_find(handle.loop, SLOT_LEASE, handle.id);
}

static void on_scope(struct member *member, int why)
{
	struct lease *lease = container_of(member, struct lease, member);

	if (why == -ETIMEDOUT && !lease->cc)
		lease->pool->stats.acquire_timeouts++;
	lease_drop(lease, why, true, true);
}

static void lease_spare(struct lease *lease)
{
	lease->next_spare = lease->pool->spare;
	lease->pool->spare = lease;
}

struct lease *lease_new(struct place *place, struct scope *scope, int *err)
{
	struct tether_pool *pool = place->pool;
	struct lease *lease = pool->spare;

	*err = -ENOMEM;
	if (lease)
		pool->spare = lease->next_spare;
	else
		lease = mem_new(pool->loop, sizeof(*lease));
	if (!lease)
		return NULL;
	lease->pool = pool;
	lease->place = place;
	lease->cc = NULL;
	lease->x = NULL;
	lease->depth = 0;
	list_init(&lease->link);
	lease->id = slot_take(pool->loop, SLOT_LEASE, lease);
	if (lease->id)
		*err = scope_enter(scope, &lease->member, on_scope);
	if (*err) {
		slot_give(pool->loop, lease->id);
		lease_spare(lease);
		return NULL;
	}
	return lease;
}

void lease_grant(struct lease *lease, struct client_conn *cc)
{
	struct tether_loop *loop = lease->pool->loop;
	struct scope *scope = lease->member.scope;

	if (!list_empty(&lease->link))
		place_wait_no_more(lease);
	pool_take(cc, lease);
	cc->lease = lease;
	lease->cc = cc;
	/* The scope ends first; this is for a scope that is not cancelled in time. */
	conn_phase(&cc->conn, CONN_LEASED, scope->deadline.at_ns + TETHER_S);
	PROBE4(lease_acquire, lease->id, cc->conn.id, scope->id, scope->deadline.at_ns);
	if (lease->x)
		exchange_resume(lease->x, lease);
	else if (lease->got)
		lease->got((struct tether_lease){ loop, lease->id }, 0, lease->arg);
}

static void lease_free(struct lease *lease)
{
	slot_give(lease->pool->loop, lease->id);
	scope_leave(&lease->member);
	lease_spare(lease);
}

static void is_leaving(struct member *member, int why)
{
	(void)member;
	(void)why;
}

static void tell_waiter(struct lease *lease, int why)
{
	struct exchange *x = lease->x;

	if (x) {
		x->lease = NULL;
		exchange_end(x, why);
		return;
	}
	lease->got((struct tether_lease){ lease->pool->loop, lease->id }, why, lease->arg);
}

void lease_drop(struct lease *lease, int why, bool tell, bool reuse)
{
	struct client_conn *cc = lease->cc;

	lease->member.cancel = is_leaving;
	PROBE2(lease_end, lease->id, (int64_t)why);
	slot_give(lease->pool->loop, lease->id);
	if (cc) {
		cc->lease = NULL;
		lease->cc = NULL;
		pool_put(cc, reuse);
	} else {
		place_wait_no_more(lease);
		pool_serve_later(lease->pool);
		if (tell)
			tell_waiter(lease, why);
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
