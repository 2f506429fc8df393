/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the plain-text reports share: lines that reach a pipe at once, and a group of findings.
 */
#pragma once

#include "view/cell.h"
#include "view/group.h"

struct report {
	FILE *out;
	const struct view_input *in;
	bool color;
	bool stacks; /* whole ones, a line a function, below the line that names the guilty */
	int err;     /* the first: what reads a pipe may have gone */
};

void report_put(struct report *r, enum severity severity, const char *s);
/* Ends a line; what reads a pipe sees it at once. */
void report_end(struct report *r);
/* "    name      value", nothing for no value. */
void report_field(struct report *r, const char *name, const char *value);

/* What is missing from all that is said: records lost, a recording cut short. */
void report_warnings(struct report *r);

void report_group(struct report *r, const struct group *g);
