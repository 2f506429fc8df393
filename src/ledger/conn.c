// SPDX-License-Identifier: BSD-2-Clause
/* Connections: born by a record or found by a snapshot, ended by a record or missed by one. */
#include <errno.h>
#include <string.h>
#include "ledger/internal.h"

static const uint8_t unset[16];

struct conn *conn_at(const struct ledger *led, uint32_t id)
{
	return slab_get(&led->conns, id);
}

union conn_ext *conn_ext(const struct ledger *led, const struct conn *c)
{
	return slab_get(&led->exts, c->ext);
}

static uint64_t listener_key(const struct conn *c)
{
	return (uint64_t)c->netns << 16 | c->lport;
}

static bool is_port_listener(const struct conn *c)
{
	return c->role == LS_ROLE_LISTEN && c->family != FAMILY_UNIX;
}

static uint32_t listener_of(const struct ledger *led, const struct conn *c)
{
	uint32_t id = index_get(led->by_listener, listener_key(c));
	const struct conn *l = conn_at(led, id);

	/* It may listen no more, or another one may have its number by now. */
	return l && is_port_listener(l) && listener_key(l) == listener_key(c) ? id : 0;
}

/* Also of one that had another: IPV6_ADDRFORM makes an AF_INET6 socket an AF_INET one. */
static int set_family(struct ledger *led, struct conn *c, uint8_t family)
{
	uint32_t ext = 0;

	if (c->family == family)
		return 0;
	if (family != FAMILY_INET) {
		ext = slab_alloc(&led->exts);
		if (!ext)
			return -ENOMEM;
	}
	if (c->family && c->family != FAMILY_INET)
		slab_free(&led->exts, c->ext);
	memset(&c->v4, 0, sizeof(c->v4));
	c->family = family;
	if (ext)
		c->ext = ext;
	if (family == FAMILY_UNIX)
		conn_ext(led, c)->un.path = "";
	return 0;
}

static int set_addresses(struct ledger *led, struct conn *c, const struct ls_tuple *t)
{
	int err = set_family(led, c, t->family);

	if (err)
		return err;
	c->proto = t->proto;
	c->lport = t->lport;
	c->rport = t->rport;
	c->netns = t->netns;
	if (c->family == FAMILY_INET) {
		memcpy(c->v4.laddr, t->laddr, 4);
		memcpy(c->v4.raddr, t->raddr, 4);
		return 0;
	}
	if (c->family != FAMILY_UNIX)
		memcpy(&conn_ext(led, c)->v6, t->laddr, 32); /* both; they are neighbours */
	return 0;
}

/* What a socket is may change: a UDP socket connects, a fresh TCP one listens. */
int conn_retuple(struct ledger *led, struct conn *c, const struct ls_tuple *t)
{
	PPvoid_t slot;
	int err = set_addresses(led, c, t);

	if (err)
		return err;
	if (t->role != LS_ROLE_UNKNOWN)
		c->role = t->role;
	else if (c->role == LS_ROLE_UNKNOWN && t->rport && listener_of(led, c))
		c->role = LS_ROLE_SERVER;
	if (is_port_listener(c)) {
		slot = JudyLIns(&led->by_listener, listener_key(c), PJE0);
		if (slot && slot != PPJERR)
			*slot = (void *)(uintptr_t)(c->cookie ? ledger_find_conn(led, c->cookie)
							      : 0);
	}
	return 0;
}

static uint32_t conn_new(struct ledger *led, uint64_t cookie, const struct ls_tuple *t)
{
	uint32_t id = slab_alloc(&led->conns);
	struct conn *c;
	PPvoid_t slot;

	if (!id)
		return 0;
	c = conn_at(led, id);
	c->cookie = cookie;
	slot = JudyLIns(&led->by_cookie, cookie, PJE0);
	if (!slot || slot == PPJERR)
		goto err_slab;
	*slot = (void *)(uintptr_t)id;
	if (conn_retuple(led, c, t))
		goto err_index;
	led->totals.conns = led->conns.used;
	return id;

err_index:
	index_drop(&led->by_cookie, cookie);
err_slab:
	slab_free(&led->conns, id);
	return 0;
}

static void set_opener(struct ledger *led, struct conn *c, uint32_t proc, uint32_t tid)
{
	if (c->opener == proc)
		return;
	proc_ref(led, proc);
	if (c->opener)
		proc_unref(led, c->opener);
	c->opener = proc;
	c->opener_tid = tid;
}

/* Charges a connection to its process and site. @counted: it was opened while we watched. */
static void conn_enter(struct ledger *led, struct conn *c, int32_t stack, bool counted,
		       uint64_t now_ns)
{
	struct proc_entry *p = proc_at(led, c->opener);

	c->site = site_get(led, c, stack);
	site_opened(led, c->site, now_ns, counted);
	if (!counted || c->role == LS_ROLE_LISTEN)
		return;
	led->totals.opened++;
	if (p)
		p->pub.opened++;
}

static bool is_counted(const struct conn *c)
{
	return !(c->flags & CONN_AT_LEAST);
}

/* A snapshot that ran meanwhile has shown it before its record came: who opened it, where and when
 * is the record's to say. That of an accepted connection is written as it closes, and says less. */
static void conn_claimed(struct ledger *led, struct conn *c, uint32_t proc,
			 const struct ls_open *rec)
{
	struct proc_entry *p = proc_at(led, c->opener);
	bool counted = is_counted(c);

	if (c->role == LS_ROLE_SERVER && !counted) {
		set_opener(led, c, proc, rec->who.tid);
		return;
	}
	if (p && counted)
		p->pub.opened--;
	led->totals.opened += !counted;
	proc_at(led, proc)->pub.opened++;
	set_opener(led, c, proc, rec->who.tid);
	if (c->role == LS_ROLE_SERVER)
		return;
	site_left(led, c->site, counted);
	c->site = site_get(led, c, rec->stack);
	site_opened(led, c->site, rec->hdr.time_ns, true);
	c->open_ns = rec->hdr.time_ns;
	if (c->state_ns < c->open_ns)
		c->state_ns = c->open_ns;
	c->flags &= ~(CONN_AT_LEAST | CONN_STATE_AT_LEAST);
}

/* Whose listener it came from, where that is all that is known. */
static uint32_t acceptor_of(const struct ledger *led, const struct conn *c)
{
	const struct conn *l = c->role == LS_ROLE_SERVER ? conn_at(led, listener_of(led, c)) : NULL;

	return l ? l->holder.proc : 0;
}

int conn_apply_open(struct ledger *led, const struct ls_open *rec)
{
	uint32_t id = ledger_find_conn(led, rec->cookie);
	bool nameless = !rec->who.pid && rec->tuple.role == LS_ROLE_SERVER;
	uint32_t proc = nameless ? 0 : proc_get(led, &rec->who);
	bool fresh = !id;
	struct conn *c;

	if (!proc && !nameless)
		return -ENOMEM;
	if (!fresh && !proc)
		return 0; /* it is known better already */
	if (fresh)
		id = conn_new(led, rec->cookie, &rec->tuple);
	if (!id)
		return -ENOMEM;
	c = conn_at(led, id);
	if (c->flags & CONN_OPENER_KNOWN)
		return 0;
	c->flags |= CONN_OPENER_KNOWN;
	if (!fresh) {
		conn_claimed(led, c, proc, rec);
		return 0;
	}
	proc = proc ? proc : acceptor_of(led, c);
	set_opener(led, c, proc, rec->who.tid);
	c->open_ns = rec->hdr.time_ns;
	c->state = rec->tuple.state;
	c->state_ns = rec->hdr.time_ns;
	c->gen = led->gen;
	conn_enter(led, c, rec->stack, true, rec->hdr.time_ns);
	/* An accepted connection without a descriptor is told of as its owner closes it. */
	if (c->role == LS_ROLE_SERVER && rec->fd < 0)
		return 0;
	return holder_set(led, c, proc, rec->fd);
}

/* A UDP socket has connected, or the listener behind a connection became known. Who opened it is
 * who it was. */
static void conn_changed(struct ledger *led, struct conn *c, const struct ls_sock *row)
{
	const struct site *s = site_at(led, c->site);
	int32_t stack = s ? s->stack : -1;
	uint16_t rport = c->rport;
	uint8_t role = c->role;

	holder_charge(led, c, -1);
	conn_retuple(led, c, &row->tuple);
	holder_charge(led, c, 1);
	if (c->role == role && c->rport == rport)
		return;
	site_left(led, c->site, is_counted(c));
	c->site = site_get(led, c, stack);
	site_opened(led, c->site, led->totals.time_ns, is_counted(c));
}

void conn_set_path(struct ledger *led, struct conn *c, const struct ls_sock *row)
{
	const struct ls_unix *named = (const void *)row;

	if (row->hdr.len >= sizeof(*named) && c->family == FAMILY_UNIX)
		conn_ext(led, c)->un.path = name_intern(&led->names, named->path, LS_PATH_LEN);
}

uint32_t conn_of_row(struct ledger *led, const struct ls_sock *row, bool *fresh)
{
	uint32_t id = ledger_find_conn(led, row->cookie), proc;
	struct conn *c;

	*fresh = !id;
	if (id) {
		c = conn_at(led, id);
		if (c->family == FAMILY_UNIX && !*conn_ext(led, c)->un.path)
			conn_set_path(led, c, row);
		if (c->rport != row->tuple.rport || c->lport != row->tuple.lport ||
		    (c->role != row->tuple.role && row->tuple.role != LS_ROLE_UNKNOWN))
			conn_changed(led, c, row);
		return id;
	}
	id = conn_new(led, row->cookie, &row->tuple);
	if (!id)
		return 0;
	c = conn_at(led, id);
	c->open_ns = row->hdr.time_ns;
	c->state_ns = row->hdr.time_ns;
	conn_set_path(led, c, row);
	proc = row->who.pid ? proc_get(led, &row->who) : acceptor_of(led, c);
	if (proc)
		set_opener(led, c, proc, 0);
	conn_enter(led, c, -1, led->snapshot_seen, row->hdr.time_ns);
	return id;
}

void conn_close(struct ledger *led, uint32_t id, uint64_t now_ns)
{
	struct conn *c = conn_at(led, id);
	struct proc_entry *p = proc_at(led, c->opener);
	uint64_t age_ns = ns_since(now_ns, c->open_ns);

	if (c->role != LS_ROLE_LISTEN) {
		led->totals.closed++;
		if (p)
			p->pub.closed++;
	} else if (is_port_listener(c) && listener_of(led, c) == id) {
		index_drop(&led->by_listener, listener_key(c));
	}
	/* How old it was is not known, but that it was there before all that we saw open. */
	site_closed(led, c->site, c->flags & CONN_AT_LEAST ? UINT64_MAX : age_ns, now_ns);
	holders_clear(led, c);
	empty_drop(led, id);
	parked_drop(led, id);
	if (c->opener)
		proc_unref(led, c->opener);
	if (c->family != FAMILY_INET && c->ext)
		slab_free(&led->exts, c->ext);
	index_drop(&led->by_cookie, c->cookie);
	slab_free(&led->conns, id);
	led->totals.conns = led->conns.used;
}

int conn_apply_end(struct ledger *led, const struct ls_end *rec)
{
	uint32_t id = ledger_find_conn(led, rec->cookie);

	if (id)
		conn_close(led, id, rec->hdr.time_ns);
	return 0;
}

/* Fewer are a frame or two of a protocol's own, which cross the close on their way: TLS's
 * close_notify (24 to 31), HTTP/2's PING, WINDOW_UPDATE and SETTINGS (9 to 17). No answer is. */
#define ABORT_MIN_BYTES 64

int conn_apply_abort(struct ledger *led, const struct ls_abort *rec)
{
	struct conn *c = conn_at(led, ledger_find_conn(led, rec->cookie));
	uint32_t proc = proc_get(led, &rec->who);
	struct site *s;

	if (!proc)
		return -ENOMEM;
	led->totals.aborted++;
	proc_at(led, proc)->pub.aborted++;
	s = c ? site_at(led, c->site) : NULL;
	if (!s || rec->unread < ABORT_MIN_BYTES)
		return 0;
	if (!s->aborted++)
		s->abort_first_ns = rec->hdr.time_ns;
	s->abort_last_ns = rec->hdr.time_ns;
	return 0;
}

int conn_apply_dead(struct ledger *led, const struct ls_dead *rec)
{
	struct conn *c = conn_at(led, ledger_find_conn(led, rec->cookie));

	if (!c)
		return 0;
	c->state = ST_CLOSE;
	c->state_ns = rec->hdr.time_ns;
	c->flags = (c->flags | CONN_DEAD) & ~CONN_STATE_AT_LEAST;
	c->err = rec->err < 256 ? rec->err : 0;
	return 0;
}

const void *ledger_conn_local(const struct ledger *led, const struct conn *c)
{
	const union conn_ext *ext;

	if (c->family == FAMILY_INET)
		return c->v4.laddr;
	ext = conn_ext(led, c);
	if (c->family == FAMILY_INET6)
		return ext ? ext->v6.laddr : unset;
	return ext && c->role != LS_ROLE_CLIENT ? ext->un.path : "";
}

const void *ledger_conn_remote(const struct ledger *led, const struct conn *c)
{
	const union conn_ext *ext;

	if (c->family == FAMILY_INET)
		return c->v4.raddr;
	ext = conn_ext(led, c);
	if (c->family == FAMILY_INET6)
		return ext ? ext->v6.raddr : unset;
	return ext && c->role == LS_ROLE_CLIENT ? ext->un.path : "";
}

uint64_t ledger_conn_peer(const struct ledger *led, const struct conn *c)
{
	return c->family == FAMILY_UNIX && c->ext ? conn_ext(led, c)->un.peer : 0;
}
