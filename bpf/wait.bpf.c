// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Blocked time: how long each thread of a watched process sleeps, by place.
 *
 * Loaded only for given processes. Nearly all switches of the machine are others', so the very
 * first thing is to look the process up. Page faults and disks are counted by their call. Else a
 * place is a system call and a stack. The stack is walked, or known by its shape; one that is
 * neither is copied once, and until it has been unwound its place goes by instruction and stack
 * pointer.
 */
#include "blocked.bpf.h"
#include "files.bpf.h"
#include "lostsock.bpf.h"
#include "stack.bpf.h"
#include "syscalls.bpf.h"

#define PF_EXITING 0x00000004

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct ls_wait_key);
	__type(value, struct ls_wait_sum);
} waits SEC(".maps") __weak;

/* The kind of call, if it is on a socket. */
static __always_inline __u32 socket_call(struct task_struct *task, struct pt_regs *regs, int nr)
{
	__u32 call = call_of(nr);

	if (call == LS_CALL_NONE || call == LS_CALL_POLL)
		return call;
	return sock_of(task, REGS_ARG1(regs)) ? call : LS_CALL_NONE;
}

struct ls_wait_sum no_wait_yet = {}; /* a program's stack has no room for one */

/* Of use to the reader from the moment that start_ns is set. */
static __always_inline struct ls_wait_sum *new_place(struct task_struct *task,
						     const struct ls_wait_key *key)
{
	struct ls_wait_sum *sum;

	if (bpf_map_update_elem(&waits, key, &no_wait_yet, BPF_NOEXIST)) {
		lose(LS_LOST_MAP);
		return NULL;
	}
	sum = bpf_map_lookup_elem(&waits, key);
	if (!sum)
		return NULL;
	sum->stack = key->stack;
	sum->call = socket_call(task, (void *)bpf_task_pt_regs(task), key->nr);
	sum->start_ns = process_start_ns(task);
	return sum;
}

static __always_inline void place_of(struct ls_wait_key *key, struct task_struct *task, __u32 how,
				     struct outside *o)
{
	key->pid = task->tgid;
	key->tid = task->pid;
	key->nr = REGS_NR((struct pt_regs *)bpf_task_pt_regs(task));
	key->stack = -1;
	if (cfg.stacks == LS_STACKS_NONE || !(how & TASK_INTERRUPTIBLE))
		return;
	key->stack = stack_without_copy(task, o);
	if (key->stack >= 0)
		return;
	key->stack = -1 - (__s32)o->seen;
	key->ip = o->key.ip;
	key->sp = o->key.sp;
}

static __always_inline void goes(struct task_struct *task)
{
	struct sitting now = {};
	struct ls_wait_sum *sum;
	struct outside o = {};
	__u32 tid = task->pid, how;

	if (task->flags & PF_EXITING) {
		bpf_map_delete_elem(&blocked, &tid);
		return;
	}
	how = sleeps(task);
	if (!how)
		return;
	place_of(&now.key, task, how, &o);
	sum = bpf_map_lookup_elem(&waits, &now.key) ?: new_place(task, &now.key);
	if (!sum)
		return;
	if (sum->stack < 0)
		sum->stack = stack_with_copy(task, &o);
	now.since_ns = bpf_ktime_get_ns();
	sum->since_ns = now.since_ns;
	if (bpf_map_update_elem(&blocked, &tid, &now, BPF_ANY))
		lose(LS_LOST_MAP);
}

static __always_inline __u32 bucket_of(__u64 ns)
{
	__u64 us = ns / 1000;
	__u32 i = 0;

	/* log2 by halves: the verifier need not follow a loop */
	if (us >> 16) {
		us >>= 16;
		i += 16;
	}
	if (us >> 8) {
		us >>= 8;
		i += 8;
	}
	if (us >> 4) {
		us >>= 4;
		i += 4;
	}
	if (us >> 2) {
		us >>= 2;
		i += 2;
	}
	i += us >> 1 & 1;
	return i < LS_WAIT_BUCKETS ? i : LS_WAIT_BUCKETS - 1;
}

static __always_inline void comes(struct task_struct *task)
{
	__u32 tid = task->pid, bucket;
	struct sitting *s = bpf_map_lookup_elem(&blocked, &tid);
	struct ls_wait_sum *sum;
	__u64 took_ns;

	if (!s || !s->since_ns)
		return;
	took_ns = bpf_ktime_get_ns() - s->since_ns;
	s->since_ns = 0;
	sum = bpf_map_lookup_elem(&waits, &s->key);
	if (!sum)
		return;
	sum->since_ns = 0;
	sum->count++;
	sum->total_ns += took_ns;
	if (took_ns > sum->max_ns)
		sum->max_ns = took_ns;
	bucket = bucket_of(took_ns);
	if (bucket < LS_WAIT_BUCKETS)
		sum->bucket[bucket]++;
}

static __always_inline bool watched(struct task_struct *task)
{
	return task->tgid && task_wanted(task); /* 0: it idles */
}

SEC("tp_btf/sched_switch")
int BPF_PROG(task_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	if (!preempt && watched(prev))
		goes(prev);
	if (watched(next))
		comes(next);
	return 0;
}
