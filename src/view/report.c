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
#include "view/endpoint.h"
#include "view/group.h"

#define HOLDERS_SHOWN 4

struct report {
	FILE *out;
	const struct view_input *in;
	bool color;
	int err; /* the first: what reads a pipe may have gone */
};

/* ---- writing */

static void put(struct report *r, enum severity severity, const char *s)
{
	static const char *const codes[SEVERITY_MAX] = {
		[SEVERITY_GOOD] = "\033[32m",	   [SEVERITY_DIM] = "\033[2m",
		[SEVERITY_SUSPECT] = "\033[33m",   [SEVERITY_LEAK] = "\033[1;31m",
		[SEVERITY_LOUD] = "\033[1;37;41m",
	};
	const char *code = r->color ? codes[severity] : NULL;

	fprintf(r->out, "%s%s%s", code ? code : "", s, code ? "\033[0m" : "");
}

/* Ends a line; what reads a pipe sees it at once. */
static void put_end(struct report *r)
{
	fputc('\n', r->out);
	if (fflush(r->out) && !r->err)
		r->err = -errno;
}

static void put_field(struct report *r, const char *name, const char *value)
{
	char cell[CELL_LEN];

	if (!*value)
		return;
	fputs("    ", r->out);
	put(r, SEVERITY_DIM, cell_fit(cell, sizeof(cell), name, 10, ALIGN_LEFT));
	fputs(value, r->out);
	put_end(r);
}

/* ---- the head */

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
		processes_text(processes, sizeof(processes), rows->len),
		ledger_totals(in->ledger)->conns,
		text_duration(watched, sizeof(watched), input_watched_ns(in)));
	snprintf(buf, sizeof(buf), "%u leaked", rows->leaked);
	put(r, rows->leaked ? SEVERITY_LEAK : SEVERITY_NONE, buf);
	snprintf(buf, sizeof(buf), "%u stalled", rows->stalled);
	fputs("  ", r->out);
	put(r, rows->stalled ? SEVERITY_SUSPECT : SEVERITY_NONE, buf);
	fputs(in->replay ? "  REPLAY" : "", r->out);
	put_end(r);
	if (input_lost(in)) {
		char why[TEXT_LEN * 2];

		snprintf(buf, sizeof(buf), "LOST %llu RECORDS: %s",
			 (unsigned long long)input_lost(in), input_lost_text(why, sizeof(why), in));
		put(r, SEVERITY_LOUD, buf);
		put_end(r);
	}
	if (in->incomplete) {
		put(r, SEVERITY_LOUD, "INCOMPLETE: the recording was cut short");
		put_end(r);
	}
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
		put(r, grave, text);
	else
		put(r, grave, cell_fit(cell, sizeof(cell), text, l->width[i], c->shape.align));
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
	put_end(r);
	for (i = 0; i < l.n; i++)
		put_cell(r, &l, i, SEVERITY_DIM, column_get(l.col[i])->shape.title);
	put_end(r);
	for (row = 0; row < n && !r->err; row++) {
		for (i = 0; i < l.n; i++) {
			const struct column *c = column_get(l.col[i]);

			c->print(&rows->row[row], text, sizeof(text), c->shape.max);
			put_cell(r, &l, i, c->severity(&rows->row[row]), text);
		}
		put_end(r);
	}
	if (n < rows->len) {
		fprintf(r->out, "... and %u more processes", rows->len - n);
		put_end(r);
	}
}

/* ---- the findings */

static void put_where(struct report *r, const struct finding *f)
{
	const struct conn *c = finding_conn(r->in->ledger, f);
	char pair[PAIR_LEN], line[PAIR_LEN + 64];
	uint32_t more;
	int32_t fd;

	finding_endpoint(pair, sizeof(pair), r->in->ledger, f);
	snprintf(line, sizeof(line), "%s", pair);
	if (c) {
		fd = conn_fd(r->in->ledger, c, f->proc, &more);
		snprintf(line, sizeof(line), "%s  %s %s %s", pair, proto_name(c->family, c->proto),
			 role_name(c->role), conn_state(c));
		if (fd >= 0)
			snprintf(line + strlen(line), sizeof(line) - strlen(line), " fd %d", fd);
	}
	put_field(r, "where", line);
}

/* Who holds it, where that is not simply the process that is named already. */
static void put_holders(struct report *r, const struct finding *f)
{
	const struct ledger *led = r->in->ledger;
	const struct conn *c = finding_conn(led, f);
	const struct holder *h = c && c->holder.proc ? &c->holder : NULL;
	char line[HOLDERS_SHOWN * 64] = "", comm[LS_COMM_LEN + 1];
	unsigned int n = 0;
	size_t at = 0;

	if (!h || (h->proc == f->proc && !ledger_holder_next(led, h)))
		return;
	for (; h && n < HOLDERS_SHOWN; h = ledger_holder_next(led, h), n++) {
		const struct proc *p = ledger_proc(led, h->proc);

		if (p)
			at += (size_t)snprintf(
				line + at, sizeof(line) - at, "%s%s (pid %u) fd %d", at ? ", " : "",
				text_clean(comm, sizeof(comm), p->comm), p->pid, h->fd);
	}
	if (h)
		snprintf(line + at, sizeof(line) - at, " ...");
	put_field(r, "held by", line);
}

static void put_waiter(struct report *r, const struct finding *f)
{
	uint32_t id = finding_task(r->in->ledger, f);
	const struct task *t = id ? ledger_task(r->in->ledger, id) : NULL;
	char line[FRAMES_LEN + 96], frames[FRAMES_LEN], comm[LS_COMM_LEN + 1];

	if (!t)
		return;
	task_frames(frames, sizeof(frames), r->in, id);
	snprintf(line, sizeof(line), "thread %u %s in %s()%s%s", t->tid,
		 text_clean(comm, sizeof(comm), t->comm), call_name(t->call), *frames ? ": " : "",
		 frames);
	put_field(r, "waits", line);
}

/*
 * close-wait: 80 leaked by api-gw (pid 4123, nginx.service), oldest ≥2h 14m
 *     where     10.0.0.5:41234 → 10.0.0.9:443  tcp client close_wait fd 7
 *     opened    pool_dial (pool.c:31) < pool_get (pool.c:88) < main (main.c:12)
 *     waits     thread 4130 worker-3 in read()
 *     evidence  peer closed 2h 14m ago, fd 7 still open, Recv-Q 0
 *     remedy    close it: the reader must see EOF or a done signal
 */
static void put_group(struct report *r, const struct group *g)
{
	const struct verdict_rule *rule = verdict_rule(g->oldest.class);
	char count[TEXT_LEN], age[TEXT_LEN], line[FRAMES_LEN];
	struct proc_row row;

	put_end(r);
	put(r,
	    g->suspected == g->count || !class_is_leak(g->oldest.class) ? SEVERITY_SUSPECT
									: SEVERITY_LEAK,
	    class_name(g->oldest.class));
	fprintf(r->out, ": %s", group_count_text(count, sizeof(count), g));
	if (row_fill(&row, r->in, g->oldest.proc))
		fprintf(r->out, " by %s (pid %u%s%s)", row.comm, row.pid,
			row.container[0] ? ", " : "", row.container);
	group_doubt_text(count, sizeof(count), g);
	fprintf(r->out, "%s%s", *count ? ", " : "", count);
	fprintf(r->out, ", oldest %s", group_age_text(age, sizeof(age), r->in, g));
	put_end(r);
	put_where(r, &g->oldest);
	put_holders(r, &g->oldest);
	put_field(r, "opened",
		  site_frames(line, sizeof(line), r->in, finding_site(r->in->ledger, &g->oldest)));
	put_waiter(r, &g->oldest);
	line[0] = '\0';
	verdict_explain(r->in->verdicts, r->in->ledger, &g->oldest, r->in->now_ns, line,
			sizeof(line));
	put_field(r, "evidence", line);
	put_field(r, "remedy", rule && rule->remedy ? rule->remedy : "");
}

static void put_healthy(struct report *r, const struct rows *rows)
{
	char text[TEXT_LEN * 2], watched[TEXT_LEN], line[CELL_LEN];

	snprintf(line, sizeof(line), "%s, watched for %s",
		 healthy_text(text, sizeof(text), ledger_totals(r->in->ledger)->conns, rows->len),
		 text_duration(watched, sizeof(watched), input_watched_ns(r->in)));
	put_end(r);
	put(r, SEVERITY_GOOD, line);
	put_end(r);
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
		put_group(&r, &groups.group[i]);
	if (!groups.len)
		put_healthy(&r, &rows);
	err = r.err;
out:
	groups_fini(&groups);
	rows_fini(&rows);
	return err;
}
