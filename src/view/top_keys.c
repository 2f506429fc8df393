/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys: one table, which the help screen prints. As in htop, and in less where both have one.
 */
#include "view/top.h"

#define KEY_ESCAPE  27
#define KEY_CTRL(c) ((c)&0x1f)
#define LISTS	    (TOP_LIST | TOP_DETAIL)
#define PICKS	    (TOP_PICK_SORT | TOP_PICK_CLASS)
#define ALL	    (LISTS | TOP_HELP | PICKS)

/* clang-format off */
static const struct top_key keys[] = {
	{ { KEY_UP, 'k' }, ALL, TOP_UP, "Up k", "one line up", NULL },
	{ { KEY_DOWN, 'j' }, ALL, TOP_DOWN, "Down j", "one line down", NULL },
	{ { KEY_PPAGE, KEY_CTRL('b') }, ALL, TOP_PAGE_UP, "PgUp ^B", "one page up", NULL },
	{ { KEY_NPAGE, KEY_CTRL('f') }, ALL, TOP_PAGE_DOWN, "PgDn ^F", "one page down", NULL },
	{ { KEY_HOME, 'g' }, ALL, TOP_FIRST, "Home g", "to the first line", NULL },
	{ { KEY_END, 'G' }, ALL, TOP_LAST, "End G", "to the last line", NULL },
	{ { '\n', '\r', KEY_ENTER, KEY_RIGHT }, TOP_LIST | PICKS, TOP_ENTER, "Enter Right",
	  "into the process; take the line", "detail" },
	{ { '\t' }, TOP_DETAIL, TOP_SWITCH, "Tab", "between findings and connections", "switch" },
	{ { 'q', KEY_ESCAPE, KEY_BACKSPACE, 127 }, TOP_DETAIL | TOP_HELP | PICKS, TOP_BACK,
	  "Esc q Backspace", "back", "back" },
	{ { KEY_LEFT }, TOP_DETAIL, TOP_BACK, "Left", "back to the processes", NULL },
	{ { KEY_ESCAPE }, TOP_LIST, TOP_BACK, "Esc", "drop the filter", NULL },
	{ { '/', KEY_F(3) }, TOP_LIST, TOP_SEARCH, "/ F3",
	  "search a name, pid, container or class", "search" },
	{ { 'n' }, TOP_LIST, TOP_NEXT, "n", "the next that matches", NULL },
	{ { 'f', KEY_F(4) }, TOP_LIST, TOP_FILTER, "f F4", "show only what matches", "filter" },
	{ { 's', KEY_F(6) }, TOP_LIST, TOP_SORT, "s F6", "pick the column that ranks", "sort" },
	{ { 'r' }, TOP_LIST, TOP_REVERSE, "r", "reverse the ranking", NULL },
	{ { 'c' }, LISTS, TOP_CLASS, "c", "show one class of finding only", "class" },
	{ { ' ', 'p' }, LISTS, TOP_PAUSE, "Space p", "hold the screen still, go on", "pause" },
	{ { '?', 'h', KEY_F(1) }, LISTS, TOP_SHOW_HELP, "? h F1", "this help", "help" },
	{ { 'q', KEY_F(10) }, TOP_LIST, TOP_QUIT, "q F10", "quit", "quit" },
	{ { KEY_F(10) }, ALL, TOP_QUIT, "F10", "quit from anywhere", NULL },
};
/* clang-format on */

const struct top_key *top_key_get(unsigned int i)
{
	return i < sizeof(keys) / sizeof(keys[0]) ? &keys[i] : NULL;
}

enum top_action top_key_action(int code, enum top_screen view)
{
	const struct top_key *k;
	unsigned int i, j;

	for (i = 0; (k = top_key_get(i)); i++)
		for (j = 0; j < 4 && k->codes[j]; j++)
			if (k->codes[j] == code && (k->screens & view))
				return k->action;
	return TOP_NONE;
}

void cursor_move(struct top_cursor *c, enum top_action action, uint32_t n)
{
	uint32_t page = c->page > 1 ? c->page - 1 : 1, last = n ? n - 1 : 0;

	switch (action) {
	case TOP_UP:
		c->at -= c->at > 0;
		break;
	case TOP_DOWN:
		c->at++;
		break;
	case TOP_PAGE_UP:
		c->at -= c->at < page ? c->at : page;
		break;
	case TOP_PAGE_DOWN:
		c->at += page;
		break;
	case TOP_FIRST:
		c->at = 0;
		break;
	case TOP_LAST:
		c->at = last;
		break;
	default:
		break;
	}
	if (c->at > last)
		c->at = last;
}

void cursor_fit(struct top_cursor *c, uint32_t n, uint32_t page)
{
	c->page = page;
	if (c->at >= n)
		c->at = n ? n - 1 : 0;
	if (c->at < c->first)
		c->first = c->at;
	if (page && c->at >= c->first + page)
		c->first = c->at - page + 1;
	if (c->first + page > n)
		c->first = n > page ? n - page : 0;
}
