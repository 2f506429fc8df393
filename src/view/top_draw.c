/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame: head, bottom line, and how text gets onto the screen. Everything is drawn anew each
 * time and curses sends only what differs: no flicker, and little traffic over ssh.
 */
#include "view/top.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/text.h"
#include "view/streams.h"

#define LINE_LEN  1024 /* bytes; wider screens stay blank on the right */
#define FULL_HEAD 8    /* lines of a screen that has room for more than one line of head */
#define FOOT	  5    /* ... and for the keys */

attr_t top_attr(const struct view_top *top, enum severity severity)
{
	switch (severity) {
	case SEVERITY_GOOD:
		return top->color ? COLOR_PAIR(SEVERITY_GOOD) : A_NORMAL;
	case SEVERITY_DIM:
		return A_DIM;
	case SEVERITY_SUSPECT:
		return top->color ? COLOR_PAIR(SEVERITY_SUSPECT) : A_BOLD;
	case SEVERITY_LEAK:
		return A_BOLD | (top->color ? COLOR_PAIR(SEVERITY_LEAK) : A_UNDERLINE);
	case SEVERITY_LOUD:
		return A_BOLD | (top->color ? COLOR_PAIR(SEVERITY_LOUD) : A_REVERSE);
	default:
		return A_NORMAL;
	}
}

void pen_put(struct pen *pen, attr_t attr, const char *s)
{
	unsigned int width = cell_width(s);
	char buf[LINE_LEN];

	if (pen->x >= pen->end)
		return;
	if (width > (unsigned int)(pen->end - pen->x))
		width = (unsigned int)(pen->end - pen->x);
	attrset(attr);
	mvaddstr(pen->y, pen->x, cell_fit(buf, sizeof(buf), s, width, ALIGN_LEFT));
	attrset(A_NORMAL);
	pen->x += (int)width;
}

void pen_printf(struct pen *pen, attr_t attr, const char *fmt, ...)
{
	char buf[LINE_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	pen_put(pen, attr, buf);
}

void top_bar(int y, attr_t attr, const char *s)
{
	char buf[LINE_LEN];

	attrset(attr);
	mvaddstr(y, 0, cell_fit(buf, sizeof(buf), s, (unsigned int)COLS, ALIGN_LEFT));
	attrset(A_NORMAL);
}

/* Bytes of @s that fit in @width columns, cut at a blank where there is one. */
static size_t wrap_at(const char *s, unsigned int width)
{
	char part[LINE_LEN];
	size_t n = strlen(s), fit;

	if (cell_width(s) <= width)
		return n;
	for (fit = n; fit > 1; fit--) {
		if (s[fit - 1] != ' ' || fit - 1 >= sizeof(part))
			continue;
		memcpy(part, s, fit - 1);
		part[fit - 1] = '\0';
		if (cell_width(part) <= width)
			return fit;
	}
	return n; /* one long word: the pen cuts it */
}

int top_wrap(const struct view_top *top, int y, const char *label, const char *text, int max)
{
	struct pen pen = { .y = y, .end = COLS };
	char line[LINE_LEN];
	int lines = 0;
	size_t n;

	if (!*text || max < 1)
		return 0;
	pen_printf(&pen, top_attr(top, SEVERITY_DIM), "%-10s", label);
	while (*text) {
		pen.x = 10;
		pen.y = y + lines++;
		n = lines == max ? strlen(text)
				 : wrap_at(text, COLS > 12 ? (unsigned int)COLS - 10 : 2);
		/* Without the blank that it is cut at: one too many at the edge. */
		snprintf(line, sizeof(line), "%.*s", (int)n - (text[n] && text[n - 1] == ' '),
			 text);
		pen_put(&pen, A_NORMAL, line);
		text += n;
	}
	return lines;
}

/* ---- the head */

static void put_marks(struct view_top *top, struct pen *pen)
{
	char marks[TOP_NOTE_LEN] = "";
	size_t at = 0;

	if (top->head.replay)
		at += (size_t)snprintf(marks, sizeof(marks), " REPLAY ");
	if (top->head.incomplete)
		at += (size_t)snprintf(marks + at, sizeof(marks) - at, " INCOMPLETE ");
	if (top->paused && top->missed)
		snprintf(marks + at, sizeof(marks) - at, " PAUSED, %u behind ", top->missed);
	else if (top->paused)
		snprintf(marks + at, sizeof(marks) - at, " PAUSED ");
	if (!*marks)
		return;
	pen->x = COLS - (int)cell_width(marks);
	pen->x = pen->x < 0 ? 0 : pen->x;
	pen->end = COLS;
	pen_put(pen, A_REVERSE | A_BOLD, marks);
	pen->end = COLS - (int)cell_width(marks) - 1;
}

/* lostsock  web-1  6.18.44 x86_64  10:41:42  watched 10m 5s  every 2s             PAUSED */
static void put_title(struct view_top *top, int y)
{
	const struct top_head *h = &top->head;
	time_t t = (time_t)(h->realtime_ns / 1000000000);
	char clock[TEXT_LEN] = "", watched[TEXT_LEN], every[TEXT_LEN];
	struct pen pen = { .y = y, .end = COLS };
	struct tm tm;

	put_marks(top, &pen);
	pen.x = 0;
	pen_put(&pen, A_BOLD, "lostsock");
	if (!top->started)
		return;
	if (localtime_r(&t, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	pen_printf(&pen, A_NORMAL, "  %s  ", h->host);
	if (COLS >= 100)
		pen_printf(&pen, top_attr(top, SEVERITY_DIM), "%s  ", h->kernel);
	pen_printf(&pen, A_NORMAL, "%s  watched %s", clock,
		   text_duration(watched, sizeof(watched), h->watched_ns));
	if (h->interval_s > 0)
		pen_printf(&pen, top_attr(top, SEVERITY_DIM), "  every %s",
			   text_duration(every, sizeof(every), (uint64_t)(h->interval_s * 1e9)));
}

/* 14 processes  1203 sockets  80 leaked  3 stalled                        by leaked */
static void put_totals(struct view_top *top, int y)
{
	char text[TOP_NOTE_LEN];
	struct pen pen = { .y = y, .end = COLS };

	if (!top->rows.accused && !top->filter.class_mask) {
		pen_put(&pen, top_attr(top, SEVERITY_GOOD),
			healthy_text(text, sizeof(text), top->rows.sockets, top->rows.len));
	} else {
		pen_printf(&pen, A_NORMAL, "%s  %u sockets  ",
			   processes_text(text, sizeof(text), top->rows.len), top->rows.sockets);
		pen_printf(&pen, top_attr(top, top->rows.leaked ? SEVERITY_LEAK : SEVERITY_NONE),
			   "%u leaked", top->rows.leaked);
		pen_put(&pen, A_NORMAL, "  ");
		pen_printf(&pen,
			   top_attr(top, top->rows.stalled ? SEVERITY_SUSPECT : SEVERITY_NONE),
			   "%u stalled", top->rows.stalled);
	}
	pen_printf(&pen, top_attr(top, SEVERITY_DIM), "  by %s%s",
		   column_get(top->sort)->shape.name, top->reverse ? ", reversed" : "");
}

/* 120 streams  100 half open  oldest 5m  2.1/s opened; no line where nobody tells of any */
static int put_streams(struct view_top *top, int y)
{
	const struct streams_row *s = &top->rows.streams;
	struct pen pen = { .y = y, .end = COLS };
	char text[STREAMS_LEN], doubt[TOP_NOTE_LEN];

	if (!s->told)
		return 0;
	pen_put(&pen, A_NORMAL, streams_text(text, sizeof(text), s, top->rows.streams_per_s));
	streams_doubt_text(doubt, sizeof(doubt), s);
	if (*doubt)
		pen_printf(&pen, top_attr(top, SEVERITY_DIM), "  (%s)", doubt);
	return 1;
}

/* What is lost, what is left out, what went wrong; no line where there is nothing to say. */
static int put_warnings(struct view_top *top, int y)
{
	struct pen pen = { .y = y, .end = COLS };
	unsigned int class;

	if (top->head.lost_records)
		pen_printf(&pen, top_attr(top, SEVERITY_LOUD), " LOST %llu RECORDS: %s ",
			   (unsigned long long)top->head.lost_records, top->head.lost);
	pen_put(&pen, A_NORMAL, pen.x ? "  " : "");
	if (*top->narrow)
		pen_printf(&pen, A_BOLD, "only \"%s\"  ", top->narrow);
	for (class = 1; top->filter.class_mask && class < VERDICT_MAX; class ++)
		if (filter_class(&top->filter, class))
			pen_printf(&pen, A_BOLD, "only %s  ", class_name(class));
	if (*top->note)
		pen_put(&pen, top_attr(top, SEVERITY_SUSPECT), top->note);
	return pen.x > 0;
}

static int put_head(struct view_top *top)
{
	struct pen pen = { .y = 0, .end = COLS };
	int y = 0;

	if (LINES >= FULL_HEAD || !top->started) {
		put_title(top, y++);
		if (!top->started)
			return y;
		put_totals(top, y++);
		y += put_streams(top, y);
		return y + put_warnings(top, y);
	}
	put_marks(top, &pen);
	pen.x = 0;
	pen_printf(&pen, top_attr(top, top->rows.leaked ? SEVERITY_LEAK : SEVERITY_NONE),
		   "%u leaked  ", top->rows.leaked);
	pen_printf(&pen, top_attr(top, top->rows.stalled ? SEVERITY_SUSPECT : SEVERITY_NONE),
		   "%u stalled  ", top->rows.stalled);
	pen_printf(&pen, A_NORMAL, "%u sockets", top->rows.sockets);
	return 1;
}

/* ---- the bottom line */

static void put_keys(struct view_top *top, int y)
{
	struct pen pen = { .y = y, .end = COLS };
	const struct top_key *k;
	unsigned int i;

	for (i = 0; (k = top_key_get(i)); i++) {
		if (!k->brief || !(k->screens & top->view))
			continue;
		pen_printf(&pen, A_BOLD, "%.*s", (int)strcspn(k->label, " "), k->label);
		pen_printf(&pen, top_attr(top, SEVERITY_DIM), " %s  ", k->brief);
	}
}

static void put_prompt(struct view_top *top, int y)
{
	struct pen pen = { .y = y, .end = COLS - 1 };

	pen_printf(&pen, A_BOLD, "%s: ", top->prompt == TOP_SEARCH ? "Search" : "Filter");
	pen_put(&pen, A_NORMAL, top->typed);
	move(y, pen.x < COLS ? pen.x : COLS - 1);
}

/* ---- the whole */

static void put_progress(struct view_top *top, int y, int end)
{
	struct pen pen = { .y = y + (end - y) / 2, .end = COLS };
	int free_columns = COLS - (int)cell_width(top->note);

	pen.x = free_columns > 0 ? free_columns / 2 : 0;
	pen_put(&pen, A_NORMAL, top->note);
}

static void put_screen(struct view_top *top, const struct view_input *in, int y, int end)
{
	switch (top->view) {
	case TOP_DETAIL:
		top_draw_detail(top, in, y, end);
		break;
	case TOP_HELP:
		top_draw_help(top, y, end);
		break;
	case TOP_PICK_SORT:
	case TOP_PICK_CLASS:
		top_draw_pick(top, y, end);
		break;
	default:
		top_draw_list(top, y, end);
	}
}

void top_draw_missed(struct view_top *top)
{
	struct pen pen = { .y = 0, .end = COLS };
	int y, x;

	if (COLS < TOP_LEAST_W || LINES < TOP_LEAST_H)
		return;
	getyx(stdscr, y, x);
	put_marks(top, &pen);
	move(y, x); /* a word may be being typed */
	wnoutrefresh(stdscr);
	doupdate();
}

void top_draw(struct view_top *top, const struct view_input *in)
{
	int y, end = LINES >= FOOT ? LINES - 1 : LINES;

	erase();
	if (COLS < TOP_LEAST_W || LINES < TOP_LEAST_H) {
		char line[TOP_NOTE_LEN];

		snprintf(line, sizeof(line), "%u leaked", top->rows.leaked);
		top_bar(0, top_attr(top, top->rows.leaked ? SEVERITY_LEAK : SEVERITY_NONE), line);
	} else {
		y = put_head(top);
		if (!top->started && top->view == TOP_LIST)
			put_progress(top, y, end);
		else
			put_screen(top, in, y, end);
		if (top->prompt)
			put_prompt(top, LINES - 1);
		else if (end < LINES)
			put_keys(top, LINES - 1);
	}
	curs_set(top->prompt ? 1 : 0);
	wnoutrefresh(stdscr);
	doupdate();
}
