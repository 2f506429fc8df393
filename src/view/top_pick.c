/* SPDX-License-Identifier: BSD-2-Clause */
/* The screens that are lists of words: which column ranks, which class is shown, and the help. */
#include "view/top.h"

#include <stdio.h>

#define LINE_LEN 256

/* ---- picking a column or a class */

static void pick_add(struct top_pick *p, unsigned int item, uint32_t count, bool current)
{
	if (current)
		p->at.at = p->n;
	p->item[p->n] = (uint8_t)item;
	p->count[p->n++] = count;
}

void top_open_sort(struct view_top *top)
{
	unsigned int i;

	top->pick = (struct top_pick){ .n = 0 };
	for (i = 0; i < column_count(); i++)
		pick_add(&top->pick, i, 0, i == top->sort);
	top->back = top->view;
	top->view = TOP_PICK_SORT;
}

void top_open_class(struct view_top *top, const struct view_input *in)
{
	unsigned int class;
	uint32_t count;

	top->pick = (struct top_pick){ .n = 0 };
	pick_add(&top->pick, VERDICT_NONE, 0, true);
	for (class = 1; class < VERDICT_MAX; class ++) {
		if (!verdict_rule(class))
			continue;
		count = in ? verdicts_class_count(in->verdicts, class) : 0;
		top->pick.count[0] += count;
		pick_add(&top->pick, class, count, top->filter.class_mask == 1ull << class);
	}
	top->back = top->view;
	top->view = TOP_PICK_CLASS;
}

int top_pick_take(struct view_top *top, const struct view_input *in)
{
	unsigned int item = top->pick.item[top->pick.at.at];
	int err;

	if (top->view == TOP_PICK_SORT) {
		top->sort = item;
		top->view = top->back;
		return top_arrange(top);
	}
	top->filter.class_mask = item ? 1ull << item : top->class_mask;
	top->view = top->back;
	err = in ? top_fill(top, in) : 0;
	if (!err && in && top->view == TOP_DETAIL)
		err = top_fill_detail(top, in);
	return err;
}

static void pick_line(const struct view_top *top, uint32_t i, char *line, size_t len)
{
	const struct top_pick *p = &top->pick;

	if (top->view == TOP_PICK_SORT)
		snprintf(line, len, "  %-12s %s", column_get(p->item[i])->shape.name,
			 column_get(p->item[i])->shape.help);
	else
		snprintf(line, len, "  %-14s %7u", i ? class_name(p->item[i]) : "all", p->count[i]);
}

void top_draw_pick(struct view_top *top, int y, int end)
{
	struct top_pick *p = &top->pick;
	char line[LINE_LEN];
	uint32_t i;

	top_bar(y++, A_REVERSE,
		top->view == TOP_PICK_SORT ? "RANK BY" : "SHOW ONLY           FINDINGS");
	cursor_fit(&p->at, p->n, y < end ? (uint32_t)(end - y) : 1);
	for (i = p->at.first; i < p->n && y < end; i++) {
		pick_line(top, i, line, sizeof(line));
		top_bar(y++, i == p->at.at ? A_REVERSE : A_NORMAL, line);
	}
}

/* ---- help */

static const char *const legend[] = {
	"",
	"A leak is a connection that is held although nobody will use it again;",
	"a stall is one that somebody waits for although nothing may come.",
	"Leaks are red; stalls, and what is only suspected, yellow.",
	"An age with ≥ (or >) is older than the watch: at least that old.",
	"",
};

#define LEGEND (sizeof(legend) / sizeof(legend[0]))

static unsigned int key_count(void)
{
	unsigned int n = 0;

	while (top_key_get(n))
		n++;
	return n;
}

uint32_t top_help_lines(void)
{
	return key_count() + (uint32_t)LEGEND + column_count();
}

static void help_line(uint32_t i, char *line, size_t len)
{
	uint32_t keys = key_count();

	if (i < keys)
		snprintf(line, len, "  %-16s %s", top_key_get(i)->label, top_key_get(i)->help);
	else if (i < keys + LEGEND)
		snprintf(line, len, "  %s", legend[i - keys]);
	else
		snprintf(line, len, "  %-16s %s", column_get(i - keys - LEGEND)->shape.title,
			 column_get(i - keys - LEGEND)->shape.help);
}

/* Scrolls by lines: its cursor is the first line, not a selected one. */
void top_draw_help(struct view_top *top, int y, int end)
{
	uint32_t n = top_help_lines(), page, i;
	char line[LINE_LEN];

	top_bar(y++, A_REVERSE, "KEYS, AND WHAT IS SHOWN");
	page = y < end ? (uint32_t)(end - y) : 1;
	top->help.page = page;
	if (top->help.at + page > n)
		top->help.at = n > page ? n - page : 0;
	for (i = top->help.at; i < n && y < end; i++) {
		help_line(i, line, sizeof(line));
		top_bar(y++, A_NORMAL, line);
	}
}
