// SPDX-License-Identifier: BSD-2-Clause
/*
 * Streams: opened, closed one side after the other, released, freed, as their program tells. What
 * is freed leaves nothing but counts.
 *
 * A program may tell nonsense, and then its own words are no evidence against it: a stream of which
 * something does not fit is kept, so that its end is known, but marked as doubted.
 */
#include <errno.h>
#include <string.h>
#include "ledger/internal.h"

static struct stream *stream_at(const struct ledger *led, uint32_t id)
{
	return slab_get(&led->streams, id);
}

/* ---- life */

static void link_youngest(struct ledger *led, struct carrier *c, struct stream *s, uint32_t id)
{
	struct stream *last = stream_at(led, c->last);

	s->prev = c->last;
	if (last)
		last->next = id;
	else
		c->first = id;
	c->last = id;
}

static void unlink_stream(struct ledger *led, struct carrier *c, const struct stream *s)
{
	struct stream *prev = stream_at(led, s->prev), *next = stream_at(led, s->next);

	if (prev)
		prev->next = s->next;
	else
		c->first = s->next;
	if (next)
		next->prev = s->prev;
	else
		c->last = s->prev;
}

/* Adds @n to all that count what @s is. */
static void count_half(struct ledger *led, struct carrier *c, const struct stream *s, int n)
{
	struct stream_site *site = stream_site_at(led, s->site);
	struct streams_entry *e = streams_at(led, proc_at(led, c->proc)->streams);

	if (!stream_half_open(s))
		return;
	c->half_open += n;
	e->pub.half_open += n;
	if (site)
		site->half_open += n;
}

static void count_live(struct ledger *led, struct carrier *c, const struct stream *s, int n,
		       uint64_t now_ns)
{
	struct stream_site *site = stream_site_at(led, s->site);
	struct streams_entry *e = streams_at(led, proc_at(led, c->proc)->streams);
	uint64_t opened = n > 0, freed = n < 0;

	c->live += n;
	c->opened += opened;
	c->freed += freed;
	if (stream_ours(s))
		c->own += n;
	e->pub.live += n;
	e->pub.opened += opened;
	e->pub.freed += freed;
	if (!site)
		return;
	site->live += n;
	site->opened += opened;
	site->freed += freed;
	site->last_ns = now_ns;
}

#define QUIC_BY_SERVER 1 /* of a stream's number: who opened it */
#define QUIC_UNI       2

/* Who opened it and how many directions it has: as told, or as its number says. */
static void set_kind(struct stream *s, const struct ls_stream *rec)
{
	bool by_server = rec->id & QUIC_BY_SERVER;

	if (rec->how < LS_STREAM_ANYONES)
		s->kind = rec->how & (LS_STREAM_PEERS | LS_STREAM_UNI);
	else if (rec->how != LS_STREAM_AS_SERVER && rec->how != LS_STREAM_AS_CLIENT)
		s->flags |= STREAM_ANYONES;
	else
		s->kind = (rec->id & QUIC_UNI ? LS_STREAM_UNI : 0) |
			  (by_server == (rec->how == LS_STREAM_AS_CLIENT) ? LS_STREAM_PEERS : 0);
}

static uint32_t stream_new(struct ledger *led, uint32_t carrier, const struct ls_stream *rec)
{
	struct carrier *c = carrier_at(led, carrier);
	uint32_t id = index_alloc(&c->by_id, rec->id, &led->streams);
	struct stream *s;

	if (!id)
		return 0;
	s = stream_at(led, id);
	s->id = rec->id;
	s->open_ns = rec->hdr.time_ns;
	s->carrier = carrier;
	set_kind(s, rec);
	s->tid = rec->who.tid;
	s->site = stream_site_get(led, c->proc, rec->stack < 0 ? -1 : rec->stack, s->kind,
				  rec->library);
	link_youngest(led, c, s, id);
	count_live(led, c, s, 1, rec->hdr.time_ns);
	return id;
}

/* That a program settles what has long been half open, or released, shows that it does. */
static void mark_settled(struct ledger *led, const struct stream *s, uint64_t now_ns)
{
	struct stream_site *site = stream_site_at(led, s->site);

	if (site && stream_answered(s))
		age_bucket_mark(site->settle_ns, ns_since(now_ns, stream_half_ns(s)), now_ns);
	else if (site && s->release_ns)
		age_bucket_mark(site->settle_ns, ns_since(now_ns, s->release_ns), now_ns);
}

static bool lost_with_conn(const struct stream *s)
{
	return s->read_how == LS_STREAM_LOST || s->write_how == LS_STREAM_LOST;
}

/* @freed: its program has given it back, and not only its connection's end. */
static void stream_drop(struct ledger *led, struct carrier *c, uint32_t id, uint64_t now_ns,
			bool freed)
{
	struct stream *s = stream_at(led, id);
	struct stream_site *site = stream_site_at(led, s->site);

	if (freed && !lost_with_conn(s)) {
		mark_settled(led, s, now_ns);
		if (site)
			age_bucket_mark(site->free_ns, ns_since(now_ns, s->open_ns), now_ns);
		/* A place is free: whether the peer gives it back, the next try shows. */
		if (!(s->kind & LS_STREAM_PEERS))
			c->starved_ns = 0;
	}
	count_half(led, c, s, -1);
	count_live(led, c, s, -1, now_ns);
	unlink_stream(led, c, s);
	index_drop(&c->by_id, s->id);
	slab_free(&led->streams, id);
}

void streams_drop(struct ledger *led, struct carrier *c, uint64_t now_ns)
{
	while (c->first)
		stream_drop(led, c, c->first, now_ns, false);
	JudyLFreeArray(&c->by_id, PJE0);
	c->starved_ns = 0;
}

/* ---- what is told of one */

static void nonsense(struct ledger *led, struct carrier *c, struct stream *s)
{
	struct streams_entry *e = streams_at(led, proc_at(led, c->proc)->streams);

	c->nonsense++;
	e->pub.nonsense++;
	if (s)
		s->flags |= STREAM_DOUBTED;
}

static bool how_known(uint8_t how)
{
	return how >= LS_STREAM_END && how <= LS_STREAM_LOST;
}

/* @side, @how: those of the side that closes; @has: it has such a side. */
static void side_closes(struct ledger *led, struct carrier *c, struct stream *s,
			const struct ls_stream *rec, bool reads)
{
	bool peers = s->kind & LS_STREAM_PEERS;
	bool has = !(s->kind & LS_STREAM_UNI) || reads == peers;
	uint64_t *side = reads ? &s->read_ns : &s->write_ns;

	if (!has || *side || !how_known(rec->how)) {
		nonsense(led, c, s);
		return;
	}
	if (stream_answered(s) && rec->how != LS_STREAM_LOST)
		mark_settled(led, s, rec->hdr.time_ns);
	count_half(led, c, s, -1);
	*side = rec->hdr.time_ns ? rec->hdr.time_ns : 1;
	*(reads ? &s->read_how : &s->write_how) = rec->how;
	count_half(led, c, s, 1);
}

static void stream_event(struct ledger *led, struct carrier *c, uint32_t id,
			 const struct ls_stream *rec)
{
	struct stream *s = stream_at(led, id);

	switch (rec->what) {
	case LS_STREAM_READ_CLOSED:
	case LS_STREAM_WRITE_CLOSED:
		side_closes(led, c, s, rec, rec->what == LS_STREAM_READ_CLOSED);
		break;
	case LS_STREAM_RELEASE:
		if (s->release_ns)
			nonsense(led, c, s);
		else
			s->release_ns = rec->hdr.time_ns;
		break;
	case LS_STREAM_FREE:
		stream_drop(led, c, id, rec->hdr.time_ns, true);
		break;
	case LS_STREAM_BLOCKED:
		s->blocked_ns = rec->hdr.time_ns;
		break;
	default:
		nonsense(led, c, s);
	}
}

/* Of a stream that is not there. What came before its connection was told to open may have been
 * there before we looked; what comes after its end is the rest of it. */
static void unknown_event(struct ledger *led, struct carrier *c, uint32_t proc)
{
	struct streams_entry *e = streams_at(led, proc_at(led, proc)->streams);

	if (c && (c->flags & CARRIER_CLOSED))
		return;
	if (c && (c->flags & CARRIER_OPENED)) {
		nonsense(led, c, NULL);
		return;
	}
	if (c)
		c->unseen++;
	e->pub.unseen++;
}

static int stream_opens(struct ledger *led, uint32_t proc, const struct ls_stream *rec)
{
	uint32_t id = carrier_get(led, proc, rec->library, rec->conn, rec->hdr.time_ns), known;
	struct carrier *c = carrier_at(led, id);

	if (!c)
		return -ENOMEM;
	if (c->flags & CARRIER_CLOSED) {
		/* Where no connection is told to open, its number may be that of the next. */
		if (c->flags & CARRIER_OPENED)
			nonsense(led, c, NULL);
		else
			carrier_reopen(led, c, rec->hdr.time_ns);
		if (c->flags & CARRIER_CLOSED)
			return 0;
	}
	known = index_get(c->by_id, rec->id);
	/* Its end may be among the records that were lost. */
	if (known && stream_at(led, known)->open_ns <= led->totals.lost_ns)
		stream_drop(led, c, known, rec->hdr.time_ns, false);
	else if (known) {
		nonsense(led, c, stream_at(led, known));
		return 0;
	}
	known = stream_new(led, id, rec);
	if (known && !(stream_at(led, known)->kind & LS_STREAM_PEERS))
		c->starved_ns = 0;
	return known ? 0 : -ENOMEM;
}

/* What is told of a connection's credit comes as a stream's record. */
static int credit_applies(struct ledger *led, uint32_t proc, const struct ls_stream *rec)
{
	uint32_t id = carrier_get(led, proc, rec->library, rec->conn, rec->hdr.time_ns);
	struct carrier *c = carrier_at(led, id);

	if (!c)
		return -ENOMEM;
	if (c->flags & CARRIER_CLOSED)
		return 0;
	if (rec->what == LS_STREAM_CREDIT) {
		c->credit = rec->id;
		if (rec->id)
			c->starved_ns = 0;
		return 0;
	}
	c->credit = 0;
	c->starved_last_ns = rec->hdr.time_ns;
	if (!c->starved_ns)
		c->starved_ns = rec->hdr.time_ns;
	return 0;
}

int stream_apply(struct ledger *led, const struct ls_stream *rec)
{
	uint32_t proc = proc_get(led, &rec->who), id;
	struct carrier *c;

	if (!proc)
		return -ENOMEM;
	if (proc_at(led, proc)->pub.exit_ns)
		return 0; /* its last words, from another CPU */
	if (!streams_get(led, proc))
		return -ENOMEM;
	if (rec->what == LS_STREAM_OPEN)
		return stream_opens(led, proc, rec);
	if (rec->what == LS_STREAM_CREDIT ||
	    (rec->what == LS_STREAM_BLOCKED && rec->id == LS_STREAM_NONE))
		return credit_applies(led, proc, rec);
	c = carrier_at(led, carrier_find(led, proc, rec->library, rec->conn));
	id = c ? index_get(c->by_id, rec->id) : 0;
	if (id)
		stream_event(led, c, id, rec);
	else
		unknown_event(led, c, proc);
	return 0;
}

/* ---- reading it */

uint32_t ledger_stream_end(const struct ledger *led)
{
	return led->streams.end;
}

const struct stream *ledger_stream(const struct ledger *led, uint32_t id)
{
	return stream_at(led, id);
}

uint32_t ledger_streams_live(const struct ledger *led)
{
	return led->streams.used;
}
