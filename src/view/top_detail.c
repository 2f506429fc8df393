/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One process: what it has lost, why that is said and what mends it; and its connections.
 */
#include "view/top.h"

#include <stdio.h>
#include "base/text.h"
#include "view/conn_columns.h"
#include "view/endpoint.h"
#include "view/frames.h"
#include "view/streams.h"

#define SMALL	      10 /* lines: below this only the list that has the keys is shown */
#define ROOMY	      16 /* lines: from this on a text may take two */
#define LINE_LEN      1024
#define STREAMS_SHOWN 4 /* connections with streams */

/* 4123 api-gw  api-gw.service  86 live  80 leaked  0 stalled  4 threads  began 2h ago  netns ... */
static void put_process(struct view_top *top, int y)
{
	const struct proc_row *r = &top->detail.row;
	struct pen pen = { .y = y, .end = COLS };
	uint64_t now_ns = top->rates.time_ns;
	char age[TEXT_LEN];

	pen_printf(&pen, A_BOLD, "%u %s  ", r->pid, r->comm);
	if (top->detail.gone || r->ended)
		pen_put(&pen, top_attr(top, SEVERITY_SUSPECT), "has ended  ");
	pen_printf(&pen, A_NORMAL, "%s%s%u live  ", r->container, *r->container ? "  " : "",
		   r->live);
	pen_printf(&pen, top_attr(top, r->leaked ? SEVERITY_LEAK : SEVERITY_NONE), "%u leaked  ",
		   r->leaked);
	pen_printf(&pen, top_attr(top, r->stalled ? SEVERITY_SUSPECT : SEVERITY_NONE),
		   "%u stalled  ", r->stalled);
	pen_printf(&pen, A_NORMAL, "%u thread%s  began %s ago  ", r->threads,
		   r->threads == 1 ? "" : "s",
		   text_duration(age, sizeof(age), ns_since(now_ns, r->start_ns)));
	pen_printf(&pen, top_attr(top, SEVERITY_DIM), "netns %u", r->netns);
}

/* ---- findings */

#define GROUP_FORMAT "%-16s %-9s %6s %9s  %s"

static void put_group(struct view_top *top, const struct view_input *in, const struct group *g,
		      int y, bool selected)
{
	char where[PAIR_LEN], age[TEXT_LEN], fit[TEXT_LEN], count[TEXT_LEN], line[LINE_LEN];
	bool grave = class_is_leak(g->oldest.class) && g->suspected < g->count;
	attr_t attr = top_attr(top, grave ? SEVERITY_LEAK : SEVERITY_SUSPECT);
	const char *doubt = !g->suspected	      ? "certain"
			    : g->suspected < g->count ? "mixed"
						      : "suspected";

	snprintf(count, sizeof(count), "%u", g->count);
	cell_fit(fit, sizeof(fit), group_age_text(age, sizeof(age), in, g), 9, ALIGN_RIGHT);
	finding_endpoint(where, sizeof(where), in->ledger, &g->oldest);
	snprintf(line, sizeof(line), GROUP_FORMAT, class_name(g->oldest.class), doubt, count, fit,
		 where);
	if (selected)
		top_bar(y, attr | A_REVERSE, line);
	else
		top_bar(y, attr, line);
}

static int put_groups(struct view_top *top, const struct view_input *in, int y, int lines)
{
	struct top_detail *d = &top->detail;
	char line[LINE_LEN];
	uint32_t i, page;

	snprintf(line, sizeof(line), GROUP_FORMAT, "FINDING", "", "COUNT", "OLDEST", "WHERE");
	top_bar(y++, d->in_conns ? A_UNDERLINE : A_REVERSE, line);
	if (!d->groups.len) {
		snprintf(line, sizeof(line), "No leaks: its %u connections look healthy", d->conns);
		top_bar(y++, top_attr(top, SEVERITY_GOOD), line);
		return y;
	}
	page = (uint32_t)(lines > 2 ? lines - 1 : 1);
	page = page < d->groups.len ? page : d->groups.len;
	cursor_fit(&d->group_at, d->groups.len, page);
	for (i = d->group_at.first; i < d->groups.len && i < d->group_at.first + page; i++)
		put_group(top, in, &d->groups.group[i], y++, !d->in_conns && i == d->group_at.at);
	return y;
}

static int put_waiter(struct view_top *top, const struct view_input *in, const struct finding *f,
		      int y, int max)
{
	uint32_t id = finding_task(in->ledger, f);
	const struct task *t = id ? ledger_task(in->ledger, id) : NULL;
	char frames[FRAMES_LEN], line[LINE_LEN], comm[LS_COMM_LEN + 1], blocked[TEXT_LEN];

	if (!t)
		return 0;
	stack_text(frames, sizeof(frames), in->ledger, t->stack);
	text_duration(blocked, sizeof(blocked), ns_since(in->now_ns, t->since_ns));
	snprintf(line, sizeof(line), "thread %u %s in %s() for %s%s%s", t->tid,
		 text_clean(comm, sizeof(comm), t->comm), call_name(t->call), blocked,
		 *frames ? ": " : "", frames);
	return top_wrap(top, y, "waits", line, max);
}

static int put_goroutine(struct view_top *top, const struct view_input *in, const struct finding *f,
			 int y, int max)
{
	const struct parked *p = finding_parked(in->ledger, f);
	char frames[FRAMES_LEN], line[LINE_LEN];

	if (!p)
		return 0;
	stack_text(frames, sizeof(frames), in->ledger, p->stack);
	snprintf(line, sizeof(line), "goroutine parked in %s()%s%s", call_name(p->call),
		 *frames ? ": " : "", frames);
	return top_wrap(top, y, "waits", line, max);
}

static int put_empty_reader(struct view_top *top, const struct view_input *in,
			    const struct finding *f, int y, int max)
{
	const struct empty *e = finding_empty(in->ledger, f);
	char frames[FRAMES_LEN], line[LINE_LEN], ago[TEXT_LEN];

	if (!e)
		return 0;
	stack_text(frames, sizeof(frames), in->ledger, e->stack);
	snprintf(line, sizeof(line), "%s%sthread %u, which found nothing %s ago", frames,
		 *frames ? ", " : "", e->tid,
		 text_duration(ago, sizeof(ago), ns_since(in->now_ns, e->time_ns)));
	return top_wrap(top, y, "last read", line, max);
}

/* What is said of the selected finding. Returns the next free line. */
static int put_reasons(struct view_top *top, const struct view_input *in, int y, int max)
{
	const struct top_detail *d = &top->detail;
	const struct finding *f;
	const struct verdict_rule *rule;
	char text[FRAMES_LEN] = "";

	if (d->group_at.at >= d->groups.len)
		return y;
	f = &d->groups.group[d->group_at.at].oldest;
	rule = verdict_rule(f->class);
	stack_text(text, sizeof(text), in->ledger, finding_stack(in->ledger, f));
	y += top_wrap(top, y, "opened by", text, max);
	verdict_explain(in->verdicts, in->ledger, f, in->now_ns, text, sizeof(text));
	y += top_wrap(top, y, "evidence", text, max);
	y += top_wrap(top, y, "remedy", rule && rule->remedy ? rule->remedy : "", max);
	y += put_waiter(top, in, f, y, max);
	y += put_goroutine(top, in, f, y, max);
	return y + put_empty_reader(top, in, f, y, max);
}

/* On a small screen: what is said of the selected finding, in the lines below the list. */
static void put_reasons_small(struct view_top *top, const struct view_input *in, int y, int room)
{
	const struct top_detail *d = &top->detail;
	const struct verdict_rule *rule;
	const struct finding *f;
	char text[FRAMES_LEN] = "";
	int used;

	if (d->group_at.at >= d->groups.len)
		return;
	f = &d->groups.group[d->group_at.at].oldest;
	rule = verdict_rule(f->class);
	verdict_explain(in->verdicts, in->ledger, f, in->now_ns, text, sizeof(text));
	used = top_wrap(top, y, "evidence", text, room > 3 ? room - 2 : room);
	top_wrap(top, y + used, "remedy", rule && rule->remedy ? rule->remedy : "", room - used);
}

/* ---- streams */

/* The order they are shown in; a total one. */
static bool carrier_before(const struct carrier *a, const struct carrier *b)
{
	if (a->half_open != b->half_open)
		return a->half_open > b->half_open;
	if (a->live != b->live)
		return a->live > b->live;
	return a->conn != b->conn ? a->conn < b->conn : a->library < b->library;
}

/* The connections with the most of them, half open ones first. */
static const struct carrier *next_carrier(const struct ledger *led, const struct proc_streams *p,
					  const struct carrier *after)
{
	const struct carrier *best = NULL, *c;
	uint32_t id;

	for (id = p->carrier; (c = ledger_carrier(led, id)); id = c->next) {
		if (!c->live && !c->starved_ns)
			continue;
		if (after && (carrier_before(c, after) || c == after))
			continue;
		if (!best || carrier_before(c, best))
			best = c;
	}
	return best;
}

static int put_streams(struct view_top *top, const struct view_input *in, int y, int max)
{
	const struct proc_streams *p = ledger_proc_streams(in->ledger, top->detail.row.id);
	char where[PAIR_LEN], text[STREAMS_LEN], line[LINE_LEN];
	const struct carrier *c = NULL;
	int n;

	if (!p)
		return y;
	streams_text(text, sizeof(text), &top->detail.row.streams, top->detail.row.streams_per_s);
	streams_doubt_text(where, sizeof(where), &top->detail.row.streams);
	snprintf(line, sizeof(line), "%s%s%s", text, *where ? "; told " : "", where);
	y += top_wrap(top, y, "streams", line, 1);
	for (n = 0; n < max && (c = next_carrier(in->ledger, p, c)); n++) {
		carrier_text(where, sizeof(where), in->ledger, c);
		carrier_streams_text(text, sizeof(text), in, c);
		snprintf(line, sizeof(line), "%s  %s", where, text);
		y += top_wrap(top, y, "", line, 1);
	}
	return y;
}

/* ---- connections */

static void put_conn(struct view_top *top, const struct layout *l, const struct conn_cell *cell,
		     int y, bool selected)
{
	attr_t attr = top_attr(top, conn_severity(cell)) | (selected ? A_REVERSE : 0);
	struct pen pen = { .y = y, .end = COLS };
	char text[CELL_LEN], fit[CELL_LEN];
	unsigned int i;

	if (selected)
		top_bar(y, attr, "");
	for (i = 0; i < l->n; i++) {
		const struct conn_column *c = conn_column_get(l->col[i]);

		c->print(cell, text, sizeof(text));
		if (i)
			pen_put(&pen, attr, " ");
		pen_put(&pen, attr, cell_fit(fit, sizeof(fit), text, l->width[i], c->shape.align));
	}
}

static void put_conns_head(struct view_top *top, const struct layout *l, int y)
{
	attr_t attr = top->detail.in_conns ? A_REVERSE : A_UNDERLINE;
	struct pen pen = { .y = y, .end = COLS };
	char fit[CELL_LEN];
	unsigned int i;

	top_bar(y, attr, "");
	for (i = 0; i < l->n; i++) {
		const struct shape *s = &conn_column_get(l->col[i])->shape;

		if (i)
			pen_put(&pen, attr, " ");
		pen_put(&pen, attr, cell_fit(fit, sizeof(fit), s->title, l->width[i], s->align));
	}
}

static void put_conns(struct view_top *top, const struct view_input *in, int y, int end)
{
	struct top_detail *d = &top->detail;
	struct layout l;
	uint32_t i;

	if (y >= end)
		return;
	conn_columns_fit((unsigned int)COLS, &l);
	put_conns_head(top, &l, y++);
	if (y >= end)
		return;
	cursor_fit(&d->conn_at, d->conns, (uint32_t)(end - y));
	for (i = d->conn_at.first; i < d->conns && y < end; i++, y++) {
		struct conn_cell cell = { .in = in, .id = d->conn[i].id, .proc = d->row.id };
		bool selected = d->in_conns && i == d->conn_at.at;

		cell.conn = ledger_conn(in->ledger, cell.id);
		if (cell.conn && cell.conn->cookie == d->conn[i].cookie)
			put_conn(top, &l, &cell, y, selected);
		else
			top_bar(y, A_DIM | (selected ? A_REVERSE : 0), "      closed meanwhile");
	}
}

void top_draw_detail(struct view_top *top, const struct view_input *in, int y, int end)
{
	struct top_detail *d = &top->detail;
	int lines = end - y - 1;

	if (y < end)
		put_process(top, y++);
	if (!in || y >= end)
		return;
	if (lines < SMALL) {
		if (d->in_conns) {
			put_conns(top, in, y, end);
			return;
		}
		y = put_groups(top, in, y, end - y);
		put_reasons_small(top, in, y, end - y);
		return;
	}
	y = put_groups(top, in, y, lines / 3 + 1);
	y = put_reasons(top, in, y, lines >= ROOMY ? 2 : 1);
	y = put_streams(top, in, y, lines >= ROOMY ? STREAMS_SHOWN : 1);
	put_conns(top, in, y, end);
}
