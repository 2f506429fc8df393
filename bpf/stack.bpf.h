/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The user stack of a task, named by a number: by frame pointers, or as a copy to be unwound in
 * user space.
 *
 * bpf_get_stackid() follows whatever a register happens to hold: in a program without frame
 * pointers that ends in a page fault in the kernel, at twice the price of all the rest. Here a
 * frame is read only where one can be: above the last, aligned, not far up the stack.
 *
 * A copy costs microseconds, and much more where it is unwound. What was unwound once is therefore
 * told to us: at which places above the stack pointer its return addresses stood. The same
 * addresses at the same places, below the same instruction and stack pointer, are the same stack;
 * to look costs no more than a walk by frame pointers. Programs that open in a loop are copied
 * once.
 */
#pragma once

#include "lostsock.bpf.h"

#define STACK_REACH   (1 << 20) /* bytes above the stack pointer */
#define STACK_NUMBERS 0x7fffffff

#if defined(__TARGET_ARCH_x86)
#define REGS_LR(regs) 0
#define REGS_IP(regs) ((regs)->ip)
#define REGS_SP(regs) ((regs)->sp)
#define REGS_FP(regs) ((regs)->bp)
#elif defined(__TARGET_ARCH_arm64)
#define REGS_LR(regs) ((regs)->regs[30])
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

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct ls_shape_key);
	__type(value, struct ls_shapes);
} shapes SEC(".maps") __weak;

extern __u32 copies;	   /* taken so far; their numbers */
extern __u32 copies_await; /* a reader is on its way to them; it sets it back */

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
		hash = ls_shape_mix(hash, link.ip);
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

/* The number of @task's stack by frame pointers; negative, and counted as lost, if it cannot be
 * kept. */
static __always_inline __s32 frames_number(struct task_struct *task)
{
	struct frames f = {}, *known;
	__u64 hash = walk_frames(&f, task);
	__u32 id = (hash ^ hash >> 32) & STACK_NUMBERS;

	if (cfg.numbered)
		id = (id & LS_NUMBER_MASK) | LS_NUMBER_FRAMES;
	known = bpf_map_lookup_elem(&stacks, &id);
	if (known ? same_frames(known, &f) : !bpf_map_update_elem(&stacks, &id, &f, BPF_NOEXIST))
		return id;
	lose(LS_LOST_STACK);
	return -1;
}

/* A callback is verified once, where a loop is walked turn by turn. */
struct comparing {
	const struct ls_shape *shape;
	__u64 sp;
	__u64 hash;
	bool gone; /* not readable */
};

static long compare_word(__u32 i, void *arg)
{
	struct comparing *c = arg;
	__u64 word;

	if (i >= LS_SHAPE_WORDS || i >= c->shape->words)
		return 1;
	if (bpf_probe_read_user(&word, sizeof(word), (void *)(c->sp + 8ull * c->shape->at[i]))) {
		c->gone = true;
		return 1;
	}
	c->hash = ls_shape_mix(c->hash, word);
	return 0;
}

static __always_inline bool same_shape(const struct ls_shape *s, __u64 sp)
{
	struct comparing c = { .shape = s, .sp = sp };

	if (!s->words)
		return false;
	bpf_loop(LS_SHAPE_WORDS, compare_word, &c, 0);
	return !c.gone && c.hash == s->hash;
}

/* The number of a stack that has been seen before; negative if it is new. *@seen: how many others
 * stood at the same place. */
static __noinline __s32 known_shape(const struct ls_shape_key *key, __u32 *seen)
{
	struct ls_shapes *known = bpf_map_lookup_elem(&shapes, key);
	__u32 i;

	if (!known)
		return -1;
	for (i = 0; i < LS_SHAPES; i++) {
		if (known->shape[i].words)
			(*seen)++;
		if (same_shape(&known->shape[i], key->sp))
			return known->shape[i].stack;
	}
	return -1;
}

#define COPY_STEP 1024

/* As much as there is from the stack pointer up: by big steps, and what is left before the stack's
 * end by ever smaller ones. c->bytes counts; the verifier need not follow what it reads back. */
static __always_inline void copy_memory(struct ls_copy *c, __u64 sp)
{
	char *to = (char *)(c + 1);
	__u32 at, step, i;

	c->bytes = 0;
	for (i = 0; i < LS_COPY_BYTES_MAX / COPY_STEP; i++) {
		at = c->bytes;
		if (at > cfg.copy_bytes - COPY_STEP)
			return;
		if (bpf_probe_read_user(to + at, COPY_STEP, (void *)(sp + at)))
			break;
		c->bytes = at + COPY_STEP;
	}
#pragma unroll
	for (step = COPY_STEP / 2; step >= 32; step /= 2) {
		at = c->bytes;
		if (at > cfg.copy_bytes - COPY_STEP)
			return;
		if (!bpf_probe_read_user(to + at, step, (void *)(sp + at)))
			c->bytes = at + step;
	}
}

static __always_inline void copy_regs(struct ls_copy *c, struct pt_regs *regs)
{
	__builtin_memset(c->regs, 0, sizeof(c->regs));
#if defined(__TARGET_ARCH_x86)
	c->regs[0] = BPF_CORE_READ(regs, ax);
	c->regs[1] = BPF_CORE_READ(regs, dx);
	c->regs[2] = BPF_CORE_READ(regs, cx);
	c->regs[3] = BPF_CORE_READ(regs, bx);
	c->regs[4] = BPF_CORE_READ(regs, si);
	c->regs[5] = BPF_CORE_READ(regs, di);
	c->regs[6] = BPF_CORE_READ(regs, bp);
	c->regs[7] = BPF_CORE_READ(regs, sp);
	c->regs[8] = BPF_CORE_READ(regs, r8);
	c->regs[9] = BPF_CORE_READ(regs, r9);
	c->regs[10] = BPF_CORE_READ(regs, r10);
	c->regs[11] = BPF_CORE_READ(regs, r11);
	c->regs[12] = BPF_CORE_READ(regs, r12);
	c->regs[13] = BPF_CORE_READ(regs, r13);
	c->regs[14] = BPF_CORE_READ(regs, r14);
	c->regs[15] = BPF_CORE_READ(regs, r15);
	c->regs[16] = BPF_CORE_READ(regs, ip);
#elif defined(__TARGET_ARCH_arm64)
	bpf_core_read(c->regs, sizeof(regs->regs), &regs->regs);
	c->regs[31] = BPF_CORE_READ(regs, sp);
	c->regs[32] = BPF_CORE_READ(regs, pc);
#endif
}

static __always_inline void copy_head(struct ls_copy *c, struct task_struct *task)
{
	c->hdr.type = LS_COPY;
	c->hdr.zero = 0;
	c->hdr.time_ns = bpf_ktime_get_ns();
	who_is(&c->who, task);
}

/* Copies may fill half of the ring; the rest is for the records that name them. A reader is woken
 * at once, as the sooner a stack is known again, the fewer are copied; but once, which is as dear
 * as a copy. */
static __always_inline __s32 copy_number(struct task_struct *task, struct pt_regs *regs, __u64 sp)
{
	__u64 waits = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	struct ls_copy *c = NULL;
	__s32 number;

	if (waits < 2 * (__u64)cfg.wake_bytes)
		c = bpf_ringbuf_reserve(&ring, sizeof(*c) + cfg.copy_bytes, 0);
	if (!c) {
		lose(LS_LOST_STACK);
		return -1;
	}
	copy_head(c, task);
	c->hdr.len = sizeof(*c) + cfg.copy_bytes;
	c->stack = (__sync_fetch_and_add(&copies, 1) & LS_NUMBER_MASK) | LS_NUMBER_COPY;
	copy_regs(c, regs);
	copy_memory(c, sp);
	number = c->stack;
	bpf_ringbuf_submit(c, copies_await ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
	copies_await = 1;
	return number;
}

static __always_inline void shape_key(struct ls_shape_key *key, __u32 pid, struct pt_regs *regs)
{
	key->pid = pid;
	key->zero = 0;
	key->ip = REGS_IP(regs);
	key->sp = REGS_SP(regs);
	key->lr = REGS_LR(regs);
}

/* What is known of a stack without a copy of it. */
struct outside {
	struct ls_shape_key key;
	__u32 seen;  /* other stacks that stood at the same place */
	bool copied; /* it is for a copy to tell */
};

static __noinline __s32 stack_without_copy(struct task_struct *task, struct outside *o)
{
	__u32 pid = task->tgid;
	__u8 *how = NULL;

	if (cfg.stacks == LS_STACKS_HOT || cfg.copy_bytes)
		how = bpf_map_lookup_elem(&hot, &pid);
	if (cfg.stacks == LS_STACKS_HOT && !how)
		return -1;
	if (!cfg.copy_bytes || (how && *how == LS_HOT_FRAMES))
		return frames_number(task);
	shape_key(&o->key, pid, (void *)bpf_task_pt_regs(task));
	o->copied = true;
	return known_shape(&o->key, &o->seen);
}

static __noinline __s32 stack_with_copy(struct task_struct *task, const struct outside *o)
{
	if (!o->copied)
		return -1;
	return copy_number(task, (void *)bpf_task_pt_regs(task), o->key.sp);
}

/* The number of @task's user stack, negative if none is wanted or to be had. */
static __always_inline __s32 user_stack(struct task_struct *task)
{
	struct outside o = {};
	__s32 known;

	if (cfg.stacks == LS_STACKS_NONE)
		return -1;
	known = stack_without_copy(task, &o);
	if (!cfg.copy_bytes || known >= 0)
		return known;
	return stack_with_copy(task, &o);
}
