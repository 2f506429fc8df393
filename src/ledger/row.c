// SPDX-License-Identifier: BSD-2-Clause
/*
 * A snapshot's row: what one socket looks like now, set against how it looked before.
 *
 * The kernel's clocks say when bytes last moved. For what it keeps no clock of (since when a queue
 * waits, since when a state stands) the bounds here only ever understate.
 */
#include <errno.h>
#include "ledger/internal.h"

#define INTERIM_BYTES 25 /* "HTTP/1.1 100 Continue\r\n\r\n" */

static uint64_t moment(uint64_t now_ns, uint32_t age_ms)
{
	return age_ms == LS_AGE_NEVER ? 0 : ns_since(now_ns, (uint64_t)age_ms * 1000000);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return b && b < a ? b : a;
}

/* A quiet connection's last acknowledgement came with the peer's FIN, or for ours. */
static uint64_t state_since(const struct ls_sock *row, uint64_t now_ns)
{
	uint8_t state = row->tuple.state;

	if (row->tuple.proto == PROTO_TCP &&
	    (state == ST_CLOSE_WAIT || state == ST_FIN_WAIT1 || state == ST_FIN_WAIT2))
		return earlier(now_ns, moment(now_ns, row->ack_age_ms));
	return now_ns;
}

static void row_first(struct conn *c, const struct ls_sock *row, bool preexisting)
{
	uint64_t now_ns = row->hdr.time_ns;

	if (preexisting) {
		/* It has sent and received before we looked, so it is at least that old. */
		c->open_ns = earlier(c->open_ns, moment(now_ns, row->send_age_ms));
		c->open_ns = earlier(c->open_ns, moment(now_ns, row->recv_age_ms));
		c->open_ns = earlier(c->open_ns, moment(now_ns, row->ack_age_ms));
		c->flags |= CONN_AT_LEAST | CONN_STATE_AT_LEAST;
	}
	c->state = row->tuple.state;
	c->state_ns = c->state == ST_ESTABLISHED || c->state == ST_SYN_SENT
			      ? c->open_ns
			      : state_since(row, now_ns);
}

static void row_state(struct ledger *led, struct conn *c, const struct ls_sock *row, bool fresh)
{
	union conn_ext *ext = conn_ext(led, c);
	uint32_t shut = LS_SOCK_RCV_SHUT | LS_SOCK_SND_SHUT;
	bool changed = c->state != row->tuple.state;

	if (c->family == FAMILY_UNIX && ext) {
		changed |= (c->sock_flags & shut) != (row->flags & shut) ||
			   !ext->un.peer != !row->peer;
		ext->un.peer = row->peer;
	}
	if (!changed || fresh)
		return;
	c->state = row->tuple.state;
	c->state_ns = state_since(row, row->hdr.time_ns);
	c->flags &= ~CONN_STATE_AT_LEAST;
}

/* It was open before we looked, and this is the first look at it. */
static bool first_look(const struct conn *c)
{
	return (c->flags & CONN_AT_LEAST) && !(c->flags & CONN_SEEN);
}

/* What waits at the first look came at the latest with the last segment: whether any was taken
 * since, one look cannot tell (CONN_AT_LEAST, snapshot_first_ns). Later ones see it come. */
static void row_unread(struct conn *c, const struct ls_sock *row)
{
	uint64_t now_ns = row->hdr.time_ns;
	bool taken;

	if (!row->unread) {
		c->unread_ns = 0;
		return;
	}
	if (row->tuple.state == ST_LISTEN)
		taken = row->bytes_received != c->bytes_received || row->unread < c->unread;
	else if (row->tuple.proto == PROTO_TCP)
		taken = row->bytes_received - row->unread != c->bytes_received - c->unread;
	else
		taken = row->unread < c->unread;
	if (!c->unread_ns && first_look(c))
		c->unread_ns = earlier(now_ns, moment(now_ns, row->recv_age_ms));
	else if (!c->unread_ns || taken)
		c->unread_ns = now_ns;
}

static void row_unsent(struct conn *c, const struct ls_sock *row)
{
	uint64_t now_ns = row->hdr.time_ns;

	if (!row->unsent || row->tuple.state == ST_LISTEN)
		c->unsent_ns = 0;
	else if (!c->unsent_ns && first_look(c))
		c->unsent_ns = earlier(now_ns, moment(now_ns, row->send_age_ms));
	else if (!c->unsent_ns || row->unsent < c->unsent || row->bytes_sent != c->bytes_sent)
		c->unsent_ns = now_ns;
}

/* All that went out since the last receive is as long as a bare "100 Continue". */
static void row_interim(struct conn *c, const struct ls_sock *row)
{
	bool received = row->bytes_received != c->bytes_received;
	bool sent = row->bytes_sent != c->bytes_sent;

	if (!received && !sent)
		return;
	c->flags &= ~CONN_INTERIM;
	if (c->role != LS_ROLE_SERVER || !row->bytes_received)
		return;
	if ((c->flags & CONN_SEEN) && !sent)
		return; /* what came last came after it */
	if (row->bytes_sent == INTERIM_BYTES)
		c->flags |= CONN_INTERIM;
	/* Between two snapshots an answered connection got a request and sent just that. */
	if ((c->flags & CONN_SEEN) && received && c->send_ns >= c->recv_ns &&
	    row->bytes_sent - c->bytes_sent == INTERIM_BYTES)
		c->flags |= CONN_INTERIM;
}

static void row_bytes(struct conn *c, const struct ls_sock *row)
{
	uint64_t now_ns = row->hdr.time_ns;

	row_unread(c, row);
	row_unsent(c, row);
	row_interim(c, row);
	/* The clocks are as coarse as jiffies: a moment stands until more bytes move. */
	if (row->bytes_sent != c->bytes_sent)
		c->send_ns = moment(now_ns, row->send_age_ms);
	if (row->bytes_received != c->bytes_received && row->tuple.state != ST_LISTEN)
		c->recv_ns = moment(now_ns, row->recv_age_ms);
	c->bytes_sent = row->bytes_sent;
	c->bytes_received = row->bytes_received;
	c->unread = row->unread;
	c->unsent = row->unsent;
}

void row_read(struct ledger *led, struct conn *c, const struct ls_sock *row, bool fresh,
	      bool preexisting)
{
	if (fresh)
		row_first(c, row, preexisting);
	row_state(led, c, row, fresh);
	/* A socket with several holders has as many rows; one settles it. */
	if (c->gen != led->gen || !(c->flags & CONN_SEEN))
		row_bytes(c, row);
	c->sock_flags = row->flags;
	c->err = row->err && row->err < 256 ? row->err : c->err;
	c->flags |= CONN_SEEN;
	c->flags &= ~CONN_UNHELD;
	c->gen = led->gen;
}

/* Closed, but still about its last words: its end is yet to come. */
static int row_orphan(struct ledger *led, const struct ls_sock *row)
{
	struct conn *c = conn_at(led, ledger_find_conn(led, row->cookie));

	if (!c)
		return 0;
	c->flags |= CONN_UNHELD;
	c->gen = led->gen;
	return 0;
}

int row_apply(struct ledger *led, const struct ls_sock *row)
{
	uint32_t id, proc = 0;
	struct conn *c;
	bool fresh;

	if (row->flags & LS_SOCK_ORPHAN)
		return row_orphan(led, row);
	/* Its listener may be shared with those that are not watched, who have accepted it. */
	if (led->given && !row->who.pid && !ledger_find_conn(led, row->cookie))
		return 0;
	id = conn_of_row(led, row, &fresh);
	if (!id)
		return -ENOMEM;
	c = conn_at(led, id);
	row_read(led, c, row, fresh, !led->snapshot_seen);
	if (c->flags & CONN_LEFT)
		left_shown(led, c, row);
	if (row->who.pid) {
		proc = proc_get(led, &row->who);
		return proc ? holder_set(led, c, proc, row->fd) : -ENOMEM;
	}
	if (c->holder.proc && c->holder.gen == led->gen)
		return 0; /* the pass over the descriptors has shown who holds it */
	/* Its opener still has it, in an io_uring or in flight, without a descriptor. */
	c->flags |= CONN_UNHELD;
	return c->opener ? holder_set(led, c, c->opener, -1) : 0;
}
