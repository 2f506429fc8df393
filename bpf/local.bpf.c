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
#include "open.bpf.h"
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
	if (!sk || !has_connections(sk->type) || !cgroup_wanted(task))
		return 1;
	netns = task_netns(task);
	if (!NETNS_WANTED(netns))
		return 1;
	stack = user_stack(task);
	if (stack < 0)
		return 1;
	rec = open_reserve(task, ctx, stack, netns);
	if (!rec)
		return 1;
	rec->tuple.family = AF_UNIX;
	rec->tuple.role = LS_ROLE_CLIENT;
	rec->tuple.state = TCP_ESTABLISHED; /* as it will be, if it is ever told of */
	ring_submit(rec, rec->cookie);
	return 1;
}
