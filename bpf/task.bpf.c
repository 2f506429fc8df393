// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Processes and threads: fork, exec, exit. They name the process behind a pid, follow children into
 * the filter, and say how a process ended while its connections were still open (this tracepoint
 * fires before the descriptors are closed).
 */
#include "lostsock.bpf.h"

static __always_inline void tell(struct task_struct *task, __u32 what, __u32 ppid)
{
	struct ls_proc *rec;

	if ((cfg.filters & LS_FILTER_NETNS) &&
	    BPF_CORE_READ(task, nsproxy, net_ns, ns.inum) != cfg.netns)
		return;
	rec = ring_reserve(LS_PROC, sizeof(*rec));
	if (!rec)
		return;
	who_is(&rec->who, task);
	rec->what = what;
	rec->ppid = ppid;
	rec->exit_code = what >= LS_PROC_EXIT ? BPF_CORE_READ(task, exit_code) : 0;
	rec->netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	rec->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	rec->task_start_ns = BPF_CORE_READ(task, start_time);
	BPF_CORE_READ_STR_INTO(&rec->comm, task, comm);
	ring_submit(rec);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(task_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 pid = child->tgid;
	__u8 one = 1;

	if (!task_wanted(parent))
		return 0;
	if ((cfg.filters & LS_FILTER_PIDS) && child->pid == child->tgid &&
	    bpf_map_update_elem(&pids, &pid, &one, BPF_ANY))
		lose(LS_LOST_MAP);
	tell(child, child->pid == child->tgid ? LS_PROC_FORK : LS_PROC_THREAD, parent->tgid);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(task_exec, struct task_struct *task)
{
	if (task_wanted(task))
		tell(task, LS_PROC_EXEC, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(task_exit, struct task_struct *task)
{
	bool last = task->signal->live.counter == 0;
	__u32 pid = task->tgid;

	if (!task_wanted(task))
		return 0;
	tell(task, last ? LS_PROC_EXIT : LS_PROC_THREAD_EXIT, 0);
	if ((cfg.filters & LS_FILTER_PIDS) && last)
		bpf_map_delete_elem(&pids, &pid);
	return 0;
}
