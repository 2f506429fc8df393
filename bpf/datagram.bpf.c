// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * UDP: births and deaths, from the root cgroup's hooks. They run in the process that calls socket()
 * and wherever the last reference goes.
 */
#include "lostsock.bpf.h"
#include "open.bpf.h"
#include "stack.bpf.h"

SEC("cgroup/sock_create")
int datagram_open(struct bpf_sock *ctx)
{
	struct task_struct *task;
	struct ls_open *rec;
	__u32 netns;
	__s32 stack;

	if (ctx->protocol != IPPROTO_UDP || !current_wanted())
		return 1;
	task = bpf_get_current_task_btf();
	if (!cgroup_wanted(task))
		return 1;
	netns = task_netns(task);
	if (!NETNS_WANTED(netns))
		return 1;
	stack = cfg.datagram_stacks ? user_stack(task) : -1;
	rec = open_reserve(task, ctx, stack, netns);
	if (!rec)
		return 1;
	rec->tuple.family = ctx->family;
	rec->tuple.proto = IPPROTO_UDP;
	rec->tuple.role = LS_ROLE_PEER;
	rec->tuple.state = TCP_CLOSE;
	ring_submit(rec, rec->cookie);
	return 1;
}

SEC("cgroup/sock_release")
int datagram_end(struct bpf_sock *ctx)
{
	if (ctx->protocol == IPPROTO_UDP)
		tell_end(bpf_get_socket_cookie(ctx));
	return 1;
}
