/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the processes of one name and container have opened, closed and lost, summed up from look to
 * look. The ledger forgets who has ended; a counter may not. And as names are many, no more than so
 * many rows are told apart: those that lose most; the others are one row.
 *
 * Within a row counters only rise. A row that is gone from the list keeps them, as long as there is
 * room, and goes on from there should it come back.
 */
#pragma once

#include "view/view.h"

#define TALLY_ROWS     100  /* told apart by default */
#define TALLY_ROWS_MAX 1000 /* ... and at most */

/* Of a process; 0 and 0 where it is not known. */
struct tally_fds {
	uint64_t open;
	uint64_t max;
};

struct tally_row {
	char comm[LS_COMM_LEN + 1];
	char container[VIEW_CONTAINER_LEN];
	uint32_t pid; /* 0: of all that have these names */
	/* While it is told apart */
	uint64_t opened;
	uint64_t closed;
	uint64_t aborted;
	/* Of the last look */
	uint32_t processes;
	uint32_t live;
	uint32_t leaked;
	uint32_t stalled;
	uint64_t oldest_ns;   /* since_ns of its oldest finding, 0 if none */
	struct tally_fds fds; /* of the process that is closest to its limit */
	uint32_t found[VERDICT_MAX];
	uint32_t classes; /* bit per class that it has had a finding of */
	bool told;	  /* it is told apart */
	uint64_t seen_ns; /* the last look that showed it; 0: the row is free */
};

struct tally_options {
	uint32_t rows; /* 0: the default */
	bool by_pid;   /* a row for each process, which goes when it ends, and adds to its name's */
	const struct view_filter *filter; /* may be NULL; borrowed */
	/* The descriptors that a process has now; NULL: nobody can tell. */
	struct tally_fds (*fds)(uint32_t pid);
};

struct tally;

/* NULL and errno. */
struct tally *tally_new(const struct tally_options *opt);
void tally_free(struct tally *t);

/* Adds what was opened and closed since the last time. To be called before the ledger lets go of
 * those who have ended (at LS_SNAP_END), too. 0 or -ENOMEM. */
int tally_count(struct tally *t, const struct ledger *led);
/* Takes a judged snapshot, and decides who is told apart. 0 or -ENOMEM: nothing has changed but
 * counters. */
int tally_look(struct tally *t, const struct view_input *in);

/* The rows that are told apart: start with *@i 0, go on until NULL. */
const struct tally_row *tally_next(const struct tally *t, uint32_t *i);
/* All the others in one, and how many they are. */
const struct tally_row *tally_other(const struct tally *t);
uint32_t tally_others(const struct tally *t);
bool tally_by_pid(const struct tally *t);
