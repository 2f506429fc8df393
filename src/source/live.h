/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The live kernel: loads and attaches the programs of bpf/, and brings up their records.
 */
#pragma once

#include <stddef.h>
#include <lostsock/config.h>
#include "source/source.h"

/* What is looked at more closely; for given processes, as each costs them something. */
enum live_detail {
	LIVE_COPY =
		1 << 0, /* stacks are copied where a program has no frame pointers, and unwound */
	LIVE_NAMES = 1 << 1,  /* stacks are named (LS_FRAME) */
	LIVE_ACCEPT = 1 << 2, /* accept() tells of the connection and its stack at once */
	LIVE_WAITS = 1 << 3,  /* blocked time (LS_WAIT), and the stacks of who waits (LS_WAITER) */
	LIVE_EMPTY =
		1 << 4,	    /* readers that go away empty, of connections named by live_suspect() */
	LIVE_HELD = 1 << 5, /* what a process still holds at its end (LS_HELD) */
	LIVE_STREAMS = 1 << 6, /* what programs tell of their streams (LS_STREAM) */
};

struct live_options {
	const uint32_t *pids; /* only these and their children; NULL: all */
	size_t pid_count;
	const char *cgroup;  /* only below this cgroup2 directory; NULL: all */
	uint32_t netns;	     /* only sockets of this network namespace (inode number); 0: all */
	uint32_t ring_pages; /* a power of two; 0: the default of 512 */
	enum ls_stacks stacks;
	uint32_t detail;     /* enum live_detail */
	const char *program; /* that pids[0] is going to become, an absolute path; NULL: none */
	const char *stream_probe; /* a file with rows for LIVE_STREAMS; NULL: none */
	uint32_t rows_max; /* that each of the kernel's tables has room for; 0: the default of each
			    */
	bool verbose;	   /* libbpf's own words go to stderr, and what is attached */
	bool mute;	   /* nothing else does: it belongs to a screen */
};

#define LIVE_ERROR_LEN 256

/* Loads, attaches, and starts to listen. On failure -errno, and one clear line in @err: what is
 * missing and how to get it. Nothing stays in the kernel when the process goes, however it goes. */
int live_open(struct source *src, const struct live_options *opt, char err[LIVE_ERROR_LEN]);

/* Takes the stacks of @pid's opens from now on (LS_STACKS_HOT). */
int live_hot(struct source *src, uint32_t pid);

/* Whose readers that go away empty are told of from now on (LIVE_EMPTY). At most 1,024 cookies;
 * replaces those of the last call. 0 switches it off, and costs nothing from then on. */
int live_suspect(struct source *src, const uint64_t *cookies, size_t n);

/* What a program has cost so far. The kernel keeps runs and run_ns only while somebody has asked it
 * to (kernel.bpf_stats_enabled). */
struct live_program {
	const char *name; /* the source's */
	uint64_t runs;
	uint64_t run_ns;
	uint64_t missed; /* left out, as the program was running already */
};

/* Of all programs that are loaded, @max at most; returns how many. */
size_t live_programs(struct source *src, struct live_program *program, size_t max);

/* Whether the probes of LIVE_STREAMS, which come and go with the programs, are perf's: those ask
 * for CAP_SYS_ADMIN each time. */
bool live_probes_need_admin(void);

/* One thing that the kernel may or may not give. */
struct live_feature {
	const char *name;
	const char *gives; /* what is lost without it */
	const char *mend;  /* how to get it */
	bool required;
	int err; /* 0: it works, else -errno */
};

/* Tries each by doing it; @n gets their number. Ends early where one is missing that all the others
 * need: it is the last then. The table is the caller's to free(); NULL: no memory. */
struct live_feature *live_features(size_t *n, bool verbose);
