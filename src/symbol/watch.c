// SPDX-License-Identifier: BSD-2-Clause
/*
 * Mappings, forks, execs and exits as perf events, from all CPUs' rings merged by time.
 *
 * The kernel could send build ids, but then leaves out device and inode, which tell which file it
 * was even if another has its name by now; the build id is read from the file when it is opened.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "symbol/internal.h"

#define RING_PAGES  32	 /* of data, for each CPU: about a thousand records */
#define EVENTS_MAX  4096 /* open descriptors */
#define THREADS_MAX 256	 /* of one process; for the others, mappings are read again when missed */
#define CPUS_MAX    4096

struct ring {
	int fd;
	uint32_t cpu;
	struct perf_event_mmap_page *page;
	uint8_t *data;
	uint64_t at, head; /* of one pump */
};

struct symbol_watch {
	int epoll;
	struct ring *ring;
	uint32_t rings;
	size_t data_bytes;
	int *event;
	uint32_t events;
	uint64_t lost;
	uint8_t record[65536]; /* one that goes around a ring's end; its size is 16 bits */
};

static int event_open(struct perf_event_attr *attr, int pid, int cpu)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static struct perf_event_attr attributes(bool of_task)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(struct perf_event_attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC, /* as monotonic_ns() */
		.exclude_kernel = 1,
		.watermark = 1,
		.wakeup_watermark = 1,
		.inherit = of_task,
		.mmap = of_task,
		.mmap2 = of_task,
		.comm = of_task,
		.comm_exec = of_task,
		.task = of_task,
	};
}

/* ---- rings: of an event that tells nothing and belongs to no process, so that it never ends */

static int ring_open(struct symbol_watch *w, uint32_t cpu)
{
	struct perf_event_attr attr = attributes(false);
	struct epoll_event ev = { .events = EPOLLIN };
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct ring *r = &w->ring[w->rings];
	int fd = event_open(&attr, -1, (int)cpu), err;
	void *map;

	if (fd < 0)
		return fd;
	map = mmap(NULL, page + w->data_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev)) {
		err = -errno;
		if (map != MAP_FAILED)
			munmap(map, page + w->data_bytes);
		close(fd);
		return err;
	}
	*r = (struct ring){ .fd = fd, .cpu = cpu, .page = map, .data = (uint8_t *)map + page };
	w->rings++;
	return 0;
}

static int rings_open(struct symbol_watch *w)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	uint32_t cpu;
	int err;

	if (cpus < 1 || cpus > CPUS_MAX)
		cpus = CPUS_MAX;
	w->ring = calloc((size_t)cpus, sizeof(*w->ring));
	if (!w->ring)
		return -ENOMEM;
	for (cpu = 0; cpu < (uint32_t)cpus; cpu++) {
		err = ring_open(w, cpu);
		if (err && err != -ENODEV) /* a CPU that is switched off */
			return err;
	}
	return w->rings ? 0 : -ENODEV;
}

/* ---- events: one for each thread and CPU; children inherit them */

static int thread_open(struct symbol_watch *w, uint32_t tid)
{
	struct perf_event_attr attr = attributes(true);
	uint32_t i;
	int fd;

	if (w->events + w->rings > EVENTS_MAX)
		return -ENOSPC;
	for (i = 0; i < w->rings; i++) {
		fd = event_open(&attr, (int)tid, (int)w->ring[i].cpu);
		if (fd < 0)
			return fd;
		w->event[w->events++] = fd;
		if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, w->ring[i].fd))
			return -errno;
	}
	return 0;
}

static bool is_listed(const uint32_t *tids, uint32_t n, uint32_t tid)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (tids[i] == tid)
			return true;
	return false;
}

/* The threads there are that were not seen before. Returns how many were new, or -errno. */
static int threads_open(struct symbol_watch *w, uint32_t pid, uint32_t *seen, uint32_t *n)
{
	uint32_t tid, before = *n;
	struct dirent *entry;
	char name[64];
	int err = 0;
	DIR *dir;

	snprintf(name, sizeof(name), "/proc/%u/task", pid);
	dir = opendir(name);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	// cppcheck-suppress readdirCalled ; the stream is nobody else's
	while (!err && *n < THREADS_MAX && (entry = readdir(dir))) {
		tid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		if (!tid || is_listed(seen, *n, tid))
			continue;
		seen[(*n)++] = tid;
		err = thread_open(w, tid);
		if (err == -ESRCH) /* it has just ended */
			err = 0;
	}
	closedir(dir);
	return err ? err : (int)(*n - before);
}

int symbol_watch_add(struct symbol_watch *w, uint32_t pid)
{
	uint32_t seen[THREADS_MAX], n = 0, round;
	int err = 1;

	/* A thread that was not watched yet may have started others meanwhile. */
	for (round = 0; err > 0 && round < 8; round++)
		err = threads_open(w, pid, seen, &n);
	/* The first thread is what counts: without descriptors for more, it goes on. */
	if ((err == -EMFILE || err == -ENOSPC) && n > 1)
		err = 0;
	return err < 0 ? err : 0;
}

struct symbol_watch *symbol_watch_new(const uint32_t *pids, uint32_t n)
{
	struct symbol_watch *w = calloc(1, sizeof(*w));
	uint32_t i, added = 0;
	int err;

	if (!w)
		return NULL;
	w->data_bytes = (size_t)RING_PAGES * (size_t)sysconf(_SC_PAGESIZE);
	w->event = calloc(EVENTS_MAX, sizeof(*w->event));
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	err = !w->event ? -ENOMEM : w->epoll < 0 ? -errno : rings_open(w);
	for (i = 0; i < n && (!err || err == -ESRCH); i++) {
		err = symbol_watch_add(w, pids[i]);
		added += !err;
	}
	if ((!err || err == -ESRCH) && (added || !n))
		return w;
	symbol_watch_free(w);
	errno = -err;
	return NULL;
}

void symbol_watch_free(struct symbol_watch *w)
{
	uint32_t i;

	if (!w)
		return;
	for (i = 0; i < w->events; i++)
		close(w->event[i]);
	for (i = 0; i < w->rings; i++) {
		munmap(w->ring[i].page, (size_t)sysconf(_SC_PAGESIZE) + w->data_bytes);
		close(w->ring[i].fd);
	}
	if (w->epoll >= 0)
		close(w->epoll);
	free(w->ring);
	free(w->event);
	free(w);
}

int symbol_watch_fd(const struct symbol_watch *w)
{
	return w->epoll;
}

uint64_t symbol_watch_lost(const struct symbol_watch *w)
{
	return w->lost;
}

/* ---- records */

struct record_mmap2 {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t start, len, offset;
	uint32_t major, minor;
	uint64_t inode, generation;
	uint32_t prot, flags;
	char path[];
};

struct record_comm {
	struct perf_event_header header;
	uint32_t pid, tid;
};

struct record_task {
	struct perf_event_header header;
	uint32_t pid, parent, tid, parent_tid;
};

struct record_lost {
	struct perf_event_header header;
	uint64_t id, lost;
};

static void copy_out(const struct symbol_watch *w, const struct ring *r, uint64_t at, void *to,
		     size_t len)
{
	size_t from = at % w->data_bytes;
	size_t first = len < w->data_bytes - from ? len : w->data_bytes - from;

	memcpy(to, r->data + from, first);
	memcpy((uint8_t *)to + first, r->data, len - first);
}

/* The time of the next record; UINT64_MAX if there is none. */
static uint64_t next_time(const struct symbol_watch *w, const struct ring *r)
{
	struct perf_event_header header;
	uint64_t time_ns;

	if (r->head - r->at < sizeof(header))
		return UINT64_MAX;
	copy_out(w, r, r->at, &header, sizeof(header));
	if (header.size < sizeof(header) + sizeof(time_ns) || header.size > r->head - r->at)
		return UINT64_MAX;
	copy_out(w, r, r->at + header.size - sizeof(time_ns), &time_ns, sizeof(time_ns));
	return time_ns;
}

static void take_mmap(struct symbolizer *sym, const struct record_mmap2 *rec, uint64_t time_ns)
{
	const struct symbol_mapping map = {
		.start = rec->start,
		.end = rec->start + rec->len,
		.offset = rec->offset,
		.major = rec->major,
		.minor = rec->minor,
		.inode = rec->inode,
		.time_ns = time_ns,
		.path = rec->path,
	};

	if (rec->prot & PROT_EXEC && !(rec->header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID))
		symbolizer_mapping(sym, rec->pid, &map);
}

static void take_task(struct symbolizer *sym, const struct record_task *rec)
{
	if (rec->header.type == PERF_RECORD_FORK && rec->pid != rec->parent)
		symbolizer_fork(sym, rec->parent, rec->pid);
	else if (rec->header.type == PERF_RECORD_EXIT && rec->pid == rec->tid)
		symbolizer_exit(sym, rec->pid);
}

static void take(struct symbol_watch *w, struct symbolizer *sym, uint64_t time_ns)
{
	const struct perf_event_header *header = (const void *)w->record;
	const struct record_comm *comm = (const void *)w->record;
	const struct record_lost *lost = (const void *)w->record;

	switch (header->type) {
	case PERF_RECORD_MMAP2:
		if (header->size > sizeof(struct record_mmap2) + sizeof(time_ns))
			take_mmap(sym, (const void *)w->record, time_ns);
		break;
	case PERF_RECORD_COMM:
		if (header->misc & PERF_RECORD_MISC_COMM_EXEC)
			symbolizer_exec(sym, comm->pid, time_ns);
		break;
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		take_task(sym, (const void *)w->record);
		break;
	case PERF_RECORD_LOST:
		w->lost += lost->lost;
		break;
	default:
		break;
	}
}

/* Takes the earliest record there is; false if there is none. */
static bool take_next(struct symbol_watch *w, struct symbolizer *sym)
{
	uint64_t first = UINT64_MAX, time_ns;
	struct perf_event_header header;
	struct ring *r = NULL;
	uint32_t i;

	for (i = 0; i < w->rings; i++) {
		time_ns = next_time(w, &w->ring[i]);
		if (time_ns < first) {
			first = time_ns;
			r = &w->ring[i];
		}
	}
	if (!r)
		return false;
	copy_out(w, r, r->at, &header, sizeof(header));
	copy_out(w, r, r->at, w->record, header.size);
	/* A path ends within its record, whatever the ring holds. */
	w->record[header.size - sizeof(first)] = '\0';
	r->at += header.size;
	take(w, sym, first);
	return true;
}

int symbol_watch_pump(struct symbol_watch *w, struct symbolizer *sym)
{
	uint32_t i;
	int n = 0;

	for (i = 0; i < w->rings; i++) {
		struct ring *r = &w->ring[i];

		r->head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
		r->at = r->page->data_tail;
	}
	while (take_next(w, sym))
		n++;
	for (i = 0; i < w->rings; i++)
		__atomic_store_n(&w->ring[i].page->data_tail, w->ring[i].head, __ATOMIC_RELEASE);
	return n;
}
