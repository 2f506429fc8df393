// SPDX-License-Identifier: BSD-2-Clause
/* The evidence about streams and counters, in words. */
#include "verdict/words.h"

#include "base/text.h"

/* "; 40 live on its connection, 30 of them half open" */
static void say_carrier(struct words *w)
{
	const struct carrier *c = ledger_carrier(w->led, w->f->carrier);

	if (!c)
		return;
	say(w, "; %u live on its connection", c->live);
	if (c->half_open)
		say(w, ", %u half open", c->half_open);
	if (!c->credit)
		say(w, ", no credit left");
}

static void say_how(struct words *w, uint8_t how)
{
	static const char *const words[] = {
		[LS_STREAM_END] = "ended",
		[LS_STREAM_RESET] = "reset by the peer",
		[LS_STREAM_CANCELLED] = "cancelled",
		[LS_STREAM_LOST] = "lost",
	};

	say(w, " (%s)", how && how < sizeof(words) / sizeof(words[0]) ? words[how] : "closed");
}

void explain_stream_half_open(struct words *w)
{
	const struct stream *s = ledger_stream(w->led, w->f->stream);

	if (!s) {
		say(w, "%s", rules[VERDICT_STREAM_HALF_OPEN].text.evidence);
		return;
	}
	if (s->release_ns) {
		say(w, "released ");
		say_age(w, s->release_ns);
		say(w, " ago, the peer withholds its end");
	} else {
		say(w, "%s closed ", s->read_ns ? "reading" : "writing");
		say_age(w, stream_half_ns(s));
		say(w, " ago");
		say_how(w, s->read_ns ? s->read_how : s->write_how);
		say(w, ", %s still open", s->read_ns ? "writing" : "reading");
		if (w->f->at_end)
			say(w, " when it ended");
	}
	say(w, "; stream %llu", (unsigned long long)s->id);
	if (!(s->flags & STREAM_ANYONES))
		say(w, ", opened by %s", s->kind & LS_STREAM_PEERS ? "the peer" : "this program");
	say_carrier(w);
}

void explain_stream_growth(struct words *w)
{
	const struct stream_site *site = ledger_stream_site(w->led, w->f->stream_site);

	say(w, "%u stay and are never freed, while new ones are opened", w->f->count);
	if (site)
		say(w, "; %u open from this site", site->live);
	say(w, ", the oldest for ");
	say_age(w, w->f->since_ns);
	say_carrier(w);
}

void explain_stream_starved(struct words *w)
{
	const struct carrier *c = ledger_carrier(w->led, w->f->carrier);

	say(w, "none could be opened for ");
	say_age(w, w->f->since_ns);
	if (c && c->starved_last_ns > c->starved_ns) {
		say(w, ", tried again ");
		say_age(w, c->starved_last_ns);
		say(w, " ago");
	}
	if (c)
		say(w, "; %u of its own are live, %u half open in all", c->own, c->half_open);
}

static void say_drain(struct words *w, const struct proc_streams *p)
{
	if (p->drain.twice) {
		say(w, "told %u time%s too often that %llu has drained, first ", p->drain.twice,
		    p->drain.twice == 1 ? "" : "s", (unsigned long long)p->drain.twice_of);
		say_age(w, p->drain.twice_ns);
		say(w, " ago");
		return;
	}
	if (p->drain.waits) {
		say(w, "began to drain ");
		say_age(w, p->drain.begun_ns);
		say(w, " ago, none is open for ");
		say_age(w, w->f->since_ns);
		say(w, ", and nobody was told that it has drained");
		return;
	}
	say(w, "all has drained, it said ");
	say_age(w, p->drain.done_ns);
	say(w, " ago, and %llu connections are still open",
	    (unsigned long long)(p->count.told - p->count.gone));
}

void explain_miscount(struct words *w)
{
	const struct proc_streams *p = ledger_proc_streams(w->led, w->f->proc);
	const struct count *c = p ? &p->count : NULL;

	if (!p) {
		say(w, "%s", rules[VERDICT_MISCOUNT].text.evidence);
	} else if (p->drain.twice || c->state < COUNT_GONE) {
		say_drain(w, p);
	} else {
		say(w, "its counter says %llu for ", (unsigned long long)c->says);
		say_age(w, w->f->since_ns);
		say(w, ", open are %llu", (unsigned long long)(c->told - c->gone));
		if (c->before > 0)
			say(w, " and %lld of before we looked", (long long)c->before);
		if (c->gone)
			say(w, " (%llu have no socket any more)", (unsigned long long)c->gone);
	}
}
