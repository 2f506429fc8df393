// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The truth: what is open right now, and who holds it.
 *
 * `files` walks every descriptor of every process and writes a row for each socket it meets. It is
 * the one pass that a tick needs, and all that is known of activity is read here, from counters and
 * clocks that the kernel keeps anyway. `socks_*` walk the kernel's own socket tables for what no
 * descriptor table holds; they are asked for seldom (source.h).
 */
#include "files.bpf.h"
#include "lostsock.bpf.h"
#include "tcp.bpf.h"

#define S_IFMT		    0170000
#define S_IFSOCK	    0140000
#define O_NONBLOCK	    04000
#define ANON_INODE_FS_MAGIC 0x09041934		/* include/uapi/linux/magic.h */
#define LONG_MAX_	    0x7fffffffffffffffL /* MAX_SCHEDULE_TIMEOUT: no limit */
#define RCV_SHUTDOWN	    1
#define SEND_SHUTDOWN	    2

__u32 uring_seen = 0; /* a process has an io_uring, which may hold sockets that no table shows */

static __always_inline __u32 age_ms(__u32 jiffies_then)
{
	__u32 ticks = (__u32)bpf_jiffies64() - jiffies_then;

	return (__u64)ticks * cfg.jiffy_ns / 1000000;
}

static __always_inline __u32 timeouts_of(struct sock *sk)
{
	__u32 flags = 0;

	if (sk->sk_rcvtimeo != LONG_MAX_)
		flags |= LS_SOCK_RCVTIMEO;
	if (sk->sk_sndtimeo != LONG_MAX_)
		flags |= LS_SOCK_SNDTIMEO;
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		flags |= LS_SOCK_RCV_SHUT;
	if (sk->sk_shutdown & SEND_SHUTDOWN)
		flags |= LS_SOCK_SND_SHUT;
	if (sk->__sk_common.skc_flags &
	    (1ul << bpf_core_enum_value(enum sock_flags, SOCK_KEEPOPEN)))
		flags |= LS_SOCK_KEEPALIVE;
	return flags;
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
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	__u8 state = row->tuple.state;
	__s32 unread;

	if (!tp)
		return;
	if (state == TCP_LISTEN) {
		row->tuple.role = LS_ROLE_LISTEN;
		row->unread = sk->sk_ack_backlog;
		row->unsent = sk->sk_max_ack_backlog;
		row->bytes_received = row->unread ? first_in_tcp_queue(tp) : 0;
		return;
	}
	if (row->tuple.rport)
		row->flags |= LS_SOCK_CONNECTED;
	if (state == TCP_SYN_SENT) {
		row->tuple.role = LS_ROLE_CLIENT;
		row->send_age_ms = LS_AGE_NEVER;
		row->recv_age_ms = LS_AGE_NEVER;
		row->ack_age_ms = LS_AGE_NEVER;
		return;
	}
	if (row->tuple.rport)
		row->tuple.role = tcp_role(tp, fin_sent(state));
	/* The FIN has a sequence number too, which no read ever takes away. */
	unread = tp->rcv_nxt - tp->copied_seq;
	if (unread > 0 && (sk->sk_shutdown & RCV_SHUTDOWN))
		unread--;
	row->unread = unread > 0 && state != TCP_CLOSE ? unread : 0;
	if (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT)
		row->unsent = tp->write_seq - tp->snd_una;
	row->bytes_sent = tp->bytes_sent - tp->bytes_retrans;
	row->bytes_received = tp->bytes_received;
	row->send_age_ms = row->bytes_sent ? age_ms(tp->lsndtime) : LS_AGE_NEVER;
	row->recv_age_ms =
		row->bytes_received ? age_ms(tp->inet_conn.icsk_ack.lrcvtime) : LS_AGE_NEVER;
	row->ack_age_ms = age_ms(tp->rcv_tstamp);
	if (tp->inet_conn.icsk_user_timeout)
		row->flags |= LS_SOCK_USER_TIMEOUT;
	if (!tp->snd_wnd && row->unsent)
		row->flags |= LS_SOCK_ZERO_WINDOW;
}

static __always_inline void row_udp(struct ls_sock *row, struct sock *sk)
{
	struct udp_sock *up = (void *)sk;
	__u32 waiting = sk->sk_receive_queue.qlen + BPF_CORE_READ(up, reader_queue.qlen);

	row->tuple.role = row->tuple.rport ? LS_ROLE_CLIENT : LS_ROLE_PEER;
	if (row->tuple.rport)
		row->flags |= LS_SOCK_CONNECTED;
	row->unread = waiting ? sk->sk_backlog.rmem_alloc.counter : 0;
	row->send_age_ms = LS_AGE_NEVER;
	row->recv_age_ms = LS_AGE_NEVER;
	row->ack_age_ms = LS_AGE_NEVER;
}

/* The bytes of a UNIX socket wait in its receiver's queue and are charged to its sender. */
static __always_inline void row_unix(struct ls_unix *row, struct unix_sock *u)
{
	struct sock *sk = (struct sock *)u, *peer = BPF_CORE_READ(u, peer);
	struct unix_address *own = BPF_CORE_READ(u, addr), *addr = own;
	struct ls_sock *s = &row->sock;
	__u32 waiting = sk->sk_receive_queue.qlen;
	unsigned long peer_flags;

	s->send_age_ms = LS_AGE_NEVER;
	s->recv_age_ms = LS_AGE_NEVER;
	s->ack_age_ms = LS_AGE_NEVER;
	if (s->tuple.state == TCP_LISTEN) {
		s->tuple.role = LS_ROLE_LISTEN;
		s->unread = waiting;
		s->unsent = sk->sk_max_ack_backlog;
		s->bytes_received = waiting ? first_in_unix_queue(sk) : 0;
	} else if (peer) {
		struct unix_sock *pu = (struct unix_sock *)peer;
		struct unix_address *theirs = BPF_CORE_READ(pu, addr);

		s->flags |= LS_SOCK_CONNECTED;
		s->tuple.role = own ? LS_ROLE_SERVER : theirs ? LS_ROLE_CLIENT : LS_ROLE_PEER;
		addr = own ?: theirs;
		peer_flags = BPF_CORE_READ(peer, __sk_common.skc_flags);
		if (!(peer_flags & (1ul << bpf_core_enum_value(enum sock_flags, SOCK_DEAD))))
			s->peer = BPF_CORE_READ(peer, __sk_common.skc_cookie.counter) ?: ~0ull;
		/* One reference belongs to the socket itself. */
		s->unread = waiting ? BPF_CORE_READ(peer, sk_wmem_alloc.refs.counter) - 1 : 0;
		s->unsent = sk->sk_wmem_alloc.refs.counter - 1;
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

/* What rows of every family have; the row is zeroed, its tuple and role are set. */
static __always_inline void row_common(struct ls_sock *s, struct sock *sk, const struct reach *r)
{
	s->hdr.type = LS_SOCK;
	s->hdr.time_ns = snap_ns;
	s->who.pid = r->pid;
	s->who.start_ns = r->start_ns;
	s->fd = r->fd;
	s->flags |= r->flags | timeouts_of(sk);
	s->err = sk->sk_err;
	s->tuple.netns = netns_of(sk);
	s->cookie = bpf_get_socket_cookie(sk);
}

/* A row that does not fit makes seq_file grow its buffer and come again. The two kinds have a frame
 * each: what most rows do not need is not zeroed for them. */
static __noinline int write_inet(struct seq_file *seq, struct sock *sk, struct reach *r)
{
	struct ls_sock row;

	__builtin_memset(&row, 0, sizeof(row));
	tuple_of(&row.tuple, sk);
	/* socket() that has not connected or listened yet, or never could: no connection. */
	if (row.tuple.proto == IPPROTO_TCP && row.tuple.state == TCP_CLOSE && !row.tuple.rport)
		return 0;
	if (row.tuple.proto == IPPROTO_TCP)
		row_tcp(&row, sk);
	else if (row.tuple.proto == IPPROTO_UDP)
		row_udp(&row, sk);
	else
		return 0;
	row.hdr.len = sizeof(row);
	row_common(&row, sk, r);
	return bpf_seq_write(seq, &row, sizeof(row));
}

static __noinline int write_unix(struct seq_file *seq, struct sock *sk, struct reach *r)
{
	struct ls_unix row;
	__u16 type = sk->sk_type;

	if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
		return 0;
	__builtin_memset(&row, 0, sizeof(row));
	tuple_of(&row.sock.tuple, sk);
	row.sock.hdr.len = sizeof(row.sock);
	row_unix(&row, (struct unix_sock *)sk);
	row_common(&row.sock, sk, r);
	if (row.sock.hdr.len == sizeof(row))
		return bpf_seq_write(seq, &row, sizeof(row));
	return bpf_seq_write(seq, &row, sizeof(row.sock));
}

static __always_inline void write_row(struct seq_file *seq, struct sock *sk, struct reach *r)
{
	__u16 family = sk->__sk_common.skc_family;

	if (!sock_wanted(sk))
		return;
	if (family == AF_INET || family == AF_INET6)
		write_inet(seq, sk, r);
	else if (family == AF_UNIX)
		write_unix(seq, sk, r);
}

static __always_inline void look_for_uring(struct file *file)
{
	const unsigned char *dname;
	char name[8] = {};

	if (uring_seen || BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return;
	dname = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	bpf_probe_read_kernel_str(name, sizeof(name), dname);
	if (name[0] == '[' && name[1] == 'i' && name[2] == 'o' && name[3] == '_' && name[4] == 'u')
		uring_seen = 1;
}

SEC("iter/task_file")
int files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *sock;
	struct reach r = {};
	struct sock *sk;

	if (!task || !file)
		return 0;
	sock = bpf_sock_from_file(file);
	if (!sock) {
		look_for_uring(file);
		return 0;
	}
	sk = sock->sk;
	if (!sk || !task_wanted(task))
		return 0;
	r.pid = task->tgid;
	r.start_ns = BPF_CORE_READ(task, group_leader, start_time);
	r.fd = ctx->fd;
	r.flags = file->f_flags & O_NONBLOCK ? LS_SOCK_NONBLOCK : 0;
	write_row(ctx->meta->seq, sk, &r);
	return 0;
}

/* Still has a file, so some process or ring can reach it: not an orphan, not in an accept queue. */
static __always_inline void socks_row(struct seq_file *seq, struct sock *sk)
{
	struct reach r = { .fd = -1 };

	if (BPF_CORE_READ(sk, sk_socket, file))
		write_row(seq, sk, &r);
}

SEC("iter/tcp")
int socks_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct tcp_sock *tp;

	if (!skc)
		return 0;
	/* NULL for time-wait and request sockets */
	tp = bpf_skc_to_tcp_sock(skc);
	if (tp)
		socks_row(ctx->meta->seq, (struct sock *)tp);
	return 0;
}

SEC("iter/udp")
int socks_udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *up = ctx->udp_sk; /* the verifier wants the copy */

	if (up)
		socks_row(ctx->meta->seq, (struct sock *)up);
	return 0;
}

SEC("iter/unix")
int socks_unix(struct bpf_iter__unix *ctx)
{
	struct unix_sock *u = ctx->unix_sk;

	if (u)
		socks_row(ctx->meta->seq, (struct sock *)u);
	return 0;
}
