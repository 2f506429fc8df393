// SPDX-License-Identifier: BSD-2-Clause
/* The live kernel as a source: its ring, its clock, its identity. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "source/live_stack.h"
#include "source/live_stream.h"
#include "source/live_wait.h"

#define DRAIN_MAX                                                                      \
	1000000 /* records in one call, so that a flood cannot keep a tick from coming \
		 */

/* The frames behind a stack number go before the first open that names it. */
static int tell_stack(struct live *live, const struct ls_open *open)
{
	struct ls_stack rec = { .hdr = { .type = LS_STACK, .len = sizeof(rec) } };
	uint32_t id = open->stack;
	int rc;

	if (open->stack < 0 || Judy1Test(live->stacks_known, id, PJE0))
		return 0;
	if (bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.stacks), &id, rec.ip))
		return 0; /* given to another stack meanwhile */
	rc = Judy1Set(&live->stacks_known, id, PJE0);
	if (rc == JERR)
		return 0;
	while (rec.depth < LS_STACK_DEPTH && rec.ip[rec.depth])
		rec.depth++;
	rec.hdr.time_ns = open->hdr.time_ns;
	rec.who = open->who;
	rec.stack = open->stack;
	return live->sink(live->sink_ctx, &rec.hdr);
}

/* With our own number for its stack. */
static int tell_open(struct live *live, const struct ls_open *open)
{
	struct ls_open own = *open;
	int err;

	if (live->stacks)
		err = live_stack_number(live, &own.who, own.hdr.time_ns, true, &own.stack);
	else
		err = tell_stack(live, open);
	if (err || own.tuple.family != AF_UNIX)
		return err ?: live->sink(live->sink_ctx, &own.hdr);
	live_local_told(live, &own);
	return 0;
}

static int tell_stream(struct live *live, const struct ls_stream *stream)
{
	const struct ls_open like = { .hdr = stream->hdr,
				      .who = stream->who,
				      .stack = stream->stack };
	int err = live->stacks ? 0 : tell_stack(live, &like);

	return err ?: live_stream_told(live, stream);
}

static int tell_empty(struct live *live, const struct ls_empty *empty)
{
	struct ls_empty own = *empty;
	int err = live_stack_number(live, &own.who, own.hdr.time_ns, true, &own.stack);

	return err ?: live->sink(live->sink_ctx, &own.hdr);
}

static int tell(struct live *live, const struct ls_hdr *hdr)
{
	int err = 0;

	switch (hdr->type) {
	case LS_OPEN:
		return tell_open(live, (const void *)hdr);
	case LS_EMPTY:
		return tell_empty(live, (const void *)hdr);
	case LS_STREAM:
		return tell_stream(live, (const void *)hdr);
	case LS_STREAM_CONN:
		return live_stream_conn_told(live, (const void *)hdr);
	case LS_COPY:
		return live_stack_copied(live, (const void *)hdr);
	case LS_HELD:
		/* First, as what is left is a copy of what is known. */
		err = live_local_shown(live, (const void *)hdr);
		break;
	case LS_PROC:
		live_cgroup_exec(live, (const void *)hdr);
		live_streams_proc(live, (const void *)hdr); /* as soon as can be */
		live_stacks_proc(live, (const void *)hdr);
		live_waits_proc(live, (const void *)hdr);
		break;
	}
	return err ?: live->sink(live->sink_ctx, hdr);
}

static int on_record(void *ctx, void *data, size_t len)
{
	struct live *live = ctx;
	int err = tell(live, data);

	(void)len; /* the same as in the record's header: bpf/ is ours */
	if (err)
		return err;
	return ++live->drained < DRAIN_MAX ? 0 : -EAGAIN;
}

static int live_fd(void *arg)
{
	return ring_buffer__epoll_fd(((struct live *)arg)->ring);
}

int live_pump(void *arg, source_sink_fn sink, void *ctx)
{
	struct live *live = arg;
	int n;

	live->sink = sink;
	live->sink_ctx = ctx;
	live->drained = 0;
	live_streams_pump(live);
	live_stacks_pump(live);
	live->skel->bss->copies_await = 0;
	n = ring_buffer__consume(live->ring);
	return n < 0 && n != -EAGAIN ? n : 0;
}

static uint64_t live_now(void *arg)
{
	(void)arg;
	return monotonic_ns();
}

static const struct source_identity *live_identity(void *arg)
{
	return &((struct live *)arg)->id;
}

static void live_close(void *arg)
{
	struct live *live = arg;

	live_streams_free(live->streams);
	ring_buffer__free(live->ring);
	live_stacks_free(live->stacks);
	live_waits_free(live->waits);
	live_local_free(live->local);
	live_parked_free(live->parked);
	live_unload(live);
	live_cgroups_forget(live);
	Judy1FreeArray(&live->stacks_known, PJE0);
	free(live->percpu);
	free(live->pids);
	free(live);
}

static const struct source_ops live_ops = {
	.fd = live_fd,
	.pump = live_pump,
	.snapshot = live_snapshot,
	.now_ns = live_now,
	.identity = live_identity,
	.close = live_close,
};

/* "01234567-89ab-..." to 16 bytes; zeros where it cannot be read. */
static void read_boot_id(uint8_t id[16])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	unsigned int byte;
	int i;

	for (i = 0; f && i < 16 && fscanf(f, "%*[-]") >= 0 && fscanf(f, "%2x", &byte) == 1; i++)
		id[i] = byte;
	if (f)
		fclose(f);
}

static void identify(struct source_identity *id)
{
	struct utsname u;

	read_boot_id(id->boot_id);
	id->start_ns = monotonic_ns();
	id->realtime_ns = clock_read_ns(CLOCK_REALTIME) - id->start_ns;
	if (uname(&u))
		return;
	snprintf(id->kernel, sizeof(id->kernel), "%.40s %.20s", u.release, u.machine);
	snprintf(id->host, sizeof(id->host), "%.63s", u.nodename);
}

/* What is only there if it is asked for. -ENOMEM: live_close() it still. */
static int open_parts(struct live *live, const struct live_options *opt)
{
	bool waits = opt->detail & LIVE_WAITS, local = live->skel->links.local_open;
	bool parked = (opt->detail & LIVE_EMPTY) && (opt->detail & LIVE_NAMES);

	live->waits = waits ? live_waits_new() : NULL;
	live->local = local ? live_local_new() : NULL;
	live->parked = parked ? live_parked_new() : NULL;
	if ((waits && !live->waits) || (local && !live->local) || (parked && !live->parked))
		return -ENOMEM;
	return opt->detail & LIVE_NUMBERED ? live_stacks_open(live, opt->detail) : 0;
}

int live_open(struct source *src, const struct live_options *opt, char err[LIVE_ERROR_LEN])
{
	struct live *live = calloc(1, sizeof(*live));
	int e;

	if (!live) {
		snprintf(err, LIVE_ERROR_LEN, "out of memory");
		return -ENOMEM;
	}
	e = live_load(live, opt, err);
	if (e)
		goto out;
	e = -ENOMEM;
	live->cpus = libbpf_num_possible_cpus();
	live->percpu = calloc(live->cpus > 0 ? live->cpus : 1, LIVE_PERCPU);
	live->ring = ring_buffer__new(bpf_map__fd(live->skel->maps.ring), on_record, live, NULL);
	if (!live->percpu || !live->ring) {
		snprintf(err, LIVE_ERROR_LEN, "cannot map the ring: %s", strerror(errno));
		goto out;
	}
	e = open_parts(live, opt);
	if (e) {
		snprintf(err, LIVE_ERROR_LEN, "out of memory");
		goto out;
	}
	if ((opt->detail & LIVE_STREAMS) && bpf_program__fd(live->skel->progs.stream_told) >= 0) {
		e = live_streams_open(live, opt, err);
		if (e)
			goto out;
		if (opt->program && opt->pid_count)
			live_streams_expect(live, opt->pids[0], opt->program);
	}
	identify(&live->id);
	src->ops = &live_ops;
	src->arg = live;
	return 0;
out:
	live_close(live);
	return e;
}

struct live *live_of(const struct source *src)
{
	return src->ops == &live_ops ? src->arg : NULL;
}

int live_hot(struct source *src, uint32_t pid)
{
	struct live *live = live_of(src);
	uint8_t one = LS_HOT_ANY;

	if (!live)
		return -EOPNOTSUPP;
	/* How it is taken may be settled already. */
	if (bpf_map_update_elem(bpf_map__fd(live->skel->maps.hot), &pid, &one, BPF_NOEXIST))
		return errno == EEXIST ? 0 : -errno;
	return 0;
}

size_t live_programs(struct source *src, struct live_program *program, size_t max)
{
	struct live *live = live_of(src);
	struct bpf_program *prog;
	size_t n = 0;

	if (!live)
		return 0;
	bpf_object__for_each_program(prog, live->skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_program__fd(prog);

		if (n == max || fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
			continue;
		program[n++] = (struct live_program){ .name = bpf_program__name(prog),
						      .runs = info.run_cnt,
						      .run_ns = info.run_time_ns,
						      .missed = info.recursion_misses };
	}
	return n;
}
