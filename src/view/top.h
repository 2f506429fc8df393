/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The full-screen view's own state, shared by its files: top.c (life and keys), top_state.c (what
 * is shown), top_draw.c (frame), top_list.c, top_detail.c and top_pick.c (screens), top_keys.c.
 */
#pragma once

#include <ncurses.h>
#include "view/columns.h"
#include "view/group.h"

#define TOP_WORD_LEN 64
#define TOP_NOTE_LEN 128
#define TOP_LEAST_W  20
#define TOP_LEAST_H  3

/* Screens, as bits: a key says where it works. */
enum top_screen {
	TOP_LIST = 1 << 0,
	TOP_DETAIL = 1 << 1,
	TOP_HELP = 1 << 2,
	TOP_PICK_SORT = 1 << 3,
	TOP_PICK_CLASS = 1 << 4,
};

enum top_action {
	TOP_NONE = 0,
	TOP_UP,
	TOP_DOWN,
	TOP_PAGE_UP,
	TOP_PAGE_DOWN,
	TOP_FIRST,
	TOP_LAST,
	TOP_ENTER,
	TOP_SWITCH,
	TOP_BACK,
	TOP_SEARCH,
	TOP_NEXT,
	TOP_FILTER,
	TOP_SORT,
	TOP_REVERSE,
	TOP_CLASS,
	TOP_PAUSE,
	TOP_SHOW_HELP,
	TOP_QUIT,
};

/* A row of the table of keys; unused codes are 0. */
struct top_key {
	int codes[4];
	unsigned int screens;
	enum top_action action;
	const char *label;
	const char *help;
	const char *brief; /* on the bottom line, NULL: not there */
};

/* A list's selected line and first visible one. */
struct top_cursor {
	uint32_t at;
	uint32_t first;
	uint32_t page; /* lines visible when it was last drawn */
};

/* What the head says, kept so that it can be drawn again without a snapshot. */
struct top_head {
	char host[TOP_WORD_LEN];
	char kernel[TOP_WORD_LEN];
	char lost[TOP_NOTE_LEN];
	uint64_t lost_records;
	uint64_t realtime_ns;
	uint64_t watched_ns;
	double interval_s;
	bool replay;
	bool incomplete;
};

/* A process's counters at the last update, by its number in the ledger. */
struct top_rate {
	uint64_t start_ns;
	uint64_t opened;
	uint64_t closed;
	double opened_per_s;
	double closed_per_s;
	uint64_t streams;
	double streams_per_s;
};

struct top_rates {
	struct top_rate *rate;
	uint32_t len;
	uint64_t time_ns; /* of the last update, 0: none yet */
	bool known;	  /* there were two */
};

struct top_conn {
	uint64_t cookie;
	uint64_t open_ns;
	uint32_t id;
	bool accused;
};

struct top_detail {
	struct proc_row row;
	struct groups groups;
	struct top_conn *conn;
	uint32_t conns;
	struct top_cursor group_at;
	struct top_cursor conn_at;
	bool in_conns; /* the keys move in the lower list */
	bool gone;
};

struct top_pick {
	uint8_t item[LAYOUT_MAX + VERDICT_MAX];
	uint32_t count[LAYOUT_MAX + VERDICT_MAX];
	uint32_t n;
	struct top_cursor at;
};

struct view_top {
	SCREEN *screen;
	struct view_filter filter; /* as asked for on the command line, and the class chosen */
	uint64_t class_mask;	   /* of the command line */
	struct column_set columns;
	unsigned int sort;
	bool reverse;
	bool color;
	bool started;
	bool paused;
	uint32_t missed; /* snapshots, while paused */
	enum top_screen view;
	enum top_screen back; /* from the help screen */
	struct top_head head;
	struct rows rows;
	uint32_t *shown; /* rows that the filter lets through */
	uint32_t shown_n;
	uint32_t focus; /* the pid to open on, 0: none, or done */
	uint32_t pid;	/* the selected process */
	uint64_t pid_start_ns;
	struct top_cursor list;
	struct top_rates rates;
	struct top_detail detail;
	struct top_pick pick;
	struct top_cursor help;
	enum top_action prompt; /* TOP_SEARCH, TOP_FILTER: a word is being typed */
	char typed[TOP_WORD_LEN];
	char word[TOP_WORD_LEN];   /* to search for */
	char narrow[TOP_WORD_LEN]; /* to filter by */
	char note[TOP_NOTE_LEN];
};

/* ---- top_state.c: what is shown */
/* Takes over a snapshot. -ENOMEM keeps the last. */
int top_take(struct view_top *top, const struct view_input *in);
/* Lists processes again: after a change of class, or a snapshot. */
int top_fill(struct view_top *top, const struct view_input *in);
/* Ranks and filters the processes that are there. */
int top_arrange(struct view_top *top);
int top_enter(struct view_top *top, const struct view_input *in);
int top_fill_detail(struct view_top *top, const struct view_input *in);
void top_select(struct view_top *top, uint32_t at);
/* Selects the next process that the search word names; false if none does. */
bool top_search(struct view_top *top, bool from_next);
const struct proc_row *top_row(const struct view_top *top, uint32_t at);
void top_state_fini(struct view_top *top);

/* ---- top_rates.c */
int top_rates_update(struct top_rates *r, const struct view_input *in);
void top_rates_apply(const struct top_rates *r, struct rows *rows);

/* ---- top_keys.c */
const struct top_key *top_key_get(unsigned int i);
enum top_action top_key_action(int code, enum top_screen view);
void cursor_move(struct top_cursor *c, enum top_action action, uint32_t n);
/* Keeps the selected line in sight of @page lines. */
void cursor_fit(struct top_cursor *c, uint32_t n, uint32_t page);

/* ---- top_draw.c: the frame, and how text gets onto the screen */
struct pen {
	int y;
	int x;
	int end; /* one past the last column */
};

attr_t top_attr(const struct view_top *top, enum severity severity);
/* Writes what fits, and moves on. */
void pen_put(struct pen *pen, attr_t attr, const char *s);
__attribute__((format(printf, 3, 4))) void pen_printf(struct pen *pen, attr_t attr, const char *fmt,
						      ...);
/* A line in one attribute, blanks included. */
void top_bar(int y, attr_t attr, const char *s);
/* @label, then @text on at most @max lines from @y; returns the lines taken, 0 for no text. */
int top_wrap(const struct view_top *top, int y, const char *label, const char *text, int max);
void top_draw(struct view_top *top, const struct view_input *in);
/* Only how far a paused screen is behind: all else stands still, ages included. */
void top_draw_missed(struct view_top *top);

/* ---- screens: lines [@y, @end) are theirs. @in may be NULL */
void top_draw_list(struct view_top *top, int y, int end);
void top_draw_detail(struct view_top *top, const struct view_input *in, int y, int end);
void top_draw_help(struct view_top *top, int y, int end);
void top_draw_pick(struct view_top *top, int y, int end);
void top_open_sort(struct view_top *top);
void top_open_class(struct view_top *top, const struct view_input *in);
/* What Enter does there. */
int top_pick_take(struct view_top *top, const struct view_input *in);
uint32_t top_help_lines(void);
