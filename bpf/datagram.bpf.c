// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * UDP: births and deaths, from the root cgroup's hooks. They run in the process that calls socket()
 * and wherever the last reference goes.
 */
#include "lostsock.bpf.h"

SEC("cgroup/sock_create")
int datagram_open(struct bpf_sock *ctx)
{
	struct task_struct *task;
	struct ls_open *rec;

	if (ctx->protocol != IPPROTO_UDP || !current_wanted())
		return 1;
	/* These programs may not follow typed pointers: every read is a probe. */
	task = (void *)bpf_get_current_task();
	if (!task_wanted(task))
		return 1;
	if ((cfg.filters & LS_FILTER_NETNS) &&
	    BPF_CORE_READ(task, nsproxy, net_ns, ns.inum) != cfg.netns)
		return 1;
	rec = ring_reserve(LS_OPEN, sizeof(*rec));
	if (!rec)
		return 1;
	rec->cookie = bpf_get_socket_cookie(ctx);
	rec->who.pid = BPF_CORE_READ(task, tgid);
	rec->who.tid = BPF_CORE_READ(task, pid);
	rec->who.start_ns = BPF_CORE_READ(task, group_leader, start_time);
	rec->stack = -1;
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
