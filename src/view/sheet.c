// SPDX-License-Identifier: BSD-2-Clause
/* Takes down what was found, before the ledger forgets. */
#include "view/sheet_internal.h"

#include <Judy.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "view/endpoint.h"
#include "view/json_part.h"
#include "view/report.h"

#define ENTRIES_MAX  65536
#define FINDINGS_MAX 10000 /* as JSON: 2 KiB each */

struct sheet *sheet_new(const struct sheet_options *opt)
{
	struct sheet *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->opt = *opt;
	s->findings = json_array();
	if (s->findings)
		return s;
	free(s);
	return NULL;
}

void sheet_free(struct sheet *s)
{
	if (!s)
		return;
	while (s->entries)
		free(s->entry[--s->entries].text);
	free(s->entry);
	cases_fini(s);
	json_decref(s->findings);
	Judy1FreeArray(&s->accused, PJE0);
	free(s);
}

const struct sheet_totals *sheet_totals(const struct sheet *s)
{
	return &s->totals;
}

/* ---- findings */

struct taking {
	struct sheet *s;
	uint32_t proc;	 /* of this process only; 0: of all */
	bool suppressed; /* those that a suppression takes, or the others */
	uint32_t owner;
};

/* Whose end has brought it about, so that it could not be taken down before. */
static bool of_the_end(enum verdict_class class)
{
	return class == VERDICT_LEFT_OPEN || class == VERDICT_DIED_HOLDING;
}

/* It accuses one connection, and not what that carries. */
static bool is_one_conn(const struct finding *f)
{
	return f->count == 1 && !f->carrier;
}

/* Whether it has not been taken down already, as what it was when its process ended. */
static bool is_new(struct sheet *s, const struct view_input *in, const struct finding *f)
{
	const struct proc *p = ledger_proc(in->ledger, f->proc);
	const struct conn *c = finding_conn(in->ledger, f);
	const struct sheet_case *owner;
	uint32_t at;

	if (!p || !filter_class(s->opt.filter, f->class))
		return false;
	if (is_one_conn(f) && c && c->cookie && Judy1Test(s->accused, c->cookie, PJE0))
		return false;
	owner = case_find(s, p, &at);
	return !owner || !owner->taken || of_the_end(f->class);
}

static bool is_wanted(void *arg, const struct view_input *in, const struct finding *f)
{
	const struct taking *t = arg;

	return is_new(t->s, in, f) &&
	       (suppress_find(t->s->opt.suppress, in, f) != 0) == t->suppressed;
}

static void entry_brief(struct sheet_entry *e, const struct view_input *in, const struct group *g)
{
	int32_t stack = finding_stack(in->ledger, &g->oldest);
	const struct frame *guilty = stack_guilty(in->ledger, stack);
	char count[TEXT_LEN], text[FRAME_LEN];

	snprintf(e->brief, sizeof(e->brief), "%s: %s%s%s", class_name(e->class),
		 group_count_text(count, sizeof(count), g), guilty ? ", opened by " : "",
		 guilty ? frame_text(text, sizeof(text), guilty) : "");
}

static char *group_text(struct sheet *s, const struct view_input *in, const struct group *g)
{
	struct report r = {
		.in = in,
		.color = s->opt.color == VIEW_COLOR_ALWAYS,
		.stacks = s->opt.stacks,
	};
	char *text = NULL;
	size_t len;

	r.out = open_memstream(&text, &len);
	if (!r.out)
		return NULL;
	report_group(&r, g);
	if (fclose(r.out) == 0 && !r.err)
		return text;
	free(text);
	return NULL;
}

static void entry_count(struct sheet *s, const struct group *g)
{
	uint64_t class = 1ull << g->oldest.class;

	s->totals.groups++;
	s->totals.findings += g->count;
	s->totals.certain |= g->suspected < g->count ? class : 0;
	s->totals.suspected |= g->suspected ? class : 0;
}

/* What finds no room is counted, and so fails a gate like any other. */
static int entry_add(struct sheet *s, const struct view_input *in, const struct group *g,
		     bool suppressed)
{
	struct sheet_entry *e;
	uint32_t owner;
	int err = case_get(s, in, g->oldest.proc, &owner);

	if (!err)
		err = sheet_room((void **)&s->entry, s->entries, &s->entry_room, ENTRIES_MAX,
				 sizeof(*s->entry));
	if (err == -ENOSPC && !suppressed)
		entry_count(s, g);
	if (err)
		return err == -ENOSPC ? 0 : err;
	s->owner[owner].guilty = true;
	e = &s->entry[s->entries];
	*e = (struct sheet_entry){
		.owner = owner,
		.class = g->oldest.class,
		.count = g->count,
		.suspected = g->suspected,
		.text = group_text(s, in, g),
	};
	if (!e->text)
		return -ENOMEM;
	if (suppressed)
		e->suppression = suppress_find(s->opt.suppress, in, &g->oldest);
	entry_brief(e, in, g);
	s->entries++;
	if (!suppressed)
		entry_count(s, g);
	return 0;
}

static int take_groups(struct sheet *s, const struct view_input *in, uint32_t proc, bool suppressed)
{
	struct taking t = { .s = s, .suppressed = suppressed };
	struct view_filter filter = { .wanted = is_wanted, .arg = &t };
	struct groups groups = { .group = NULL };
	int err = groups_fill(&groups, in, &filter, proc);
	uint32_t i;

	for (i = 0; i < groups.len && !err; i++)
		err = entry_add(s, in, &groups.group[i], suppressed);
	groups_fini(&groups);
	return err;
}

static int keep_json(struct sheet *s, const struct view_input *in, const struct finding *f)
{
	if (!s->opt.json)
		return 0;
	if (json_array_size(s->findings) >= FINDINGS_MAX) {
		s->left_out++;
		return 0;
	}
	return json_array_append_new(s->findings, json_finding(in, f)) ? -ENOMEM : 0;
}

/* Counts what is suppressed, keeps the rest one by one, and accuses no connection twice. */
static int take_findings(struct sheet *s, const struct view_input *in, uint32_t proc)
{
	uint32_t n = verdicts_count(in->verdicts), i, line;
	const struct conn *c;
	struct finding f;
	int err = 0;

	for (i = 0; i < n && !err; i++) {
		verdicts_get(in->verdicts, i, &f);
		if ((proc && f.proc != proc) || !is_new(s, in, &f))
			continue;
		c = finding_conn(in->ledger, &f);
		if (is_one_conn(&f) && c && c->cookie &&
		    Judy1Set(&s->accused, c->cookie, PJE0) == JERR)
			err = -ENOMEM;
		line = suppress_find(s->opt.suppress, in, &f);
		suppress_count(s->opt.suppress, line, f.count);
		if (line)
			s->totals.suppressed += f.count;
		else if (!err)
			err = keep_json(s, in, &f);
	}
	return err;
}

static int take(struct sheet *s, const struct view_input *in, uint32_t proc)
{
	int err = take_groups(s, in, proc, false);

	if (!err && s->opt.suppress)
		err = take_groups(s, in, proc, true);
	if (!err)
		err = take_findings(s, in, proc);
	return err;
}

int sheet_take_exit(struct sheet *s, const struct view_input *in, uint32_t proc, uint32_t exit_code)
{
	struct sheet_case *c;
	uint32_t at;
	int err = case_get(s, in, proc, &at);

	if (err == -ENOSPC)
		return take(s, in, proc);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (s->owner[at].taken) {
		s->owner[at].row.exit_code = exit_code;
		return 0;
	}
	err = take(s, in, proc);
	c = &s->owner[at];
	c->taken = true;
	c->end_ns = in->now_ns;
	c->row.ended = true;
	c->row.exit_code = exit_code;
	return err;
}

/* Those that opened nothing and were accused of nothing are listed too: what a gate has seen. */
static int take_runners(struct sheet *s, const struct view_input *in)
{
	uint32_t end = ledger_proc_end(in->ledger), id, at;
	int err = 0;

	for (id = 1; id < end && !err; id++) {
		const struct proc *p = ledger_proc(in->ledger, id);

		if (!p || p->exit_ns)
			continue;
		err = case_get(s, in, id, &at);
		s->totals.running += !err;
		err = err == -ENOSPC ? 0 : err;
	}
	return err;
}

int sheet_take_rest(struct sheet *s, const struct view_input *in)
{
	int err = take_runners(s, in);

	return err ? err : take(s, in, 0);
}

char *sheet_running(char *buf, size_t len, const struct sheet *s)
{
	size_t at = 0;
	uint32_t i;

	buf[0] = '\0';
	for (i = 0; i < s->owners; i++) {
		const struct proc_row *r = &s->owner[i].row;
		char one[TEXT_LEN];

		if (s->owner[i].end_ns)
			continue;
		snprintf(one, sizeof(one), "%spid %u (%s)", at ? ", " : "", r->pid, r->comm);
		if (at + strlen(one) + 5 > len) {
			snprintf(buf + at, len - at, " ...");
			break;
		}
		at += (size_t)snprintf(buf + at, len - at, "%s", one);
	}
	return buf;
}
