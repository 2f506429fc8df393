// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * TCP: who accepts, in the acceptor's own context.
 *
 * There is no tracepoint at accept(). One on the exit of all system calls would do, but costs every
 * system call of the machine 100 ns: two in a hundred of what a program can do that opens, accepts
 * and closes all the time. A tracepoint at the first receive sits on the data path, and has the
 * stack of a reader. But accept() asks for the peer's name if its caller wants to know it, and that
 * is where a cgroup may have its say: it costs nobody else anything but a lookup in each accept().
 * It is asked for by most programs and runtimes; those that accept without (libuv) may ask by
 * getpeername(), and else the next snapshot finds the connection, without a stack.
 */
#include "lostsock.bpf.h"
#include "open.bpf.h"
#include "stack.bpf.h"
#include "syscalls.bpf.h"

/* It may be another's business whose name is asked for: only who has just accepted is told of. */
static __always_inline bool accepting(struct task_struct *task)
{
	switch (REGS_NR((struct pt_regs *)bpf_task_pt_regs(task))) {
	case NR_accept:
	case NR_accept4:
		return !IS_COMPAT(task);
	}
	return false;
}

/* The verifier knows the socket's fields only at their places, each by a load of its own. */
#define TAKE(to, field)                                    \
	({                                                 \
		__u32 taken = *(volatile __u32 *)&(field); \
		barrier_var(taken);                        \
		(to) = taken;                              \
	})

/* Into a zeroed tuple. All before the paths part, where the compiler would make one load of two
 * fields. */
static __always_inline void accept_tuple(struct ls_tuple *t, __u8 family, struct bpf_sock *sk)
{
	__u32 *laddr = (__u32 *)t->laddr, *raddr = (__u32 *)t->raddr, laddr4, raddr4;

	t->family = family;
	t->proto = IPPROTO_TCP;
	t->role = LS_ROLE_SERVER;
	t->state = sk->state;
	t->lport = sk->src_port;
	t->rport = bpf_ntohs(sk->dst_port);
	TAKE(laddr4, sk->src_ip4);
	TAKE(raddr4, sk->dst_ip4);
	TAKE(laddr[1], sk->src_ip6[1]);
	TAKE(laddr[2], sk->src_ip6[2]);
	TAKE(laddr[3], sk->src_ip6[3]);
	TAKE(raddr[1], sk->dst_ip6[1]);
	TAKE(raddr[2], sk->dst_ip6[2]);
	TAKE(raddr[3], sk->dst_ip6[3]);
	TAKE(laddr[0], sk->src_ip6[0]);
	TAKE(raddr[0], sk->dst_ip6[0]);
	if (family != AF_INET)
		return;
	laddr[0] = laddr4;
	raddr[0] = raddr4;
	__builtin_memset(laddr + 1, 0, 12);
	__builtin_memset(raddr + 1, 0, 12);
}

static __always_inline int accepted(struct bpf_sock_addr *ctx)
{
	struct task_struct *task;
	struct bpf_sock *sk;
	struct ls_open *rec;
	__u32 netns;

	if (!current_wanted())
		return 1;
	task = bpf_get_current_task_btf();
	sk = ctx->sk;
	if (!sk || sk->protocol != IPPROTO_TCP || !cgroup_wanted(task) || !accepting(task))
		return 1;
	netns = task_netns(task);
	if (!NETNS_WANTED(netns))
		return 1;
	rec = open_reserve(task, ctx, user_stack(task), netns);
	if (!rec)
		return 1;
	accept_tuple(&rec->tuple, ctx->family, sk);
	ring_submit(rec, rec->cookie);
	return 1;
}

SEC("cgroup/getpeername4")
int accept4(struct bpf_sock_addr *ctx)
{
	return accepted(ctx);
}

SEC("cgroup/getpeername6")
int accept6(struct bpf_sock_addr *ctx)
{
	return accepted(ctx);
}
