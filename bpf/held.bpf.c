// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a process still holds when it ends: a row, as a snapshot's, for each socket that ends with
 * it. The last snapshot would be up to a tick too old, and many commands live for less than a tick.
 *
 * Loaded only for given processes. Runs before the descriptors are closed, and before task_exit, as
 * it is attached first: its rows stand in the ring before the record of the process's end.
 */
#define GET(p, ...)  BPF_CORE_READ(p, __VA_ARGS__)
#define COOKIE(sk)   cookie_of(sk)
#define TCP_SOCK(sk) ((struct tcp_sock *)(sk))

#include "lostsock.bpf.h"

/* Cookies are given to those that were told of. What lived too short for that goes by its file. */
#define COOKIE_NONE (1ull << 63)

static __always_inline __u64 cookie_of(struct sock *sk)
{
	__u64 cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);

	return cookie ?: COOKIE_NONE | BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
}

#include "files.bpf.h"
#include "row.bpf.h"

#define FDS_MAX	  20000	    /* of one process; nobody reads longer lists */
#define COUNT_MAX (1 << 18) /* descriptors compared to find duplicates: ten milliseconds */

struct holder {
	struct task_struct *task;
	__u32 max;
	__u32 budget;
	struct reach reach;
};

struct same {
	struct task_struct *task;
	struct file *file;
	__u32 max, n;
};

static long count_fd(__u32 fd, void *arg)
{
	struct same *s = arg;

	if (fd >= s->max)
		return 1;
	if (file_of(s->task, fd) == s->file)
		s->n++;
	return 0;
}

/* Do others reach it, too? Its own duplicates are no others. */
static __always_inline bool others_hold(struct holder *h, struct file *file)
{
	struct same s = { .task = h->task, .file = file, .max = h->max };
	__u64 refs = file_refs(file);

	if (refs <= 1)
		return false;
	if (h->budget < h->max)
		return true;
	h->budget -= h->max;
	bpf_loop(FDS_MAX, count_fd, &s, 0);
	return refs > s.n;
}

/* A zeroed row: filled as a snapshot's, it gets its own head at last. */
static __always_inline void *held_reserve(__u16 len, __u64 *now_ns)
{
	struct ls_hdr *hdr = ring_reserve(LS_HELD, len);

	if (!hdr)
		return NULL;
	*now_ns = hdr->time_ns;
	__builtin_memset(hdr, 0, len);
	return hdr;
}

static __always_inline void held_submit(struct ls_sock *row, __u64 now_ns)
{
	row->hdr.type = LS_HELD;
	row->hdr.time_ns = now_ns;
	ring_submit(row, row->cookie);
}

static __always_inline void held_inet(struct sock *sk, const struct reach *r)
{
	__u64 now_ns = 0;
	struct ls_sock *row = held_reserve(sizeof(*row), &now_ns);

	if (!row)
		return;
	if (!fill_inet(row, sk, r)) {
		bpf_ringbuf_discard(row, BPF_RB_NO_WAKEUP);
		return;
	}
	held_submit(row, now_ns);
}

static __always_inline void held_unix(struct sock *sk, const struct reach *r)
{
	struct ls_unix *row;
	__u64 now_ns = 0;

	if (!has_connections(BPF_CORE_READ(sk, sk_type)))
		return;
	row = held_reserve(sizeof(*row), &now_ns);
	if (!row)
		return;
	fill_unix(row, sk, r);
	held_submit(&row->sock, now_ns);
}

static long held_fd(__u32 fd, void *arg)
{
	struct holder *h = arg;
	struct file *file;
	struct sock *sk;
	__u16 family;

	if (fd >= h->max)
		return 1;
	file = file_of(h->task, fd);
	sk = sock_of_file(file);
	if (!sk || !sock_wanted(sk) || others_hold(h, file))
		return 0;
	reach_through(&h->reach, fd, file);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_INET || family == AF_INET6)
		held_inet(sk, &h->reach);
	else if (family == AF_UNIX)
		held_unix(sk, &h->reach);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(task_held, struct task_struct *task)
{
	struct holder h = { .task = task, .budget = COUNT_MAX };

	if (others_live(task) || !task_wanted(task))
		return 0;
	h.max = fds_max(task);
	reach_of(&h.reach, task);
	bpf_loop(FDS_MAX, held_fd, &h, 0);
	return 0;
}
