/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of processes. */
#include "view/top.h"

#include <stdio.h>
#include "base/text.h"

#define LINE_LEN 1024

static void put_table_head(struct view_top *top, const struct layout *l, int y)
{
	struct pen pen = { .y = y, .end = COLS };
	char cell[CELL_LEN];
	unsigned int i;

	top_bar(y, A_REVERSE, "");
	for (i = 0; i < l->n; i++) {
		const struct column *c = column_get(l->col[i]);
		bool ranks = l->col[i] == top->sort;

		if (i)
			pen_put(&pen, A_REVERSE, " ");
		pen_put(&pen, A_REVERSE | (ranks ? A_BOLD | A_UNDERLINE : 0),
			cell_fit(cell, sizeof(cell), c->shape.title, l->width[i], c->shape.align));
	}
}

static void put_row(struct view_top *top, const struct layout *l, const struct proc_row *r, int y,
		    bool selected)
{
	struct pen pen = { .y = y, .end = COLS };
	attr_t more = selected ? A_REVERSE : 0, attr;
	char text[CELL_LEN], cell[CELL_LEN];
	unsigned int i;

	if (selected)
		top_bar(y, A_REVERSE, "");
	for (i = 0; i < l->n; i++) {
		const struct column *c = column_get(l->col[i]);

		c->print(r, text, sizeof(text), l->width[i]);
		attr = top_attr(top, c->severity(r));
		if (selected)
			attr &= ~A_DIM; /* dim on reverse is hard to read */
		if (i)
			pen_put(&pen, more, " ");
		pen_put(&pen, attr | more,
			cell_fit(cell, sizeof(cell), text, l->width[i], c->shape.align));
	}
}

/* An empty table says why, and what to do. */
static void put_empty(struct view_top *top, int y, int end)
{
	char line[LINE_LEN], text[TOP_NOTE_LEN], watched[TEXT_LEN];
	struct pen pen = { .y = y + (end - y) / 3, .end = COLS };
	int free_columns;

	if (*top->narrow)
		snprintf(line, sizeof(line), "Nothing matches \"%s\". Esc drops the filter.",
			 top->narrow);
	else if (top->filter.class_mask)
		snprintf(line, sizeof(line), "No finding of that class. c picks another.");
	else if (top->filter.comm || top->filter.container)
		snprintf(line, sizeof(line), "No process that was asked for has a socket.");
	else
		snprintf(line, sizeof(line), "%s, watched for %s.",
			 healthy_text(text, sizeof(text), top->head.sockets, top->rows.len),
			 text_duration(watched, sizeof(watched), top->head.watched_ns));
	free_columns = COLS - (int)cell_width(line);
	pen.x = free_columns > 0 ? free_columns / 2 : 0;
	pen_put(&pen, top_attr(top, SEVERITY_GOOD), line);
}

void top_draw_list(struct view_top *top, int y, int end)
{
	struct layout l;
	uint32_t i;

	column_set_fit(&top->columns, (unsigned int)COLS, &l);
	if (y < end)
		put_table_head(top, &l, y++);
	if (!top->shown_n) {
		put_empty(top, y, end);
		return;
	}
	cursor_fit(&top->list, top->shown_n, y < end ? (uint32_t)(end - y) : 1);
	for (i = top->list.first; i < top->shown_n && y < end; i++)
		put_row(top, &l, top_row(top, i), y++, i == top->list.at);
}
