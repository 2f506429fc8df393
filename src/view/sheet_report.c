// SPDX-License-Identifier: BSD-2-Clause
/* The account of a whole run, in plain text. */
#include "view/sheet_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "view/report.h"
#include "view/streams.h"
#include "view/waits.h"

#define PROCESSES_SHOWN 20
#define WAITS_SHOWN	20
#define COMMAND_SHOWN	160

/* ---- findings */

static int by_count(const void *a, const void *b)
{
	const struct sheet_entry *x = *(struct sheet_entry *const *)a,
				 *y = *(struct sheet_entry *const *)b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return (x > y) - (x < y);
}

int sheet_report_findings(FILE *out, const struct sheet *s)
{
	const struct sheet_entry **order = calloc((size_t)s->entries + 1, sizeof(*order));
	uint32_t i, n = 0;

	if (!order)
		return -ENOMEM;
	for (i = 0; i < s->entries; i++)
		if (!s->entry[i].suppression)
			order[n++] = &s->entry[i];
	qsort(order, n, sizeof(*order), by_count);
	for (i = 0; i < n; i++)
		fputs(order[i]->text, out);
	free(order);
	return fflush(out) ? -errno : 0;
}

int sheet_report_suppressions(FILE *out, const struct sheet *s, bool all)
{
	const char *text, *name = suppress_name(s->opt.suppress);
	uint32_t n, line, count;
	bool first = true;
	char clean[CELL_LEN];

	for (n = 1; (text = suppress_entry(s->opt.suppress, n, &line, &count)); n++) {
		if (!count && !all)
			continue;
		if (first)
			fputs("\nSuppressions used:\n  count  suppression\n", out);
		first = false;
		fprintf(out, "%7u  %s:%u: %s\n", count, name, line,
			text_clean(clean, sizeof(clean), text));
	}
	return fflush(out) ? -errno : 0;
}

/* ---- the head of attach's report */

static void put_head(struct report *r, const struct sheet *s)
{
	char when[TEXT_LEN], host[TEXT_LEN], kernel[TEXT_LEN], watched[TEXT_LEN], text[TEXT_LEN];
	const struct view_input *in = r->in;

	fprintf(r->out, "%s  %s  %s  watched %s  ",
		time_rfc3339(when, sizeof(when), in->realtime_ns),
		text_clean(host, sizeof(host), in->host ? in->host : "-"),
		text_clean(kernel, sizeof(kernel), in->kernel ? in->kernel : "-"),
		text_duration(watched, sizeof(watched), input_watched_ns(in)));
	snprintf(text, sizeof(text), "%u finding%s", s->totals.findings,
		 s->totals.findings == 1 ? "" : "s");
	report_put(r, s->totals.findings ? SEVERITY_LEAK : SEVERITY_GOOD, text);
	report_end(r);
	report_warnings(r);
}

static char *end_text(char *buf, size_t len, const struct proc_row *p)
{
	if (!p->ended)
		snprintf(buf, len, "still runs");
	else if (p->exit_code & 0x7f)
		snprintf(buf, len, "killed by signal %u (SIG%s)", p->exit_code & 0x7f,
			 sigabbrev_np((int)(p->exit_code & 0x7f)) ?: "?");
	else
		snprintf(buf, len, "exited with status %u", p->exit_code >> 8 & 0xff);
	return buf;
}

/*
 * process 4242 (shop): /usr/bin/shop --port 80
 *     exited with status 0: opened 100, closed 69, aborted 0; 31 live at its end
 */
static void put_process(struct report *r, const struct sheet_case *c, const char *command)
{
	char end[TEXT_LEN], text[COMMAND_SHOWN];

	report_end(r);
	fprintf(r->out, "process %u (%s)%s%s", c->row.pid, c->row.comm, *command ? ": " : "",
		text_clean(text, sizeof(text), command));
	report_end(r);
	fprintf(r->out, "    %s: opened %llu, closed %llu, aborted %llu; %u live%s",
		end_text(end, sizeof(end), &c->row), (unsigned long long)c->row.opened,
		(unsigned long long)c->row.closed, (unsigned long long)c->row.aborted, c->row.live,
		c->row.ended ? " at its end" : "");
	report_end(r);
	if (c->row.streams.told) {
		fprintf(r->out, "    streams: %s",
			streams_text(text, sizeof(text), &c->row.streams, c->row.streams_per_s));
		streams_doubt_text(end, sizeof(end), &c->row.streams);
		fprintf(r->out, "%s%s", *end ? "; told " : "", end);
		report_end(r);
	}
}

static void put_processes(struct report *r, const struct sheet *s,
			  const char *(*command)(void *arg, uint32_t pid), void *arg)
{
	uint32_t i, shown = 0, silent = s->forgotten;

	for (i = 0; i < s->owners && !r->err; i++) {
		const struct sheet_case *c = &s->owner[i];
		const char *words = command ? command(arg, c->row.pid) : NULL;

		/* Of the children, only those with something to say. */
		if ((!words && !c->row.opened && !c->row.live && !c->row.streams.told) ||
		    shown == PROCESSES_SHOWN) {
			silent++;
			continue;
		}
		put_process(r, c, words ? words : "");
		shown++;
	}
	if (!silent)
		return;
	report_end(r);
	fprintf(r->out, "and %u more process%s", silent, silent == 1 ? "" : "es");
	report_end(r);
}

int sheet_report(FILE *out, const struct sheet *s, const struct view_input *in,
		 const char *(*command)(void *arg, uint32_t pid), void *arg)
{
	struct report r = {
		.out = out,
		.in = in,
		.color = s->opt.color == VIEW_COLOR_ALWAYS,
	};
	struct wait_rows waits = { .row = NULL };
	int err = wait_rows_fill(&waits, in);

	if (err)
		return err;
	put_head(&r, s);
	put_processes(&r, s, command, arg);
	err = r.err ? r.err : sheet_report_findings(out, s);
	if (!err && !s->totals.groups) {
		report_end(&r);
		report_put(&r, SEVERITY_GOOD, "No leaks.");
		report_end(&r);
	}
	if (!err)
		waits_report(&r, &waits, WAITS_SHOWN);
	wait_rows_fini(&waits);
	return err ? err : r.err;
}
