// SPDX-License-Identifier: BSD-2-Clause
/* What the kernel gives, found out by doing it: each program is loaded and attached by itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "source/live_stream.h"
#include "symbol/symbol.h"

struct trial {
	const char *name;
	const char *gives;
	const char *mend;
	bool required;
	int (*run)(const char *arg);
	const char *arg;
};

static int try_btf(const char *arg)
{
	(void)arg;
	return live_has_btf() ? 0 : -ENOENT;
}

static int try_right(const char *arg)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, 4096, NULL);

	(void)arg;
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int try_cgroup2(const char *arg)
{
	char mount[256];

	(void)arg;
	return live_cgroup2_mount(mount, sizeof(mount));
}

static int attach_one(struct bpf_program *prog)
{
	struct bpf_link *link;
	char mount[256];
	int fd, err;

	if (strncmp(bpf_program__section_name(prog), "cgroup/", 7)) {
		link = bpf_program__attach(prog);
		err = link ? 0 : -errno;
		bpf_link__destroy(link);
		return err;
	}
	err = live_cgroup2_mount(mount, sizeof(mount));
	if (err)
		return err;
	fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	link = bpf_program__attach_cgroup(prog, fd);
	err = link ? 0 : -errno;
	bpf_link__destroy(link);
	close(fd);
	return err;
}

/* Loads the one program called @name, with all maps, and attaches it for a moment. */
static int try_program(const char *name)
{
	struct lostsock_bpf *skel = lostsock_bpf__open();
	struct bpf_program *prog, *chosen = NULL;
	int err;

	if (!skel)
		return -errno;
	bpf_object__for_each_program(prog, skel->obj)
	{
		bool match = !strcmp(bpf_program__name(prog), name);

		bpf_program__set_autoload(prog, match);
		if (match)
			chosen = prog;
	}
	live_set_local(skel);
	err = lostsock_bpf__load(skel);
	if (!err)
		err = chosen ? attach_one(chosen) : -ENOENT;
	lostsock_bpf__destroy(skel);
	return err;
}

/* Of a program alone, with all maps. */
static void choose_only(struct lostsock_bpf *skel, const struct bpf_program *chosen)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, prog == chosen);
}

/* With copies: the same program, and more of it. */
static int try_copies(const char *arg)
{
	struct lostsock_bpf *skel = lostsock_bpf__open();
	int err;

	(void)arg;
	if (!skel)
		return -errno;
	choose_only(skel, skel->progs.conn_state);
	skel->rodata->cfg.stacks = LS_STACKS_ALL;
	skel->rodata->cfg.copy_bytes = 1024;
	skel->rodata->cfg.wake_bytes = 1024;
	err = lostsock_bpf__load(skel);
	lostsock_bpf__destroy(skel);
	return err;
}

static int try_streams(const char *arg)
{
	struct lostsock_bpf *skel = lostsock_bpf__open();
	int err;

	(void)arg;
	if (!skel)
		return -errno;
	choose_only(skel, skel->progs.stream_told);
	bpf_program__set_expected_attach_type(skel->progs.stream_told, LIVE_UPROBE_MULTI);
	err = lostsock_bpf__load(skel);
	if (!err)
		err = live_probe_try(skel->progs.stream_told);
	lostsock_bpf__destroy(skel);
	return err;
}

static int try_mappings(const char *arg)
{
	const uint32_t self = getpid();
	struct symbol_watch *w = symbol_watch_new(&self, 1);
	int err = w ? 0 : -errno;

	(void)arg;
	symbol_watch_free(w);
	return err;
}

#define KERNEL_61 "a kernel from 6.1 on has it"
#define ROOT	  "run as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"

static const struct trial trials[] = {
	{ "kernel types (BTF)", "every program fits itself to this kernel", LIVE_MEND_BTF, true,
	  try_btf, NULL },
	{ "right to use BPF", "everything", LIVE_MEND_ROOT, true, try_right, NULL },
	{ "TCP births", "who opens connections, and when", KERNEL_61, true, try_program,
	  "conn_state" },
	{ "TCP deaths", "when connections end", KERNEL_61, true, try_program, "conn_end" },
	{ "snapshot of descriptors", "what is open and who holds it", KERNEL_61, true, try_program,
	  "files" },
	{ "process lifetimes", "children followed, a pid used again told apart", KERNEL_61, true,
	  try_program, "task_exit" },
	{ "aborts", "class aborted: closed with unread bytes", KERNEL_61, false, try_program,
	  "conn_abort" },
	{ "cgroup2", "UDP births and deaths, --cgroup", LIVE_MEND_CGROUP2, false, try_cgroup2,
	  NULL },
	{ "UDP births", "who opens UDP sockets that live less than a tick", KERNEL_61, false,
	  try_program, "datagram_open" },
	{ "UDP deaths", "their ends between two ticks", KERNEL_61, false, try_program,
	  "datagram_end" },
	{ "blocked threads", "who waits: silent-peer for certain, task-stuck", KERNEL_61, false,
	  try_program, "tasks_nopoll" },
	{ "blocked in poll()", "the same for threads in poll(), as libpq's", KERNEL_61, false,
	  try_program, "tasks" },
	{ "TCP table", "connections that only an io_uring holds", KERNEL_61, false, try_program,
	  "socks_tcp" },
	{ "UDP table", "UDP sockets that only an io_uring holds", KERNEL_61, false, try_program,
	  "socks_udp" },
	{ "UNIX table", "UNIX sockets that only an io_uring holds", KERNEL_61, false, try_program,
	  "socks_unix" },
	{ "accepts", "the stack that accepted a connection, to attach and run", KERNEL_61, false,
	  try_program, "accept4" },
	{ "AF_UNIX births", "the stack that connected to a UNIX socket",
	  "a kernel from 6.7 on has it", false, try_program, "local_open" },
	{ "thread switches", "blocked time by place, to attach and run", KERNEL_61, false,
	  try_program, "task_switch" },
	{ "exits", "what a process leaves open, to attach and run", KERNEL_61, false, try_program,
	  "task_held" },
	{ "empty reads", "who last read in vain from a suspect, to attach and run",
	  "a kernel from 6.3 on has it", false, try_program, "read_empty" },
	{ "stack copies", "stacks of programs without frame pointers, to attach and run", KERNEL_61,
	  false, try_copies, NULL },
	{ "stream probes", "streams that programs tell of, at the least cost",
	  "a kernel from 6.6 on has it; before that perf's probes are used", false, try_streams,
	  NULL },
	{ "mapping events", "names for processes that live for milliseconds, to attach and run",
	  "run as root, or with CAP_PERFMON", false, try_mappings, NULL },
};

#define TRIALS (sizeof(trials) / sizeof(trials[0]))

struct live_feature *live_features(size_t *n, bool verbose)
{
	struct live_feature *f = calloc(TRIALS, sizeof(*f));
	size_t i;

	if (!f)
		return NULL;
	live_set_verbose(verbose);
	for (i = 0; i < TRIALS; i++) {
		f[i].name = trials[i].name;
		f[i].gives = trials[i].gives;
		f[i].mend = trials[i].mend;
		f[i].required = trials[i].required;
		f[i].err = trials[i].run(trials[i].arg);
		*n = i + 1;
		/* Without types or rights all the rest would only say the same again. */
		if (f[i].err && !trials[i].arg && trials[i].required)
			break;
	}
	return f;
}
