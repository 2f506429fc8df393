/* SPDX-License-Identifier: BSD-2-Clause */
/* The live source's stacks: numbered, named, and known again (live_stack.c, live_shape.c). */
#pragma once

#include "source/live_internal.h"
#include "symbol/symbol.h"

#define LIVE_DEPTH   64 /* frames of a stack */
#define LIVE_INLINED 8	/* functions at one address */

/* A list of addresses that has a number. */
struct live_known {
	uint32_t depth;
	uint64_t ip[]; /* innermost first */
};

struct live_stacks {
	struct symbolizer *sym;
	struct symbol_watch *watch; /* NULL: no right to perf events */
	uint32_t detail;	    /* enum live_detail */
	uint32_t given;		    /* numbers so far */
	uint64_t lost;
	Pvoid_t by_number;  /* JudyL: number → struct live_known, ours */
	Pvoid_t by_copy;    /* JudyL: the number of a copy → ours */
	Pvoid_t by_key;	    /* JudyL: symbolizer_stack_key() → ours */
	Pvoid_t by_ips;	    /* JudyL: hash of the addresses → ours */
	Pvoid_t execs;	    /* JudyL: pid → how often it has become another program */
	Pvoid_t taught;	    /* JudyL: pid → struct live_taught */
	uint32_t taught_at; /* which of a full row of shapes gives way next */
	struct symbol_frame frames[LIVE_INLINED];
};

/* live->stacks; live->pids are watched for new mappings. -ENOMEM: live_stacks_free() it still. */
int live_stacks_open(struct live *live, uint32_t detail);
void live_stacks_free(struct live_stacks *s);
/* What was mapped meanwhile; before the ring is read. */
void live_stacks_pump(struct live *live);
/* A process was made, became another program, or ended. */
void live_stacks_proc(struct live *live, const struct ls_proc *proc);

/* LS_COPY came up the ring. -errno of the sink. */
int live_stack_copied(struct live *live, const struct ls_copy *copy);
/* Unwinds the stack that starts with @copy's registers and of which @memory is known; tells of it
 * if it is new. *@number: ours, -1 if there is none. -errno of the sink. */
int live_stack_unwind(struct live *live, const struct ls_copy *copy, const void *memory, size_t len,
		      int32_t *number);
/* The number of a stack that user space has walked: @n addresses, at most LIVE_DEPTH; *@number as
 * above. */
int live_stack_walked(struct live *live, const struct ls_who *who, uint64_t time_ns,
		      const uint64_t *ips, uint32_t n, int32_t *number);
/* Our number in place of the kernel's *@stack. -errno of the sink. @forget: no other record will
 * name it. */
int live_stack_number(struct live *live, const struct ls_who *who, uint64_t time_ns, bool forget,
		      int32_t *stack);

/* ---- live_shape.c */
/* Tells the kernel how to know this stack again. */
void live_shape_teach(struct live *live, const struct ls_copy *copy, const void *memory, size_t len,
		      int32_t number, const struct live_known *known);
/* The process has ended, or has become another program. */
void live_shape_forget(struct live *live, uint32_t pid);
void live_shapes_free(struct live_stacks *s);
