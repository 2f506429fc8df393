/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocked time: which thread waits where, how often and for how long.
 */
#pragma once

#include <jansson.h>
#include "view/report.h"

/* One thread at one place, what it is in now included. */
struct wait_row {
	struct wait wait;
	uint64_t now_ns; /* blocked there for so long now; 0: it runs, or is elsewhere */
};

struct wait_rows {
	struct wait_row *row;
	uint32_t len;
};

/* All waits, the longest in total first; those of threads that have not run since too. -ENOMEM
 * leaves @t as it was. */
int wait_rows_fill(struct wait_rows *t, const struct view_input *in);
void wait_rows_fini(struct wait_rows *t);

/* "read", "futex", "call 202", "-" where it is in none (a page fault). */
char *wait_call(char *buf, size_t len, const struct wait *w);
/* One mark for each of LS_WAIT_BUCKETS, blank where there is none. */
char *wait_histogram(char *buf, size_t len, const uint32_t bucket[LS_WAIT_BUCKETS]);

/* A table of @max rows at most. */
void waits_report(struct report *r, const struct wait_rows *t, uint32_t max);
/* One element of "waits"; a new reference, NULL when out of memory. */
json_t *waits_json(const struct view_input *in, const struct wait_row *row);
