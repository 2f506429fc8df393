// SPDX-License-Identifier: BSD-2-Clause
/* Loading and attaching: what this kernel has, and a clear line where it lacks what is needed. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "source/live_stream.h"

#define RING_PAGES		 512  /* all of it is resident, and mapped twice */
#define RING_PAGES_COPY		 4096 /* a thousand copied stacks */
#define RING_PAGES_MAX		 (1u << 18)
#define COPY_BYTES		 (16 << 10) /* reaches main() through most; perf takes half of it */
#define LIVE_CGROUP_UNIX_CONNECT 49	    /* enum bpf_attach_type of Linux 6.7 */
#define PAGE			 4096 /* the unit of --ring-pages; the kernel rounds up to its own */

static int say(char err[LIVE_ERROR_LEN], int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int say(char err[LIVE_ERROR_LEN], int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, LIVE_ERROR_LEN, fmt, ap);
	va_end(ap);
	return code;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level, (void)fmt, (void)ap;
	return 0;
}

static int loud(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, fmt, ap);
}

void live_set_verbose(bool verbose)
{
	libbpf_set_print(verbose ? loud : quiet);
}

static uint32_t jiffy_ns(void)
{
	struct timespec ts;

	/* The coarse clock ticks with jiffies, so that its resolution is 1/HZ. */
	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_nsec;
}

static int configure_cgroup(struct live *live, const char *path, char err[LIVE_ERROR_LEN])
{
	uint64_t id;
	uint32_t level;
	int e = live_cgroup_id(path, &id, &level);

	if (e == -EOPNOTSUPP)
		return say(err, e,
			   "--cgroup needs cgroup2, and none is mounted: " LIVE_MEND_CGROUP2);
	if (e == -ENOTDIR)
		return say(err, e, "--cgroup %s: not a cgroup2 directory", path);
	if (e)
		return say(err, e, "--cgroup %s: %s", path, strerror(-e));
	live->skel->rodata->cfg.cgroup = id;
	live->skel->rodata->cfg.cgroup_level = level;
	return 0;
}

/* Maps that nobody will use take no room. */
static void configure_detail(struct live *live, const struct live_options *opt)
{
	struct lostsock_bpf *skel = live->skel;
	struct ls_config *cfg = &skel->rodata->cfg;

	bpf_program__set_autoload(skel->progs.task_switch, opt->detail & LIVE_WAITS);
	bpf_program__set_autoload(skel->progs.task_held, opt->detail & LIVE_HELD);
	bpf_program__set_autoload(skel->progs.task_asked, opt->detail & LIVE_HELD);
	bpf_program__set_autoload(skel->progs.read_empty,
				  (opt->detail & LIVE_EMPTY) &&
					  live_types_have(&live->types, LIVE_TYPE_EMPTY));
	bpf_program__set_expected_attach_type(skel->progs.stream_told, LIVE_UPROBE_MULTI);
	if (!(opt->detail & LIVE_STREAMS))
		bpf_map__set_max_entries(skel->maps.stream_probes, 1);
	cfg->execs = !!(opt->detail & LIVE_STREAMS);
	if (!(opt->detail & LIVE_EMPTY))
		bpf_map__set_max_entries(skel->maps.suspects, 1);
	if (opt->detail & LIVE_COPY) {
		cfg->copy_bytes = COPY_BYTES;
		cfg->stacks = opt->stacks ?: LS_STACKS_ALL;
	} else {
		bpf_map__set_max_entries(skel->maps.shapes, 1);
	}
	cfg->numbered = !!(opt->detail & LIVE_NUMBERED);
	cfg->waiters = !!(opt->detail & LIVE_WAITS);
	if (!(opt->detail & LIVE_WAITS)) {
		bpf_map__set_max_entries(skel->maps.blocked, 1);
		bpf_map__set_max_entries(skel->maps.waits, 1);
	}
	if (cfg->stacks == LS_STACKS_NONE)
		bpf_map__set_max_entries(skel->maps.stacks, 1);
}

/* So that a test can fill them. */
static void configure_rows(struct lostsock_bpf *skel, uint32_t rows)
{
	struct bpf_map *maps[] = { skel->maps.pids,    skel->maps.hot,	   skel->maps.stacks,
				   skel->maps.shapes,  skel->maps.blocked, skel->maps.waits,
				   skel->maps.suspects };
	size_t i;

	for (i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (bpf_map__max_entries(maps[i]) > rows)
			bpf_map__set_max_entries(maps[i], rows);
}

static int configure(struct live *live, const struct live_options *opt, char err[LIVE_ERROR_LEN])
{
	struct lostsock_bpf *skel = live->skel;
	uint32_t pages = opt->detail & LIVE_COPY ? RING_PAGES_COPY : RING_PAGES;
	int e;

	pages = opt->ring_pages ? opt->ring_pages : pages;
	if (pages & (pages - 1) || pages > RING_PAGES_MAX)
		return say(err, -EINVAL, "--ring-pages %u: a power of two up to %u is needed",
			   opt->ring_pages, RING_PAGES_MAX);
	bpf_map__set_max_entries(skel->maps.ring, pages * PAGE);
	skel->rodata->cfg.wake_bytes = pages * PAGE / 4;
	skel->rodata->cfg.jiffy_ns = jiffy_ns();
	skel->rodata->cfg.stacks = opt->stacks;
	skel->rodata->cfg.self = getpid();
	skel->rodata->cfg.netns = opt->netns;
	configure_detail(live, opt);
	if (opt->rows_max)
		configure_rows(skel, opt->rows_max);
	if (opt->netns)
		skel->rodata->cfg.filters |= LS_FILTER_NETNS;
	if (opt->pid_count)
		skel->rodata->cfg.filters |= LS_FILTER_PIDS;
	if (!opt->cgroup)
		return 0;
	e = configure_cgroup(live, opt->cgroup, err);
	skel->rodata->cfg.filters |= LS_FILTER_CGROUP;
	return e;
}

/* What can be done without; the first try has all, the last has the least. */
enum {
	TRY_ALL,
	TRY_NO_LOCAL,
	TRY_NO_POLL,
	TRY_NO_ACCEPT,
	TRY_NO_STREAMS,
	TRY_END
};

void live_set_local(struct lostsock_bpf *skel)
{
	bpf_program__set_expected_attach_type(skel->progs.local_open, LIVE_CGROUP_UNIX_CONNECT);
}

static int try_load(struct live *live, const struct live_options *opt, int try,
		    char err[LIVE_ERROR_LEN])
{
	bool accept;
	int e;

	live->skel = lostsock_bpf__open();
	if (!live->skel)
		return say(err, -errno, "cannot open the BPF object: %s", strerror(errno));
	e = configure(live, opt, err);
	if (e)
		return e;
	accept = (opt->detail & LIVE_ACCEPT) && try < TRY_NO_ACCEPT;
	bpf_program__set_autoload(live->skel->progs.accept4, accept);
	bpf_program__set_autoload(live->skel->progs.accept6, accept);
	live->skel->rodata->cfg.datagram_stacks = try < TRY_NO_ACCEPT;
	live_set_local(live->skel);
	bpf_program__set_autoload(live->skel->progs.local_open,
				  live->skel->rodata->cfg.stacks != LS_STACKS_NONE &&
					  try < TRY_NO_LOCAL &&
					  live_types_have(&live->types, "BPF_CGROUP_UNIX_CONNECT"));
	bpf_program__set_autoload(live->skel->progs.stream_told,
				  (opt->detail & LIVE_STREAMS) && try < TRY_NO_STREAMS);
	bpf_program__set_autoload(live->skel->progs.tasks, try < TRY_NO_POLL);
	bpf_program__set_autoload(live->skel->progs.tasks_nopoll, try >= TRY_NO_POLL);
	return lostsock_bpf__load(live->skel);
}

static int load(struct live *live, const struct live_options *opt, char err[LIVE_ERROR_LEN])
{
	int try, e = 0;

	for (try = 0; try < TRY_END; try++) {
		e = try_load(live, opt, try, err);
		if (!e || err[0])
			return e;
		lostsock_bpf__destroy(live->skel);
		live->skel = NULL;
	}
	if (e == -EPERM || e == -EACCES)
		return say(err, e, "the kernel refuses BPF: " LIVE_MEND_ROOT);
	if (e == -ENOSYS)
		return say(
			err, -EOPNOTSUPP,
			"there is no bpf() here: a container's seccomp profile may filter it, and "
			"then needs `bpf` among what it allows; else the kernel is built without");
	/* Whatever it says, it is not the user who asked for the wrong thing. */
	return say(err, -EOPNOTSUPP,
		   "this kernel refuses the programs (%s): 6.1 or later is needed; "
		   "`lostsock doctor` says what it lacks",
		   strerror(-e));
}

int live_watch_pid(struct live *live, uint32_t pid)
{
	uint8_t one = 1;

	/* The kernel's side sets bits of the same words. */
	__atomic_fetch_or(&live->skel->bss->pids_maybe[pid / 64 % LS_PIDS_WORDS], 1ull << pid % 64,
			  __ATOMIC_RELAXED);
	return bpf_map_update_elem(bpf_map__fd(live->skel->maps.pids), &pid, &one, 0) ? -errno : 0;
}

static int fill_pids(struct live *live, const struct live_options *opt, char err[LIVE_ERROR_LEN])
{
	size_t i;
	int e;

	for (i = 0; i < opt->pid_count; i++) {
		e = live_watch_pid(live, opt->pids[i]);
		if (e)
			return say(err, e, "cannot watch %zu processes: %s", opt->pid_count,
				   strerror(-e));
	}
	return 0;
}

static bool attach_to_cgroup(const struct live *live, struct bpf_program *prog,
			     struct bpf_link **link)
{
	if (bpf_program__fd(prog) >= 0)
		*link = bpf_program__attach_cgroup(prog, live->cgroup_fd);
	return *link;
}

/* UDP's births and deaths, and accept(); without a cgroup2 the snapshots alone must do. */
static void attach_cgroup(struct live *live)
{
	struct lostsock_bpf *skel = live->skel;
	char mount[256];

	if (live_cgroup2_mount(mount, sizeof(mount)))
		return;
	live->cgroup_fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (live->cgroup_fd < 0)
		return;
	attach_to_cgroup(live, skel->progs.accept4, &skel->links.accept4);
	attach_to_cgroup(live, skel->progs.accept6, &skel->links.accept6);
	attach_to_cgroup(live, skel->progs.local_open, &skel->links.local_open);
	if (!attach_to_cgroup(live, skel->progs.datagram_end, &skel->links.datagram_end))
		return;
	live->ends |= LS_ENDS_UDP;
	attach_to_cgroup(live, skel->progs.datagram_open, &skel->links.datagram_open);
}

static int attach(struct live *live, char err[LIVE_ERROR_LEN])
{
	struct lostsock_bpf *skel = live->skel;
	struct {
		struct bpf_program *prog;
		struct bpf_link **link;
		bool required;
	} rows[] = {
		/* They run in the order in which they are attached: see conn.bpf.c. */
		{ skel->progs.conn_end, &skel->links.conn_end, true },
		{ skel->progs.conn_end_nested, &skel->links.conn_end_nested, true },
		{ skel->progs.conn_state, &skel->links.conn_state, true },
		{ skel->progs.conn_abort, &skel->links.conn_abort, false },
		{ skel->progs.task_fork, &skel->links.task_fork, true },
		{ skel->progs.task_exec, &skel->links.task_exec, true },
		/* The order counts: see held.bpf.c. */
		{ skel->progs.task_held, &skel->links.task_held, true },
		{ skel->progs.task_exit, &skel->links.task_exit, true },
		{ skel->progs.task_asked, &skel->links.task_asked, false },
		{ skel->progs.task_switch, &skel->links.task_switch, true },
		{ skel->progs.files, &skel->links.files, true },
		{ skel->progs.socks_tcp, &skel->links.socks_tcp, false },
		{ skel->progs.socks_udp, &skel->links.socks_udp, false },
		{ skel->progs.socks_unix, &skel->links.socks_unix, false },
		{ skel->progs.tasks, &skel->links.tasks, false },
		{ skel->progs.tasks_nopoll, &skel->links.tasks_nopoll, false },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (bpf_program__fd(rows[i].prog) < 0)
			continue;
		*rows[i].link = bpf_program__attach(rows[i].prog);
		if (!*rows[i].link && rows[i].required)
			return say(err, -EOPNOTSUPP,
				   "cannot attach %s: %s (`lostsock doctor` says more)",
				   bpf_program__name(rows[i].prog), strerror(errno));
	}
	live->ends |= LS_ENDS_TCP;
	live->given = skel->rodata->cfg.filters & (LS_FILTER_PIDS | LS_FILTER_CGROUP);
	attach_cgroup(live);
	return 0;
}

int live_load(struct live *live, const struct live_options *opt, char err[LIVE_ERROR_LEN])
{
	int e;

	err[0] = 0;
	live->cgroup_fd = -1;
	live_set_verbose(opt->verbose);
	if (!live_has_btf())
		return say(err, -EOPNOTSUPP,
			   "this kernel has no BTF (/sys/kernel/btf/vmlinux): " LIVE_MEND_BTF);
	e = load(live, opt, err);
	live_types_free(&live->types);
	e = e ?: fill_pids(live, opt, err) ?: attach(live, err);
	if (e || !opt->detail || !opt->pid_count)
		return e;
	/* From here on the fork tracepoint follows those that are started. */
	e = live_children(live, opt->pids, opt->pid_count);
	return e ? say(err, e, "cannot watch their children: %s", strerror(-e)) : 0;
}

void live_unload(struct live *live)
{
	lostsock_bpf__destroy(live->skel);
	if (live->cgroup_fd >= 0)
		close(live->cgroup_fd);
}
