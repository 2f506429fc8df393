// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The last reader that went away empty. In an event loop nobody waits on a connection; what tells
 * whose it is, is who last tried to read from it and found nothing.
 *
 * Attached only while there are suspects, and one of those is told of once a second: all others
 * cost a comparison.
 */
#include "lostsock.bpf.h"
#include "stack.bpf.h"

#define EAGAIN	 11
#define EVERY_NS 1000000000ull

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);   /* cookie */
	__type(value, __u64); /* when it was last told of */
} suspects SEC(".maps") __weak;

SEC("tp_btf/sock_recv_length")
int BPF_PROG(read_empty, struct sock *sk, int ret, int flags)
{
	__u64 now_ns, cookie, *told_ns;
	struct task_struct *task;
	struct ls_empty *rec;
	__s32 stack;

	if (ret != -EAGAIN || !sk)
		return 0;
	cookie = sk->__sk_common.skc_cookie.counter;
	told_ns = bpf_map_lookup_elem(&suspects, &cookie);
	if (!told_ns)
		return 0;
	now_ns = bpf_ktime_get_ns();
	task = bpf_get_current_task_btf();
	if (now_ns - *told_ns < EVERY_NS || !task_wanted(task))
		return 0;
	*told_ns = now_ns;
	stack = user_stack(task);
	rec = ring_reserve(LS_EMPTY, sizeof(*rec));
	if (!rec)
		return 0;
	who_is(&rec->who, task);
	rec->cookie = cookie;
	rec->stack = stack;
	rec->zero = 0;
	ring_submit(rec, cookie);
	return 0;
}
