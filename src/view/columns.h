/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The columns of the process table: one table, used by the report and by top.
 */
#pragma once

#include "view/layout.h"
#include "view/rows.h"

struct column {
	struct shape shape;
	/* At most @width columns where that can be had without lying: 12345 becomes "12k". */
	void (*print)(const struct proc_row *r, char *buf, size_t len, unsigned int width);
	/* Negative: @a is listed before @b. */
	int (*compare)(const struct proc_row *a, const struct proc_row *b);
	enum severity (*severity)(const struct proc_row *r);
};

unsigned int column_count(void);
const struct column *column_get(unsigned int i);
/* The column that ranks the table where nobody asked for another. */
unsigned int column_default_sort(void);
/* -1 if no column has this name. */
int column_find(const char *name, size_t len);

/* The columns somebody chose. */
struct column_set {
	uint8_t n;
	bool chosen; /* by name: none may be left out while there is room */
	uint8_t col[LAYOUT_MAX];
};

/* @spec: comma-separated names; NULL takes the default ones. -EINVAL and a line in @err. */
int column_set_parse(struct column_set *set, const char *spec, char *err, size_t len);
/* Lays the set out on @width; the numbers in @out are columns. */
void column_set_fit(const struct column_set *set, unsigned int width, struct layout *out);

/* Ranks @t by column @key, then by what they lose, then by pid. */
void rows_sort(struct rows *t, unsigned int key, bool reverse);
