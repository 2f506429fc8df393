/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plain text: what a person reads once, greps, or keeps in a log. Knows the ledger and the
 * verdicts, and no terminal; colours are escape sequences, and only when asked for.
 */
#include "view/view.h"

#include <errno.h>
#include <string.h>
#include "base/text.h"
#include "view/columns.h"
#include "view/report.h"
#include "view/streams.h"

/* ---- the head */

void report_warnings(struct report *r)
{
	const struct view_input *in = r->in;
	char why[TEXT_LEN * 2], buf[CELL_LEN];

	if (input_lost(in)) {
		snprintf(buf, sizeof(buf), "LOST %llu RECORDS: %s",
			 (unsigned long long)input_lost(in), input_lost_text(why, sizeof(why), in));
		report_put(r, SEVERITY_LOUD, buf);
		report_end(r);
	}
	if (in->incomplete) {
		report_put(r, SEVERITY_LOUD, "INCOMPLETE: the recording was cut short");
		report_end(r);
	}
}

/*
 * 2026-11-21T10:41:42Z  web-1  6.18.44 x86_64  14 processes  1203 sockets  watched 10m 5s  80
 * leaked  3 stalled
 * LOST 15 RECORDS: ring 12, stack 3
 */
static void put_head(struct report *r, const struct rows *rows)
{
	const struct view_input *in = r->in;
	char processes[TEXT_LEN], when[TEXT_LEN], host[TEXT_LEN], kernel[TEXT_LEN],
		watched[TEXT_LEN], buf[CELL_LEN];

	fprintf(r->out, "%s  %s  %s  %s  %u sockets  watched %s  ",
		time_rfc3339(when, sizeof(when), in->realtime_ns),
		text_clean(host, sizeof(host), in->host ? in->host : "-"),
		text_clean(kernel, sizeof(kernel), in->kernel ? in->kernel : "-"),
		processes_text(processes, sizeof(processes), rows->len), rows->sockets,
		text_duration(watched, sizeof(watched), input_watched_ns(in)));
	snprintf(buf, sizeof(buf), "%u leaked", rows->leaked);
	report_put(r, rows->leaked ? SEVERITY_LEAK : SEVERITY_NONE, buf);
	snprintf(buf, sizeof(buf), "%u stalled", rows->stalled);
	fputs("  ", r->out);
	report_put(r, rows->stalled ? SEVERITY_SUSPECT : SEVERITY_NONE, buf);
	fputs(in->replay ? "  REPLAY" : "", r->out);
	report_end(r);
	if (rows->streams.told) {
		fputs(streams_text(buf, sizeof(buf), &rows->streams, rows->streams_per_s), r->out);
		report_end(r);
	}
	report_warnings(r);
}

/* ---- the processes */

/* Each column as wide as its widest cell, so that nothing is cut. */
static void table_layout(struct layout *l, const struct column_set *set, const struct rows *rows,
			 uint32_t n)
{
	char text[CELL_LEN];
	unsigned int i, w;
	uint32_t row;

	*l = (struct layout){ .n = set->n };
	for (i = 0; i < set->n; i++) {
		const struct column *c = column_get(set->col[i]);

		l->col[i] = set->col[i];
		l->width[i] = (uint8_t)cell_width(c->shape.title);
		for (row = 0; row < n; row++) {
			c->print(&rows->row[row], text, sizeof(text), c->shape.max);
			w = cell_width(text);
			if (w > l->width[i])
				l->width[i] = (uint8_t)w;
		}
	}
}

/* The last column is not padded: no line ends in blanks. */
static void put_cell(struct report *r, const struct layout *l, unsigned int i, enum severity grave,
		     const char *text)
{
	const struct column *c = column_get(l->col[i]);
	char cell[CELL_LEN];

	fputs(i ? "  " : "", r->out);
	if (i + 1u == l->n && c->shape.align == ALIGN_LEFT)
		report_put(r, grave, text);
	else
		report_put(r, grave,
			   cell_fit(cell, sizeof(cell), text, l->width[i], c->shape.align));
}

/*
 *  PID  COMM    CONTAINER      LIVE  LEAKED  STALL  OPEN/S  CLOS/S  OLDEST     TREND  CLASS
 * 4123  api-gw  nginx.service    92      80      3      12      10    2h14  ▁▂▄▅▆▇██  close-wait
 */
static void put_table(struct report *r, const struct rows *rows, const struct column_set *set,
		      uint32_t max)
{
	uint32_t n = max && max < rows->len ? max : rows->len, row;
	char text[CELL_LEN];
	struct layout l;
	unsigned int i;

	table_layout(&l, set, rows, n);
	report_end(r);
	for (i = 0; i < l.n; i++)
		put_cell(r, &l, i, SEVERITY_DIM, column_get(l.col[i])->shape.title);
	report_end(r);
	for (row = 0; row < n && !r->err; row++) {
		for (i = 0; i < l.n; i++) {
			const struct column *c = column_get(l.col[i]);

			c->print(&rows->row[row], text, sizeof(text), c->shape.max);
			put_cell(r, &l, i, c->severity(&rows->row[row]), text);
		}
		report_end(r);
	}
	if (n < rows->len) {
		fprintf(r->out, "... and %u more processes", rows->len - n);
		report_end(r);
	}
}

/* ---- the whole */

static void put_healthy(struct report *r, const struct rows *rows)
{
	char text[TEXT_LEN * 2], watched[TEXT_LEN], line[CELL_LEN];

	snprintf(line, sizeof(line), "%s, watched for %s",
		 healthy_text(text, sizeof(text), rows->sockets, rows->len),
		 text_duration(watched, sizeof(watched), input_watched_ns(r->in)));
	report_end(r);
	report_put(r, SEVERITY_GOOD, line);
	report_end(r);
}

int view_report(FILE *out, const struct view_input *in, const struct view_report_options *opt)
{
	static const struct view_report_options none;
	struct report r = { .out = out, .in = in };
	struct groups groups = { .group = NULL };
	struct rows rows = { .row = NULL };
	struct column_set set;
	char why[CELL_LEN];
	uint32_t i;
	int err, key;

	opt = opt ? opt : &none;
	r.color = opt->color == VIEW_COLOR_ALWAYS;
	key = opt->sort ? column_find(opt->sort, strlen(opt->sort)) : (int)column_default_sort();
	err = key < 0 ? -EINVAL : column_set_parse(&set, opt->columns, why, sizeof(why));
	if (!err)
		err = rows_fill(&rows, in, &opt->filter);
	if (!err)
		err = groups_fill(&groups, in, &opt->filter, 0);
	if (err)
		goto out;
	rows_sort(&rows, (unsigned int)key, false);
	put_head(&r, &rows);
	if (rows.len)
		put_table(&r, &rows, &set, opt->max_processes);
	for (i = 0; i < groups.len && !r.err; i++)
		report_group(&r, &groups.group[i]);
	if (!groups.len)
		put_healthy(&r, &rows);
	err = r.err;
out:
	groups_fini(&groups);
	rows_fini(&rows);
	return err;
}
