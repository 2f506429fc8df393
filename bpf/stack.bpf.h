/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The user stack of the current task, by frame pointers, kept once each and named by a number.
 *
 * bpf_get_stackid() follows whatever a register happens to hold: in a program without frame
 * pointers that ends in a page fault in the kernel, at twice the price of all the rest. Here a
 * frame is read only where one can be: above the last, aligned, not far up the stack.
 */
#pragma once

#include "lostsock.bpf.h"

#define STACK_REACH   (1 << 20) /* bytes above the stack pointer */
#define STACK_NUMBERS 0x7fffffff

#if defined(__TARGET_ARCH_x86)
#define REGS_IP(regs) ((regs)->ip)
#define REGS_SP(regs) ((regs)->sp)
#define REGS_FP(regs) ((regs)->bp)
#elif defined(__TARGET_ARCH_arm64)
#define REGS_IP(regs) ((regs)->pc)
#define REGS_SP(regs) ((regs)->sp)
#define REGS_FP(regs) ((regs)->regs[29])
#endif

struct frames {
	__u64 ip[LS_STACK_DEPTH]; /* innermost first, 0 past the last */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct frames);
} stacks SEC(".maps") __weak;

/* Fills zeroed @f; returns a hash of it. */
static __always_inline __u64 walk_frames(struct frames *f, struct task_struct *task)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);
	__u64 sp = REGS_SP(regs), fp = REGS_FP(regs), last = sp, hash;
	struct {
		__u64 fp, ip;
	} link;
	int i;

	f->ip[0] = REGS_IP(regs);
	hash = f->ip[0];
	for (i = 1; i < LS_STACK_DEPTH; i++) {
		if (fp < last || fp - sp > STACK_REACH || fp % sizeof(fp))
			break;
		if (bpf_probe_read_user(&link, sizeof(link), (void *)fp) || !link.ip)
			break;
		f->ip[i] = link.ip;
		hash = (hash ^ link.ip) * 0x9e3779b97f4a7c15ull; /* 2^64 / golden ratio */
		hash ^= hash >> 29;
		last = fp + sizeof(link);
		fp = link.fp;
	}
	return hash;
}

static __always_inline bool same_frames(const struct frames *a, const struct frames *b)
{
	int i;

	for (i = 0; i < LS_STACK_DEPTH; i++)
		if (a->ip[i] != b->ip[i])
			return false;
	return true;
}

/* The number of the current task's stack; negative, and counted as lost, if it cannot be kept. */
static __always_inline __s32 stack_number(struct task_struct *task)
{
	struct frames f = {}, *known;
	__u64 hash = walk_frames(&f, task);
	__u32 id = (hash ^ hash >> 32) & STACK_NUMBERS;

	known = bpf_map_lookup_elem(&stacks, &id);
	if (known ? same_frames(known, &f) : !bpf_map_update_elem(&stacks, &id, &f, BPF_NOEXIST))
		return id;
	lose(LS_LOST_STACK);
	return -1;
}
