/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One JSON object; docs/JSON.md is its reference. Each element of an array is built, written and
 * freed by itself, on a line of its own: a machine with 200,000 connections costs no more memory
 * than one with ten, and grep and diff still work.
 */
#include "view/view.h"

#include <errno.h>
#include <jansson.h>
#include "base/text.h"
#include "view/json_part.h"
#include "view/rows.h"

/* 15 digits: all that a double holds of a number written in decimal, so 0.1 stays 0.1. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

struct writer {
	FILE *out;
	const struct view_input *in;
	const struct view_filter *filter;
	bool first; /* of the present array */
	int err;
};

/* Takes ownership of @value. */
static void put(struct writer *w, json_t *value)
{
	if (!value)
		w->err = -ENOMEM;
	errno = 0;
	if (!w->err && json_dumpf(value, w->out, DUMP_FLAGS))
		w->err = errno ? -errno : -EIO;
	json_decref(value);
}

/* Takes ownership of @value: a member of the outer object. */
static void put_member(struct writer *w, const char *name, json_t *value)
{
	fprintf(w->out, "%s\n\"%s\":", w->first ? "" : ",", name);
	w->first = false;
	put(w, value);
}

static void begin_array(struct writer *w, const char *name)
{
	fprintf(w->out, ",\n\"%s\":[", name);
	w->first = true;
}

static void put_element(struct writer *w, json_t *value)
{
	fputs(w->first ? "\n" : ",\n", w->out);
	w->first = false;
	put(w, value);
}

static void end_array(struct writer *w)
{
	fputs(w->first ? "]" : "\n]", w->out);
	w->first = false;
}

static json_t *lost_object(const struct view_input *in)
{
	const struct ledger_totals *t = ledger_totals(in->ledger);
	struct element e = element_new();
	unsigned int i;

	for (i = 0; lost_name(i); i++)
		element_set(&e, lost_name(i), json_integer((json_int_t)t->lost[i]));
	element_set(&e, "total", json_integer((json_int_t)input_lost(in)));
	return element_end(&e);
}

static void put_head(struct writer *w)
{
	const struct view_input *in = w->in;
	const struct ledger_totals *t = ledger_totals(in->ledger);
	char when[TEXT_LEN];

	put_member(w, "schema", json_integer(1));
	put_member(w, "time", json_string(time_rfc3339(when, sizeof(when), in->realtime_ns)));
	put_member(w, "host", json_text(in->host ? in->host : ""));
	put_member(w, "kernel", json_text(in->kernel ? in->kernel : ""));
	put_member(w, "interval_s", json_seconds((uint64_t)(in->interval_s * 1e9)));
	put_member(w, "replay", json_boolean(in->replay));
	put_member(w, "incomplete", json_boolean(in->incomplete));
	put_member(w, "watched_s", json_seconds(input_watched_ns(in)));
	put_member(w, "lost", lost_object(in));
	put_member(w, "totals",
		   json_pack("{sI sI sI sI sI sI}", "opened", (json_int_t)t->opened, "closed",
			     (json_int_t)t->closed, "aborted", (json_int_t)t->aborted, "healed",
			     (json_int_t)t->healed, "live", (json_int_t)t->conns, "processes",
			     (json_int_t)t->procs));
}

static json_t *process_object(const struct view_input *in, const struct proc_row *r)
{
	uint64_t started_ns = in->realtime_ns - ns_since(in->now_ns, r->start_ns);
	struct element e = element_new();

	element_set(&e, "pid", json_integer(r->pid));
	element_set(&e, "comm", json_text(r->comm));
	element_set(&e, "container", json_text(r->container));
	element_set(&e, "netns", json_integer(r->netns));
	element_set(&e, "start_s", json_seconds(started_ns));
	element_set(&e, "ended", json_boolean(r->ended));
	element_set(&e, "live", json_integer(r->live));
	element_set(&e, "leaked", json_integer(r->leaked));
	element_set(&e, "stalled", json_integer(r->stalled));
	element_set(&e, "opened", json_integer((json_int_t)r->opened));
	element_set(&e, "closed", json_integer((json_int_t)r->closed));
	element_set(&e, "aborted", json_integer((json_int_t)r->aborted));
	element_set(&e, "opened_per_s", json_rate(r->opened_per_s));
	element_set(&e, "closed_per_s", json_rate(r->closed_per_s));
	element_set(&e, "oldest_s", r->has_oldest ? json_seconds(r->oldest_ns) : json_null());
	element_set(&e, "threads", json_integer(r->threads));
	element_set(&e, "class", r->worst ? json_string(class_name(r->worst)) : json_null());
	return element_end(&e);
}

static void put_processes(struct writer *w)
{
	struct rows rows = { .row = NULL };
	uint32_t i;

	begin_array(w, "processes");
	if (!w->err)
		w->err = rows_fill(&rows, w->in, w->filter);
	for (i = 0; i < rows.len && !w->err; i++)
		put_element(w, process_object(w->in, &rows.row[i]));
	end_array(w);
	rows_fini(&rows);
}

/* Whether @filter lets through what belongs to process @proc. */
static bool proc_wanted(const struct writer *w, uint32_t proc)
{
	struct proc_row r;

	if (!w->filter || (!w->filter->comm && !w->filter->container))
		return true;
	return row_fill(&r, w->in, proc) && filter_process(w->filter, r.comm, r.container);
}

static void put_findings(struct writer *w)
{
	uint32_t n = verdicts_count(w->in->verdicts), i;
	struct finding f;

	begin_array(w, "findings");
	for (i = 0; i < n && !w->err; i++) {
		verdicts_get(w->in->verdicts, i, &f);
		if (filter_class(w->filter, f.class) && proc_wanted(w, f.proc))
			put_element(w, json_finding(w->in, &f));
	}
	end_array(w);
}

static void put_connections(struct writer *w)
{
	uint32_t end = ledger_conn_end(w->in->ledger), id;

	begin_array(w, "connections");
	for (id = 1; id < end && !w->err; id++) {
		const struct conn *c = ledger_conn(w->in->ledger, id);
		enum verdict_class class;
		bool certain;

		if (!c)
			continue;
		class = verdicts_conn(w->in->verdicts, id, &certain);
		if (filter_class(w->filter, class) &&
		    proc_wanted(w, c->holder.proc ? c->holder.proc : c->opener))
			put_element(w, json_connection(w->in, c));
	}
	end_array(w);
}

static void put_tasks(struct writer *w)
{
	uint32_t end = ledger_task_end(w->in->ledger), id;

	begin_array(w, "tasks");
	for (id = 1; id < end && !w->err; id++) {
		const struct task *t = ledger_task(w->in->ledger, id);

		if (t && proc_wanted(w, t->proc))
			put_element(w, json_task(w->in, t));
	}
	end_array(w);
}

int view_json(FILE *out, const struct view_input *in, const struct view_filter *filter, bool all)
{
	struct writer w = { .out = out, .in = in, .filter = filter, .first = true };

	fputc('{', out);
	put_head(&w);
	put_processes(&w);
	put_findings(&w);
	if (all) {
		put_connections(&w);
		put_tasks(&w);
	}
	fputs("\n}\n", out);
	if (fflush(out) && !w.err)
		w.err = -errno;
	return w.err;
}
