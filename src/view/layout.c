/* SPDX-License-Identifier: BSD-2-Clause */
/* How a table shares out a line. Knows shapes, and nothing of what they show. */
#include "view/layout.h"

#define CUT_MIN 4 /* a column that is not worth less than this */

/* The column of the next rank not yet taken, -1 at the end. */
static int next_rank(const struct shape *const *shapes, unsigned int n, uint32_t taken)
{
	int best = -1;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!(taken & (1u << i)) && (best < 0 || shapes[i]->rank < shapes[best]->rank))
			best = (int)i;
	return best;
}

/* Gives what is left of the line, a column at a time, to each that can use it. */
static void grow(struct layout *l, const struct shape *const *shapes, unsigned int left)
{
	bool grew = true;
	unsigned int i;

	while (left && grew) {
		grew = false;
		for (i = 0; i < l->n && left; i++) {
			if (l->width[i] >= shapes[l->col[i]]->max)
				continue;
			l->width[i]++;
			left--;
			grew = true;
		}
	}
}

void layout_fit(struct layout *out, const struct shape *const *shapes, unsigned int n,
		unsigned int width)
{
	uint8_t widths[LAYOUT_MAX] = { 0 };
	unsigned int left = width, sep = 0, i;
	uint32_t taken = 0;
	int c;

	n = n < LAYOUT_MAX ? n : LAYOUT_MAX;
	while ((c = next_rank(shapes, n, taken)) >= 0) {
		unsigned int need = shapes[c]->width;

		if (left < need + sep && shapes[c]->align == ALIGN_LEFT && left >= CUT_MIN + sep)
			need = left - sep; /* names may be cut, numbers may not */
		if (left < need + sep)
			break;
		widths[c] = (uint8_t)need;
		taken |= 1u << c;
		left -= need + sep;
		sep = 1;
	}
	out->n = 0;
	for (i = 0; i < n; i++)
		if (widths[i]) {
			out->col[out->n] = (uint8_t)i;
			out->width[out->n++] = widths[i];
		}
	grow(out, shapes, left);
}
