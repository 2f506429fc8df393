/* SPDX-License-Identifier: BSD-2-Clause */
/* Text as wide as a table wants it. Knows the locale, and nothing of sockets. */
#include "view/cell.h"

#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#define TREND_LEVELS 8

bool cell_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

const char *cell_arrow(void)
{
	return cell_utf8() ? "→" : "->";
}

/* One character of @s: its bytes and columns. What cannot be shown is one byte, one '?'. */
static size_t cell_char(const char *s, unsigned int *columns, bool *shown)
{
	mbstate_t state = { 0 };
	wchar_t wc;
	size_t n = mbrtowc(&wc, s, strlen(s), &state);
	int w = n && n <= strlen(s) ? wcwidth(wc) : -1;

	*shown = w >= 0;
	*columns = w >= 0 ? (unsigned int)w : 1;
	return w >= 0 ? n : 1;
}

unsigned int cell_width(const char *s)
{
	unsigned int total = 0, w;
	bool shown;

	while (*s) {
		s += cell_char(s, &w, &shown);
		total += w;
	}
	return total;
}

static size_t put_spaces(char *buf, size_t len, size_t at, unsigned int n)
{
	while (n-- && at + 1 < len)
		buf[at++] = ' ';
	return at;
}

/* Copies at most @width columns; tells how many it took. */
static size_t put_text(char *buf, size_t len, size_t at, const char *s, unsigned int width,
		       unsigned int *took)
{
	unsigned int w;
	bool shown;

	*took = 0;
	while (*s) {
		size_t n = cell_char(s, &w, &shown);

		if (*took + w > width || at + n >= len)
			break;
		if (shown)
			memcpy(buf + at, s, n);
		else
			buf[at] = '?';
		at += n;
		s += n;
		*took += w;
	}
	return at;
}

char *cell_fit(char *buf, size_t len, const char *s, unsigned int width, enum align align)
{
	unsigned int have = cell_width(s), took, mark;
	size_t at = 0;

	if (have <= width) {
		if (align == ALIGN_RIGHT)
			at = put_spaces(buf, len, at, width - have);
		at = put_text(buf, len, at, s, width, &took);
		if (align == ALIGN_LEFT)
			at = put_spaces(buf, len, at, width - have);
	} else if (width) {
		at = put_text(buf, len, at, s, width - 1, &took);
		at = put_text(buf, len, at, cell_utf8() ? "…" : "~", 1, &mark);
		at = put_spaces(buf, len, at, width - took - mark);
	}
	buf[at] = '\0';
	return buf;
}

char *cell_trend(char *buf, size_t len, const uint32_t *v, unsigned int n, unsigned int width)
{
	static const char *const blocks[TREND_LEVELS] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[TREND_LEVELS] = { ".", ":", "-", "=", "+", "*", "#", "#" };
	const char *const *marks = cell_utf8() ? blocks : ascii;
	uint32_t least = UINT32_MAX, most = 0, range;
	unsigned int i, first = n > width ? n - width : 0;
	size_t at = 0;

	for (i = first; i < n; i++) {
		least = v[i] < least ? v[i] : least;
		most = v[i] > most ? v[i] : most;
	}
	range = most - (least < most ? least : most);
	if (range < most / TREND_LEVELS)
		range = most / TREND_LEVELS;
	if (range < TREND_LEVELS / 2)
		range = TREND_LEVELS / 2;
	for (i = first; i < n; i++) {
		const char *mark = marks[(uint64_t)(v[i] - least) * (TREND_LEVELS - 1) / range];

		if (at + strlen(mark) >= len)
			break;
		memcpy(buf + at, mark, strlen(mark));
		at += strlen(mark);
	}
	buf[at] = '\0';
	return buf;
}
