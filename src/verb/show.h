/* SPDX-License-Identifier: BSD-2-Clause */
/* Shows a watch as its options ask: on the screen, as reports, or as JSON. For top and replay. */
#pragma once

#include "source/source.h"
#include "verb/options.h"

struct show {
	const struct options *opt;
	struct view_top *screen; /* NULL: reports */
};

/* 0 or an exit status, with its reason on stderr. */
int show_open(struct show *s, const struct options *opt);
void show_close(struct show *s);
void show_progress(struct show *s, const char *what);
/* Watches @src to the end and closes both; returns the exit status. */
int show_run(struct show *s, struct source *src);
