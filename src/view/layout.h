/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which columns of a table fit on a line, and how wide each becomes.
 */
#pragma once

#include <stdint.h>
#include "view/cell.h"

#define LAYOUT_MAX 24

/* What a column looks like, whatever it shows. */
struct shape {
	const char *name;  /* what --columns and --sort take */
	const char *title; /* in the table's head */
	const char *help;
	uint8_t width; /* at least */
	uint8_t max;   /* at most, where there is room */
	uint8_t rank;  /* 1 stays longest as the screen narrows; 0: only where it is asked for */
	enum align align;
};

struct layout {
	uint8_t n;
	uint8_t col[LAYOUT_MAX];
	uint8_t width[LAYOUT_MAX];
};

/* Lays @n columns, given in the order they are shown, on a line of @width; fewer by rank where all
 * do not fit, one blank between two. The numbers in @out point into @shapes. */
void layout_fit(struct layout *out, const struct shape *const *shapes, unsigned int n,
		unsigned int width);
