/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A socket's row, filled from its counters and clocks: for the iterators, whose pointers have
 * types, and for a process that ends, whose have none. */
#pragma once

#include "lostsock.bpf.h"
#include "tcp.bpf.h"

#define LONG_MAX_     0x7fffffffffffffffL /* MAX_SCHEDULE_TIMEOUT: no limit */
#define RCV_SHUTDOWN  1
#define SEND_SHUTDOWN 2
#define O_NONBLOCK    04000

static __always_inline __u32 age_ms(__u32 jiffies_then)
{
	__u32 ticks = (__u32)bpf_jiffies64() - jiffies_then;

	return (__u64)ticks * cfg.jiffy_ns / 1000000;
}

/* Closed by all who had it. */
static __always_inline bool is_orphan(struct sock *sk)
{
	unsigned long flags = BPF_CORE_READ(sk, __sk_common.skc_flags);

	return flags & (1ul << bpf_core_enum_value(enum sock_flags, SOCK_DEAD));
}

static __always_inline __u32 timeouts_of(struct sock *sk)
{
	__u32 flags = 0;

	if (GET(sk, sk_rcvtimeo) != LONG_MAX_)
		flags |= LS_SOCK_RCVTIMEO;
	if (GET(sk, sk_sndtimeo) != LONG_MAX_)
		flags |= LS_SOCK_SNDTIMEO;
	if (GET(sk, sk_shutdown) & RCV_SHUTDOWN)
		flags |= LS_SOCK_RCV_SHUT;
	if (GET(sk, sk_shutdown) & SEND_SHUTDOWN)
		flags |= LS_SOCK_SND_SHUT;
	if (GET(sk, __sk_common.skc_flags) &
	    (1ul << bpf_core_enum_value(enum sock_flags, SOCK_KEEPOPEN)))
		flags |= LS_SOCK_KEEPALIVE;
	return flags;
}

/* Nothing is sent or received, or the kernel keeps no clock of it. */
static __always_inline void no_ages(struct ls_sock *row)
{
	row->send_age_ms = LS_AGE_NEVER;
	row->recv_age_ms = LS_AGE_NEVER;
	row->ack_age_ms = LS_AGE_NEVER;
}

/* Who stands first in a listener's queue: while it is the same, nobody accepts. Ports and inode
 * numbers say it where pointers would not, being used again at once. */
static __always_inline __u64 first_in_tcp_queue(struct tcp_sock *tp)
{
	struct sock *sk = BPF_CORE_READ(tp, inet_conn.icsk_accept_queue.rskq_accept_head, sk);
	__u32 addr;

	if (!sk)
		return 0;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
		addr = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	else
		addr = BPF_CORE_READ(sk, __sk_common.skc_v6_daddr.in6_u.u6_addr32[3]);
	return (__u64)BPF_CORE_READ(sk, __sk_common.skc_dport) << 32 | addr;
}

static __always_inline __u64 first_in_unix_queue(struct sock *sk)
{
	struct unix_sock *embryo = (void *)BPF_CORE_READ(sk, sk_receive_queue.next, sk);

	return BPF_CORE_READ(embryo, peer, sk_socket, file, f_inode, i_ino);
}

static __always_inline void row_tcp(struct ls_sock *row, struct sock *sk)
{
	struct tcp_sock *tp = TCP_SOCK(sk);
	__u8 state = row->tuple.state;
	__s32 unread;

	if (!tp)
		return;
	if (state == TCP_LISTEN) {
		row->tuple.role = LS_ROLE_LISTEN;
		row->unread = GET(sk, sk_ack_backlog);
		row->unsent = GET(sk, sk_max_ack_backlog);
		row->bytes_received = row->unread ? first_in_tcp_queue(tp) : 0;
		return;
	}
	if (row->tuple.rport)
		row->flags |= LS_SOCK_CONNECTED;
	if (state == TCP_SYN_SENT) {
		row->tuple.role = LS_ROLE_CLIENT;
		no_ages(row);
		return;
	}
	if (row->tuple.rport)
		row->tuple.role = tcp_role(tp, fin_sent(state));
	/* The FIN has a sequence number too, which no read ever takes away. */
	unread = GET(tp, rcv_nxt) - GET(tp, copied_seq);
	if (unread > 0 && (GET(sk, sk_shutdown) & RCV_SHUTDOWN))
		unread--;
	row->unread = unread > 0 && state != TCP_CLOSE ? unread : 0;
	if (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT)
		row->unsent = GET(tp, write_seq) - GET(tp, snd_una);
	row->bytes_sent = GET(tp, bytes_sent) - GET(tp, bytes_retrans);
	row->bytes_received = GET(tp, bytes_received);
	row->send_age_ms = row->bytes_sent ? age_ms(GET(tp, lsndtime)) : LS_AGE_NEVER;
	row->recv_age_ms =
		row->bytes_received ? age_ms(GET(tp, inet_conn.icsk_ack.lrcvtime)) : LS_AGE_NEVER;
	row->ack_age_ms = age_ms(GET(tp, rcv_tstamp));
	if (GET(tp, inet_conn.icsk_user_timeout))
		row->flags |= LS_SOCK_USER_TIMEOUT;
	if (!GET(tp, snd_wnd) && row->unsent)
		row->flags |= LS_SOCK_ZERO_WINDOW;
}

static __always_inline void row_udp(struct ls_sock *row, struct sock *sk)
{
	struct udp_sock *up = (void *)sk;
	__u32 waiting = GET(sk, sk_receive_queue.qlen) + BPF_CORE_READ(up, reader_queue.qlen);

	row->tuple.role = row->tuple.rport ? LS_ROLE_CLIENT : LS_ROLE_PEER;
	if (row->tuple.rport)
		row->flags |= LS_SOCK_CONNECTED;
	row->unread = waiting ? GET(sk, sk_backlog.rmem_alloc.counter) : 0;
	no_ages(row);
}

/* The bytes of a UNIX socket wait in its receiver's queue and are charged to its sender. */
static __always_inline void row_unix(struct ls_unix *row, struct unix_sock *u)
{
	struct sock *sk = (struct sock *)u, *peer = BPF_CORE_READ(u, peer);
	struct unix_address *own = BPF_CORE_READ(u, addr), *addr = own;
	struct ls_sock *s = &row->sock;
	__u32 waiting = GET(sk, sk_receive_queue.qlen);

	no_ages(s);
	if (s->tuple.state == TCP_LISTEN) {
		s->tuple.role = LS_ROLE_LISTEN;
		s->unread = waiting;
		s->unsent = GET(sk, sk_max_ack_backlog);
		s->bytes_received = waiting ? first_in_unix_queue(sk) : 0;
	} else if (peer) {
		struct unix_sock *pu = (struct unix_sock *)peer;
		struct unix_address *theirs = BPF_CORE_READ(pu, addr);

		s->flags |= LS_SOCK_CONNECTED;
		s->tuple.role = own ? LS_ROLE_SERVER : theirs ? LS_ROLE_CLIENT : LS_ROLE_PEER;
		addr = own ?: theirs;
		if (!is_orphan(peer))
			s->peer = BPF_CORE_READ(peer, __sk_common.skc_cookie.counter) ?: ~0ull;
		/* One reference belongs to the socket itself. */
		s->unread = waiting ? BPF_CORE_READ(peer, sk_wmem_alloc.refs.counter) - 1 : 0;
		s->unsent = GET(sk, sk_wmem_alloc.refs.counter) - 1;
	}
	if (addr) {
		__u32 len = BPF_CORE_READ(addr, len) - 2; /* without the family */

		/* What lies behind the name is somebody else's memory. */
		if (len > LS_PATH_LEN)
			len = LS_PATH_LEN;
		bpf_probe_read_kernel(row->path, len,
				      __builtin_preserve_access_index(&addr->name[0].sun_path));
		/* Abstract names start with NUL; show what ss shows. */
		if (!row->path[0] && len)
			row->path[0] = '@';
		row->path[LS_PATH_LEN] = 0;
		s->hdr.len = sizeof(*row);
	}
}

/* Who reaches a socket, and how; pid 0 where no descriptor table tells. */
struct reach {
	__u64 start_ns;
	__u32 pid;
	__s32 fd;
	__u32 flags; /* enum ls_sock_flag of the descriptor */
};

static __always_inline void reach_of(struct reach *r, struct task_struct *task)
{
	r->pid = task->tgid;
	r->start_ns = process_start_ns(task);
}

static __always_inline void reach_through(struct reach *r, __s32 fd, struct file *file)
{
	r->fd = fd;
	r->flags = GET(file, f_flags) & O_NONBLOCK ? LS_SOCK_NONBLOCK : 0;
}

/* What rows of every family have; the row is zeroed, its tuple and role are set. */
static __always_inline void row_common(struct ls_sock *s, struct sock *sk, const struct reach *r)
{
	s->hdr.type = LS_SOCK;
	s->hdr.time_ns = snap_ns;
	s->who.pid = r->pid;
	s->who.start_ns = r->start_ns;
	s->fd = r->fd;
	s->flags |= r->flags | timeouts_of(sk);
	s->err = GET(sk, sk_err);
	s->tuple.netns = netns_of(sk);
	s->cookie = COOKIE(sk);
}

/* Into a zeroed row; false for what is no connection. */
static __always_inline bool fill_inet(struct ls_sock *row, struct sock *sk, const struct reach *r)
{
	tuple_of(&row->tuple, sk);
	/* socket() that has not connected or listened yet, or never could: no connection. */
	if (row->tuple.proto == IPPROTO_TCP && row->tuple.state == TCP_CLOSE && !row->tuple.rport)
		return false;
	if (row->tuple.proto == IPPROTO_TCP)
		row_tcp(row, sk);
	else if (row->tuple.proto == IPPROTO_UDP)
		row_udp(row, sk);
	else
		return false;
	row->hdr.len = sizeof(*row);
	row_common(row, sk, r);
	return true;
}

/* Into a zeroed row, whose length is less where there is no name. */
static __always_inline void fill_unix(struct ls_unix *row, struct sock *sk, const struct reach *r)
{
	tuple_of(&row->sock.tuple, sk);
	row->sock.hdr.len = sizeof(row->sock);
	row_unix(row, (struct unix_sock *)sk);
	row_common(&row->sock, sk, r);
}
