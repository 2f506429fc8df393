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

#include <lostsock/event.h>

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
	__u32 copy_bytes; /* of a user stack at most, a multiple of 1,024; 0: frame pointers only */
	__u32 numbered;	  /* stack numbers are the source's: see enum ls_number */
	__u32 waiters;	  /* the registers of who is blocked on a socket stand after its row */
	__u32 execs;	  /* the reader is woken when a process becomes another program */
	__u32 datagram_stacks; /* who opens UDP sockets has a stack, too: not on every kernel */
};

/* On each CPU: is conn_end at work, and how many ends did conn_end_nested tell of meanwhile? */
struct ls_ending {
	__u64 busy;
	__u64 nested;
};

#define LS_PIDS_WORDS 1024 /* of 64 bits: pids that differ by 65,536 share one */

/* How the stack of a process in the map `hot` is taken. */
enum ls_hot {
	LS_HOT_ANY = 1,	   /* copied, where copies are taken at all */
	LS_HOT_FRAMES = 2, /* it keeps frame pointers */
};

/* Where the source numbers stacks, others' numbers carry one of these until it has seen them. */
enum ls_number {
	LS_NUMBER_COPY = 1 << 29,   /* a copy, told of by LS_COPY */
	LS_NUMBER_FRAMES = 1 << 30, /* in the map `stacks` */
	LS_NUMBER_MASK = (1 << 29) - 1,
};

#define LS_COPY_BYTES_MAX 32768

/* Shapes: a stack that was copied and unwound once is known again by its return addresses and where
 * they stand, so that it need not be copied twice. */
#define LS_SHAPE_WORDS 64
#define LS_SHAPES      4 /* stacks that look the same from the outside: as many callers */

struct ls_shape_key {
	__u32 pid;
	__u32 zero;
	__u64 ip;
	__u64 sp;
	__u64 lr; /* arm64: the return address of a function that has not stored it */
};

struct ls_shape {
	__s32 stack;		  /* the source's number */
	__u32 words;		  /* in use; 0: an empty place */
	__u64 hash;		  /* of the words: ls_shape_mix() of each in turn, from 0 */
	__u16 at[LS_SHAPE_WORDS]; /* above the stack pointer, in words of 8 bytes */
};

struct ls_shapes {
	struct ls_shape shape[LS_SHAPES];
};

/* Where a thread blocks: a stack that is known, or else what it looks like from the outside. */
struct ls_wait_key {
	__u32 pid;
	__u32 tid;
	__s32 nr;
	__s32 stack; /* negative: at ip and sp, after that many other stacks */
	__u64 ip;
	__u64 sp;
};

struct ls_wait_sum {
	__u64 start_ns; /* of its process */
	__s32 stack;
	__u32 call; /* enum ls_call */
	__u64 count;
	__u64 total_ns;
	__u64 max_ns;
	__u64 since_ns; /* 0: it does not sit here now */
	__u32 bucket[LS_WAIT_BUCKETS];
};

/* ---- probes in programs, see stream.bpf.c */

#define LS_PROBES_MAX	 1024
#define LS_OPERAND_READS 3

/* Where a value is found: registers and a number are added up, then that is read as an address, and
 * so on. Registers count from 1 in the words of struct pt_regs; 0: none. */
struct ls_operand {
	__s64 first;
	__s32 then[LS_OPERAND_READS]; /* added after each read */
	__u8 base, index;
	__u8 shift; /* of the index */
	__u8 reads;
	__s8 size; /* of the value, bytes; negative: it is signed */
	__u8 zero[7];
};

enum ls_probe_operand {
	LS_PROBE_CONN = 0,
	LS_PROBE_VALUE = 1, /* the stream's number, or a connection's value */
	LS_PROBE_HOW = 2,   /* of a connection: 1 a server's, 2 a client's */
	LS_PROBE_FD = 3,
	LS_PROBE_PROTO = 4,
	LS_PROBE_IF = 5,
	LS_PROBE_OPERANDS = 6,
};

/* What LS_PROBE_IF has to be, or nothing is written. */
enum ls_probe_test {
	LS_PROBE_ALWAYS = 0,
	LS_PROBE_EQUAL = 1,
	LS_PROBE_UNEQUAL = 2,
};

struct ls_probe {
	__u16 record; /* LS_STREAM or LS_STREAM_CONN; 0: nothing is written */
	__u16 what;   /* enum ls_stream_what or ls_stream_conn_what */
	__u16 library;
	__u16 test; /* enum ls_probe_test */
	__u64 expected;
	struct ls_operand operand[LS_PROBE_OPERANDS];
};

static inline __attribute__((always_inline)) __u64 ls_shape_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull; /* 2^64 / golden ratio */
	return hash ^ hash >> 29;
}

#endif
