// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * MPTCP: what a program has is a wrapper around sockets of TCP's, its subflows. Its state and its
 * names are its own; the accept queue, the counters and most clocks are those of its first subflow.
 * (Go listens by MPTCP from 1.24 on; whoever comes by plain TCP is handed on as plain TCP.)
 */
#define GET(p, ...)  BPF_CORE_READ(p, __VA_ARGS__)
#define COOKIE(sk)   BPF_CORE_READ(sk, __sk_common.skc_cookie.counter)
#define TCP_SOCK(sk) ((struct tcp_sock *)(sk))

#include "lostsock.bpf.h"
#include "row.bpf.h"

/* From 6.10 on: of all subflows. */
struct mptcp_sock___clocks {
	u32 last_data_sent;
	u32 last_data_recv;
} __attribute__((preserve_access_index));

static __always_inline void younger(__u32 *age, __u32 jiffies_then)
{
	__u32 other = age_ms(jiffies_then);

	if (*age != LS_AGE_NEVER && other < *age)
		*age = other;
}

/* Fills what row_tcp() fills; @msk is the address of a struct mptcp_sock. */
__noinline int mptcp_row(struct ls_sock *row, __u64 msk)
{
	struct sock *first = BPF_CORE_READ((struct mptcp_sock *)msk, first);
	struct mptcp_sock___clocks *own = (void *)msk;
	__u8 state;

	if (!row || !first)
		return 0;
	state = row->tuple.state;
	row->tuple.state = BPF_CORE_READ(first, __sk_common.skc_state);
	row_tcp(row, first);
	row->tuple.state = state;
	if (state != TCP_LISTEN && bpf_core_field_exists(own->last_data_recv)) {
		younger(&row->send_age_ms, BPF_CORE_READ(own, last_data_sent));
		younger(&row->recv_age_ms, BPF_CORE_READ(own, last_data_recv));
	}
	return 0;
}
