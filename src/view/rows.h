/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processes that a view lists, copied out of the ledger: what top shows may not move while it
 * is paused. And the names that all views give to things.
 */
#pragma once

#include "view/view.h"

/* At one a second, what came in the last minutes: older rises are no news to sort by. */
#define ROW_TREND 32

/* What a process's streams come to, or those of all that are listed. */
struct streams_row {
	bool told; /* it has told of any */
	bool counts;
	uint32_t carriers;
	uint32_t live;
	uint32_t half_open;
	uint64_t opened;
	uint64_t freed;
	uint64_t nonsense;
	uint64_t unseen;
	uint64_t counter; /* its own, of its connections */
	uint64_t drains_begun;
	uint64_t drains_done;
	uint64_t drains_refused;
	uint64_t oldest_ns; /* age of its oldest stream */
};

struct proc_row {
	uint32_t id; /* in the ledger */
	uint32_t pid;
	uint32_t live;
	uint32_t leaked;
	uint32_t leaked_streams;
	uint32_t stalled;
	uint32_t threads;
	uint32_t netns;
	uint32_t trend_n;
	uint32_t exit_code; /* of one that has ended, as wait() gives it */
	uint64_t start_ns;
	uint64_t opened;
	uint64_t closed;
	uint64_t aborted;
	uint64_t oldest_ns; /* age of its oldest finding */
	double opened_per_s;
	double closed_per_s;
	double streams_per_s; /* opened */
	struct streams_row streams;
	enum verdict_class worst;
	bool has_oldest;
	bool ended;
	char comm[LS_COMM_LEN + 1];
	char container[VIEW_CONTAINER_LEN];
	uint32_t trend[ROW_TREND]; /* live connections, oldest first */
};

struct rows {
	struct proc_row *row;
	uint32_t len;
	uint32_t cap;
	uint32_t leaked; /* of those listed */
	uint32_t stalled;
	uint32_t accused; /* processes with any finding */
	struct streams_row streams;
	double streams_per_s;
	uint32_t sockets; /* all that there are, or where some are left out, of those listed */
};

void rows_fini(struct rows *t);

/* Lists every process with live connections or findings that @filter (may be NULL) lets through.
 * Rates are over all the time watched. -ENOMEM leaves @t as it was. */
int rows_fill(struct rows *t, const struct view_input *in, const struct view_filter *filter);

/* Fills one row, whatever its process has. False if there is no such process any more. */
bool row_fill(struct proc_row *r, const struct view_input *in, uint32_t proc);

/* Whether @filter lets through a process, and a class of finding. */
bool filter_process(const struct view_filter *filter, const char *comm, const char *container);
bool filter_class(const struct view_filter *filter, enum verdict_class class);
/* Whether it lets through what belongs to process @proc, 0: to nobody that is known. */
bool filter_owner(const struct view_filter *filter, const struct view_input *in, uint32_t proc);

/* Nanoseconds watched so far. */
uint64_t input_watched_ns(const struct view_input *in);
/* Records lost for any reason. */
uint64_t input_lost(const struct view_input *in);
/* "ring 12, stack 3", "" if none were. */
char *input_lost_text(char *buf, size_t len, const struct view_input *in);
/* The name of a reason (enum ls_lost_why), NULL past the last. */
const char *lost_name(unsigned int why);
/* "close-wait", "-" for none. */
const char *class_name(enum verdict_class class);
bool class_is_leak(enum verdict_class class);
/* "1 process", "14 processes" */
char *processes_text(char *buf, size_t len, uint32_t n);
/* "No leaks: 9 sockets in 4 processes look healthy" */
char *healthy_text(char *buf, size_t len, uint32_t sockets, uint32_t processes);
/* "2026-11-21T10:41:42Z" */
char *time_rfc3339(char *buf, size_t len, uint64_t realtime_ns);
