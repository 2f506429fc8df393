/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One short function a class: is this connection lost in this way? Asked once a connection in a
 * judgement, so each begins with the cheapest test that acquits.
 *
 * When in doubt, acquit. What moved within the threshold is in use, whatever its state says: a
 * half-closed download, a slow upload after its FIN.
 */
#include "verdict/rules.h"

#include <string.h>

#define CERTAIN_UNREAD_NS (5 * NS_M)
/* A queue that has stood so long at the first look: no slow reader explains it. */
#define UNWATCHED_NS (10 * NS_M)
/* A send so soon after a receive may only acknowledge it (an HTTP/2 WINDOW_UPDATE, a
 * COM_STMT_CLOSE): it asks for nothing. */
#define EPILOGUE_NS   (100 * NS_MS)
#define EVENT_LOOP_NS (5 * NS_M) /* silent-peer without a thread to be seen waiting */
#define ONE_WAY_NS    NS_H	 /* ... on a client that may never expect an answer */
#define SERVER_IDLE_NS \
	(6 * NS_H) /* ... on an accepted connection, which is a keep-alive till then */
#define ENDS_WAIT (LS_SOCK_KEEPALIVE | LS_SOCK_USER_TIMEOUT | LS_SOCK_RCVTIMEO)
#define BOTH_SHUT (LS_SOCK_RCV_SHUT | LS_SOCK_SND_SHUT)

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static bool held(const struct conn *c)
{
	return c->holder.proc != 0;
}

static bool moved(const struct conn *c)
{
	return c->bytes_sent || c->bytes_received || c->send_ns || c->recv_ns;
}

/* Whether @since_ns is no more than when we first looked. */
static bool bound(const struct conn *c, uint64_t since_ns)
{
	return (c->flags & CONN_AT_LEAST) && since_ns <= c->open_ns;
}

static bool state_bound(const struct conn *c)
{
	return c->flags & CONN_STATE_AT_LEAST;
}

static bool accuse(struct match *m, uint64_t since_ns, bool certain, bool at_least)
{
	*m = (struct match){ since_ns, certain, at_least };
	return true;
}

/* ---- who holds it */

static const struct holder *charged_holder(const struct ledger *led, const struct conn *c)
{
	const struct holder *h;

	if (!held(c))
		return NULL;
	for (h = &c->holder; h; h = ledger_holder_next(led, h))
		if (h->proc == c->opener)
			return h;
	return &c->holder;
}

uint32_t conn_charged(const struct ledger *led, const struct conn *c)
{
	const struct holder *h;

	if (c->holder.proc == c->opener)
		return c->opener;
	h = charged_holder(led, c);
	return h ? h->proc : c->opener;
}

int conn_charged_fd(const struct ledger *led, const struct conn *c)
{
	const struct holder *h = charged_holder(led, c);

	return h ? h->fd : -1;
}

/* The other end of an AF_UNIX stream, NULL if it is not in the ledger. */
static const struct conn *unix_peer(const struct rule_ctx *x, const struct conn *c)
{
	uint64_t cookie = ledger_conn_peer(x->led, c);
	uint32_t id = cookie ? ledger_find_conn(x->led, cookie) : 0;

	return id ? ledger_conn(x->led, id) : NULL;
}

/* A socketpair with both ends in one process: a wake-up, not a connection. */
static bool wakes_itself(const struct rule_ctx *x, const struct conn *c)
{
	const struct conn *peer;

	if (c->family != AF_UNIX || c->role == LS_ROLE_CLIENT || c->role == LS_ROLE_SERVER)
		return false;
	peer = unix_peer(x, c);
	return peer && peer->holder.proc == c->holder.proc;
}

/* The thread that is blocked in a write of @c, NULL if none. */
static const struct task *writer(const struct rule_ctx *x, const struct conn *c)
{
	const struct task *t = c->waiter ? ledger_task(x->led, c->waiter) : NULL;

	return t && t->call == LS_CALL_WRITE ? t : NULL;
}

/* ---- what the state says */

/* The ledger starts unread_ns anew whenever another one stands first in the queue, or it got
 * shorter. A client that has closed its AF_UNIX end has no name, and one such is like the next:
 * then only the length tells, which takes more looks. */
bool match_not_accepted(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	uint64_t after_ns = x->t->after_ns[VERDICT_NOT_ACCEPTED];
	bool named = c->bytes_received != 0;

	if (!c->unread || !lasted(x, c->unread_ns, named ? after_ns : 6 * after_ns))
		return false;
	return accuse(m, c->unread_ns, named, bound(c, c->unread_ns));
}

bool match_dead_fd(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	if (!held(c) || !(c->sock_flags & LS_SOCK_CONNECTED))
		return false;
	if (!lasted(x, c->state_ns, x->t->after_ns[VERDICT_DEAD_FD]))
		return false;
	return accuse(m, c->state_ns, true, state_bound(c));
}

/* The kernel marks an AF_UNIX stream shut both ways when its peer closes, and forgets the peer.
 * Half a socketpair is kept on purpose: whoever reads it is to find an end (Java has such a marker
 * in every process, to put in the place of what it closes). */
static bool unix_peer_closed(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	if (c->role == LS_ROLE_PEER)
		return false;
	if ((c->sock_flags & BOTH_SHUT) != BOTH_SHUT || !(c->sock_flags & LS_SOCK_CONNECTED))
		return false;
	if (ledger_conn_peer(x->led, c))
		return false;
	if (!lasted(x, c->state_ns, x->t->after_ns[VERDICT_CLOSE_WAIT]))
		return false;
	return accuse(m, c->state_ns, true, state_bound(c));
}

bool match_close_wait(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	uint64_t last_ns = later(c->state_ns, later(c->send_ns, c->unsent_ns));

	if (!held(c))
		return false;
	if (c->family == AF_UNIX)
		return unix_peer_closed(x, c, m);
	if (!lasted(x, last_ns, x->t->after_ns[VERDICT_CLOSE_WAIT]))
		return false;
	return accuse(m, c->state_ns, true, state_bound(c));
}

bool match_half_closed(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	uint64_t last_ns = later(later(c->state_ns, c->unsent_ns), later(c->send_ns, c->recv_ns));

	if (!held(c) || !lasted(x, last_ns, x->t->after_ns[VERDICT_HALF_CLOSED]))
		return false;
	return accuse(m, c->state_ns, true, state_bound(c));
}

bool match_connecting(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	if (!lasted(x, c->state_ns, x->t->after_ns[VERDICT_CONNECTING]))
		return false;
	return accuse(m, c->state_ns, true, state_bound(c));
}

/* ---- what the queues say */

/* Of what has stood since @since_ns, the part that we have watched. At the first look its clock
 * says when the queue was last fed, not whether anybody took from it since. */
static uint64_t watched_ns(const struct rule_ctx *x, const struct conn *c, uint64_t since_ns)
{
	if (!(c->flags & CONN_AT_LEAST))
		return since_ns;
	return later(since_ns, ledger_totals(x->led)->snapshot_first_ns);
}

/* A queue has stood for @after_ns while we watched, or for long when we came. */
static bool stood(const struct rule_ctx *x, const struct conn *c, uint64_t since_ns,
		  uint64_t after_ns)
{
	return lasted(x, watched_ns(x, c, since_ns), after_ns) ||
	       lasted(x, since_ns, later(after_ns, UNWATCHED_NS));
}

/* Since when nobody reads @c. A full AF_UNIX queue looks the same however fast it moves; but if the
 * thread that is blocked on filling it has run, it has moved. */
static uint64_t unread_since_ns(const struct rule_ctx *x, const struct conn *c)
{
	const struct conn *peer = c->family == AF_UNIX ? unix_peer(x, c) : NULL;
	const struct task *w = peer ? writer(x, peer) : NULL;

	return w ? later(c->unread_ns, w->since_ns) : c->unread_ns;
}

bool match_unread(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	uint64_t after_ns = x->t->after_ns[VERDICT_UNREAD], since_ns, seen_ns;

	if (!c->unread || !lasted(x, c->unread_ns, after_ns))
		return false;
	since_ns = unread_since_ns(x, c);
	if (!stood(x, c, since_ns, after_ns))
		return false;
	/* It goes on sending: it is alive, and does not care to read (a log shipper over TLS). */
	if (c->send_ns > since_ns && !lasted(x, c->send_ns, after_ns))
		return false;
	if (wakes_itself(x, c))
		return false;
	seen_ns = watched_ns(x, c, since_ns);
	return accuse(m, since_ns, lasted(x, seen_ns, later(after_ns, CERTAIN_UNREAD_NS)),
		      seen_ns > since_ns || bound(c, since_ns));
}

bool match_unsent(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	uint64_t after_ns = x->t->after_ns[VERDICT_UNSENT], since_ns = c->unsent_ns;
	const struct task *w;
	bool certain;

	if (!c->unsent || !lasted(x, since_ns, after_ns) || wakes_itself(x, c))
		return false;
	w = writer(x, c);
	/* What a UNIX stream has not delivered waits in its reader's queue, and is the reader's
	 * `unread`. It is full as long as its writer is blocked: since the writer last ran. */
	if (c->family == AF_UNIX) {
		if (!w)
			return false;
		since_ns = later(since_ns, w->since_ns);
	}
	if (!stood(x, c, since_ns, after_ns))
		return false;
	certain = (c->sock_flags & LS_SOCK_ZERO_WINDOW) || w;
	return accuse(m, since_ns, certain && lasted(x, watched_ns(x, c, since_ns), after_ns),
		      bound(c, since_ns));
}

/* ---- what the clocks say */

/* A thread waits for it in a call that gives up by itself. */
static bool waits_with_limit(const struct rule_ctx *x, const struct conn *c)
{
	const struct task *t = c->waiter ? ledger_task(x->led, c->waiter) : NULL;

	return t && !t->forever;
}

bool match_expect_body(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	if (!(c->flags & CONN_INTERIM) || c->role != LS_ROLE_SERVER || c->unread)
		return false;
	if (c->recv_ns > c->send_ns || (c->sock_flags & LS_SOCK_RCVTIMEO) || waits_with_limit(x, c))
		return false;
	if (!lasted(x, c->send_ns, x->t->after_ns[VERDICT_EXPECT_BODY]))
		return false;
	return accuse(m, c->send_ns, parked(x, c), false);
}

/* Where a thread waits for its first byte, that is the stall, and silent-peer's; or none, if it
 * will give up: a server that has accepted, and whose client connects ahead of need. */
bool match_never_used(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	if (moved(c) || !lasted(x, c->open_ns, x->t->after_ns[VERDICT_NEVER_USED]))
		return false;
	if (c->unread || parked(x, c) || waits_with_limit(x, c))
		return false;
	return accuse(m, c->open_ns, false, bound(c, c->open_ns));
}

/* When the last of the holders came by @c, by fork or exec; 0 if that cannot be told, or if it is
 * not inherited: its opener is among them, or it sits where a program is meant to find it (fds 0
 * to 2). @by_exec: all of them have replaced their program since it was opened. */
static uint64_t came_by_ns(const struct rule_ctx *x, const struct conn *c, bool *by_exec)
{
	const struct holder *h;
	const struct proc *p;
	uint64_t last_ns = 0;

	*by_exec = true;
	for (h = &c->holder; h; h = ledger_holder_next(x->led, h)) {
		p = ledger_proc(x->led, h->proc);
		if (!p || h->proc == c->opener || h->fd <= 2)
			return 0;
		last_ns = later(last_ns, later(p->start_ns, p->exec_ns));
		if (p->exec_ns <= p->start_ns || p->exec_ns <= c->open_ns)
			*by_exec = false;
	}
	return last_ns;
}

bool match_inherited(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	const struct proc *opener;
	uint64_t came_ns;
	bool by_exec;

	if (c->holder.proc == c->opener || !held(c) || !(c->flags & CONN_OPENER_KNOWN))
		return false;
	came_ns = came_by_ns(x, c, &by_exec);
	if (!came_ns || c->open_ns >= came_ns || conn_active_ns(c) >= came_ns || c->waiter)
		return false;
	if (!lasted(x, came_ns, x->t->after_ns[VERDICT_INHERITED]))
		return false;
	/* A server that accepts and hands over, by fork or as an activated service: meant, unless
	 * the opener had answered on it first. */
	if (c->role != LS_ROLE_CLIENT && !c->send_ns)
		return false;
	/* A parent that forked and ended became its child: a daemon. */
	opener = ledger_proc(x->led, c->opener);
	if (!by_exec && (!opener || opener->exit_ns))
		return false;
	return accuse(m, came_ns, by_exec, false);
}

/* How long @c may be silent when no thread is seen waiting for it; 0: as long as it likes. */
static uint64_t unattended_ns(const struct rule_ctx *x, const struct conn *c)
{
	uint64_t after_ns = x->t->after_ns[VERDICT_SILENT_PEER];
	bool owes = c->send_ns > c->recv_ns;

	if (!owes)
		return 0; /* a client's is pooled; a server's program may owe the answer itself */
	if (x->t->given[VERDICT_SILENT_PEER])
		return later(after_ns, 1);
	if (c->role != LS_ROLE_CLIENT)
		return later(SERVER_IDLE_NS, after_ns);
	if (!c->recv_ns || c->send_ns - c->recv_ns < EPILOGUE_NS)
		return later(ONE_WAY_NS, after_ns);
	return x->t->bare ? later(after_ns, 1) : later(EVENT_LOOP_NS, after_ns);
}

/* AF_UNIX keeps no clocks, and its peer is on this machine and will be seen to close. So only for
 * whoever asks, and only of a thread that waits. */
static bool unix_silent(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	const struct task *t;

	if (!x->t->given[VERDICT_SILENT_PEER] || c->role == LS_ROLE_PEER ||
	    (c->sock_flags & LS_SOCK_RCVTIMEO))
		return false;
	t = parked(x, c);
	if (!t || t->call != LS_CALL_READ)
		return false;
	if (!lasted(x, t->since_ns, x->t->after_ns[VERDICT_SILENT_PEER]))
		return false;
	return accuse(m, t->since_ns, false, true);
}

bool match_silent_peer(const struct rule_ctx *x, const struct conn *c, struct match *m)
{
	uint64_t active_ns, after_ns;
	const struct task *t;

	if ((c->sock_flags & ENDS_WAIT) || c->unread || c->unsent || waits_with_limit(x, c))
		return false;
	if (c->family == AF_UNIX)
		return unix_silent(x, c, m);
	active_ns = conn_active_ns(c);
	if (!lasted(x, active_ns, x->t->after_ns[VERDICT_SILENT_PEER]))
		return false;
	t = parked(x, c);
	/* A poll may watch what else is no socket (a pipe, a timer): short of certain. */
	if (t)
		return accuse(m, active_ns, t->call == LS_CALL_READ, bound(c, active_ns));
	after_ns = moved(c) ? unattended_ns(x, c) : 0;
	if (!after_ns || !lasted(x, active_ns, after_ns))
		return false;
	return accuse(m, active_ns, false, bound(c, active_ns));
}

/* ---- a thread that is stuck where no class of connection explains it */

static bool could_stick(const struct rule_ctx *x, const struct task *t, const struct conn *c)
{
	bool reads = t->call == LS_CALL_READ || t->call == LS_CALL_POLL;

	switch (conn_kind(c)) {
	case KIND_UDP: /* unconnected, it is a server */
		return c->role == LS_ROLE_CLIENT && reads && !c->unread &&
		       !(c->sock_flags & LS_SOCK_RCVTIMEO);
	case KIND_TCP:
		return c->state != STATE_LISTEN && !(c->sock_flags & ENDS_WAIT) &&
		       lasted(x, conn_active_ns(c), x->t->after_ns[VERDICT_TASK_STUCK]);
	default:
		return c->state != STATE_LISTEN && t->call == LS_CALL_WRITE &&
		       !(c->sock_flags & LS_SOCK_SNDTIMEO) && !wakes_itself(x, c);
	}
}

bool match_task_stuck(const struct rule_ctx *x, const struct task *t, struct match *m)
{
	uint64_t after_ns = x->t->after_ns[VERDICT_TASK_STUCK];
	const struct conn *c = t->conn ? ledger_conn(x->led, t->conn) : NULL;

	if (!c || !t->forever || t->call == LS_CALL_ACCEPT || t->call == LS_CALL_NONE)
		return false;
	if (!(c->flags & CONN_SEEN) || !lasted(x, t->since_ns, after_ns) || !could_stick(x, t, c))
		return false;
	return accuse(m, t->since_ns,
		      t->call != LS_CALL_POLL && lasted(x, t->since_ns, 10 * after_ns), true);
}
