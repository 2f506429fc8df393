/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What all the programs share: configuration, the ring, counters of what was lost, and who is
 * asking.
 *
 * Configuration is read-only data set before the load, so that the verifier drops what is switched
 * off. Nothing in bpf/ runs per packet, per send or per receive.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <lostsock/config.h>
#include <lostsock/event.h>

#define AF_UNIX	       1
#define AF_INET	       2
#define AF_INET6       10
#define IPPROTO_TCP    6
#define IPPROTO_UDP    17
#define IPPROTO_MPTCP  262 /* the low byte of which is IPPROTO_TCP, and so is a tuple's */
#define SOCK_STREAM    1
#define SOCK_SEQPACKET 5

/* enum in the kernel's include/net/tcp_states.h, also its ABI in /proc/net/tcp */
#define TCP_ESTABLISHED	 1
#define TCP_SYN_SENT	 2
#define TCP_FIN_WAIT1	 4
#define TCP_CLOSE	 7
#define TCP_CLOSE_WAIT	 8
#define TCP_LAST_ACK	 9
#define TCP_LISTEN	 10

#define READ_ONCE(x)	 (*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

/* Defined in conn.bpf.c, for all objects. */
extern const volatile struct ls_config cfg;
extern __u64 pids_maybe[LS_PIDS_WORDS]; /* a bit for each pid in the map `pids`, and some others */
extern __u32 told_last;			/* a pid that is in the map, until it ends; or 0 */
extern __u64 snap_ns;			/* begin of the snapshot under way; written by user space */

/* Weak, so that the linker makes one map of what every object that includes this defines. */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} ring SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LS_LOST_MAX);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
} pids SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
} hot SEC(".maps") __weak;

static __always_inline void lose(__u32 why)
{
	__u64 *n = bpf_map_lookup_elem(&lost, &why);

	if (n)
		(*n)++;
}

static __always_inline void *ring_reserve(__u16 type, __u16 len)
{
	struct ls_hdr *hdr = bpf_ringbuf_reserve(&ring, len, 0);

	if (!hdr) {
		lose(LS_LOST_RING);
		return NULL;
	}
	hdr->type = type;
	hdr->len = len;
	hdr->zero = 0;
	hdr->time_ns = bpf_ktime_get_ns();
	return hdr;
}

#define ASK_EACH 32 /* records: to ask how full the ring is costs a third of one */

/* Waking a reader costs more than the record; it comes by every tick anyway, and is woken only when
 * the ring fills up. @nth is any number that goes up by about one a record. */
static __always_inline void ring_submit(void *rec, __u64 nth)
{
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (nth % ASK_EACH == 0 && bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= cfg.wake_bytes)
		flags = BPF_RB_FORCE_WAKEUP;
	bpf_ringbuf_submit(rec, flags);
}

static __always_inline __u64 process_start_ns(struct task_struct *task)
{
	return BPF_CORE_READ(task, group_leader, start_time);
}

/* Typed pointers are read by plain loads where it counts: once a record of the ring, once a row.
 * Each step from pointer to pointer makes the verifier look for a name in all of the kernel's
 * types, though, a millisecond of the start; so what runs seldom uses probe reads. */
static __always_inline void who_is(struct ls_who *who, struct task_struct *task)
{
	who->pid = task->tgid;
	who->tid = task->pid;
	who->start_ns = process_start_ns(task);
}

/* So what runs in both kinds of programs reads by GET; where pointers have no types it is a probe.
 */
#ifndef GET
#define GET(p, ...)  ((p)->__VA_ARGS__)
#define COOKIE(sk)   bpf_get_socket_cookie(sk)
#define TCP_SOCK(sk) bpf_skc_to_tcp_sock(sk)
#endif

/* To be asked for first, before the paths part: each path that reads it looks it up anew. */
static __always_inline struct seq_file *seq_of(struct bpf_iter_meta *meta)
{
	struct seq_file *seq = meta->seq;

	barrier_var(seq);
	return seq;
}

/* An accepted MPTCP socket has its listener's cookie: those go by their files. */
static __always_inline __u64 cookie_by_file(const struct sock *sk)
{
	return LS_COOKIE_FILE | BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
}

static __always_inline __u32 netns_of(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline __u32 task_netns(struct task_struct *task)
{
	return BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
}

/* A macro, so that @inum is read only where it counts. */
#define NETNS_WANTED(inum) (!(cfg.filters & LS_FILTER_NETNS) || (inum) == cfg.netns)

/* Sockets of AF_UNIX that have no connections, datagram ones, are not looked at. */
static __always_inline bool has_connections(__u32 unix_type)
{
	return unix_type == SOCK_STREAM || unix_type == SOCK_SEQPACKET;
}

static __always_inline __u64 cgroup_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

/* 5.10 to 6.0 keep ids where later kernels keep pointers. */
struct cgroup___ids {
	u64 ancestor_ids[16];
} __attribute__((preserve_access_index));

static __always_inline bool cgroup_wanted(struct task_struct *task)
{
	struct cgroup *cgrp, *up = NULL;
	__u32 level = cfg.cgroup_level;
	__u64 id = 0;

	if (!(cfg.filters & LS_FILTER_CGROUP))
		return true;
	cgrp = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	if (level >= 16 || BPF_CORE_READ(cgrp, level) < (int)level)
		return false;
	if (bpf_core_field_exists(struct cgroup___ids, ancestor_ids)) {
		struct cgroup___ids *old = (void *)cgrp;

		bpf_core_read(&id, sizeof(id), &old->ancestor_ids[level]);
	} else {
		bpf_core_read(&up, sizeof(up), &cgrp->ancestors[level]);
		id = BPF_CORE_READ(up, kn, id);
	}
	return id == cfg.cgroup;
}

/* Who is not watched shall not feel it: nearly all end at the first look, which is one load. A bit
 * that is set is never cleared again, so that it proves nothing. */
static __always_inline bool pid_wanted(__u32 pid)
{
	if (!(cfg.filters & LS_FILTER_PIDS))
		return true;
	if (!(pids_maybe[pid / 64 % LS_PIDS_WORDS] & 1ull << pid % 64))
		return false;
	return bpf_map_lookup_elem(&pids, &pid) != NULL;
}

/* The first look at who is asking; cgroup_wanted() is the rest of task_wanted(). */
static __always_inline bool current_wanted(void)
{
	return pid_wanted(bpf_get_current_pid_tgid() >> 32);
}

static __always_inline bool task_wanted(struct task_struct *task)
{
	return pid_wanted(task->tgid) && cgroup_wanted(task);
}

static __always_inline bool sock_wanted(const struct sock *sk)
{
	return NETNS_WANTED(netns_of(sk));
}

static __always_inline void copy_addr6(__u8 *to, const struct in6_addr *from)
{
	__u32 *word = (__u32 *)to;

	word[0] = GET(from, in6_u.u6_addr32[0]);
	word[1] = GET(from, in6_u.u6_addr32[1]);
	word[2] = GET(from, in6_u.u6_addr32[2]);
	word[3] = GET(from, in6_u.u6_addr32[3]);
}

/* Fills a zeroed tuple with addresses, ports, family, protocol and state; the role and the network
 * namespace are the caller's to say. */
static __always_inline void tuple_of(struct ls_tuple *t, const struct sock *sk)
{
	const struct sock_common *skc = &sk->__sk_common;

	t->family = GET(skc, skc_family);
	t->proto = t->family == AF_UNIX ? 0 : GET(sk, sk_protocol);
	t->state = GET(skc, skc_state);
	if (t->family == AF_UNIX)
		return;
	t->lport = GET(skc, skc_num);
	if (!t->lport) /* given back already; what was sent from it still names it */
		t->lport = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	t->rport = bpf_ntohs(GET(skc, skc_dport));
	if (t->family == AF_INET) {
		*(__be32 *)t->laddr = GET(skc, skc_rcv_saddr);
		*(__be32 *)t->raddr = GET(skc, skc_daddr);
	} else {
		copy_addr6(t->laddr, &skc->skc_v6_rcv_saddr);
		copy_addr6(t->raddr, &skc->skc_v6_daddr);
	}
}
