/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A judged snapshot as metrics; docs/METRICS.md is their reference. Pure: what a view cannot know
 * of its own program is handed in.
 */
#pragma once

#include "view/tally.h"

#define METRICS_SERIES_MAX 20000 /* written at a time; what is beyond is counted */

/* What a BPF program has cost. */
struct metrics_program {
	const char *name;
	uint64_t runs; /* 0: the kernel does not keep it */
	uint64_t run_ns;
	uint64_t missed;
};

/* Of the program that watches. */
struct metrics_self {
	const char *version;
	uint64_t ticks;
	uint64_t tick_ns; /* the last: snapshot, judgement, and these texts */
	uint64_t resident_bytes;
	uint64_t cpu_ns;
	uint64_t start_ns; /* since 1970 */
	uint64_t look_ns;  /* the last, since 1970 */
	uint64_t dropped;  /* rows of the last snapshot that the ledger had no room for */
	const struct metrics_program *program;
	size_t programs;
};

struct metrics_options {
	const struct view_filter *filter; /* may be NULL */
	const struct tally *tally;
	const struct metrics_self *self;
	bool openmetrics;
	uint32_t series_max; /* 0: METRICS_SERIES_MAX */
};

/* The text without the "# EOF" of OpenMetrics: whoever sends it may have more to say. *@dropped:
 * samples left out. 0 or -errno. */
int view_metrics(FILE *out, const struct view_input *in, const struct metrics_options *opt,
		 uint64_t *dropped);
