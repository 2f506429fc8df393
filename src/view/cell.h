/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One cell of a table: text of a known width on the screen, and how grave it is. Shared by the
 * report, which knows colours as escape sequences, and top, which knows them as attributes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CELL_LEN 192 /* bytes; the widest cell is an AF_UNIX path of 108 */

enum severity {
	SEVERITY_NONE = 0,
	SEVERITY_GOOD,
	SEVERITY_DIM,
	SEVERITY_SUSPECT, /* stalled, or only suspected */
	SEVERITY_LEAK,
	SEVERITY_LOUD, /* about lostsock itself: records lost, a recording cut short */
	SEVERITY_MAX
};

enum align {
	ALIGN_LEFT,
	ALIGN_RIGHT
};

/* Whether the locale (set by main) shows UTF-8. */
bool cell_utf8(void);

/* The arrow between the two ends of a connection, as the locale can show it. */
const char *cell_arrow(void);

/* Columns that @s takes on the screen, in this locale. */
unsigned int cell_width(const char *s);

/* @s in exactly @width columns: padded, or cut with a mark. What the locale cannot show becomes
 * '?'. */
char *cell_fit(char *buf, size_t len, const char *s, unsigned int width, enum align align);

/* The last @width of @n values as a sparkline: flat is low, and the rise from the least to the most
 * is the full height, unless it is a small part of the whole. */
char *cell_trend(char *buf, size_t len, const uint32_t *v, unsigned int n, unsigned int width);
