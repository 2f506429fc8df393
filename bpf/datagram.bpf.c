// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * UDP: births and deaths, from the root cgroup's hooks. They run in the process that calls socket()
 * and wherever the last reference goes.
 */
#include "lostsock.bpf.h"
#include "stack.bpf.h"

SEC("cgroup/sock_create")
int datagram_open(struct bpf_sock *ctx)
{
	struct task_struct *task;
	struct ls_open *rec;
	__s32 stack;

	if (ctx->protocol != IPPROTO_UDP || !current_wanted())
		return 1;
	task = bpf_get_current_task_btf();
	if (!task_wanted(task))
		return 1;
	if ((cfg.filters & LS_FILTER_NETNS) &&
	    BPF_CORE_READ(task, nsproxy, net_ns, ns.inum) != cfg.netns)
		return 1;
	stack = cfg.datagram_stacks ? user_stack(task) : -1; /* see accept.bpf.c */
	rec = ring_reserve(LS_OPEN, sizeof(*rec));
	if (!rec)
		return 1;
	rec->cookie = bpf_get_socket_cookie(ctx);
	who_is(&rec->who, task);
	rec->stack = stack;
	rec->fd = -1;
	rec->zero = 0;
	__builtin_memset(&rec->tuple, 0, sizeof(rec->tuple));
	rec->tuple.family = ctx->family;
	rec->tuple.proto = IPPROTO_UDP;
	rec->tuple.role = LS_ROLE_PEER;
	rec->tuple.state = TCP_CLOSE;
	rec->tuple.netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	ring_submit(rec, rec->cookie);
	return 1;
}

SEC("cgroup/sock_release")
int datagram_end(struct bpf_sock *ctx)
{
	struct ls_end *rec;

	if (ctx->protocol != IPPROTO_UDP)
		return 1;
	rec = ring_reserve(LS_END, sizeof(*rec));
	if (!rec)
		return 1;
	rec->cookie = bpf_get_socket_cookie(ctx);
	ring_submit(rec, rec->cookie);
	return 1;
}
