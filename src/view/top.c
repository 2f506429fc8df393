/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The full-screen view: its life, and what keys do. It reads keys and draws; it never waits, and it
 * asks nobody for a snapshot: whoever runs it does both.
 */
#include "view/top.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/text.h"

#define ESCAPE_MS                                                                      \
	25 /* how long an escape sequence may take: more than any ssh needs per packet \
	    */

/* ---- life */

static void open_colors(struct view_top *top, const struct view_report_options *opt)
{
	const char *no = getenv("NO_COLOR");

	if ((opt && opt->color == VIEW_COLOR_NEVER) || (no && *no) || !has_colors() ||
	    start_color() == ERR)
		return;
	use_default_colors();
	init_pair(SEVERITY_GOOD, COLOR_GREEN, -1);
	init_pair(SEVERITY_SUSPECT, COLOR_YELLOW, -1);
	init_pair(SEVERITY_LEAK, COLOR_RED, -1);
	init_pair(SEVERITY_LOUD, COLOR_WHITE, COLOR_RED);
	top->color = true;
}

static void open_options(struct view_top *top, const struct view_report_options *opt)
{
	char err[TOP_NOTE_LEN];
	int key;

	top->sort = column_default_sort();
	column_set_parse(&top->columns, NULL, err, sizeof(err));
	if (!opt)
		return;
	top->filter = opt->filter;
	top->class_mask = opt->filter.class_mask;
	key = opt->sort ? column_find(opt->sort, strlen(opt->sort)) : -1;
	if (key >= 0)
		top->sort = (unsigned int)key;
	if (column_set_parse(&top->columns, opt->columns, err, sizeof(err)))
		column_set_parse(&top->columns, NULL, err, sizeof(err));
}

struct view_top *view_top_open(const struct view_report_options *opt)
{
	struct view_top *top;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		errno = ENOTTY;
		return NULL;
	}
	top = calloc(1, sizeof(*top));
	if (!top)
		return NULL;
	top->view = TOP_LIST;
	open_options(top, opt);
	top->screen = newterm(NULL, stdout, stdin);
	if (!top->screen) {
		free(top);
		errno = ENOTSUP;
		return NULL;
	}
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	open_colors(top, opt);
	return top;
}

void view_top_close(struct view_top *top)
{
	if (!top)
		return;
	endwin();
	delscreen(top->screen);
	top_state_fini(top);
	free(top);
}

void view_top_focus(struct view_top *top, uint32_t pid)
{
	top->focus = pid;
}

int view_top_fd(const struct view_top *top)
{
	(void)top;
	return STDIN_FILENO;
}

/* ---- drawing */

/* Asks the terminal for its size: SIGWINCH may be blocked, or somebody else's. */
static void follow_size(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row && ws.ws_col &&
	    is_term_resized(ws.ws_row, ws.ws_col))
		resizeterm(ws.ws_row, ws.ws_col);
}

static void redraw(struct view_top *top, const struct view_input *in)
{
	follow_size();
	top_draw(top, in);
}

static void say_error(struct view_top *top, int err)
{
	if (err)
		snprintf(top->note, sizeof(top->note), "%s: this is the last that could be shown",
			 err == -ENOMEM ? "Out of memory" : strerror(-err));
}

void view_top_update(struct view_top *top, const struct view_input *in)
{
	if (top->paused) {
		top->missed++;
		top_draw_missed(top);
		return;
	}
	top->note[0] = '\0';
	say_error(top, top_take(top, in));
	redraw(top, in);
}

void view_top_progress(struct view_top *top, const char *what)
{
	if (top->started)
		return;
	text_clean(top->note, sizeof(top->note), what);
	redraw(top, NULL);
}

/* ---- typing a word */

static void prompt_open(struct view_top *top, enum top_action what)
{
	top->prompt = what;
	snprintf(top->typed, sizeof(top->typed), "%s", what == TOP_FILTER ? top->narrow : "");
}

/* What is typed works at once. */
static void prompt_apply(struct view_top *top)
{
	if (top->prompt == TOP_FILTER) {
		snprintf(top->narrow, sizeof(top->narrow), "%s", top->typed);
		say_error(top, top_arrange(top));
	} else {
		snprintf(top->word, sizeof(top->word), "%s", top->typed);
		top_search(top, false);
	}
}

/* Takes off the last character, with all its bytes. */
static void prompt_erase(struct view_top *top)
{
	size_t n = strlen(top->typed);

	while (n && (top->typed[n - 1] & 0xc0) == 0x80)
		n--;
	top->typed[n ? n - 1 : 0] = '\0';
}

static void prompt_key(struct view_top *top, int code)
{
	size_t n = strlen(top->typed);

	if (code == '\n' || code == '\r' || code == KEY_ENTER) {
		if (top->prompt == TOP_SEARCH && *top->word && !top_search(top, false))
			snprintf(top->note, sizeof(top->note), "Nothing matches \"%s\"", top->word);
		top->prompt = TOP_NONE;
		return;
	}
	if (code == 27) {
		top->typed[0] = '\0';
		prompt_apply(top);
		top->prompt = TOP_NONE;
		return;
	}
	if (code == KEY_BACKSPACE || code == 127 || code == '\b')
		prompt_erase(top);
	else if (code == ('u' & 0x1f))
		top->typed[0] = '\0';
	else if (code >= ' ' && code < 256 && n + 1 < sizeof(top->typed))
		snprintf(top->typed + n, sizeof(top->typed) - n, "%c", code);
	prompt_apply(top);
}

/* ---- keys */

static void move_in(struct view_top *top, enum top_action action)
{
	struct top_detail *d = &top->detail;

	switch (top->view) {
	case TOP_LIST:
		cursor_move(&top->list, action, top->shown_n);
		top_select(top, top->list.at);
		break;
	case TOP_DETAIL:
		if (d->in_conns)
			cursor_move(&d->conn_at, action, d->conns);
		else
			cursor_move(&d->group_at, action, d->groups.len);
		break;
	case TOP_HELP:
		cursor_move(&top->help, action, top_help_lines());
		break;
	default:
		cursor_move(&top->pick.at, action, top->pick.n);
	}
}

static int go_back(struct view_top *top)
{
	if (top->view == TOP_LIST) {
		top->narrow[0] = '\0';
		return top_arrange(top);
	}
	top->view = top->view == TOP_DETAIL ? TOP_LIST : top->back;
	return 0;
}

static int toggle_pause(struct view_top *top, const struct view_input *in)
{
	top->paused = !top->paused;
	return !top->paused && in && top->missed ? top_take(top, in) : 0;
}

static void next_match(struct view_top *top)
{
	if (!*top->word)
		prompt_open(top, TOP_SEARCH);
	else if (!top_search(top, true))
		snprintf(top->note, sizeof(top->note), "Nothing matches \"%s\"", top->word);
}

static int act(struct view_top *top, enum top_action action, const struct view_input *in)
{
	switch (action) {
	case TOP_ENTER:
		return top->view == TOP_LIST ? top_enter(top, in) : top_pick_take(top, in);
	case TOP_SWITCH:
		top->detail.in_conns = !top->detail.in_conns;
		return 0;
	case TOP_BACK:
		return go_back(top);
	case TOP_SEARCH:
	case TOP_FILTER:
		prompt_open(top, action);
		return 0;
	case TOP_NEXT:
		next_match(top);
		return 0;
	case TOP_SORT:
		top_open_sort(top);
		return 0;
	case TOP_REVERSE:
		top->reverse = !top->reverse;
		return top_arrange(top);
	case TOP_CLASS:
		top_open_class(top, in);
		return 0;
	case TOP_PAUSE:
		return toggle_pause(top, in);
	case TOP_SHOW_HELP:
		top->back = top->view;
		top->view = TOP_HELP;
		return 0;
	default:
		move_in(top, action);
		return 0;
	}
}

/* Whether the terminal is gone: an ssh session that broke, a window that was closed. */
static bool hung_up(void)
{
	struct pollfd p = { .fd = STDIN_FILENO };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL));
}

bool view_top_input(struct view_top *top, const struct view_input *in)
{
	enum top_action action;
	int code;

	while ((code = getch()) != ERR) {
		if (code == KEY_RESIZE)
			continue;
		top->note[0] = top->started ? '\0' : top->note[0];
		if (top->prompt) {
			prompt_key(top, code);
			continue;
		}
		action = top_key_action(code, top->view);
		if (action == TOP_QUIT)
			return false;
		if (action)
			say_error(top, act(top, action, in));
	}
	if (hung_up())
		return false;
	redraw(top, in);
	return true;
}
