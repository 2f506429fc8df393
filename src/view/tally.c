// SPDX-License-Identifier: BSD-2-Clause
/* Sums by name and container (tally.h). */
#include "view/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/dict.h"
#include "base/text.h"
#include "view/rows.h"

/* A row that is not told apart costs memory only: what is behind stays known for a while. */
#define KNOWN_MAX (TALLY_ROWS_MAX + 8192)
/* A short-lived process that comes every minute has one series, not one after the other. */
#define RETIRE_NS (600 * 1000000000ull)

/* What was counted of a process so far. */
struct counted {
	uint32_t pid;
	uint32_t row; /* of the last look */
	uint64_t start_ns;
	uint64_t opened;
	uint64_t closed;
	uint64_t aborted;
};

/* All of it is the key: padding has to be zero. */
struct name {
	char comm[LS_COMM_LEN + 1];
	char container[VIEW_CONTAINER_LEN];
	uint32_t pid;
};

struct tally {
	struct tally_options opt;
	struct dict by_name;	/* struct name to its row */
	struct tally_row *row;	/* the first is that of all the others */
	struct tally_row **top; /* as many, for ranking */
	uint32_t rows, cap;
	uint32_t told, others;
	struct counted *counted; /* by process */
	uint32_t counted_cap;
};

struct tally *tally_new(const struct tally_options *opt)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->opt = *opt;
	t->opt.rows = opt->rows ? opt->rows : TALLY_ROWS;
	t->row = calloc(1, sizeof(*t->row));
	if (!t->row) {
		free(t);
		return NULL;
	}
	t->rows = t->cap = 1;
	strcpy(t->row->comm, "other");
	strcpy(t->row->container, "other");
	return t;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	dict_fini(&t->by_name);
	free(t->row);
	free(t->top);
	free(t->counted);
	free(t);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void name_of_row(struct name *name, const struct tally_row *r)
{
	memset(name, 0, sizeof(*name));
	memcpy(name->comm, r->comm, sizeof(name->comm));
	memcpy(name->container, r->container, sizeof(name->container));
	name->pid = r->pid;
}

static void name_of_proc(struct name *name, const struct tally *t, const struct proc *p)
{
	memset(name, 0, sizeof(*name));
	text_clean(name->comm, sizeof(name->comm), p->comm);
	view_container(name->container, sizeof(name->container), p->cgroup_path);
	name->pid = t->opt.by_pid ? p->pid : 0;
}

static void free_row(struct tally *t, struct tally_row *r)
{
	struct name name;

	name_of_row(&name, r);
	dict_drop(&t->by_name, &name, sizeof(name), (uint32_t)(r - t->row));
	t->told -= r->told;
	*r = (struct tally_row){ .seen_ns = 0 };
}

static void tell(struct tally *t, struct tally_row *r, bool told)
{
	t->told += told - r->told;
	r->told = told;
	if (!told) /* its series are gone, zeros too */
		r->classes = 0;
}

static bool grow_rows(struct tally *t)
{
	uint32_t cap = t->cap < 64 ? 64 : t->cap * 2;
	struct tally_row *row;

	if (t->cap > KNOWN_MAX)
		return false;
	row = reallocarray(t->row, cap, sizeof(*row));
	if (!row)
		return false;
	t->row = row;
	t->cap = cap;
	return true;
}

/* Once there is no room for more, that which was not seen for the longest time makes some; 0: each
 * was seen in the last look, or is told apart. */
static uint32_t free_slot(struct tally *t, uint64_t now_ns)
{
	uint32_t i, oldest = 0;

	if (t->rows < t->cap || grow_rows(t))
		return t->rows++;
	for (i = 1; i < t->rows; i++) {
		const struct tally_row *r = &t->row[i];

		if (!r->seen_ns)
			return i;
		if (!r->told && r->seen_ns < now_ns &&
		    (!oldest || r->seen_ns < t->row[oldest].seen_ns))
			oldest = i;
	}
	if (oldest)
		free_row(t, &t->row[oldest]);
	return oldest;
}

static bool row_same(const void *owner, uint32_t i, const void *key, size_t len)
{
	const struct tally *t = owner;
	struct name name;

	name_of_row(&name, &t->row[i]);
	return !memcmp(&name, key, len);
}

/* The row of that name; that of all the others where there is no room for it. */
static uint32_t row_of(struct tally *t, struct name *name, uint64_t now_ns)
{
	uint32_t i = dict_get(&t->by_name, name, sizeof(*name), row_same, t);
	struct tally_row *r;

	if (i) {
		r = &t->row[i];
		/* One that comes back, and for which there is room. */
		if (!r->told && t->told < t->opt.rows) {
			r->seen_ns = now_ns > r->seen_ns ? now_ns : r->seen_ns;
			tell(t, r, true);
		}
		return i;
	}
	i = free_slot(t, now_ns);
	if (!i)
		return 0;
	r = &t->row[i];
	*r = (struct tally_row){ .pid = name->pid, .seen_ns = now_ns ? now_ns : 1 };
	if (dict_put(&t->by_name, name, sizeof(*name), i)) {
		r->seen_ns = 0;
		return 0;
	}
	memcpy(r->comm, name->comm, sizeof(r->comm));
	memcpy(r->container, name->container, sizeof(r->container));
	r->told = t->told < t->opt.rows;
	t->told += r->told;
	return i;
}

/* ---- counters -------------------------------------------------------------------------------- */

static int grow_counted(struct tally *t, uint32_t n)
{
	struct counted *more;

	if (n <= t->counted_cap)
		return 0;
	n += n / 2;
	more = reallocarray(t->counted, n, sizeof(*more));
	if (!more)
		return -ENOMEM;
	memset(more + t->counted_cap, 0, (n - t->counted_cap) * sizeof(*more));
	t->counted = more;
	t->counted_cap = n;
	return 0;
}

static void credit(struct tally *t, uint32_t row, uint64_t opened, uint64_t closed,
		   uint64_t aborted)
{
	struct tally_row *r = &t->row[t->row[row].told ? row : 0];

	r->opened += opened;
	r->closed += closed;
	r->aborted += aborted;
}

static void count_proc(struct tally *t, struct counted *c, const struct proc *p, uint64_t now_ns)
{
	struct name name;

	if (c->pid != p->pid || c->start_ns != p->start_ns)
		*c = (struct counted){ .pid = p->pid, .start_ns = p->start_ns };
	if (c->opened == p->opened && c->closed == p->closed && c->aborted == p->aborted)
		return;
	name_of_proc(&name, t, p);
	if (filter_process(t->opt.filter, name.comm, name.container))
		credit(t, row_of(t, &name, now_ns), p->opened - c->opened, p->closed - c->closed,
		       p->aborted - c->aborted);
	c->opened = p->opened;
	c->closed = p->closed;
	c->aborted = p->aborted;
}

int tally_count(struct tally *t, const struct ledger *led)
{
	uint64_t now_ns = ledger_totals(led)->time_ns;
	uint32_t end = ledger_proc_end(led), id;
	const struct proc *p;

	if (grow_counted(t, end))
		return -ENOMEM;
	for (id = 1; id < end; id++) {
		p = ledger_proc(led, id);
		if (p)
			count_proc(t, &t->counted[id], p, now_ns);
	}
	return 0;
}

/* ---- a look ---------------------------------------------------------------------------------- */

static void clear_gauges(struct tally_row *r)
{
	r->processes = r->live = r->leaked = r->stalled = 0;
	r->oldest_ns = 0;
	r->fds = (struct tally_fds){ .open = 0 };
	memset(r->found, 0, sizeof(r->found));
}

static void add_fds(struct tally_row *r, struct tally_fds fds)
{
	if (!fds.max || (r->fds.max && fds.open * r->fds.max <= r->fds.open * fds.max))
		return;
	r->fds = fds;
}

/* Into the row of its name, whether that is told apart or not. */
static void look_at_proc(struct tally *t, const struct view_input *in, uint32_t id)
{
	const struct proc *p = ledger_proc(in->ledger, id);
	const struct proc_verdict *v;
	struct tally_row *r;
	struct name name;

	t->counted[id].row = 0;
	if (!p)
		return;
	v = verdicts_proc(in->verdicts, id);
	if (!(v->worst || v->leaked || v->stalled || (!p->exit_ns && (p->live || p->opened))))
		return;
	name_of_proc(&name, t, p);
	if (!filter_process(t->opt.filter, name.comm, name.container))
		return;
	t->counted[id].row = row_of(t, &name, in->now_ns);
	r = &t->row[t->counted[id].row];
	r->seen_ns = in->now_ns;
	r->processes += !p->exit_ns;
	r->live += p->live;
	r->leaked += v->leaked - v->leaked_streams;
	r->stalled += v->stalled;
	if (t->opt.fds && !p->exit_ns)
		add_fds(r, t->opt.fds(p->pid));
	if (v->oldest_ns && (!r->oldest_ns || v->oldest_ns < r->oldest_ns))
		r->oldest_ns = v->oldest_ns;
}

static void look_at_findings(struct tally *t, const struct view_input *in)
{
	uint32_t n = verdicts_count(in->verdicts), end = ledger_proc_end(in->ledger), i;
	struct tally_row *r;
	struct finding f;

	for (i = 0; i < n; i++) {
		verdicts_get(in->verdicts, i, &f);
		if (!f.proc || f.proc >= end || !filter_class(t->opt.filter, f.class))
			continue;
		r = &t->row[t->counted[f.proc].row];
		r->found[f.class] += f.count;
		r->classes |= 1u << f.class;
	}
}

static void add_to_others(struct tally *t, const struct tally_row *r)
{
	struct tally_row *sum = t->row;
	int i;

	sum->processes += r->processes;
	sum->live += r->live;
	sum->leaked += r->leaked;
	sum->stalled += r->stalled;
	add_fds(sum, r->fds);
	if (r->oldest_ns && (!sum->oldest_ns || r->oldest_ns < sum->oldest_ns))
		sum->oldest_ns = r->oldest_ns;
	for (i = 0; i < VERDICT_MAX; i++)
		sum->found[i] += r->found[i];
	sum->classes |= r->classes;
}

/* Of a process that has ended: what it counted stays with its name. */
static void fold(struct tally *t, uint32_t i, uint64_t now_ns)
{
	struct tally_row was = t->row[i];
	struct name name;
	uint32_t base;

	name_of_row(&name, &was);
	name.pid = 0;
	free_row(t, &t->row[i]);
	if (!was.told)
		return;
	base = row_of(t, &name, now_ns);
	t->row[base].seen_ns = now_ns;
	credit(t, base, was.opened, was.closed, was.aborted);
}

static void retire(struct tally *t, uint64_t now_ns)
{
	uint32_t i;

	for (i = 1; i < t->rows; i++) {
		struct tally_row *r = &t->row[i];

		if (!r->seen_ns || r->seen_ns >= now_ns)
			continue;
		if (r->pid)
			fold(t, i, now_ns);
		else if (r->told && now_ns - r->seen_ns > RETIRE_NS)
			tell(t, r, false);
	}
}

/* Who loses most comes first; of equals, who is told apart already: a series that comes and goes is
 * of no use. */
static int by_loss(const void *a, const void *b)
{
	const struct tally_row *x = *(struct tally_row *const *)a;
	const struct tally_row *y = *(struct tally_row *const *)b;
	uint64_t lx = (uint64_t)x->leaked + x->stalled, ly = (uint64_t)y->leaked + y->stalled;

	if (lx != ly)
		return lx > ly ? -1 : 1;
	if (x->told != y->told)
		return x->told ? -1 : 1;
	if (x->live != y->live)
		return x->live > y->live ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int rank(struct tally *t, uint64_t now_ns)
{
	struct tally_row **top = reallocarray(t->top, t->cap, sizeof(*top));
	uint32_t i, n = 0;

	if (!top)
		return -ENOMEM;
	t->top = top;
	for (i = 1; i < t->rows; i++)
		if (t->row[i].told || (t->row[i].seen_ns && t->row[i].seen_ns >= now_ns))
			top[n++] = &t->row[i];
	if (n > t->opt.rows)
		qsort(top, n, sizeof(*top), by_loss);
	t->others = 0;
	/* First those that have to go: their classes are needed by the others' row. */
	for (i = 0; i < n; i++) {
		if (i >= t->opt.rows) {
			add_to_others(t, top[i]);
			t->others += top[i]->seen_ns >= now_ns;
		}
		if (top[i]->told != (i < t->opt.rows))
			tell(t, top[i], i < t->opt.rows);
	}
	return 0;
}

int tally_look(struct tally *t, const struct view_input *in)
{
	uint32_t end = ledger_proc_end(in->ledger), id;
	int err = tally_count(t, in->ledger);

	if (err)
		return err;
	for (id = 0; id < t->rows; id++)
		clear_gauges(&t->row[id]);
	for (id = 1; id < end; id++)
		look_at_proc(t, in, id);
	look_at_findings(t, in);
	retire(t, in->now_ns);
	return rank(t, in->now_ns);
}

/* ---- reading --------------------------------------------------------------------------------- */

const struct tally_row *tally_next(const struct tally *t, uint32_t *i)
{
	while (++*i < t->rows)
		if (t->row[*i].told)
			return &t->row[*i];
	return NULL;
}

const struct tally_row *tally_other(const struct tally *t)
{
	return t->row;
}

uint32_t tally_others(const struct tally *t)
{
	return t->others;
}

bool tally_by_pid(const struct tally *t)
{
	return t->opt.by_pid;
}
