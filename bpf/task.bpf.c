// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Processes and threads: fork, exec, exit. They name the process behind a pid, follow children into
 * the filter, and say how a process ended while its connections were still open (this tracepoint
 * fires before the descriptors are closed).
 */
#include "blocked.bpf.h"
#include "files.bpf.h"
#include "lostsock.bpf.h"

struct tally {
	struct task_struct *task;
	__u32 max, held;
};

static long tally_fd(__u32 fd, void *arg)
{
	struct tally *t = arg;
	struct file *file;
	struct sock *sk;
	__u8 state;

	if (fd >= t->max)
		return 1;
	file = file_of(t->task, fd);
	sk = sock_of_file(file);
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	if (!sock_wanted(sk))
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state != TCP_LISTEN && state != TCP_CLOSE && file_refs(file) == 1)
		t->held++;
	return 0;
}

#define FDS_MAX		 (1 << 20)
#define FDS_WITHOUT_LOOP 256 /* before 5.17 the verifier walks every turn of a loop */

/* The connections that end with @task: nobody else holds them. */
static __always_inline __u32 held_by(struct task_struct *task)
{
	struct tally t = { .task = task };
	__u32 fd;

	t.max = fds_max(task);
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(FDS_MAX, tally_fd, &t, 0);
		return t.held;
	}
	for (fd = 0; fd < FDS_WITHOUT_LOOP; fd++)
		if (tally_fd(fd, &t))
			break;
	return t.held;
}

/* @number: of a birth the parent, of ASKED the signal. */
static __always_inline void tell(struct task_struct *task, __u32 what, __u32 number)
{
	__u32 netns = task_netns(task);
	struct ls_proc *rec;

	if (!NETNS_WANTED(netns))
		return;
	rec = ring_reserve(LS_PROC, sizeof(*rec));
	if (!rec)
		return;
	who_is(&rec->who, task);
	rec->what = what;
	rec->ppid = what == LS_PROC_ASKED ? 0 : number;
	if (what == LS_PROC_ASKED)
		rec->exit_code = number;
	else
		rec->exit_code = what >= LS_PROC_EXIT ? BPF_CORE_READ(task, exit_code) : 0;
	rec->held = what == LS_PROC_EXIT && (rec->exit_code & 0x7f) ? held_by(task) : 0;
	rec->zero = 0;
	rec->netns = netns;
	rec->cgroup = cgroup_of(task);
	rec->task_start_ns = BPF_CORE_READ(task, start_time);
	/* The process's name, not that of the thread that starts or ends. */
	BPF_CORE_READ_STR_INTO(&rec->comm, task, group_leader, comm);
	/* A new program's stacks may be copied or walked: the sooner that is known, the better. */
	if ((cfg.copy_bytes || cfg.execs) && what == LS_PROC_EXEC)
		bpf_ringbuf_submit(rec, BPF_RB_FORCE_WAKEUP);
	else
		ring_submit(rec, rec->who.tid);
}

/* How stacks are taken goes with the program: to a child, not beyond an exec. */
static __always_inline void hot_fork(__u32 parent, __u32 child)
{
	__u8 *how = cfg.copy_bytes ? bpf_map_lookup_elem(&hot, &parent) : NULL;
	__u8 same;

	if (!how)
		return;
	same = *how;
	bpf_map_update_elem(&hot, &child, &same, BPF_ANY);
}

static __always_inline void hot_exec(__u32 pid)
{
	__u8 *how = cfg.copy_bytes ? bpf_map_lookup_elem(&hot, &pid) : NULL;

	if (how)
		*how = LS_HOT_ANY;
}

static __always_inline void follow(__u32 pid)
{
	__u8 one = 1;

	__sync_fetch_and_or(&pids_maybe[pid / 64 % LS_PIDS_WORDS], 1ull << pid % 64);
	if (bpf_map_update_elem(&pids, &pid, &one, BPF_ANY))
		lose(LS_LOST_MAP);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(task_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 pid = child->tgid;

	if (!task_wanted(parent))
		return 0;
	if ((cfg.filters & LS_FILTER_PIDS) && child->pid == child->tgid)
		follow(pid);
	if (child->pid == child->tgid)
		hot_fork(parent->tgid, pid);
	tell(child, child->pid == child->tgid ? LS_PROC_FORK : LS_PROC_THREAD, parent->tgid);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(task_exec, struct task_struct *task)
{
	if (!task_wanted(task))
		return 0;
	hot_exec(task->tgid);
	tell(task, LS_PROC_EXEC, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(task_exit, struct task_struct *task)
{
	bool last = !others_live(task);
	__u32 pid = task->tgid, tid = task->pid;

	if (!task_wanted(task))
		return 0;
	tell(task, last ? LS_PROC_EXIT : LS_PROC_THREAD_EXIT, 0);
	if ((cfg.filters & LS_FILTER_PIDS) && last) {
		bpf_map_delete_elem(&pids, &pid);
		/* Only its own tasks write it there, and this was the last of them. */
		if (READ_ONCE(told_last) == pid)
			WRITE_ONCE(told_last, 0);
	}
	if (cfg.copy_bytes && last)
		bpf_map_delete_elem(&hot, &pid);
	/* Its last switch is not its process's any more, which is no longer watched. */
	if (cfg.waiters)
		bpf_map_delete_elem(&blocked, &tid);
	return 0;
}

#define SIGHUP	1
#define SIGINT	2
#define SIGQUIT 3
#define SIGTERM 15

/* Loaded with task_held: who is asked to end may leave the closing to its end. */
SEC("tp_btf/signal_deliver")
int BPF_PROG(task_asked, int sig)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (sig != SIGHUP && sig != SIGINT && sig != SIGQUIT && sig != SIGTERM)
		return 0;
	if (task_wanted(task))
		tell(task, LS_PROC_ASKED, sig);
	return 0;
}
