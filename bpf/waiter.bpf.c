// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who waits: one row a process, and one for each thread that sleeps in a system call on a socket.
 *
 * The call and its arguments come from the registers that the thread saved when it entered the
 * kernel, so a stalled thread costs nothing until it is asked about.
 */
#include "files.bpf.h"
#include "lostsock.bpf.h"
#include "stack.bpf.h"
#include "syscalls.bpf.h"

#define PF_KTHREAD 0x00200000
#define POLL_SET   4 /* descriptors of a poll() that are looked at; more is an event loop */

/* The only socket in a poll() set, and its descriptor. */
static __always_inline struct sock *sock_polled(struct task_struct *task, unsigned long ufds,
						__u32 n, __s32 *fd)
{
	struct sock *found = NULL;
	struct pollfd set[POLL_SET];
	int i;

	if (!n || n > POLL_SET)
		return NULL;
	for (i = 0; i < POLL_SET; i++) {
		struct sock *sk;

		if (i >= (int)n)
			break;
		if (bpf_copy_from_user_task(&set[i], sizeof(set[i]),
					    (void *)(ufds + i * sizeof(set[i])), task, 0))
			return NULL;
		sk = set[i].fd < 0 ? NULL : sock_of(task, set[i].fd);
		if (!sk)
			continue;
		if (found)
			return NULL;
		found = sk;
		*fd = set[i].fd;
	}
	return found;
}

/* Joins a sleeping thread to its socket; false if it waits for none. */
static __always_inline bool waits(struct ls_task *row, struct task_struct *task, bool may_poll)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);
	struct sock *sk = NULL;
	int nr;

	if (!sleeps(task) || !regs || IS_COMPAT(task))
		return false;
	nr = REGS_NR(regs);
	row->nr = nr;
	row->call = call_of(nr);
	switch (row->call) {
	case LS_CALL_NONE:
		return false;
	case LS_CALL_POLL:
		if (!may_poll)
			return false;
		if (nr == NR_poll ? (int)REGS_ARG3(regs) < 0 : !REGS_ARG3(regs))
			row->flags |= LS_TASK_FOREVER;
		sk = sock_polled(task, REGS_ARG1(regs), REGS_ARG2(regs), &row->fd);
		break;
	default:
		if (nr != NR_recvmmsg || !REGS_ARG5(regs))
			row->flags |= LS_TASK_FOREVER;
		row->fd = REGS_ARG1(regs);
		sk = sock_of(task, row->fd);
	}
	if (!sk)
		return false;
	row->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	row->flags |= LS_TASK_BLOCKED;
	return true;
}

struct ls_copy waiter_copy = {}; /* too large for a program's stack; one reads at a time */

/* The registers only: user space reads the rest, of those whose stack it has not seen. */
static __always_inline void tell_regs(struct seq_file *seq, struct task_struct *task)
{
	struct ls_copy *c = &waiter_copy;

	copy_head(c, task);
	c->hdr.len = sizeof(*c);
	c->hdr.time_ns = snap_ns;
	c->stack = -1;
	c->bytes = 0;
	copy_regs(c, (void *)bpf_task_pt_regs(task));
	bpf_seq_write(seq, c, sizeof(*c));
}

static __always_inline int row(struct seq_file *seq, struct task_struct *task, bool may_poll)
{
	struct ls_task row;

	if (!task || (task->flags & PF_KTHREAD) || !task_wanted(task))
		return 0;
	__builtin_memset(&row, 0, sizeof(row));
	row.fd = -1;
	row.nr = -1;
	if (task->pid == task->tgid)
		row.flags |= LS_TASK_PROCESS;
	if (!waits(&row, task, may_poll) && !(row.flags & LS_TASK_PROCESS))
		return 0;
	row.hdr.type = LS_TASK;
	row.hdr.len = sizeof(row);
	row.hdr.time_ns = snap_ns;
	who_is(&row.who, task);
	row.switches = task->nvcsw + task->nivcsw;
	row.cgroup = cgroup_of(task);
	row.threads = BPF_CORE_READ(task, signal, nr_threads);
	row.ppid = BPF_CORE_READ(task, real_parent, tgid);
	row.netns = task_netns(task);
	BPF_CORE_READ_STR_INTO(&row.comm, task, comm);
	bpf_seq_write(seq, &row, sizeof(row));
	if (cfg.waiters && (row.flags & LS_TASK_BLOCKED))
		tell_regs(seq, task);
	return 0;
}

/* One of the two is loaded: poll()'s set is user memory, which only a sleepable program on 5.18 and
 * later may read. */
SEC("iter.s/task")
int tasks(struct bpf_iter__task *ctx)
{
	return row(seq_of(ctx->meta), ctx->task, true);
}

SEC("iter/task")
int tasks_nopoll(struct bpf_iter__task *ctx)
{
	return row(seq_of(ctx->meta), ctx->task, false);
}
