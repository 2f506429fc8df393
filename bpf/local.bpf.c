// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * AF_UNIX: who connects, in the connector's own context.
 *
 * What is open is for the snapshots to show; they have no stack. So a record is written only where
 * a stack is taken, and the source keeps it until a snapshot shows that the call has succeeded: it
 * comes by before that is known, and each look into glibc's user database tries to reach a daemon
 * that hardly anybody runs.
 *
 * The hook is CGROUP_UNIX_CONNECT of Linux 6.7, for which libbpf 1.1 has no word: it is loaded as
 * such by live_load.c. What is used of its context is where that of connect4 has it.
 */
#include "lostsock.bpf.h"
#include "stack.bpf.h"

SEC("cgroup/connect4")
int local_open(struct bpf_sock_addr *ctx)
{
	struct task_struct *task;
	struct bpf_sock *sk;
	struct ls_open *rec;
	__u32 netns;
	__s32 stack;

	if (!current_wanted())
		return 1;
	task = bpf_get_current_task_btf();
	sk = ctx->sk;
	if (!sk || (sk->type != SOCK_STREAM && sk->type != SOCK_SEQPACKET) || !task_wanted(task))
		return 1;
	netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	if ((cfg.filters & LS_FILTER_NETNS) && netns != cfg.netns)
		return 1;
	stack = user_stack(task);
	if (stack < 0)
		return 1;
	rec = ring_reserve(LS_OPEN, sizeof(*rec));
	if (!rec)
		return 1;
	rec->cookie = bpf_get_socket_cookie(ctx);
	who_is(&rec->who, task);
	rec->stack = stack;
	rec->fd = -1;
	rec->zero = 0;
	__builtin_memset(&rec->tuple, 0, sizeof(rec->tuple));
	rec->tuple.family = AF_UNIX;
	rec->tuple.role = LS_ROLE_CLIENT;
	rec->tuple.state = TCP_ESTABLISHED; /* as it will be, if it is ever told of */
	rec->tuple.netns = netns;
	ring_submit(rec, rec->cookie);
	return 1;
}
