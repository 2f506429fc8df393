// SPDX-License-Identifier: BSD-2-Clause
/*
 * What was left open: connections that ended only because the process that held them did. The live
 * one goes its own way, to its end; what was known of it stays here.
 */
#include <errno.h>
#include <string.h>
#include "ledger/internal.h"

/* The clocks of TCP are as coarse as jiffies. */
#define CLOCK_STEP_NS 50000000ull

/* Both sides have closed, or it was reset: all that its process still had was the descriptor. */
static bool is_over(uint8_t state)
{
	return state == ST_CLOSE || state == ST_TIME_WAIT || state == ST_LAST_ACK ||
	       state == ST_CLOSING;
}

/* Whether it is a connection. A socketpair serves what its process has with itself. */
static bool is_connection(const struct conn *c, const struct ls_sock *row)
{
	const struct ls_tuple *t = &row->tuple;
	uint8_t role = t->role == LS_ROLE_UNKNOWN && c ? c->role : t->role;

	if (t->state == ST_LISTEN || role == LS_ROLE_LISTEN)
		return false;
	if (t->family == FAMILY_UNIX)
		return !is_over(t->state) && (role == LS_ROLE_CLIENT || role == LS_ROLE_SERVER);
	if (t->proto == PROTO_UDP)
		return t->rport != 0;
	return t->proto == PROTO_TCP && t->rport && !is_over(t->state);
}

static bool before_ns(const struct ls_sock *row, uint32_t age_ms, uint64_t then_ns)
{
	return age_ms != LS_AGE_NEVER &&
	       ns_since(row->hdr.time_ns, age_ms * 1000000ull) + CLOCK_STEP_NS < then_ns;
}

/* Whether it was open before we looked: whoever started the process gave it that, and may want it
 * left as it is. Where no record told who opened it, and no snapshot showed it, its clocks may. */
static bool is_given(const struct ledger *led, const struct conn *c, const struct ls_sock *row)
{
	uint64_t first_ns = led->totals.snapshot_first_ns;

	if (c && (c->flags & CONN_AT_LEAST))
		return true;
	if (c && (c->flags & CONN_OPENER_KNOWN))
		return false;
	return !led->snapshot_seen || before_ns(row, row->send_age_ms, first_ns) ||
	       before_ns(row, row->recv_age_ms, first_ns);
}

static void left_free(struct ledger *led, uint32_t id)
{
	struct left *l = slab_get(&led->lefts, id);
	struct conn *k = &l->conn;

	site_keep(led, k->site, -1);
	proc_unref(led, k->opener);
	proc_unref(led, l->proc);
	if (k->family && k->family != FAMILY_INET)
		slab_free(&led->exts, k->ext);
	index_drop(&led->by_left, k->cookie);
	slab_free(&led->lefts, id);
}

/* Room for what @row speaks of; 0 if there is none. */
static uint32_t left_new(struct ledger *led, uint64_t cookie)
{
	uint32_t id = index_alloc(&led->by_left, cookie, &led->lefts);

	if (id)
		((struct left *)slab_get(&led->lefts, id))->conn.cookie = cookie;
	return id;
}

/* A copy of @c, NULL if it is not known, with addresses of its own, as @row shows it. */
static int copy_conn(struct ledger *led, struct conn *k, const struct conn *c,
		     const struct ls_sock *row)
{
	uint64_t cookie = k->cookie;
	int err;

	if (c)
		*k = *c;
	k->cookie = cookie;
	k->opener = k->site = k->waiter = 0;
	k->holder = (struct holder){ 0 };
	k->family = k->gen = 0;
	k->flags &= ~CONN_LEFT;
	memset(&k->v4, 0, sizeof(k->v4));
	if (!c)
		k->open_ns = k->state_ns = row->hdr.time_ns;
	err = conn_retuple(led, k, &row->tuple);
	if (err)
		return err;
	if (c && c->family == FAMILY_UNIX && k->family == FAMILY_UNIX)
		*conn_ext(led, k) = *conn_ext(led, c);
	conn_set_path(led, k, row);
	row_read(led, k, row, !c, true);
	return 0;
}

/* Names its process, opener and site, and keeps them. */
static void keep_names(struct ledger *led, struct left *l, const struct conn *c, uint32_t proc,
		       int32_t fd)
{
	struct conn *k = &l->conn;

	l->proc = proc;
	k->holder.proc = proc;
	k->holder.fd = fd;
	k->opener = c && c->opener ? c->opener : proc;
	k->site = c && c->site ? c->site : site_get(led, k, -1);
	proc_ref(led, l->proc);
	proc_ref(led, k->opener);
	site_keep(led, k->site, 1);
}

int left_apply(struct ledger *led, const struct ls_sock *row)
{
	struct conn *c = conn_at(led, ledger_find_conn(led, row->cookie));
	uint32_t id = index_get(led->by_left, row->cookie), proc;
	struct left *l;
	int err;

	if (!row->who.pid || !is_connection(c, row) || is_given(led, c, row))
		return 0;
	proc = proc_get(led, &row->who);
	if (!proc)
		return -ENOMEM;
	if (id)
		left_free(led, id); /* told again, or by the one who really was the last */
	id = left_new(led, row->cookie);
	if (!id)
		return -ENOMEM;
	l = slab_get(&led->lefts, id);
	l->time_ns = row->hdr.time_ns;
	err = copy_conn(led, &l->conn, c, row);
	if (err) {
		left_free(led, id);
		return err;
	}
	keep_names(led, l, c, proc, row->fd);
	if (c)
		c->flags |= CONN_LEFT;
	return 0;
}

void left_shown(struct ledger *led, struct conn *c, const struct ls_sock *row)
{
	uint32_t id = index_get(led->by_left, c->cookie);
	const struct left *l = slab_get(&led->lefts, id);

	if (!l) {
		c->flags &= ~CONN_LEFT;
		return;
	}
	if (!row->who.pid || row->hdr.time_ns <= l->time_ns || proc_find(led, &row->who) == l->proc)
		return;
	left_free(led, id);
	c->flags &= ~CONN_LEFT;
}

uint32_t ledger_left_end(const struct ledger *led)
{
	return led->lefts.end;
}

const struct left *ledger_left(const struct ledger *led, uint32_t id)
{
	return slab_get(&led->lefts, id);
}
