/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One JSON object; docs/JSON.md is its reference. Each element of an array is built, written and
 * freed by itself, on a line of its own: a machine with 200,000 connections costs no more memory
 * than one with ten, and grep and diff still work.
 */
#include "view/json_out.h"
#include "view/json_part.h"
#include "view/streams.h"

struct writer {
	struct json_out out;
	const struct view_input *in;
	const struct view_filter *filter;
};

static void put_processes(struct writer *w)
{
	struct rows rows = { .row = NULL };
	uint32_t i;

	json_out_begin(&w->out, "processes");
	if (!w->out.err)
		w->out.err = rows_fill(&rows, w->in, w->filter);
	for (i = 0; i < rows.len && !w->out.err; i++)
		json_out_element(&w->out, json_process(w->in, &rows.row[i]));
	json_out_end(&w->out);
	rows_fini(&rows);
}

static void put_findings(struct writer *w)
{
	uint32_t n = verdicts_count(w->in->verdicts), i;
	struct finding f;

	json_out_begin(&w->out, "findings");
	for (i = 0; i < n && !w->out.err; i++) {
		verdicts_get(w->in->verdicts, i, &f);
		if (filter_class(w->filter, f.class) && filter_owner(w->filter, w->in, f.proc))
			json_out_element(&w->out, json_finding(w->in, &f));
	}
	json_out_end(&w->out);
}

static void put_connections(struct writer *w)
{
	uint32_t end = ledger_conn_end(w->in->ledger), id;

	json_out_begin(&w->out, "connections");
	for (id = 1; id < end && !w->out.err; id++) {
		const struct conn *c = ledger_conn(w->in->ledger, id);
		enum verdict_class class;
		bool certain;

		if (!c)
			continue;
		class = verdicts_conn(w->in->verdicts, id, &certain);
		if (filter_class(w->filter, class) &&
		    filter_owner(w->filter, w->in, c->holder.proc ? c->holder.proc : c->opener))
			json_out_element(&w->out, json_connection(w->in, c));
	}
	json_out_end(&w->out);
}

static void put_tasks(struct writer *w)
{
	uint32_t end = ledger_task_end(w->in->ledger), id;

	json_out_begin(&w->out, "tasks");
	for (id = 1; id < end && !w->out.err; id++) {
		const struct task *t = ledger_task(w->in->ledger, id);

		if (t && filter_owner(w->filter, w->in, t->proc))
			json_out_element(&w->out, json_task(w->in, t));
	}
	json_out_end(&w->out);
}

static void put_streams(struct writer *w)
{
	uint32_t end = ledger_stream_end(w->in->ledger), id;

	json_out_begin(&w->out, "streams");
	for (id = 1; id < end && !w->out.err; id++) {
		const struct stream *s = ledger_stream(w->in->ledger, id);
		const struct carrier *c = s ? ledger_carrier(w->in->ledger, s->carrier) : NULL;

		if (c && filter_owner(w->filter, w->in, c->proc))
			json_out_element(&w->out, json_stream(w->in, s));
	}
	json_out_end(&w->out);
}

int view_json(FILE *out, const struct view_input *in, const struct view_filter *filter, bool all)
{
	struct writer w = { .in = in, .filter = filter };

	json_out_open(&w.out, out, in);
	put_processes(&w);
	put_findings(&w);
	if (all) {
		put_connections(&w);
		put_streams(&w);
		put_tasks(&w);
	}
	return json_out_close(&w.out);
}
