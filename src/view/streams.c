// SPDX-License-Identifier: BSD-2-Clause
/* Streams in words, and as JSON. Reads the ledger; knows nothing of where it goes. */
#include "view/streams.h"

#include "base/text.h"
#include "view/endpoint.h"
#include "view/frames.h"

#define NUMBER_LEN 24

/* ---- words */

char *streams_text(char *buf, size_t len, const struct streams_row *s, double opened_per_s)
{
	char oldest[TEXT_LEN] = "";
	size_t at;

	buf[0] = '\0';
	if (!s->told)
		return buf;
	at = (size_t)snprintf(buf, len, "%u stream%s  %u half open", s->live,
			      s->live == 1 ? "" : "s", s->half_open);
	if (s->live && at < len)
		at += (size_t)snprintf(buf + at, len - at, "  oldest %s",
				       text_duration(oldest, sizeof(oldest), s->oldest_ns));
	if (at < len)
		snprintf(buf + at, len - at, "  %.*f/s opened", opened_per_s < 10 ? 2 : 0,
			 opened_per_s);
	return buf;
}

char *streams_doubt_text(char *buf, size_t len, const struct streams_row *s)
{
	size_t at = 0;

	buf[0] = '\0';
	if (s->nonsense)
		at = (size_t)snprintf(buf, len, "%llu nonsense", (unsigned long long)s->nonsense);
	if (s->unseen && at < len)
		snprintf(buf + at, len - at, "%s%llu unseen", at ? ", " : "",
			 (unsigned long long)s->unseen);
	return buf;
}

char *carrier_streams_text(char *buf, size_t len, const struct view_input *in,
			   const struct carrier *c)
{
	const struct stream *oldest = ledger_stream(in->ledger, c->first);
	char age[TEXT_LEN];
	size_t at;

	at = (size_t)snprintf(buf, len, "%u live, %u half open", c->live, c->half_open);
	if (oldest && at < len)
		at += (size_t)snprintf(
			buf + at, len - at, ", oldest %s",
			text_duration(age, sizeof(age), ns_since(in->now_ns, oldest->open_ns)));
	if (!c->credit && at < len)
		snprintf(buf + at, len - at, ", none left");
	else if (c->credit != STREAM_CREDIT_UNKNOWN && at < len)
		snprintf(buf + at, len - at, ", %llu left", (unsigned long long)c->credit);
	return buf;
}

/* ---- JSON */

/* Numbers of the program's own fill 64 bits, which not every reader of JSON has for a number. */
static json_t *json_number_text(uint64_t n)
{
	char text[NUMBER_LEN];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return json_string(text);
}

static json_t *json_age_of(const struct view_input *in, uint64_t then_ns)
{
	return then_ns ? json_seconds(ns_since(in->now_ns, then_ns)) : json_null();
}

json_t *json_streams_of(const struct proc_row *r)
{
	const struct streams_row *s = &r->streams;
	struct element e;

	if (!s->told)
		return json_null();
	e = element_new();
	element_set(&e, "carriers", json_integer(s->carriers));
	element_set(&e, "live", json_integer(s->live));
	element_set(&e, "half_open", json_integer(s->half_open));
	element_set(&e, "opened", json_integer((json_int_t)s->opened));
	element_set(&e, "freed", json_integer((json_int_t)s->freed));
	element_set(&e, "opened_per_s", json_rate(r->streams_per_s));
	element_set(&e, "oldest_s", s->live ? json_seconds(s->oldest_ns) : json_null());
	element_set(&e, "nonsense", json_integer((json_int_t)s->nonsense));
	element_set(&e, "unseen", json_integer((json_int_t)s->unseen));
	element_set(&e, "counter", s->counts ? json_integer((json_int_t)s->counter) : json_null());
	element_set(&e, "drains_begun", json_integer((json_int_t)s->drains_begun));
	element_set(&e, "drains_done", json_integer((json_int_t)s->drains_done));
	element_set(&e, "drains_refused", json_integer((json_int_t)s->drains_refused));
	return element_end(&e);
}

/* A side, as a word; null: it has none. */
static json_t *json_side(const struct stream *s, bool reads)
{
	static const char *const words[] = { "open", "ended", "reset", "cancelled", "lost" };
	bool peers = s->kind & LS_STREAM_PEERS;
	uint8_t how = reads ? s->read_how : s->write_how;

	if ((s->kind & LS_STREAM_UNI) && reads != peers)
		return json_null();
	return json_string(words[how < sizeof(words) / sizeof(words[0]) ? how : 0]);
}

static void set_carrier(struct element *e, const struct view_input *in, const struct carrier *c)
{
	bool known = c && c->credit != STREAM_CREDIT_UNKNOWN;
	char name[TEXT_LEN];

	element_set(e, "library",
		    c ? json_text(text_clean(name, sizeof(name),
					     ledger_library(in->ledger, c->library)))
		      : json_null());
	element_set(e, "connection", c ? json_number_text(c->conn) : json_null());
	element_set(e, "credit", known ? json_integer((json_int_t)c->credit) : json_null());
}

static void set_stream(struct element *e, const struct view_input *in, const struct stream *s)
{
	static const struct stream none;
	bool known = s;

	s = known ? s : &none;
	element_set(e, "stream", known ? json_number_text(s->id) : json_null());
	element_set(e, "opened_by",
		    known && !(s->flags & STREAM_ANYONES)
			    ? json_string(s->kind & LS_STREAM_PEERS ? "peer" : "program")
			    : json_null());
	element_set(e, "unidirectional",
		    known ? json_boolean(s->kind & LS_STREAM_UNI) : json_null());
	element_set(e, "read", known ? json_side(s, true) : json_null());
	element_set(e, "write", known ? json_side(s, false) : json_null());
	element_set(e, "open_s", json_age_of(in, s->open_ns));
	element_set(e, "read_closed_s", json_age_of(in, s->read_ns));
	element_set(e, "write_closed_s", json_age_of(in, s->write_ns));
	element_set(e, "released_s", json_age_of(in, s->release_ns));
	element_set(e, "blocked_s", json_age_of(in, s->blocked_ns));
}

json_t *json_stream(const struct view_input *in, const struct stream *s)
{
	const struct carrier *c = ledger_carrier(in->ledger, s->carrier);
	const struct proc *p = c ? ledger_proc(in->ledger, c->proc) : NULL;
	struct element e = element_new();

	element_set(&e, "pid", p ? json_integer(p->pid) : json_null());
	element_set(&e, "comm", p ? json_text(p->comm) : json_null());
	element_set(&e, "tid", json_integer(s->tid));
	set_carrier(&e, in, c);
	set_stream(&e, in, s);
	element_set(&e, "site", json_stream_site(in, s->site));
	return element_end(&e);
}

json_t *json_finding_stream(const struct view_input *in, const struct finding *f)
{
	struct element e;

	if (!f->carrier)
		return json_null();
	e = element_new();
	set_carrier(&e, in, ledger_carrier(in->ledger, f->carrier));
	set_stream(&e, in, ledger_stream(in->ledger, f->stream));
	return element_end(&e);
}
