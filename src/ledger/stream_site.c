// SPDX-License-Identifier: BSD-2-Clause
/* Where streams are opened: a process, its stack, the stream's kind and library. */
#include "ledger/internal.h"

#define SITE_KEEP_NS 600000000000ull

struct stream_site *stream_site_at(const struct ledger *led, uint32_t id)
{
	return slab_get(&led->stream_sites, id);
}

static Word_t site_key(int32_t stack, uint8_t kind, uint8_t library)
{
	return (Word_t)(uint32_t)(stack + 1) << 16 | (Word_t)kind << 8 | library;
}

uint32_t stream_site_get(struct ledger *led, uint32_t proc, int32_t stack, uint8_t kind,
			 uint8_t library)
{
	struct streams_entry *e = streams_at(led, proc_at(led, proc)->streams);
	Word_t key = site_key(stack, kind, library);
	uint32_t id = index_get(e->by_site, key);
	struct stream_site *s;

	if (id)
		return id;
	id = index_alloc(&e->by_site, key, &led->stream_sites);
	if (!id)
		return 0;
	s = stream_site_at(led, id);
	s->proc = proc;
	s->stack = stack;
	s->kind = kind;
	s->library = library;
	s->first_ns = led->totals.time_ns;
	proc_ref(led, proc);
	return id;
}

static void stream_site_free(struct ledger *led, uint32_t id)
{
	const struct stream_site *s = stream_site_at(led, id);
	struct streams_entry *e = streams_at(led, proc_at(led, s->proc)->streams);

	index_drop(&e->by_site, site_key(s->stack, s->kind, s->library));
	proc_unref(led, s->proc);
	slab_free(&led->stream_sites, id);
}

void stream_sites_drop(struct ledger *led, struct streams_entry *e)
{
	Word_t key = 0;
	PPvoid_t slot;

	for (slot = JudyLFirst(e->by_site, &key, PJE0); slot && slot != PPJERR;
	     slot = JudyLNext(e->by_site, &key, PJE0)) {
		if (!*slot)
			continue;
		proc_unref(led, e->pub.proc);
		slab_free(&led->stream_sites, (uint32_t)(uintptr_t)*slot);
	}
	JudyLFreeArray(&e->by_site, PJE0);
}

/* For a while after its last stream a site is kept, with its memory of what ended and when. */
void stream_sites_sweep(struct ledger *led)
{
	uint64_t now_ns = led->totals.snapshot_time_ns;
	uint32_t id;

	for (id = 1; id < led->stream_sites.end; id++) {
		const struct stream_site *s = stream_site_at(led, id);

		if (s && !s->live && ns_since(now_ns, s->last_ns) > SITE_KEEP_NS)
			stream_site_free(led, id);
	}
}

/* ---- reading it */

uint32_t ledger_stream_site_end(const struct ledger *led)
{
	return led->stream_sites.end;
}

const struct stream_site *ledger_stream_site(const struct ledger *led, uint32_t id)
{
	return stream_site_at(led, id);
}
