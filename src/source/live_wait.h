/* SPDX-License-Identifier: BSD-2-Clause */
/* The live source's waits: blocked time by place, and the stacks of who is blocked (live_wait.c,
 * live_waiter.c). */
#pragma once

#include "source/live_internal.h"

struct live_waits {
	Pvoid_t told;	   /* JudyL: hash of thread and place → what was last told of it */
	Pvoid_t ended;	   /* Judy1: threads that have ended since the last snapshot */
	Pvoid_t waiters;   /* JudyL: thread → its switches when its stack was last told */
	uint64_t until_ns; /* no more stacks are read in this snapshot from then on */
	uint64_t seq;	   /* the snapshot that it is for */
};

/* NULL: no memory. */
struct live_waits *live_waits_new(void);
void live_waits_free(struct live_waits *w);
void live_waits_proc(struct live *live, const struct ls_proc *proc);
/* Tells of all places whose counters have changed. -errno of the sink. */
int live_waits_tell(struct live *live, uint64_t time_ns);

/* ---- live_waiter.c */
/* Reads and tells the stack of the thread whose row was @task, unless it has not run since it was
 * last told. -errno of the sink. */
int live_waiter(struct live *live, const struct ls_task *task, const struct ls_copy *regs);
