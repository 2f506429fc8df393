// SPDX-License-Identifier: BSD-2-Clause
/* A snapshot: the iterators, read to their ends, between two LS_SNAP records. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "source/live_stack.h"
#include "source/live_stream.h"
#include "source/live_wait.h"

#define READS_A_DRAIN 64 /* of 32 KiB each: about ten milliseconds */

struct pass {
	struct live *live;
	source_sink_fn sink;
	void *ctx;
	uint64_t rows;
	uint32_t last_pid;
	struct ls_task task; /* the last that was told: registers that follow are its own */
};

/* A process met for the first time: where it belongs goes before its first row. */
static int tell_cgroup(struct pass *p, const struct ls_who *who)
{
	struct ls_cgroup rec = { .hdr = { .type = LS_CGROUP, .len = sizeof(rec) }, .who = *who };

	if (who->pid == p->last_pid)
		return 0;
	p->last_pid = who->pid;
	if (!live_cgroup_due(p->live, who))
		return 0;
	if (live_cgroup_path(who->pid, rec.path, sizeof(rec.path)))
		return 0; /* it has gone meanwhile */
	rec.hdr.time_ns = p->live->skel->bss->snap_ns;
	return p->sink(p->ctx, &rec.hdr);
}

/* It was moved between two looks, or while it was being named the first time. */
static int tell_moved(struct pass *p, const struct ls_task *task)
{
	return live_cgroup_moved(p->live, &task->who, task->cgroup) ? tell_cgroup(p, &task->who)
								    : 0;
}

static int deliver_row(struct pass *p, const struct ls_hdr *hdr)
{
	int err = 0;

	if (hdr->type == LS_COPY)
		return live_waiter(p->live, &p->task, (const void *)hdr);
	if (hdr->type == LS_TASK) {
		p->task = *(const struct ls_task *)hdr;
		if (p->task.flags & LS_TASK_PROCESS) {
			live_streams_seen(p->live, &p->task.who);
			err = tell_moved(p, &p->task);
		}
	}
	p->rows++;
	return err ?: p->sink(p->ctx, hdr);
}

/* Hands over the whole records in the buffer; returns how many bytes they took, or -errno. */
static ssize_t deliver(struct pass *p, char *buf, size_t len)
{
	size_t at = 0;
	int err;

	while (len - at >= sizeof(struct ls_hdr)) {
		const struct ls_hdr *hdr = (const void *)(buf + at);

		if (hdr->len < sizeof(*hdr) || hdr->len > len - at)
			break;
		if (hdr->type == LS_SOCK) {
			err = tell_cgroup(p, &((const struct ls_sock *)hdr)->who);
			if (err)
				return err;
		}
		err = deliver_row(p, hdr);
		/* Second, as it is the row that has the path. */
		if (!err && hdr->type == LS_SOCK) {
			err = live_local_shown(p->live, (const void *)hdr);
			live_parked_row(p->live, (const void *)hdr);
		}
		if (err)
			return err;
		at += hdr->len;
	}
	return at;
}

static int read_all(struct pass *p, int fd)
{
	char *buf = p->live->buf;
	uint32_t reads = 0;
	size_t have = 0;
	ssize_t n, took;
	int err;

	for (;;) {
		/* What happens meanwhile must not overflow the ring; it goes between two rows. */
		if (++reads % READS_A_DRAIN == 0) {
			err = live_pump(p->live, p->sink, p->ctx);
			if (err)
				return err;
		}
		n = read(fd, buf + have, LIVE_BUF - have);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue; /* EAGAIN: the iterator yields after a million objects */
		if (n <= 0)
			return n ? -errno : 0;
		have += n;
		took = deliver(p, buf, have);
		if (took < 0)
			return took;
		have -= took;
		memmove(buf, buf + took, have);
	}
}

static int walk(struct pass *p, const struct bpf_link *link)
{
	int fd, err;

	if (!link)
		return -EOPNOTSUPP;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		return -errno;
	p->last_pid = 0;
	err = read_all(p, fd);
	close(fd);
	return err;
}

static int walk_socks(struct pass *p)
{
	const struct bpf_link *links[] = { p->live->skel->links.socks_tcp,
					   p->live->skel->links.socks_udp,
					   p->live->skel->links.socks_unix };
	unsigned int i;
	int err;

	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		err = walk(p, links[i]);
		if (err && err != -EOPNOTSUPP)
			return err;
	}
	return 0;
}

/* Ends that neither conn_end nor conn_end_nested could tell of: in the few instructions of the one
 * before it says that it is busy, and after. The told ones first: what is missed comes before. */
static uint64_t missed(struct live *live)
{
	const struct ls_ending *cpu = live->percpu;
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info), zero = 0;
	uint64_t told = 0;
	int i;

	if (bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.ending), &zero, live->percpu))
		return 0;
	for (i = 0; i < live->cpus; i++)
		told += cpu[i].nested;
	if (bpf_obj_get_info_by_fd(bpf_program__fd(live->skel->progs.conn_end), &info, &len))
		return 0;
	return info.recursion_misses > told ? info.recursion_misses - told : 0;
}

static int tell_lost(struct live *live, source_sink_fn sink, void *ctx, uint64_t now_ns)
{
	struct ls_lost rec = { .hdr = { .type = LS_LOST, .len = sizeof(rec), .time_ns = now_ns } };
	int fd = bpf_map__fd(live->skel->maps.lost), cpu;
	const uint64_t *count = live->percpu;
	uint32_t why;

	for (why = 0; why < LS_LOST_MAX; why++) {
		if (bpf_map_lookup_elem(fd, &why, live->percpu))
			return -errno;
		for (cpu = 0; cpu < live->cpus; cpu++)
			rec.count[why] += count[cpu];
	}
	if (live->stacks)
		rec.count[LS_LOST_STACK] += live->stacks->lost;
	rec.count[LS_LOST_MISSED] = missed(live);
	return sink(ctx, &rec.hdr);
}

static int walk_passes(struct pass *p, uint32_t passes, uint32_t *whole)
{
	const struct lostsock_bpf *skel = p->live->skel;
	int err;

	/* A socket has its cookie from `files` by the time that a waiter names it. */
	if (passes & LS_PASS_FILES) {
		err = walk(p, skel->links.files);
		if (err)
			return err;
		*whole |= LS_PASS_FILES;
	}
	/* First look: what an io_uring holds is in no descriptor table. */
	if (skel->bss->uring_seen)
		passes |= LS_PASS_SOCKS;
	if (passes & LS_PASS_SOCKS) {
		err = walk_socks(p);
		if (err)
			return err;
		*whole |= LS_PASS_SOCKS;
	}
	if (passes & LS_PASS_TASKS) {
		err = walk(p, skel->links.tasks ?: skel->links.tasks_nopoll);
		if (err)
			return err;
		*whole |= LS_PASS_TASKS;
	}
	return 0;
}

int live_snapshot(void *arg, uint32_t passes, source_sink_fn sink, void *ctx)
{
	struct live *live = arg;
	struct pass p = { .live = live, .sink = sink, .ctx = ctx };
	struct ls_snap snap = { .hdr = { .type = LS_SNAP, .len = sizeof(snap) } };
	int err, end_err;

	live->sink = sink;
	live->sink_ctx = ctx;
	live_stacks_pump(live);
	live->skel->bss->uring_seen = 0;
	live->skel->bss->snap_ns = monotonic_ns();
	snap.hdr.time_ns = live->skel->bss->snap_ns;
	snap.what = LS_SNAP_BEGIN;
	snap.ends = live->ends;
	snap.passes = passes | (live->given ? LS_PASS_GIVEN : 0);
	snap.seq = ++live->seq;
	live_streams_snapshot(live);
	err = tell_lost(live, sink, ctx, snap.hdr.time_ns) ?: sink(ctx, &snap.hdr);
	if (err)
		return err;
	snap.passes = 0;
	err = walk_passes(&p, passes, &snap.passes) ?: live_waits_tell(live, snap.hdr.time_ns);
	err = err ?: live_parked_tell(live, snap.hdr.time_ns);
	/* Who ended meanwhile is to be told of before its sockets are missed. */
	err = err ?: live_pump(live, sink, ctx);
	if (snap.passes & LS_PASS_FILES)
		live_local_sweep(live, snap.hdr.time_ns);
	snap.what = LS_SNAP_END;
	snap.took_ns = monotonic_ns() - snap.hdr.time_ns;
	snap.rows = p.rows;
	end_err = sink(ctx, &snap.hdr);
	return err ?: end_err;
}
