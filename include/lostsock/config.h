/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the loader tells the programs, before they are verified: read-only data, so that what is
 * switched off costs nothing. Not part of the wire; both sides come from one build.
 */
#ifndef LOSTSOCK_CONFIG_H
#define LOSTSOCK_CONFIG_H

#ifndef __bpf__
#include <linux/types.h>
#endif

enum ls_filter {
	LS_FILTER_PIDS = 1 << 0,   /* only the processes in the map `pids`, and their children */
	LS_FILTER_CGROUP = 1 << 1, /* only below one cgroup2 */
	LS_FILTER_NETNS = 1 << 2,  /* only sockets of one network namespace */
};

enum ls_stacks {
	LS_STACKS_NONE = 0,
	LS_STACKS_HOT = 1, /* of the processes in the map `hot`: those that lose sockets */
	LS_STACKS_ALL = 2,
};

struct ls_config {
	__u32 filters; /* enum ls_filter */
	__u32 netns;   /* inode number */
	__u64 cgroup;  /* cgroup2 id */
	__u32 cgroup_level;
	__u32 stacks;	  /* enum ls_stacks */
	__u32 jiffy_ns;	  /* clock_getres(CLOCK_MONOTONIC_COARSE) */
	__u32 wake_bytes; /* the ring wakes its reader when it holds this much */
	__u32 self;	  /* our own pid */
	__u32 zero;
};

#endif
