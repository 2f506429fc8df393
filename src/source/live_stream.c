// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who has streams: the files that watched processes map are looked into once each.
 *
 * A process is looked at when a snapshot first shows it, some more times, and then seldom, as
 * libraries may be loaded late; and often at first once it has become another program, as its
 * libraries are mapped within milliseconds. Nothing of this runs where streams are not asked for.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "source/live_stack.h"
#include "source/live_stream.h"
#include "symbol/needed.h"
#include "symbol/places.h"

#define FILES_MAX  64	 /* with probes */
#define LOOKED_MAX 65536 /* then all are looked at again */
#define EAGER	   3	 /* snapshots at which a new process is looked at */
#define SELDOM	   16	 /* every so many snapshots after that */
#define BUDGET_NS  5000000

#define KNOWN_MAX  16 /* whose mappings are looked at whenever there are new ones */

static const uint64_t stages_ns[] = { 1000000, 3000000, 10000000, 50000000, 200000000 };

#define STAGES (sizeof(stages_ns) / sizeof(stages_ns[0]))

int live_streams_open(struct live *live, const struct live_options *opt, char err[LIVE_ERROR_LEN])
{
	struct live_streams *s = calloc(1, sizeof(*s));
	struct epoll_event ev = { .events = EPOLLIN };
	char why[STREAM_TABLE_ERROR_LEN];

	snprintf(err, LIVE_ERROR_LEN, "out of memory");
	if (!s)
		return -ENOMEM;
	live->streams = s;
	s->verbose = opt->verbose;
	s->mute = opt->mute;
	s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	s->table = stream_table_new();
	if (!s->table)
		return -ENOMEM;
	if (opt->stream_probe && stream_table_read(s->table, opt->stream_probe, why)) {
		snprintf(err, LIVE_ERROR_LEN, "%.250s", why);
		return -EINVAL;
	}
	if (s->timer_fd < 0 ||
	    epoll_ctl(ring_buffer__epoll_fd(live->ring), EPOLL_CTL_ADD, s->timer_fd, &ev)) {
		snprintf(err, LIVE_ERROR_LEN, "cannot make a timer: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

void live_streams_free(struct live_streams *s)
{
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < s->links; i++) {
		bpf_link__destroy(s->link[i].perf);
		if (s->link[i].fd >= 0)
			close(s->link[i].fd);
	}
	stream_table_free(s->table);
	Judy1FreeArray(&s->looked, PJE0);
	Judy1FreeArray(&s->opened, PJE0);
	JudyLFreeArray(&s->procs, PJE0);
	Judy1FreeArray(&s->fresh, PJE0);
	if (s->timer_fd >= 0)
		close(s->timer_fd);
	free(s);
}

/* ---- files */

struct map_line {
	unsigned long long start, end, inode;
	unsigned int major, minor;
	char perms[8];
	const char *path;
};

static bool read_line(char *line, struct map_line *m)
{
	int at = 0;

	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "%llx-%llx %7s %*x %x:%x %llu %n", &m->start, &m->end, m->perms, &m->major,
		   &m->minor, &m->inode, &at) < 6)
		return false;
	m->path = line + at;
	return m->inode && strchr(m->perms, 'x') && *m->path == '/';
}

/* True the first time. */
static bool is_new_file(struct live_streams *s, const struct map_line *m)
{
	uint64_t key = ls_shape_mix((uint64_t)m->major << 32 | m->minor, m->inode);

	if (Judy1Count(s->looked, 0, -1, PJE0) >= LOOKED_MAX)
		Judy1FreeArray(&s->looked, PJE0);
	return Judy1Set(&s->looked, key, PJE0) == 1;
}

/* A file may have another number in the mappings than it has by itself, and to be watched twice
 * would be to be heard twice. True the first time. */
static bool is_new_place(struct live_streams *s, const struct places *p)
{
	struct stat st;
	uint64_t key;

	if (fstat(places_fd(p), &st))
		return false;
	key = ls_shape_mix((uint64_t)major(st.st_dev) << 32 | minor(st.st_dev), st.st_ino);
	Judy1Set(&s->looked, key, PJE0);
	return Judy1Set(&s->opened, key, PJE0) == 1;
}

/* @start, @end: where it is mapped; 0: not yet. */
static void look_at_file(struct live *live, uint32_t pid, uint64_t start, uint64_t end,
			 const char *path)
{
	struct live_streams *s = live->streams;
	struct places *p;

	if (s->files == FILES_MAX || s->full)
		return;
	p = places_open(pid, start, end, path);
	if (!p) {
		if (s->verbose && errno != ENOEXEC)
			fprintf(stderr, "lostsock: streams: %s: %s\n", path, strerror(errno));
		return;
	}
	if (is_new_place(s, p) && live_probe_file(live, p, path))
		s->files++;
	places_close(p);
	if (s->verbose && (s->files == FILES_MAX || s->full))
		fprintf(stderr, "lostsock: streams: no more than %d files and %d probes\n",
			FILES_MAX, LS_PROBES_MAX);
}

#define NEW_MAX 256 /* files in one look; the others come with the next one */

struct new_file {
	struct map_line line;
	char path[PATH_MAX];
};

/* Files that nobody has looked at yet. Returns how many; *@mapped: how many files are mapped. */
static uint32_t find_new(struct live *live, FILE *f, struct new_file **list, uint32_t *mapped)
{
	struct new_file *more;
	char *line = NULL;
	struct map_line m;
	size_t room = 0;
	uint32_t n = 0;

	while (getline(&line, &room, f) > 0) {
		if (!read_line(line, &m))
			continue;
		++*mapped;
		if (n == NEW_MAX || strlen(m.path) >= PATH_MAX || !is_new_file(live->streams, &m))
			continue;
		more = realloc(*list, (n + 1) * sizeof(*more));
		if (!more)
			break;
		*list = more;
		more[n].line = m;
		snprintf(more[n++].path, PATH_MAX, "%s", m.path);
	}
	free(line);
	return n;
}

/* Returns how many files it has mapped as code. The dynamic loader maps downwards, first what the
 * program itself asks for; and a program's own symbols take longest. So the last come first. */
static uint32_t scan(struct live *live, uint32_t pid)
{
	struct new_file *list = NULL;
	uint32_t mapped = 0, n;
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = find_new(live, f, &list, &mapped);
	fclose(f);
	while (n--)
		look_at_file(live, pid, list[n].line.start, list[n].line.end, list[n].path);
	free(list);
	return mapped;
}

struct to_come {
	struct live *live;
	uint32_t pid;
};

static void look_at_needed(void *ctx, const char *path)
{
	const struct to_come *t = ctx;

	look_at_file(t->live, t->pid, 0, 0, path);
}

/* A program of which nothing is mapped yet may be over before anybody could look at what is. */
void live_streams_expect(struct live *live, uint32_t pid, const char *program)
{
	struct to_come t = { live, pid };

	if (needed_files(pid, program, look_at_needed, &t) && live->streams->verbose)
		fprintf(stderr, "lostsock: streams: %s: out of memory\n", program);
}

/* ---- processes */

/* A word of Judy's: which process of this pid, and how many snapshots have shown it. */
#define SEEN_MASK 0xffffull

static uint64_t word_of(const struct ls_who *who, uint64_t seen)
{
	return (who->start_ns & ~SEEN_MASK) | (seen & SEEN_MASK);
}

void live_streams_snapshot(struct live *live)
{
	if (live->streams)
		live->streams->budget_ns = live->seq > 1 ? BUDGET_NS : UINT64_MAX;
}

void live_streams_seen(struct live *live, const struct ls_who *who)
{
	struct live_streams *s = live->streams;
	uint64_t seen = 0, start_ns, took_ns;
	PPvoid_t slot;

	if (!s || !s->budget_ns)
		return;
	slot = JudyLIns(&s->procs, who->pid, PJE0);
	if (!slot || slot == PPJERR)
		return;
	if (!(((uint64_t)(uintptr_t)*slot ^ who->start_ns) & ~SEEN_MASK))
		seen = (uint64_t)(uintptr_t)*slot & SEEN_MASK;
	if (seen < EAGER || seen % SELDOM == 0 || live->pid_count) {
		start_ns = monotonic_ns();
		scan(live, who->pid);
		took_ns = monotonic_ns() - start_ns;
		s->budget_ns -= took_ns < s->budget_ns ? took_ns : s->budget_ns;
	}
	seen = seen == SEEN_MASK ? SELDOM : seen + 1;
	*slot = (void *)(uintptr_t)word_of(who, seen);
}

/* Where mappings are told of as they come, they wake us while somebody is new. */
static void listen_to_mappings(struct live *live, bool on)
{
	struct symbol_watch *w = live->stacks ? live->stacks->watch : NULL;
	struct epoll_event ev = { .events = EPOLLIN };

	if (w && live->streams->listens != on &&
	    !epoll_ctl(ring_buffer__epoll_fd(live->ring), on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
		       symbol_watch_fd(w), &ev))
		live->streams->listens = on;
}

static void arm(struct live_streams *s)
{
	struct itimerspec at = { .it_value.tv_nsec = (long)stages_ns[s->stage] };

	timerfd_settime(s->timer_fd, 0, &at, NULL);
}

static void scan_fresh(struct live *live)
{
	Word_t pid = 0;

	while (Judy1Next(live->streams->fresh, &pid, PJE0) == 1)
		scan(live, pid);
}

void live_streams_proc(struct live *live, const struct ls_proc *proc)
{
	struct live_streams *s = live->streams;

	if (!s)
		return;
	switch (proc->what) {
	case LS_PROC_FORK:
		if (live->pid_count)
			JudyLIns(&s->procs, proc->who.pid, PJE0);
		break;
	case LS_PROC_EXEC:
		JudyLDel(&s->procs, proc->who.pid, PJE0);
		if (live->pid_count)
			JudyLIns(&s->procs, proc->who.pid, PJE0);
		scan(live, proc->who.pid);
		Judy1Set(&s->fresh, proc->who.pid, PJE0);
		s->stage = 0;
		arm(s);
		listen_to_mappings(live, true);
		break;
	case LS_PROC_EXIT:
		JudyLDel(&s->procs, proc->who.pid, PJE0);
		Judy1Unset(&s->fresh, proc->who.pid, PJE0);
		break;
	}
}

/* Given processes have just mapped something. */
static void scan_known(struct live *live)
{
	Word_t pid = 0;
	uint32_t n = 0;

	while (n++ < KNOWN_MAX && JudyLNext(live->streams->procs, &pid, PJE0))
		scan(live, pid);
}

static bool has_mapped(const struct live *live)
{
	struct pollfd fd = { .fd = -1, .events = POLLIN };

	if (live->stacks && live->stacks->watch)
		fd.fd = symbol_watch_fd(live->stacks->watch);
	return poll(&fd, 1, 0) > 0;
}

void live_streams_pump(struct live *live)
{
	struct live_streams *s = live->streams;
	uint64_t times;
	bool due;

	if (!s)
		return;
	if (has_mapped(live))
		scan_known(live);
	due = read(s->timer_fd, &times, sizeof(times)) == sizeof(times);
	if (!due)
		return;
	scan_fresh(live);
	if (++s->stage < STAGES) {
		arm(s);
	} else {
		Judy1FreeArray(&s->fresh, PJE0);
		listen_to_mappings(live, false);
	}
}

/* ---- records */

static int tell_library(struct live *live, uint8_t library, uint64_t time_ns)
{
	struct ls_library rec = { .hdr = { .type = LS_LIBRARY, .len = sizeof(rec) } };
	struct live_streams *s = live->streams;

	if (!library || library > s->table->libraries ||
	    (s->told[library / 64] & 1ull << library % 64))
		return 0;
	s->told[library / 64] |= 1ull << library % 64;
	rec.hdr.time_ns = time_ns;
	rec.library = library;
	snprintf(rec.name, sizeof(rec.name), "%s", s->table->library[library]);
	return live->sink(live->sink_ctx, &rec.hdr);
}

int live_stream_told(struct live *live, const struct ls_stream *rec)
{
	struct ls_stream own = *rec;
	int err = tell_library(live, rec->library, rec->hdr.time_ns);

	if (!err && live->stacks)
		err = live_stack_number(live, &own.who, own.hdr.time_ns, true, &own.stack);
	return err ?: live->sink(live->sink_ctx, &own.hdr);
}

int live_stream_conn_told(struct live *live, const struct ls_stream_conn *rec)
{
	int err = tell_library(live, rec->library, rec->hdr.time_ns);

	return err ?: live->sink(live->sink_ctx, &rec->hdr);
}
