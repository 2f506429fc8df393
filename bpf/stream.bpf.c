// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What programs tell of their streams: the probes of the provider `tether`, and the functions of
 * libraries that have none.
 *
 * One program for all of them. Each place that it is attached to has a number, its cookie, and a
 * row in the map `stream_probes`: what to write, and in which registers and where in memory the
 * parts of it are found. Where that makes no sense, neither does what is written; it is only passed
 * on.
 */
#include "lostsock.bpf.h"
#include "stack.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LS_PROBES_MAX);
	__type(key, __u32);
	__type(value, struct ls_probe);
} stream_probes SEC(".maps") __weak;

#define REGS_WORDS (sizeof(struct pt_regs) / 8)

/* What a probe needs is known only when it is hit, and the context can be read at known places
 * alone; so all of it is copied, which costs as much as one word by itself. */
struct words {
	__u64 word[REGS_WORDS + 1]; /* counted from 1 */
};

static __always_inline __u64 reg(const struct words *regs, __u32 at)
{
	return at <= REGS_WORDS ? regs->word[at] : 0;
}

static __always_inline __u64 cut(__u64 value, __s8 size)
{
	__u32 away;

	if (size > 0) {
		away = (64 - 8 * (__u32)size) & 63;
		return value << away >> away;
	}
	away = (64 + 8 * (__s32)size) & 63;
	return (__s64)(value << away) >> away;
}

/* As many bytes as are needed: what follows them may be beyond the last page. */
static __always_inline __u64 load(__u64 from, __s8 size)
{
	__u64 value = 0;

	if (size == 8 || size == -8)
		bpf_probe_read_user(&value, sizeof(value), (void *)from);
	else
		bpf_probe_read_user(&value, (size < 0 ? -size : size) & 7, (void *)from);
	return value;
}

static __noinline __u64 operand_read(const struct words *regs, const struct ls_operand *op)
{
	__u64 value = op->first;
	int i;

	if (op->base)
		value += reg(regs, op->base);
	if (op->index)
		value += reg(regs, op->index) << (op->shift & 3);
#pragma unroll
	for (i = 0; i < LS_OPERAND_READS; i++) {
		if (i >= op->reads)
			break;
		value = load(value, i + 1 == op->reads ? op->size : 8) + op->then[i];
	}
	return op->size == 8 ? value : cut(value, op->size);
}

/* Most are a register or a number, and need none of that. */
static __always_inline __u64 operand(const struct words *regs, const struct ls_operand *op)
{
	__u64 value = op->first;

	if (op->reads || op->index || op->size != 8)
		return operand_read(regs, op);
	return op->base ? value + reg(regs, op->base) : value;
}

struct values {
	__u64 conn, value, how;
	__u64 fd, proto; /* of a connection's probe */
};

/* False: this time it is not meant. A function of its own, so that its copy is not on the stack
 * together with the user's. */
static __noinline bool find_values(struct pt_regs *ctx, const struct ls_probe *p, struct values *v)
{
	struct words regs;

	regs.word[0] = 0;
	bpf_probe_read_kernel(&regs.word[1], sizeof(regs) - sizeof(regs.word[0]), ctx);
	if (p->test != LS_PROBE_ALWAYS && (operand(&regs, &p->operand[LS_PROBE_IF]) ==
					   p->expected) != (p->test == LS_PROBE_EQUAL))
		return false;
	v->conn = operand(&regs, &p->operand[LS_PROBE_CONN]);
	v->value = operand(&regs, &p->operand[LS_PROBE_VALUE]);
	v->how = operand(&regs, &p->operand[LS_PROBE_HOW]);
	if (p->record != LS_STREAM_CONN)
		return true;
	v->fd = operand(&regs, &p->operand[LS_PROBE_FD]);
	v->proto = operand(&regs, &p->operand[LS_PROBE_PROTO]);
	return true;
}

/* Runs often: plain loads, see who_is(). */
static __always_inline void who_tells(struct ls_who *who, struct task_struct *task)
{
	who->pid = task->tgid;
	who->tid = task->pid;
	who->start_ns = task->group_leader->start_time;
}

static __always_inline void tell_stream(const struct values *v, const struct ls_probe *p,
					struct task_struct *task)
{
	__s32 stack = p->what == LS_STREAM_OPEN ? user_stack(task) : -1;
	struct ls_stream *rec = ring_reserve(LS_STREAM, sizeof(*rec));

	if (!rec)
		return;
	who_tells(&rec->who, task);
	rec->conn = v->conn;
	rec->id = v->value;
	rec->how = v->how;
	rec->stack = stack;
	rec->what = p->what;
	rec->library = p->library;
	ring_submit(rec, rec->hdr.time_ns);
}

static __always_inline __u8 role_of(__u64 told)
{
	return told == 1 ? LS_ROLE_SERVER : told == 2 ? LS_ROLE_CLIENT : LS_ROLE_UNKNOWN;
}

static __always_inline void tell_conn(const struct values *v, const struct ls_probe *p,
				      struct task_struct *task)
{
	struct ls_stream_conn *rec = ring_reserve(LS_STREAM_CONN, sizeof(*rec));

	if (!rec)
		return;
	who_tells(&rec->who, task);
	rec->conn = v->conn;
	rec->value = v->value;
	rec->fd = v->fd;
	rec->what = p->what;
	rec->role = role_of(v->how);
	rec->proto = v->proto;
	rec->library = p->library;
	ring_submit(rec, 0);
}

static __always_inline bool wanted(struct task_struct *task)
{
	return cgroup_wanted(task) && NETNS_WANTED(task_netns(task));
}

/* Who tells is mostly who told last: its place in the map need not be looked for again. */
static __always_inline bool teller_wanted(struct task_struct *task)
{
	__u32 pid = task->tgid;

	if (!(cfg.filters & LS_FILTER_PIDS) || READ_ONCE(told_last) == pid)
		return true;
	if (!pid_wanted(pid))
		return false;
	WRITE_ONCE(told_last, pid);
	return true;
}

SEC("uprobe")
int stream_told(struct pt_regs *regs)
{
	__u32 at = bpf_get_attach_cookie(regs);
	struct task_struct *task;
	struct values v = {};
	struct ls_probe *p;

	task = bpf_get_current_task_btf();
	if (!teller_wanted(task))
		return 0;
	p = bpf_map_lookup_elem(&stream_probes, &at);
	if (!p || !wanted(task))
		return 0;
	if (!find_values(regs, p, &v))
		return 0;
	if (p->record == LS_STREAM)
		tell_stream(&v, p, task);
	else if (p->record == LS_STREAM_CONN)
		tell_conn(&v, p, task);
	return 0;
}
