// SPDX-License-Identifier: BSD-2-Clause
/*
 * bpfcost PID COMMAND...: how long the BPF programs that PID holds run while COMMAND does, as the
 * kernel counts it. Iterators are left out: they run once a tick, not once a connection.
 *
 * The kernel's accounting costs as much as a small program does. It is measured along with them: an
 * empty program hangs on the same tracepoint in the same run, and what one run of it takes is
 * subtracted from each run of the others. On stdout:
 *
 *	{"programs":{"conn_state":[21000000,320000],"conn_end":[4000000,80000]},
 *	 "ns":25000000,"runs":400000,"empty_ns":41.2,"net_ns":8520000}
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAMS 64

struct program {
	unsigned int id;
	bool iterator;
	int fd;
	unsigned long long ns, runs; /* before the command */
};

struct programs {
	struct program of[PROGRAMS];
	int count;
};

static void fail(const char *what)
{
	fprintf(stderr, "bpfcost: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct program *program_of(struct programs *all, unsigned int id)
{
	int i;

	for (i = 0; i < all->count; i++)
		if (all->of[i].id == id)
			return &all->of[i];
	if (all->count == PROGRAMS) {
		errno = E2BIG;
		fail("programs");
	}
	all->of[all->count] = (struct program){ .id = id, .fd = -1 };
	return &all->of[all->count++];
}

/* One descriptor of the process: a program, or a link that names one. */
static void learn_fd(struct programs *all, const char *path)
{
	FILE *f = fopen(path, "re");
	bool iterator = false;
	unsigned int id = 0;
	char line[256], type[32];

	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "prog_id: %u", &id);
		if (sscanf(line, "link_type: %31s", type) == 1)
			iterator = !strcmp(type, "iter");
	}
	if (f)
		fclose(f);
	if (id)
		program_of(all, id)->iterator |= iterator;
}

static void learn(struct programs *all, const char *pid)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/fdinfo", pid);
	dir = opendir(path);
	if (!dir)
		fail(path);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%s", pid, entry->d_name);
		learn_fd(all, path);
	}
	closedir(dir);
}

static struct bpf_prog_info stats_of(int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		fail("program info");
	return info;
}

static void open_all(struct programs *all)
{
	struct bpf_prog_info info;
	int i;

	for (i = 0; i < all->count; i++) {
		struct program *p = &all->of[i];

		if (p->iterator)
			continue;
		p->fd = bpf_prog_get_fd_by_id(p->id);
		if (p->fd < 0)
			fail("program");
		info = stats_of(p->fd);
		p->ns = info.run_time_ns;
		p->runs = info.run_cnt;
	}
}

static void print_all(const struct programs *all, int empty)
{
	unsigned long long ns = 0, runs = 0;
	struct bpf_prog_info info;
	double empty_ns;
	int i;

	printf("{\"programs\":{");
	for (i = 0; i < all->count; i++) {
		const struct program *p = &all->of[i];

		if (p->iterator)
			continue;
		info = stats_of(p->fd);
		info.run_time_ns -= p->ns;
		info.run_cnt -= p->runs;
		if (info.run_cnt)
			printf("%s\"%s\":[%llu,%llu]", runs ? "," : "", info.name,
			       (unsigned long long)info.run_time_ns,
			       (unsigned long long)info.run_cnt);
		ns += info.run_time_ns;
		runs += info.run_cnt;
	}
	info = stats_of(empty);
	empty_ns = info.run_cnt ? (double)info.run_time_ns / info.run_cnt : 0;
	printf("},\"ns\":%llu,\"runs\":%llu,\"empty_ns\":%.1f,\"net_ns\":%.0f}\n", ns, runs,
	       empty_ns, ns - runs * empty_ns);
}

static int empty_attach(void)
{
	static const struct bpf_insn body[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 }, /* r0 = 0 */
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	int fd, id = libbpf_find_vmlinux_btf_id("inet_sock_set_state", BPF_TRACE_RAW_TP);

	if (id < 0)
		fail("inet_sock_set_state");
	opts.attach_btf_id = id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "bench_empty", "GPL", body,
			   sizeof(body) / sizeof(body[0]), &opts);
	if (fd < 0)
		fail("empty program");
	if (bpf_raw_tracepoint_open(NULL, fd) < 0)
		fail("attach the empty program");
	return fd;
}

static int run(char **command)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (!pid) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(command[0], command);
		fail(command[0]);
	}
	if (waitpid(pid, &status, 0) < 0)
		fail("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	struct programs all = { 0 };
	int empty;

	if (argc < 3) {
		fprintf(stderr, "usage: bpfcost PID COMMAND...\n");
		return 2;
	}
	learn(&all, argv[1]);
	open_all(&all);
	empty = empty_attach();
	/* On as long as this descriptor is open: there is no sysctl to set back. */
	if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		fail("enable stats");
	if (run(argv + 2)) {
		fprintf(stderr, "bpfcost: the command failed\n");
		return 1;
	}
	print_all(&all, empty);
	return 0;
}
