/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was found over a whole run. The ledger forgets who has gone; so what stands against a
 * process is taken down when it ends, in words, and against the others at the end. From that one
 * account come the report, the JSON and the JUnit XML of `attach` and `run`.
 */
#pragma once

#include "view/suppress.h"
#include "view/view.h"

struct sheet;

struct sheet_options {
	const struct view_filter *filter; /* may be NULL */
	struct suppress *suppress;	  /* may be NULL; borrowed, its counts are written */
	enum view_color color;
	bool json;   /* sheet_json() will be asked for: findings are kept one by one */
	bool stacks; /* whole stacks in the report */
};

/* Keeps @opt's pointers. NULL: out of memory. */
struct sheet *sheet_new(const struct sheet_options *opt);
void sheet_free(struct sheet *s);

/* Takes down what stands against process @proc, which is about to end with @exit_code. What is
 * found of it later is only what its end brought about. Told again, it corrects @exit_code. -ENOMEM
 * leaves out what did not fit. */
int sheet_take_exit(struct sheet *s, const struct view_input *in, uint32_t proc,
		    uint32_t exit_code);
/* Takes down what stands against all the others, and who they are. Once, at the end. */
int sheet_take_rest(struct sheet *s, const struct view_input *in);

/* What was taken down, each connection once. */
struct sheet_totals {
	uint32_t processes;
	uint32_t running;    /* of these */
	uint64_t opened;     /* connections */
	uint32_t groups;     /* of findings that no suppression took */
	uint32_t findings;   /* as their counts add up */
	uint32_t suppressed; /* likewise */
	/* Bits of enum verdict_class. */
	uint64_t certain;
	uint64_t suspected;
};
const struct sheet_totals *sheet_totals(const struct sheet *s);

/* The findings that were not suppressed, the largest group first. 0 or -errno. */
int sheet_report_findings(FILE *out, const struct sheet *s);
/* "pid 12 (comm), pid 14 (other)": who still runs; "" for nobody. */
char *sheet_running(char *buf, size_t len, const struct sheet *s);

/* All that `attach` says at its end: head, processes, findings, blocked time. */
int sheet_report(FILE *out, const struct sheet *s, const struct view_input *in,
		 const char *(*command)(void *arg, uint32_t pid), void *arg);
/* One object, docs/JSON.md. Needs sheet_options.json. */
int sheet_json(FILE *out, const struct sheet *s, const struct view_input *in);
/* The suppressions that took something; with @all those that took nothing too. */
int sheet_report_suppressions(FILE *out, const struct sheet *s, bool all);

/* What a gate makes of it: which classes fail, by bits, where they are certain and where they are
 * only suspected; and what there is to say besides. */
struct sheet_gate {
	uint64_t fail_certain;
	uint64_t fail_suspected;
	bool verbose; /* unused suppressions too */
	const char *command;
	const char *host;
	uint64_t begin_ns; /* CLOCK_MONOTONIC */
	uint64_t end_ns;
	uint64_t realtime_ns; /* at the begin, as time of day */
};
bool sheet_fails(const struct sheet *s, const struct sheet_gate *gate);
/* All that `run` says at its end. */
int sheet_gate_report(FILE *out, const struct sheet *s, const struct view_input *in,
		      const struct sheet_gate *gate);
/* JUnit XML: a test case a process, which fails with its findings. */
int sheet_junit(FILE *out, const struct sheet *s, const struct sheet_gate *gate);
