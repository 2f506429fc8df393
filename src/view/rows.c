/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes as rows. Reads ledger and verdicts; knows neither terminals nor formats. */
#include "view/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/text.h"

#define NS_PER_S 1000000000ull

uint64_t input_watched_ns(const struct view_input *in)
{
	return ns_since(in->now_ns, ledger_totals(in->ledger)->start_ns);
}

uint64_t input_lost(const struct view_input *in)
{
	const struct ledger_totals *t = ledger_totals(in->ledger);
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < LS_LOST_MAX; i++)
		sum += t->lost[i];
	return sum;
}

const char *lost_name(unsigned int why)
{
	static const char *const names[] = {
		[LS_LOST_RING] = "ring", [LS_LOST_MAP] = "map",	      [LS_LOST_STACK] = "stack",
		[LS_LOST_ROW] = "row",	 [LS_LOST_LEDGER] = "ledger", [LS_LOST_MISSED] = "missed",
	};

	return why < sizeof(names) / sizeof(names[0]) ? names[why] : NULL;
}

char *input_lost_text(char *buf, size_t len, const struct view_input *in)
{
	const struct ledger_totals *t = ledger_totals(in->ledger);
	unsigned int i;
	size_t at = 0;

	buf[0] = '\0';
	for (i = 0; i < LS_LOST_MAX && at < len; i++) {
		const char *name = lost_name(i);

		if (t->lost[i])
			at += (size_t)snprintf(buf + at, len - at, "%s%s %llu", at ? ", " : "",
					       name ? name : "other",
					       (unsigned long long)t->lost[i]);
	}
	return buf;
}

const char *class_name(enum verdict_class class)
{
	const struct verdict_rule *rule = verdict_rule(class);

	return rule ? rule->name : "-";
}

bool class_is_leak(enum verdict_class class)
{
	const struct verdict_rule *rule = verdict_rule(class);

	return rule && rule->kind == VERDICT_LEAK;
}

char *processes_text(char *buf, size_t len, uint32_t n)
{
	snprintf(buf, len, "%u process%s", n, n == 1 ? "" : "es");
	return buf;
}

char *healthy_text(char *buf, size_t len, uint32_t sockets, uint32_t processes)
{
	char text[TEXT_LEN];

	snprintf(buf, len, "No leaks: %u socket%s in %s look%s healthy", sockets,
		 sockets == 1 ? "" : "s", processes_text(text, sizeof(text), processes),
		 sockets == 1 ? "s" : "");
	return buf;
}

char *time_rfc3339(char *buf, size_t len, uint64_t realtime_ns)
{
	time_t t = (time_t)(realtime_ns / NS_PER_S);
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buf, len, "%Y-%m-%dT%H:%M:%SZ", &tm))
		buf[0] = '\0';
	return buf;
}

bool filter_process(const struct view_filter *filter, const char *comm, const char *container)
{
	if (!filter)
		return true;
	return (!filter->comm || strstr(comm, filter->comm)) &&
	       (!filter->container || strstr(container, filter->container));
}

bool filter_class(const struct view_filter *filter, enum verdict_class class)
{
	return !filter || !filter->class_mask || (filter->class_mask >> class & 1);
}

bool filter_owner(const struct view_filter *filter, const struct view_input *in, uint32_t proc)
{
	struct proc_row r;

	if (!filter || (!filter->comm && !filter->container))
		return true;
	return row_fill(&r, in, proc) && filter_process(filter, r.comm, r.container);
}

static void row_trend(struct proc_row *r, const struct proc *p)
{
	uint32_t n = p->trend_len < ROW_TREND ? p->trend_len : ROW_TREND;

	memcpy(r->trend, &p->trend[p->trend_len - n], n * sizeof(p->trend[0]));
	r->trend_n = n;
}

static void row_streams(struct streams_row *r, const struct view_input *in, uint32_t proc)
{
	const struct proc_streams *p = ledger_proc_streams(in->ledger, proc);
	const struct carrier *c;
	uint32_t id;

	if (!p)
		return;
	*r = (struct streams_row){
		.told = true,
		.counts = p->count.state != COUNT_UNKNOWN,
		.carriers = p->carriers,
		.live = p->live,
		.half_open = p->half_open,
		.opened = p->opened,
		.freed = p->freed,
		.nonsense = p->nonsense,
		.unseen = p->unseen,
		.counter = p->count.says,
		.drains_begun = p->drain.begun,
		.drains_done = p->drain.done,
		.drains_refused = p->drain.refused,
	};
	for (id = p->carrier; (c = ledger_carrier(in->ledger, id)); id = c->next) {
		const struct stream *s = ledger_stream(in->ledger, c->first);

		if (s && ns_since(in->now_ns, s->open_ns) > r->oldest_ns)
			r->oldest_ns = ns_since(in->now_ns, s->open_ns);
	}
}

bool row_fill(struct proc_row *r, const struct view_input *in, uint32_t proc)
{
	const struct proc *p = ledger_proc(in->ledger, proc);
	const struct proc_verdict *v;
	double watched_s = (double)input_watched_ns(in) / NS_PER_S;

	if (!p)
		return false;
	v = verdicts_proc(in->verdicts, proc);
	*r = (struct proc_row){
		.id = proc,
		.pid = p->pid,
		.live = p->live,
		.leaked = v->leaked,
		.leaked_streams = v->leaked_streams,
		.stalled = v->stalled,
		.threads = p->threads,
		.netns = p->netns,
		.start_ns = p->start_ns,
		.opened = p->opened,
		.closed = p->closed,
		.aborted = p->aborted,
		.oldest_ns = v->oldest_ns ? ns_since(in->now_ns, v->oldest_ns) : 0,
		.opened_per_s = watched_s > 0 ? (double)p->opened / watched_s : 0,
		.closed_per_s = watched_s > 0 ? (double)p->closed / watched_s : 0,
		.worst = v->worst,
		.has_oldest = v->oldest_ns != 0,
		.ended = p->exit_ns != 0,
		.exit_code = p->exit_code,
	};
	text_clean(r->comm, sizeof(r->comm), p->comm);
	view_container(r->container, sizeof(r->container), p->cgroup_path);
	row_trend(r, p);
	row_streams(&r->streams, in, proc);
	r->streams_per_s = watched_s > 0 ? (double)r->streams.opened / watched_s : 0;
	return true;
}

/* One flag per process: whether it has a finding of a class that @filter wants. */
static int wanted_by_class(uint8_t **wanted, const struct view_input *in,
			   const struct view_filter *filter)
{
	uint32_t end = ledger_proc_end(in->ledger), n = verdicts_count(in->verdicts), i;
	struct finding f;

	*wanted = NULL;
	if (!filter || !filter->class_mask)
		return 0;
	*wanted = calloc((size_t)end + 1, 1);
	if (!*wanted)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		verdicts_get(in->verdicts, i, &f);
		if (f.proc < end && filter_class(filter, f.class))
			(*wanted)[f.proc] = 1;
	}
	return 0;
}

static bool proc_listed(const struct view_input *in, uint32_t id)
{
	const struct proc *p = ledger_proc(in->ledger, id);
	const struct proc_verdict *v;

	if (!p)
		return false;
	v = verdicts_proc(in->verdicts, id);
	return ((p->live || p->opened || ledger_proc_streams(in->ledger, id)) && !p->exit_ns) ||
	       v->leaked || v->stalled || v->worst;
}

static int rows_add(struct rows *t, const struct proc_row *r)
{
	struct proc_row *more;
	uint32_t cap;

	if (t->len == t->cap) {
		cap = t->cap ? t->cap * 2 : 64;
		more = reallocarray(t->row, cap, sizeof(*more));
		if (!more)
			return -ENOMEM;
		t->row = more;
		t->cap = cap;
	}
	t->row[t->len++] = *r;
	t->sockets += r->live;
	t->accused += r->worst != VERDICT_NONE;
	t->leaked += r->leaked;
	t->stalled += r->stalled;
	t->streams.told |= r->streams.told;
	t->streams.live += r->streams.live;
	t->streams.half_open += r->streams.half_open;
	t->streams.nonsense += r->streams.nonsense;
	t->streams.unseen += r->streams.unseen;
	if (r->streams.oldest_ns > t->streams.oldest_ns)
		t->streams.oldest_ns = r->streams.oldest_ns;
	t->streams_per_s += r->streams_per_s;
	return 0;
}

int rows_fill(struct rows *t, const struct view_input *in, const struct view_filter *filter)
{
	uint32_t end = ledger_proc_end(in->ledger), id;
	struct rows fresh = { .row = NULL };
	struct proc_row r;
	uint8_t *wanted;
	int err;

	err = wanted_by_class(&wanted, in, filter);
	for (id = 1; id < end && !err; id++) {
		if (!proc_listed(in, id) || (wanted && !wanted[id]) || !row_fill(&r, in, id))
			continue;
		if (filter_process(filter, r.comm, r.container))
			err = rows_add(&fresh, &r);
	}
	free(wanted);
	if (err) {
		rows_fini(&fresh);
		return err;
	}
	if (!filter || (!filter->comm && !filter->container && !filter->class_mask))
		fresh.sockets = ledger_totals(in->ledger)->conns;
	rows_fini(t);
	*t = fresh;
	return 0;
}

void rows_fini(struct rows *t)
{
	if (!t)
		return;
	free(t->row);
	*t = (struct rows){ .row = NULL };
}
