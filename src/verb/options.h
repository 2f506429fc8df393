/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line: one table of options (options.c), each with the verbs that take it, by which it
 * is read (options_parse.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "verdict/verdict.h"
#include "view/view.h"

enum verb_bit {
	VERB_TOP = 1 << 0,
	VERB_RECORD = 1 << 1,
	VERB_REPLAY = 1 << 2,
	VERB_DOCTOR = 1 << 3,
	VERB_ATTACH = 1 << 4,
	VERB_RUN = 1 << 5,
	VERB_EXPORT = 1 << 6,
};

#define OPTIONS_PIDS	  1024
#define OPTIONS_ERROR_LEN 256

struct options {
	unsigned int verb; /* enum verb_bit */
	const char *file;  /* of record and replay */
	char **command;	   /* of run, NULL-terminated */
	/* what to watch, in the kernel */
	uint32_t pids[OPTIONS_PIDS];
	size_t pid_count;
	const char *cgroup;
	uint32_t netns;
	uint32_t ring_pages;
	uint32_t stacks;	  /* enum ls_stacks */
	uint32_t detail;	  /* enum live_detail; set by the verb */
	bool copy;		  /* attach, run: stacks are copied and unwound */
	bool streams;		  /* top, record; attach and run have it always */
	const char *stream_probe; /* a file; NULL: none */
	const char *program;	  /* run: the file that pids[0] is going to become; NULL: unknown */
	/* what to show */
	struct view_report_options view;
	struct verdict_thresholds thresholds;
	bool once, json, all, verbose;
	uint64_t fail_on; /* bit per enum verdict_class */
	/* of a gate */
	const char *suppress, *report, *junit, *user;
	uint64_t settle_ns;
	/* of an exporter */
	const char *web_listen, *web_path, *web_config; /* the last may be NULL */
	uint64_t max_names;				/* 0: the view's own */
	uint64_t max_conns;				/* that are kept; 0: the ledger's own */
	bool by_pid;
	/* when */
	uint64_t interval_ns; /* 0: the verb's own */
	uint64_t for_ns;      /* 0: until told to stop */
	uint64_t count;	      /* reports; 0: no limit */
	double speed;	      /* of a replay, 0: as fast as it goes */
	bool help;
	void (*list)(FILE *out); /* `help` in place of a value: print what there is */
};

/* Fills @opt from the words after the verb. -EINVAL: @err has one clear line. */
int options_parse(struct options *opt, unsigned int verb, int argc, char **argv,
		  char err[OPTIONS_ERROR_LEN]);
/* The options that @verb takes, a line each. */
void options_help(FILE *out, unsigned int verb);
