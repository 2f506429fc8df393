/* SPDX-License-Identifier: BSD-2-Clause */
/* Findings that say the same. Knows no format. */
#include "view/group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "view/cell.h"
#include "view/endpoint.h"
#include "view/frames.h"

/* A finding and what it is grouped by. */
struct entry {
	struct finding f;
	const struct frame *guilty; /* the program's own line, NULL: unknown */
	uint32_t site;		    /* ... then the site stands in */
	uint32_t port;		    /* ... and where there is none, this */
};

void groups_fini(struct groups *g)
{
	if (!g)
		return;
	free(g->group);
	*g = (struct groups){ .group = NULL };
}

static bool finding_wanted(const struct view_input *in, const struct view_filter *filter,
			   const struct finding *f)
{
	const struct proc *p = ledger_proc(in->ledger, f->proc);
	char comm[LS_COMM_LEN + 1], container[VIEW_CONTAINER_LEN];

	if (!filter_class(filter, f->class))
		return false;
	if (filter && filter->wanted && !filter->wanted(filter->arg, in, f))
		return false;
	if (!filter || (!filter->comm && !filter->container))
		return true;
	return p && filter_process(filter, text_clean(comm, sizeof(comm), p->comm),
				   view_container(container, sizeof(container), p->cgroup_path));
}

/* What opened it; of a thread that was never joined to a connection, where it waits. */
static const struct frame *finding_guilty(const struct ledger *led, const struct finding *f)
{
	const struct frame *guilty = stack_guilty(led, finding_stack(led, f));

	return guilty || !f->task ? guilty : stack_guilty(led, task_stack(led, f->task));
}

static struct entry entry_of(const struct ledger *led, const struct finding *f)
{
	struct entry e = { .f = *f, .site = finding_site(led, f) };
	const struct conn *c = e.site ? NULL : finding_conn(led, f);

	/* Their numbers are counted apart, but so are the classes. */
	if (f->carrier)
		e.site = f->stream_site;
	e.guilty = finding_guilty(led, f);
	if (c)
		e.port = c->role == LS_ROLE_CLIENT ? c->rport : c->lport;
	return e;
}

/* The same line of the same function, whatever the address in it. */
static int by_frame(const struct frame *x, const struct frame *y)
{
	int c = strcmp(x->function, y->function);

	c = c ? c : strcmp(x->file, y->file);
	c = c ? c : strcmp(x->module, y->module);
	if (c)
		return c;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return *x->function ? 0 : (x->offset > y->offset) - (x->offset < y->offset);
}

static int by_group(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->f.proc != y->f.proc)
		return x->f.proc < y->f.proc ? -1 : 1;
	if (x->f.class != y->f.class)
		return x->f.class < y->f.class ? -1 : 1;
	if (x->guilty && y->guilty)
		return by_frame(x->guilty, y->guilty);
	if (x->guilty || y->guilty)
		return x->guilty ? 1 : -1;
	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return (x->port > y->port) - (x->port < y->port);
}

static int by_group_and_age(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = by_group(a, b);

	if (c)
		return c;
	if (x->f.since_ns != y->f.since_ns)
		return x->f.since_ns < y->f.since_ns ? -1 : 1;
	return (x->f.conn > y->f.conn) - (x->f.conn < y->f.conn);
}

static int by_count(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	if (x->oldest.since_ns != y->oldest.since_ns)
		return x->oldest.since_ns < y->oldest.since_ns ? -1 : 1;
	if (x->oldest.proc != y->oldest.proc)
		return x->oldest.proc < y->oldest.proc ? -1 : 1;
	return (x->oldest.class > y->oldest.class) - (x->oldest.class < y->oldest.class);
}

/* Folds sorted entries into groups; returns how many there are. */
static uint32_t fold(struct group *out, const struct entry *e, uint32_t n)
{
	uint32_t len = 0, i;

	for (i = 0; i < n; i++) {
		if (!i || by_group(&e[i - 1], &e[i]))
			out[len++] = (struct group){ .oldest = e[i].f };
		out[len - 1].count += e[i].f.count;
		out[len - 1].suspected += e[i].f.certain ? 0 : e[i].f.count;
	}
	return len;
}

int groups_fill(struct groups *g, const struct view_input *in, const struct view_filter *filter,
		uint32_t proc)
{
	uint32_t all = verdicts_count(in->verdicts), n = 0, i;
	struct entry *e = NULL;
	struct group *out, *less;
	struct finding f;
	int err = -ENOMEM;

	/* One past what is needed, so that none needs no special case. */
	e = calloc((size_t)all + 1, sizeof(*e));
	out = calloc((size_t)all + 1, sizeof(*out));
	if (!e || !out)
		goto out;
	for (i = 0; i < all; i++) {
		verdicts_get(in->verdicts, i, &f);
		if ((!proc || f.proc == proc) && finding_wanted(in, filter, &f))
			e[n++] = entry_of(in->ledger, &f);
	}
	qsort(e, n, sizeof(*e), by_group_and_age);
	groups_fini(g);
	g->len = fold(out, e, n);
	less = reallocarray(out, (size_t)g->len + 1, sizeof(*out));
	g->group = less ? less : out;
	out = NULL;
	qsort(g->group, g->len, sizeof(*g->group), by_count);
	err = 0;
out:
	free(e);
	free(out);
	return err;
}

char *group_count_text(char *buf, size_t len, const struct group *g)
{
	const struct verdict_rule *rule = verdict_rule(g->oldest.class);
	const char *s = g->count == 1 ? "" : "s";

	if (g->oldest.stream)
		snprintf(buf, len, "%u stream%s", g->count, s);
	else if (rule && rule->counted)
		snprintf(buf, len, "%u %s", g->count,
			 rule->kind == VERDICT_LEAK ? "leaked" : "stalled");
	else if (g->oldest.class == VERDICT_MISCOUNT)
		snprintf(buf, len, "off by %u", g->count);
	else if (g->oldest.class == VERDICT_TASK_GROWTH)
		snprintf(buf, len, "%u thread%s", g->count, s);
	else
		snprintf(buf, len, "%u connection%s", g->count, s);
	return buf;
}

char *group_doubt_text(char *buf, size_t len, const struct group *g)
{
	if (!g->suspected)
		buf[0] = '\0';
	else if (g->suspected >= g->count)
		snprintf(buf, len, "suspected");
	else
		snprintf(buf, len, "%u of them suspected", g->suspected);
	return buf;
}

char *group_age_text(char *buf, size_t len, const struct view_input *in, const struct group *g)
{
	char age[TEXT_LEN];

	text_duration(age, sizeof(age), ns_since(in->now_ns, g->oldest.since_ns));
	snprintf(buf, len, "%s%s", !g->oldest.at_least ? "" : cell_utf8() ? "≥" : ">=", age);
	return buf;
}
