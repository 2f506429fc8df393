/* SPDX-License-Identifier: BSD-2-Clause */
/* Every program loads and attaches by itself, and nothing stays when the watch ends. */
#include <dirent.h>
#include <signal.h>

#include "source/live_internal.h"
#include "watch.h"

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stdout, fmt, ap);
}

static int setup(void **state)
{
	libbpf_set_print(quiet);
	return own_network(state);
}

/* The skeleton with only this program in it. */
static struct lostsock_bpf *load_only(const char *name)
{
	struct lostsock_bpf *skel = lostsock_bpf__open();
	struct bpf_program *prog;

	assert_non_null(skel);
	bpf_map__set_max_entries(skel->maps.ring, 1 << 16);
	skel->rodata->cfg.wake_bytes = 1 << 14;
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), name));
	if (lostsock_bpf__load(skel)) {
		print_error("%s: does not load\n", name);
		lostsock_bpf__destroy(skel);
		return NULL;
	}
	return skel;
}

static struct bpf_link *attach_one(struct lostsock_bpf *skel, struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_uprobe_opts, at_main, .func_name = "main");
	char mount[256];
	struct bpf_link *link;
	int fd;

	(void)skel;
	if (!strcmp(bpf_program__section_name(prog), "uprobe"))
		return bpf_program__attach_uprobe_opts(prog, -1, "/proc/self/exe", 0, &at_main);
	if (strncmp(bpf_program__section_name(prog), "cgroup/", 7))
		return bpf_program__attach(prog);
	assert_int_equal(live_cgroup2_mount(mount, sizeof(mount)), 0);
	fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	link = bpf_program__attach_cgroup(prog, fd);
	close(fd);
	return link;
}

/* An iterator is of use only if it can be read to its end. */
static bool read_through(struct bpf_link *link)
{
	int fd = bpf_iter_create(bpf_link__fd(link));
	static char buf[1 << 16];
	ssize_t n;

	if (fd < 0)
		return false;
	do
		n = read(fd, buf, sizeof(buf));
	while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	close(fd);
	return n == 0;
}

static void each_program_by_itself(void **state)
{
	struct lostsock_bpf *all = lostsock_bpf__open(), *skel;
	struct bpf_program *prog, *one;
	unsigned int programs = 0, bad = 0;
	struct bpf_link *link;

	bpf_object__for_each_program(prog, all->obj)
	{
		const char *name = bpf_program__name(prog);

		programs++;
		if (prog == all->progs.read_empty && !live_has_type(LIVE_TYPE_EMPTY))
			continue; /* before 6.3 */
		skel = load_only(name);
		one = skel ? bpf_object__find_program_by_name(skel->obj, name) : NULL;
		link = one ? attach_one(skel, one) : NULL;
		if (!link ||
		    (!strncmp(bpf_program__section_name(prog), "iter", 4) && !read_through(link))) {
			print_error("%s: %s\n", name, link ? "cannot be read" : "not attached");
			bad++;
		}
		bpf_link__destroy(link);
		lostsock_bpf__destroy(skel);
	}
	lostsock_bpf__destroy(all);
	assert_int_equal(bad, 0);
	assert_true(programs >= 14);
}

/* ---- what a watch leaves */

struct held {
	uint32_t links[64];
	unsigned int n, descriptors;
};

/* BPF objects behind our descriptors; the numbers of the links among them. */
static struct held what_we_hold(void)
{
	struct held h = { 0 };
	char path[300], target[64], line[128];
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	ssize_t n;
	FILE *f;

	while ((e = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = 0;
		if (!strstr(target, "bpf"))
			continue;
		h.descriptors++;
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", e->d_name);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			if (h.n < 64 && sscanf(line, "link_id: %u", &h.links[h.n]) == 1)
				h.n++;
		if (f)
			fclose(f);
	}
	closedir(dir);
	return h;
}

static bool still_there(uint32_t link_id)
{
	int fd = bpf_link_get_fd_by_id(link_id);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The kernel lets go of a link a little after its last descriptor has. */
static unsigned int left(const struct held *h)
{
	unsigned int tries, i, n = 0;

	for (tries = 0; tries < 200; tries++) {
		for (n = 0, i = 0; i < h->n; i++)
			n += still_there(h->links[i]);
		if (!n)
			break;
		usleep(10000);
	}
	return n;
}

static void a_watch_leaves_nothing(void **state)
{
	struct held before = what_we_hold(), during, after;
	void *w = NULL;

	assert_int_equal(watch_setup(&w), 0);
	during = what_we_hold();
	assert_true(during.n >= 13);
	assert_true(still_there(during.links[0]));
	watch_look(w, LS_PASS_TASKS | LS_PASS_FILES | LS_PASS_SOCKS);
	assert_int_equal(((struct watch *)w)->rec[0].sock.hdr.type, LS_LOST);
	watch_teardown(&w);
	after = what_we_hold();
	assert_int_equal(after.descriptors, before.descriptors);
	assert_int_equal(left(&during), 0);
}

/* Killed in the middle: its descriptors go, and all with them. */
static void a_killed_watch_leaves_nothing(void **state)
{
	struct held during = { 0 };
	int ends[2], status;
	pid_t pid;
	void *w = NULL;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		if (watch_setup(&w))
			_exit(1);
		during = what_we_hold();
		if (write(ends[1], &during, sizeof(during)) < 0)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ends[0], &during, sizeof(during)), sizeof(during));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(during.n >= 13);
	assert_int_equal(left(&during), 0);
	close(ends[0]);
	close(ends[1]);
}

/* A snapshot says what it is, and that it was whole. */
static void a_snapshot_is_framed(void **state)
{
	struct watch *w = *state;
	const struct ls_snap *begin, *end;
	unsigned int i;

	watch_look(w, LS_PASS_TASKS | LS_PASS_FILES);
	assert_int_equal(w->rec[0].sock.hdr.type, LS_LOST);
	begin = (const void *)&w->rec[1];
	end = (const void *)&w->rec[w->n - 1];
	assert_int_equal(begin->hdr.type, LS_SNAP);
	assert_int_equal(begin->what, LS_SNAP_BEGIN);
	assert_int_equal(begin->ends, LS_ENDS_TCP | LS_ENDS_UDP);
	assert_int_equal(begin->seq, 1);
	assert_int_equal(end->what, LS_SNAP_END);
	assert_int_equal(end->passes & (LS_PASS_TASKS | LS_PASS_FILES),
			 LS_PASS_TASKS | LS_PASS_FILES);
	assert_int_equal(end->seq, 1);
	assert_true(end->took_ns > 0);
	for (i = 2; i < w->n - 1; i++)
		assert_true(w->rec[i].sock.hdr.time_ns == begin->hdr.time_ns);
	watch_look(w, LS_PASS_FILES);
	end = (const void *)&w->rec[w->n - 1];
	assert_int_equal(end->seq, 2);
	assert_false(end->passes & LS_PASS_TASKS);
}

static void impossible_options(void **state)
{
	struct live_options opt = { .ring_pages = 3 };
	char err[LIVE_ERROR_LEN];
	struct source src;

	assert_int_equal(live_open(&src, &opt, err), -EINVAL);
	assert_non_null(strstr(err, "--ring-pages 3"));
	opt = (struct live_options){ .cgroup = "/nonexistent" };
	assert_int_equal(live_open(&src, &opt, err), -ENOENT);
	assert_non_null(strstr(err, "/nonexistent"));
	opt = (struct live_options){ .cgroup = "/tmp" };
	assert_int_equal(live_open(&src, &opt, err), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_program_by_itself),
		cmocka_unit_test(a_watch_leaves_nothing),
		cmocka_unit_test(a_killed_watch_leaves_nothing),
		WATCHED(a_snapshot_is_framed),
		cmocka_unit_test(impossible_options),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
