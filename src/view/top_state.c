/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What top shows: which processes, in what order, which one is selected, and what is known of it.
 * Knows no screen, so that a pause, a resize or a key needs no new snapshot.
 */
#include "view/top.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "view/endpoint.h"

const struct proc_row *top_row(const struct view_top *top, uint32_t at)
{
	return at < top->shown_n ? &top->rows.row[top->shown[at]] : NULL;
}

void top_select(struct view_top *top, uint32_t at)
{
	const struct proc_row *r = top_row(top, at);

	top->list.at = at;
	if (r) {
		top->pid = r->pid;
		top->pid_start_ns = r->start_ns;
	}
}

static bool row_matches(const struct proc_row *r, const char *word)
{
	char pid[TEXT_LEN];

	snprintf(pid, sizeof(pid), "%u", r->pid);
	return strcasestr(r->comm, word) || strcasestr(r->container, word) ||
	       strncmp(pid, word, strlen(word)) == 0 || strstr(class_name(r->worst), word);
}

bool top_search(struct view_top *top, bool from_next)
{
	uint32_t i, at;

	for (i = from_next ? 1 : 0; *top->word && i < top->shown_n + (from_next ? 1 : 0); i++) {
		at = (top->list.at + i) % top->shown_n;
		if (row_matches(top_row(top, at), top->word)) {
			top_select(top, at);
			return true;
		}
	}
	return false;
}

/* The selection stays with its process; where that is gone, with its line. */
static void follow_selection(struct view_top *top)
{
	uint32_t i;

	for (i = 0; i < top->shown_n; i++) {
		const struct proc_row *r = top_row(top, i);

		if (r->pid == top->pid && r->start_ns == top->pid_start_ns) {
			top->list.at = i;
			return;
		}
	}
	if (top->list.at >= top->shown_n)
		top->list.at = top->shown_n ? top->shown_n - 1 : 0;
	top_select(top, top->list.at);
}

int top_arrange(struct view_top *top)
{
	uint32_t *shown = reallocarray(top->shown, (size_t)top->rows.len + 1, sizeof(*shown)), i;

	if (!shown)
		return -ENOMEM;
	top->shown = shown;
	top->shown_n = 0;
	rows_sort(&top->rows, top->sort, top->reverse);
	for (i = 0; i < top->rows.len; i++)
		if (!*top->narrow || row_matches(&top->rows.row[i], top->narrow))
			shown[top->shown_n++] = i;
	follow_selection(top);
	return 0;
}

int top_fill(struct view_top *top, const struct view_input *in)
{
	int err = rows_fill(&top->rows, in, &top->filter);

	if (err)
		return err;
	top_rates_apply(&top->rates, &top->rows);
	return top_arrange(top);
}

static void take_head(struct top_head *h, const struct view_input *in)
{
	*h = (struct top_head){
		.lost_records = input_lost(in),
		.realtime_ns = in->realtime_ns,
		.watched_ns = input_watched_ns(in),
		.interval_s = in->interval_s,
		.replay = in->replay,
		.incomplete = in->incomplete,
	};
	text_clean(h->host, sizeof(h->host), in->host ? in->host : "");
	text_clean(h->kernel, sizeof(h->kernel), in->kernel ? in->kernel : "");
	input_lost_text(h->lost, sizeof(h->lost), in);
}

/* Whether or not it has a socket, and so is listed. */
static void open_focus(struct view_top *top, const struct view_input *in)
{
	uint32_t proc = top->focus ? ledger_find_proc(in->ledger, top->focus) : 0;

	if (!proc || !row_fill(&top->detail.row, in, proc))
		return;
	top->focus = 0;
	top->view = TOP_DETAIL;
}

int top_take(struct view_top *top, const struct view_input *in)
{
	int err;

	take_head(&top->head, in);
	top->started = true;
	top->missed = 0;
	err = top_rates_update(&top->rates, in);
	if (!err)
		err = top_fill(top, in);
	if (!err)
		open_focus(top, in);
	if (!err && top->view == TOP_DETAIL)
		err = top_fill_detail(top, in);
	return err;
}

/* ---- one process */

static bool proc_holds(const struct view_input *in, const struct conn *c, uint32_t proc)
{
	const struct holder *h;

	if (!c->holder.proc)
		return c->opener == proc;
	for (h = &c->holder; h; h = ledger_holder_next(in->ledger, h))
		if (h->proc == proc)
			return true;
	return false;
}

/* The accused first, then the oldest. */
static int rank_conn(const void *a, const void *b)
{
	const struct top_conn *x = a, *y = b;

	if (x->accused != y->accused)
		return y->accused - x->accused;
	if (x->open_ns != y->open_ns)
		return x->open_ns < y->open_ns ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static int fill_conns(struct top_detail *d, const struct view_input *in)
{
	uint32_t end = ledger_conn_end(in->ledger), n = 0, cap = 0, id;
	struct top_conn *all = NULL, *more;
	bool certain;

	for (id = 1; id < end; id++) {
		const struct conn *c = ledger_conn(in->ledger, id);

		if (!c || !proc_holds(in, c, d->row.id))
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			more = reallocarray(all, cap, sizeof(*all));
			if (!more) {
				free(all);
				return -ENOMEM;
			}
			all = more;
		}
		all[n++] = (struct top_conn){
			.cookie = c->cookie,
			.open_ns = c->open_ns,
			.id = id,
			.accused = verdicts_conn(in->verdicts, id, &certain) != VERDICT_NONE,
		};
	}
	if (n)
		qsort(all, n, sizeof(*all), rank_conn);
	free(d->conn);
	d->conn = all;
	d->conns = n;
	return 0;
}

/* The selected lines of the detail, told by what they show. */
struct mark {
	enum verdict_class class;
	uint32_t site;
	uint64_t cookie;
};

static uint32_t place_of(const struct ledger *led, const struct finding *f)
{
	return f->carrier ? f->stream_site : finding_site(led, f);
}

static struct mark mark_get(const struct top_detail *d, const struct ledger *led)
{
	struct mark m = { .class = VERDICT_NONE };

	if (d->group_at.at < d->groups.len) {
		m.class = d->groups.group[d->group_at.at].oldest.class;
		m.site = place_of(led, &d->groups.group[d->group_at.at].oldest);
	}
	if (d->conn_at.at < d->conns)
		m.cookie = d->conn[d->conn_at.at].cookie;
	return m;
}

static void mark_follow(struct top_detail *d, const struct ledger *led, const struct mark *m)
{
	uint32_t i;

	for (i = 0; i < d->groups.len; i++)
		if (d->groups.group[i].oldest.class == m->class &&
		    place_of(led, &d->groups.group[i].oldest) == m->site) {
			d->group_at.at = i;
			break;
		}
	for (i = 0; m->cookie && i < d->conns; i++)
		if (d->conn[i].cookie == m->cookie) {
			d->conn_at.at = i;
			break;
		}
}

int top_fill_detail(struct view_top *top, const struct view_input *in)
{
	struct top_detail *d = &top->detail;
	struct rows one = { .row = &d->row, .len = 1 };
	struct view_filter classes = { .class_mask = top->filter.class_mask };
	struct mark m = mark_get(d, in->ledger);
	struct proc_row row;
	int err;

	d->gone = !row_fill(&row, in, d->row.id) || row.start_ns != d->row.start_ns;
	if (d->gone)
		return 0;
	d->row = row;
	top_rates_apply(&top->rates, &one);
	err = groups_fill(&d->groups, in, &classes, d->row.id);
	if (!err)
		err = fill_conns(d, in);
	mark_follow(d, in->ledger, &m);
	return err;
}

int top_enter(struct view_top *top, const struct view_input *in)
{
	const struct proc_row *r = top_row(top, top->list.at);

	if (!r || !in)
		return 0;
	top->detail.row = *r;
	top->detail.group_at = top->detail.conn_at = (struct top_cursor){ .at = 0 };
	top->detail.conns = 0;
	groups_fini(&top->detail.groups);
	top->detail.in_conns = false;
	top->view = TOP_DETAIL;
	return top_fill_detail(top, in);
}

void top_state_fini(struct view_top *top)
{
	rows_fini(&top->rows);
	groups_fini(&top->detail.groups);
	free(top->detail.conn);
	free(top->shown);
	free(top->rates.rate);
}
