/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Views: a judged ledger, shown. They read the ledger and the verdicts and change neither.
 * The program calls setlocale(LC_CTYPE, "") once, so that they know whether UTF-8 can be shown.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "ledger/ledger.h"
#include "verdict/verdict.h"

/* What every view is given: one judged snapshot. All pointers are borrowed for the call. */
struct view_input {
	const struct ledger *ledger;
	const struct verdicts *verdicts;
	const struct verdict_thresholds *thresholds;
	uint64_t now_ns;      /* CLOCK_MONOTONIC */
	uint64_t realtime_ns; /* the same moment as time of day */
	const char *kernel;
	const char *host;
	double interval_s; /* between snapshots */
	bool replay;
	bool incomplete; /* a recording that was cut short */
};

/* Which processes and findings to show, beyond what the kernel already left out. */
struct view_filter {
	const char *comm;      /* substring of the process's name, NULL: all */
	const char *container; /* substring of its container id or unit name, NULL: all */
	uint64_t class_mask;   /* bit per enum verdict_class, 0: all */
	/* Further, for findings alone; NULL: all. */
	bool (*wanted)(void *arg, const struct view_input *in, const struct finding *f);
	void *arg;
};

/* ---- container.c */
#define VIEW_CONTAINER_LEN 64

/* A container or unit, told from a cgroup path: "docker:3f2a91c0b7de", "cri-containerd:...",
 * "crio:...", "podman:...", "k8s:..." (a pod's container of whatever runtime), "pod:UID",
 * "nginx.service", "user-1000.slice"; "" if the path names none. NULL is no path. */
char *view_container(char *buf, size_t len, const char *cgroup_path);

/* ---- report.c: plain text, for --once and batch output: a line of totals, a table of processes,
 * the findings in groups of one process, class and site. Each line is flushed. 0 or -errno. */
enum view_color {
	VIEW_COLOR_NEVER,
	VIEW_COLOR_ALWAYS
};
struct view_report_options {
	struct view_filter filter;
	const char *sort;    /* a column's name, NULL: leaked */
	const char *columns; /* comma-separated names, NULL: the default set */
	enum view_color color;
	uint32_t max_processes; /* 0: all with something to say */
};
/* @opt may be NULL. */
int view_report(FILE *out, const struct view_input *in, const struct view_report_options *opt);

/* ---- json.c: one object, docs/JSON.md; @all adds connections and tasks. Ends with a newline.
 * Written element by element: memory does not grow with the number of connections. @filter may be
 * NULL. 0 or -errno. */
int view_json(FILE *out, const struct view_input *in, const struct view_filter *filter, bool all);

/* ---- columns.c: the table's columns; used by report and top, and by --columns help. */
/* -EINVAL and one clear line in @err (the nearest name) if @spec names an unknown column. */
int view_columns_check(const char *spec, char *err, size_t len);
int view_sort_check(const char *key, char *err, size_t len);
void view_columns_help(FILE *out);

/* ---- top.c: the full-screen view. */
struct view_top;
/* Takes standard input and output. NULL and errno: ENOTTY if they are no terminal, ENOTSUP if
 * $TERM is none that is known. Keeps @opt's strings: they must outlive it. Handlers for SIGINT and
 * SIGTERM that are to live must be installed before this. */
struct view_top *view_top_open(const struct view_report_options *opt);
/* Restores the terminal; safe from any state. */
void view_top_close(struct view_top *top);
/* Draws a new snapshot; ignored while paused but for its counter. On -ENOMEM within, says so on
 * the screen and keeps the last. */
void view_top_update(struct view_top *top, const struct view_input *in);
/* Says what it waits for, before the first snapshot: "attaching", "reading 120,000 sockets". */
void view_top_progress(struct view_top *top, const char *what);
/* Opens on the detail of this process, once a snapshot has it. */
void view_top_focus(struct view_top *top, uint32_t pid);
/* The descriptor to poll for keys. */
int view_top_fd(const struct view_top *top);
/* Handles the keys and resizes that wait. Returns false when the user asked to quit. @in may be
 * NULL before the first snapshot. */
bool view_top_input(struct view_top *top, const struct view_input *in);
