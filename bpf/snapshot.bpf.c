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
#include "row.bpf.h"

#define ANON_INODE_FS_MAGIC 0x09041934 /* include/uapi/linux/magic.h */

__u32 uring_seen = 0; /* a process has an io_uring, which may hold sockets that no table shows */

/* A row that does not fit makes seq_file grow its buffer and come again. The two kinds have a frame
 * each: what most rows do not need is not zeroed for them. */
static __noinline int write_inet(struct seq_file *seq, struct sock *sk, struct reach *r)
{
	struct ls_sock row;

	__builtin_memset(&row, 0, sizeof(row));
	if (!fill_inet(&row, sk, r))
		return 0;
	return bpf_seq_write(seq, &row, sizeof(row));
}

static __noinline int write_unix(struct seq_file *seq, struct sock *sk, struct reach *r)
{
	struct ls_unix row;

	if (!has_connections(sk->sk_type))
		return 0;
	__builtin_memset(&row, 0, sizeof(row));
	fill_unix(&row, sk, r);
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
	struct seq_file *seq = seq_of(ctx->meta);
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
	reach_of(&r, task);
	reach_through(&r, ctx->fd, file);
	write_row(seq, sk, &r);
	return 0;
}

/* Who still has a file can be reached by some process or ring. Of those without, only an orphan
 * that was told of is of interest; the others wait in accept queues. */
static __always_inline void socks_row(struct seq_file *seq, struct sock *sk)
{
	struct reach r = { .fd = -1 };

	if (!BPF_CORE_READ(sk, sk_socket, file)) {
		if (!BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) || !is_orphan(sk))
			return;
		r.flags = LS_SOCK_ORPHAN;
	}
	write_row(seq, sk, &r);
}

SEC("iter/tcp")
int socks_tcp(struct bpf_iter__tcp *ctx)
{
	struct seq_file *seq = seq_of(ctx->meta);
	struct sock_common *skc = ctx->sk_common;
	struct tcp_sock *tp;

	if (!skc)
		return 0;
	/* NULL for time-wait and request sockets */
	tp = bpf_skc_to_tcp_sock(skc);
	if (tp)
		socks_row(seq, (struct sock *)tp);
	return 0;
}

SEC("iter/udp")
int socks_udp(struct bpf_iter__udp *ctx)
{
	struct seq_file *seq = seq_of(ctx->meta);
	struct udp_sock *up = ctx->udp_sk; /* the verifier wants the copy */

	if (up)
		socks_row(seq, (struct sock *)up);
	return 0;
}

SEC("iter/unix")
int socks_unix(struct bpf_iter__unix *ctx)
{
	struct seq_file *seq = seq_of(ctx->meta);
	struct unix_sock *u = ctx->unix_sk;

	if (u)
		socks_row(seq, (struct sock *)u);
	return 0;
}
