/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A task's state and descriptors, followed by probe reads: for programs that are given a task, not
 * a file. */
#pragma once

#include "lostsock.bpf.h"

#define S_IFMT	 0170000
#define S_IFSOCK 0140000

/* Has its process threads that have not begun to end? */
static __always_inline bool others_live(struct task_struct *task)
{
	return BPF_CORE_READ(task, signal, live.counter);
}

static __always_inline __u32 fds_max(struct task_struct *task)
{
	return BPF_CORE_READ(task, files, fdt, max_fds);
}

/* The file behind a descriptor of @task, NULL if there is none. */
static __always_inline struct file *file_of(struct task_struct *task, __u32 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **slot, *file = NULL;

	if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	slot = BPF_CORE_READ(fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), slot + fd);
	return file;
}

/* The socket behind @file, NULL if it is none. */
static __always_inline struct sock *sock_of_file(struct file *file)
{
	struct socket *sock;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	sock = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(sock, sk);
}

static __always_inline struct sock *sock_of(struct task_struct *task, __u32 fd)
{
	return sock_of_file(file_of(task, fd));
}

/* Until 6.12 a plain count, from then on one less than the references. */
struct file___counted {
	atomic64_t f_count;
} __attribute__((preserve_access_index));

/* By how many descriptors, of all processes, it can be reached; in flight or in a ring, too. */
static __always_inline __u64 file_refs(struct file *file)
{
	struct file___counted *old = (void *)file;

	if (bpf_core_field_exists(old->f_count))
		return BPF_CORE_READ(old, f_count.counter);
	return BPF_CORE_READ(file, f_ref.refcnt.counter) + 1;
}

#define TASK_INTERRUPTIBLE   1
#define TASK_UNINTERRUPTIBLE 2

struct task_struct___old {
	long state;
} __attribute__((preserve_access_index));

/* How it sleeps, 0 if it does not. */
static __always_inline __u32 sleeps(struct task_struct *task)
{
	struct task_struct___old *old = (void *)task;
	__u64 state;

	if (bpf_core_field_exists(old->state))
		state = BPF_CORE_READ(old, state);
	else
		state = BPF_CORE_READ(task, __state);
	return state & (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE);
}
