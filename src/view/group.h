/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Findings that say the same: one group per process, class and line of code that opened, whatever
 * it opened to; where that line is not known, per site. Eighty connections leaked by one line of
 * code are one thing to mend.
 */
#pragma once

#include "view/rows.h"

struct group {
	struct finding oldest; /* the example */
	uint32_t count;	       /* connections, streams or tasks, as the findings count them */
	uint32_t suspected;    /* of these */
};

struct groups {
	struct group *group;
	uint32_t len;
};

void groups_fini(struct groups *g);

/* Groups the findings that @filter lets through, the largest first; those of process @proc alone
 * unless it is 0. -ENOMEM leaves @g as it was. */
int groups_fill(struct groups *g, const struct view_input *in, const struct view_filter *filter,
		uint32_t proc);

/* "80 leaked", "3 stalled"; of what is no open connection "5 threads", "12 connections",
 * "40 streams", "off by 1". */
char *group_count_text(char *buf, size_t len, const struct group *g);
/* "", "suspected", "4 of them suspected". */
char *group_doubt_text(char *buf, size_t len, const struct group *g);
/* How long the oldest has lasted: "2h 14m", with a mark before it where that is a lower bound. */
char *group_age_text(char *buf, size_t len, const struct view_input *in, const struct group *g);
