// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * TCP: births and deaths.
 *
 * One record when a connection is opened, one when its socket dies; everything between is for the
 * snapshot to read. The record of an accepted connection is written when its owner begins to close
 * it: one that lives is found by the next snapshot anyhow, with its true holder. So nothing needs
 * to be attached to accept(); what is, for given processes, wants the stack: see accept.bpf.c.
 */
#include "lostsock.bpf.h"
#include "open.bpf.h"
#include "stack.bpf.h"
#include "tcp.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct ls_config cfg = {};
__u64 snap_ns = 0;
__u64 pids_maybe[LS_PIDS_WORDS] = {};
__u32 told_last = 0;
__u32 copies = 0;
__u32 copies_await = 0;

/* A snapshot that stands on a descriptor while its owner closes it does the closing itself, and is
 * not to take the blame: neither ours nor that of another lostsock. */
static __always_inline bool passes_by(struct task_struct *task)
{
	static const char name[8] = "lostsock";
	__u64 comm[2] = {};

	if ((__u32)task->tgid == cfg.self)
		return true;
	bpf_get_current_comm(comm, sizeof(comm));
	return comm[0] == *(const __u64 *)name && !(__u8)comm[1];
}

static __always_inline void opened(struct sock *sk, __u8 role, __u8 state)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct ls_open *rec;
	__s32 stack;

	if (sk->sk_protocol != IPPROTO_TCP || !sock_wanted(sk) || !cgroup_wanted(task))
		return;
	stack = role == LS_ROLE_CLIENT ? user_stack(task) : -1;
	rec = open_reserve(task, sk, stack, sk->__sk_common.skc_net.net->ns.inum);
	if (!rec)
		return;
	if (role == LS_ROLE_SERVER && passes_by(task))
		__builtin_memset(&rec->who, 0, sizeof(rec->who));
	tuple_of(&rec->tuple, sk);
	rec->tuple.role = role;
	rec->tuple.state = state; /* the socket still has its old one */
	ring_submit(rec, rec->cookie);
}

/* An accepted connection, about to send its FIN or its reset. One that a snapshot has shown is told
 * of again, which does no harm; the ledger knows it. */
static __always_inline __u8 closing(struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	return tp && tcp_role(tp, 0) == LS_ROLE_SERVER ? LS_ROLE_SERVER : LS_ROLE_UNKNOWN;
}

/* Reset or timed out while a process still has it. */
static __always_inline void died(struct sock *sk)
{
	struct ls_dead *rec;

	if (!sk->__sk_common.skc_cookie.counter || !BPF_CORE_READ(sk, sk_socket) ||
	    sk->sk_protocol != IPPROTO_TCP || !sock_wanted(sk))
		return;
	rec = ring_reserve(LS_DEAD, sizeof(*rec));
	if (!rec)
		return;
	rec->cookie = sk->__sk_common.skc_cookie.counter;
	rec->err = sk->sk_err;
	rec->zero = 0;
	ring_submit(rec, rec->cookie);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(conn_state, struct sock *sk, int oldstate, int newstate)
{
	__u8 role = LS_ROLE_UNKNOWN; /* whose birth is to be told */

	switch (newstate) {
	case TCP_SYN_SENT:
		if (current_wanted())
			role = LS_ROLE_CLIENT;
		break;
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		if (current_wanted())
			role = closing(sk);
		break;
	case TCP_CLOSE:
		/* Owned: a system call of its own process is at work on it. */
		if (sk->sk_lock.owned &&
		    (oldstate == TCP_ESTABLISHED || oldstate == TCP_CLOSE_WAIT) && current_wanted())
			role = closing(sk);
		break;
	}
	if (role != LS_ROLE_UNKNOWN)
		opened(sk, role, newstate);
	if (newstate == TCP_CLOSE && oldstate != TCP_LISTEN && oldstate != TCP_CLOSE)
		died(sk);
	return 0;
}

static __always_inline void ended(struct sock *sk)
{
	__u64 cookie = sk->__sk_common.skc_cookie.counter;

	/* Nobody ever heard of it: nobody needs to hear of its end. */
	if (cookie && sock_wanted(sk))
		tell_end(cookie);
}

/*
 * A program does not run again on a CPU that it is running on. That happens: a socket may die in
 * its owner's system call (release_sock() works the backlog off) with softirqs on, and the one that
 * interrupts brings the ends of a hundred others, all of which conn_end would miss. So a second one
 * is attached behind it, and does the work where it finds the first one busy. The other programs
 * have nothing to tell from a softirq but LS_DEAD, which the next snapshot shows.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ls_ending);
} ending SEC(".maps");

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(conn_end, struct sock *sk)
{
	struct ls_ending *e = bpf_map_lookup_elem(&ending, &(__u32){ 0 });

	if (!e)
		return 0;
	WRITE_ONCE(e->busy, 1);
	ended(sk);
	WRITE_ONCE(e->busy, 0);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(conn_end_nested, struct sock *sk)
{
	struct ls_ending *e = bpf_map_lookup_elem(&ending, &(__u32){ 0 });

	if (!e || !READ_ONCE(e->busy))
		return 0;
	e->nested++;
	ended(sk);
	return 0;
}

/* Called with no skb when we are the ones who abort: close() with bytes unread. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(conn_abort, struct sock *sk, void *skb)
{
	struct task_struct *task;
	struct tcp_sock *tp;
	struct ls_abort *rec;
	__u32 unread;

	if (skb || !sk || !current_wanted() || !sock_wanted(sk))
		return 0;
	task = bpf_get_current_task_btf();
	if (!cgroup_wanted(task))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	/* SO_LINGER 0 and a full orphan table reset too, with nothing unread. */
	unread = tp->rcv_nxt - tp->copied_seq;
	if (!unread || unread > 1u << 31)
		return 0;
	rec = ring_reserve(LS_ABORT, sizeof(*rec));
	if (!rec)
		return 0;
	who_is(&rec->who, task);
	rec->cookie = bpf_get_socket_cookie(sk);
	rec->unread = unread;
	rec->zero = 0;
	ring_submit(rec, rec->cookie);
	return 0;
}
