// SPDX-License-Identifier: BSD-2-Clause
/*
 * Carriers: the connections that carry streams, as their programs number them; and what all that
 * one process tells of comes to. A process's end, or its exec, ends all of it.
 */
#include <errno.h>
#include <string.h>
#include "ledger/internal.h"

/* A carrier whose socket has ended, and of whose end its program does not tell, is kept so long. */
#define GONE_KEEP_NS 600000000000ull

/* Numbers of two libraries in one process that differ in this alone are not told apart. */
static uint64_t carrier_key(uint8_t library, uint64_t conn)
{
	return conn ^ (uint64_t)library << 56;
}

struct carrier *carrier_at(const struct ledger *led, uint32_t id)
{
	return slab_get(&led->carriers, id);
}

struct streams_entry *streams_at(const struct ledger *led, uint32_t id)
{
	return slab_get(&led->proc_streams, id);
}

uint32_t streams_get(struct ledger *led, uint32_t proc)
{
	struct proc_entry *p = proc_at(led, proc);

	if (p->streams)
		return p->streams;
	p->streams = slab_alloc(&led->proc_streams);
	if (!p->streams)
		return 0;
	streams_at(led, p->streams)->pub.proc = proc;
	proc_ref(led, proc);
	return p->streams;
}

uint32_t carrier_find(const struct ledger *led, uint32_t proc, uint8_t library, uint64_t conn)
{
	const struct streams_entry *e = streams_at(led, proc_at(led, proc)->streams);
	uint32_t id = e ? index_get(e->by_conn, carrier_key(library, conn)) : 0;
	const struct carrier *c = carrier_at(led, id);

	return c && c->conn == conn && c->library == library ? id : 0;
}

static void link_carrier(struct ledger *led, struct streams_entry *e, uint32_t id)
{
	struct carrier *c = carrier_at(led, id), *next = carrier_at(led, e->pub.carrier);

	c->next = e->pub.carrier;
	if (next)
		next->prev = id;
	e->pub.carrier = id;
}

static void unlink_carrier(struct ledger *led, struct streams_entry *e, const struct carrier *c)
{
	struct carrier *prev = carrier_at(led, c->prev), *next = carrier_at(led, c->next);

	if (prev)
		prev->next = c->next;
	else
		e->pub.carrier = c->next;
	if (next)
		next->prev = c->prev;
}

uint32_t carrier_get(struct ledger *led, uint32_t proc, uint8_t library, uint64_t conn,
		     uint64_t now_ns)
{
	uint32_t id = carrier_find(led, proc, library, conn), streams;
	uint64_t key = carrier_key(library, conn);
	struct streams_entry *e;
	struct carrier *c;

	if (id)
		return id;
	streams = streams_get(led, proc);
	e = streams_at(led, streams);
	/* Another may have this key, and keeps it. */
	id = e && !index_get(e->by_conn, key) ? index_alloc(&e->by_conn, key, &led->carriers) : 0;
	if (!id)
		return 0;
	c = carrier_at(led, id);
	c->conn = conn;
	c->proc = proc;
	c->library = library;
	c->open_ns = now_ns;
	c->fd = -1;
	c->credit = STREAM_CREDIT_UNKNOWN;
	e->pub.carriers++;
	link_carrier(led, e, id);
	return id;
}

/* Its streams go with it, and it counts no longer as a connection; the rest stays to be known. */
static void carrier_close(struct ledger *led, struct carrier *c, uint64_t now_ns)
{
	struct streams_entry *e = streams_at(led, proc_at(led, c->proc)->streams);

	streams_drop(led, c, now_ns);
	if (c->flags & CARRIER_CLOSED)
		return;
	if (c->flags & CARRIER_OPENED)
		count_open(e, c->role, -1);
	if ((c->flags & CARRIER_OPENED) && (c->flags & CARRIER_GONE))
		count_gone(e, c->role, -1);
	c->flags |= CARRIER_CLOSED;
	e->pub.carriers--;
}

void carrier_reopen(struct ledger *led, struct carrier *c, uint64_t now_ns)
{
	c->flags = 0;
	c->open_ns = now_ns;
	c->credit = STREAM_CREDIT_UNKNOWN;
	c->cookie = 0;
	c->fd = -1;
	streams_at(led, proc_at(led, c->proc)->streams)->pub.carriers++;
}

static void carrier_free(struct ledger *led, uint32_t id, uint64_t now_ns)
{
	struct carrier *c = carrier_at(led, id);
	struct streams_entry *e = streams_at(led, proc_at(led, c->proc)->streams);

	carrier_close(led, c, now_ns);
	unlink_carrier(led, e, c);
	index_drop(&e->by_conn, carrier_key(c->library, c->conn));
	slab_free(&led->carriers, id);
}

static int conn_opens(struct ledger *led, struct streams_entry *e, uint32_t proc,
		      const struct ls_stream_conn *rec)
{
	uint32_t id = carrier_find(led, proc, rec->library, rec->conn);
	struct carrier *c = carrier_at(led, id);

	if (c && (c->flags & CARRIER_OPENED) && !(c->flags & CARRIER_CLOSED)) {
		/* Unless the record of its end was lost, this is nonsense. */
		if (c->open_ns > led->totals.lost_ns) {
			c->nonsense++;
			e->pub.nonsense++;
			return 0;
		}
		carrier_free(led, id, rec->hdr.time_ns);
		c = NULL;
	}
	if (c && (c->flags & CARRIER_CLOSED)) {
		carrier_free(led, id, rec->hdr.time_ns);
		c = NULL;
	}
	if (!c)
		c = carrier_at(led,
			       carrier_get(led, proc, rec->library, rec->conn, rec->hdr.time_ns));
	if (!c)
		return -ENOMEM;
	c->flags |= CARRIER_OPENED;
	c->cookie = rec->value;
	c->fd = rec->fd;
	c->role = rec->role;
	c->proto = rec->proto;
	if (ledger_carrier_conn(led, c))
		c->flags |= CARRIER_JOINED;
	count_open(e, c->role, 1);
	return 0;
}

static void conn_closes(struct ledger *led, struct streams_entry *e, uint32_t proc,
			const struct ls_stream_conn *rec)
{
	struct carrier *c = carrier_at(led, carrier_find(led, proc, rec->library, rec->conn));

	if (c && (c->flags & CARRIER_CLOSED)) {
		c->nonsense++;
		e->pub.nonsense++;
	} else if (c) {
		/* It was open before we looked, and counted as that. */
		e->calibrated &= (c->flags & CARRIER_OPENED) != 0;
		carrier_close(led, c, rec->hdr.time_ns);
	} else {
		e->calibrated = false;
		e->pub.unseen++;
	}
}

int carrier_apply(struct ledger *led, const struct ls_stream_conn *rec)
{
	uint32_t proc = proc_get(led, &rec->who);
	struct streams_entry *e;
	int err = 0;

	if (!proc)
		return -ENOMEM;
	if (proc_at(led, proc)->pub.exit_ns)
		return 0;
	e = streams_at(led, streams_get(led, proc));
	if (!e)
		return -ENOMEM;
	switch (rec->what) {
	case LS_STREAM_CONN_OPEN:
		err = conn_opens(led, e, proc, rec);
		break;
	case LS_STREAM_CONN_CLOSE:
		conn_closes(led, e, proc, rec);
		break;
	case LS_STREAM_CONN_COUNT:
	case LS_STREAM_DRAIN_BEGIN:
	case LS_STREAM_DRAIN_DONE:
	case LS_STREAM_DRAIN_REFUSED:
		err = count_apply(led, e, rec);
		break;
	default:
		e->pub.nonsense++;
		return 0;
	}
	e->moved = true;
	count_settle(e, rec->hdr.time_ns);
	return err;
}

int library_apply(struct ledger *led, const struct ls_library *rec)
{
	if (!rec->library || rec->library >= sizeof(led->library) / sizeof(led->library[0]))
		return -EBADMSG;
	led->library[rec->library] = name_intern(&led->names, rec->name, sizeof(rec->name));
	return 0;
}

/* ---- ends */

/* Whether its socket is still there. */
static void carrier_tick(struct ledger *led, struct streams_entry *e, struct carrier *c)
{
	bool here = ledger_carrier_conn(led, c);

	if (here)
		c->flags |= CARRIER_JOINED;
	if (!(c->flags & CARRIER_JOINED) || here == !(c->flags & CARRIER_GONE))
		return;
	c->flags ^= CARRIER_GONE;
	c->gone_ns = led->totals.snapshot_time_ns;
	if ((c->flags & CARRIER_OPENED) && !(c->flags & CARRIER_CLOSED))
		count_gone(e, c->role, here ? -1 : 1);
}

/* Nothing to be known of it any more. */
static bool is_over(const struct ledger *led, const struct carrier *c)
{
	if (c->flags & CARRIER_CLOSED)
		return true;
	if (c->flags & CARRIER_GONE)
		return ns_since(led->totals.snapshot_time_ns, c->gone_ns) > GONE_KEEP_NS;
	return !(c->flags & CARRIER_OPENED) && !c->live && !c->starved_ns;
}

static void entry_sweep(struct ledger *led, struct streams_entry *e)
{
	uint64_t now_ns = led->totals.snapshot_time_ns;
	uint32_t id = e->pub.carrier, next;

	for (; id; id = next) {
		struct carrier *c = carrier_at(led, id);

		next = c->next;
		carrier_tick(led, e, c);
		if (is_over(led, c))
			carrier_free(led, id, now_ns);
	}
	count_tick(e, now_ns);
}

void carriers_sweep(struct ledger *led)
{
	uint32_t id;

	for (id = 1; id < led->proc_streams.end; id++) {
		struct streams_entry *e = streams_at(led, id);

		if (e)
			entry_sweep(led, e);
	}
}

void streams_exit(struct ledger *led, uint32_t proc, uint64_t now_ns)
{
	struct proc_entry *p = proc_at(led, proc);
	struct streams_entry *e = streams_at(led, p->streams);

	if (!e)
		return;
	while (e->pub.carrier)
		carrier_free(led, e->pub.carrier, now_ns);
	gauges_drop(led, e);
	stream_sites_drop(led, e);
	JudyLFreeArray(&e->by_conn, PJE0);
	slab_free(&led->proc_streams, p->streams);
	p->streams = 0;
	proc_unref(led, proc);
}

void carriers_fini(struct ledger *led)
{
	uint32_t id;

	for (id = 1; id < led->carriers.end; id++) {
		struct carrier *c = carrier_at(led, id);

		if (c)
			JudyLFreeArray(&c->by_id, PJE0);
	}
	for (id = 1; id < led->proc_streams.end; id++) {
		struct streams_entry *e = streams_at(led, id);

		if (!e)
			continue;
		JudyLFreeArray(&e->by_conn, PJE0);
		JudyLFreeArray(&e->by_site, PJE0);
	}
}

/* ---- reading it */

uint32_t ledger_carrier_end(const struct ledger *led)
{
	return led->carriers.end;
}

const struct carrier *ledger_carrier(const struct ledger *led, uint32_t id)
{
	return carrier_at(led, id);
}

const struct proc_streams *ledger_proc_streams(const struct ledger *led, uint32_t proc)
{
	const struct proc_entry *p = proc_at(led, proc);
	const struct streams_entry *e = p ? streams_at(led, p->streams) : NULL;

	return e ? &e->pub : NULL;
}

uint32_t ledger_carrier_conn(const struct ledger *led, const struct carrier *c)
{
	return c->cookie ? ledger_find_conn(led, c->cookie) : 0;
}

const char *ledger_library(const struct ledger *led, uint8_t library)
{
	if (!library)
		return "tether";
	return led->library[library] ? led->library[library] : "";
}
