/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The live kernel: loads and attaches the programs of bpf/, and brings up their records.
 */
#pragma once

#include <stddef.h>
#include <lostsock/config.h>
#include "source/source.h"

struct live_options {
	const uint32_t *pids; /* only these and their children; NULL: all */
	size_t pid_count;
	const char *cgroup;  /* only below this cgroup2 directory; NULL: all */
	uint32_t netns;	     /* only sockets of this network namespace (inode number); 0: all */
	uint32_t ring_pages; /* a power of two; 0: the default of 512 */
	enum ls_stacks stacks;
	bool verbose; /* libbpf's own words go to stderr */
};

#define LIVE_ERROR_LEN 256

/* Loads, attaches, and starts to listen. On failure -errno, and one clear line in @err: what is
 * missing and how to get it. Nothing stays in the kernel when the process goes, however it goes. */
int live_open(struct source *src, const struct live_options *opt, char err[LIVE_ERROR_LEN]);

/* Takes the stacks of @pid's opens from now on (LS_STACKS_HOT). */
int live_hot(struct source *src, uint32_t pid);

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
