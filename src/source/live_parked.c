// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which goroutine waits for a connection that is accused. No thread does: they all wait for the
 * epoll of Go's runtime, or for nothing. /proc tells what the epoll knows a descriptor by, and the
 * process's memory the rest (symbol/gopark.h). It is only read, while the process goes on; what
 * has changed between two looks is left for the next snapshot.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "base/clock.h"
#include "source/live_stack.h"
#include "symbol/gopark.h"

#define ROWS_MAX     1024     /* as many as there are suspects */
#define TRIES_MAX    3	      /* to find what an epoll knows a descriptor by */
#define FDS_MAX	     4096     /* of a process, that are looked at for its epoll */
#define BUDGET_NS    20000000 /* of a snapshot, for stacks that are new */
#define STATE_SYN    2	      /* TCP_SYN_SENT */
#define STATE_LISTEN 10

/* What is known of a suspect. */
struct suspect {
	uint64_t data;	  /* by which the epoll knows it; 0: not found */
	uint32_t pid, fd; /* of this process, as this descriptor */
	struct gopark park;
	uint32_t tries;
	bool told;
	bool kept; /* it is a suspect still */
};

struct row {
	struct suspect *suspect;
	uint64_t cookie;
	struct ls_who who;
	uint32_t fd;
	uint8_t state;
};

struct live_parked {
	Pvoid_t suspects; /* JudyL: cookie → struct suspect */
	Pvoid_t epolls;	  /* JudyL: pid → descriptor of its epoll */
	struct row row[ROWS_MAX];
	size_t rows;
};

struct live_parked *live_parked_new(void)
{
	return calloc(1, sizeof(struct live_parked));
}

void live_parked_free(struct live_parked *p)
{
	Word_t cookie = 0;
	PPvoid_t slot;

	if (!p)
		return;
	while ((slot = JudyLNext(p->suspects, &cookie, PJE0)))
		free(*slot);
	JudyLFreeArray(&p->suspects, PJE0);
	JudyLFreeArray(&p->epolls, PJE0);
	free(p);
}

void live_parked_suspect(struct live_parked *p, const uint64_t *cookies, size_t n)
{
	Word_t cookie = 0;
	struct suspect *s;
	PPvoid_t slot;
	size_t i;

	p->rows = 0; /* of a snapshot that did not come to its end: who they name may go */
	for (i = 0; i < n; i++) {
		slot = JudyLIns(&p->suspects, cookies[i], PJE0);
		if (!slot || slot == PPJERR)
			continue;
		if (!*slot)
			*slot = calloc(1, sizeof(*s));
		s = *slot;
		if (s)
			s->kept = true;
		else
			JudyLDel(&p->suspects, cookies[i], PJE0);
	}
	while ((slot = JudyLNext(p->suspects, &cookie, PJE0))) {
		s = *slot;
		if (s->kept) {
			s->kept = false;
			continue;
		}
		free(s);
		JudyLDel(&p->suspects, cookie, PJE0);
	}
}

void live_parked_row(struct live *live, const struct ls_sock *row)
{
	struct live_parked *p = live->parked;
	PPvoid_t slot;

	if (!p || !p->suspects || p->rows == ROWS_MAX || !row->who.pid || row->fd < 0)
		return;
	slot = JudyLGet(p->suspects, row->cookie, PJE0);
	if (!slot || slot == PPJERR ||
	    symbolizer_process(live->stacks->sym, row->who.pid, row->who.start_ns) ||
	    !symbolizer_is_go(live->stacks->sym, row->who.pid))
		return;
	p->row[p->rows++] = (struct row){
		.suspect = *slot,
		.cookie = row->cookie,
		.who = row->who,
		.fd = (uint32_t)row->fd,
		.state = row->tuple.state,
	};
}

/* ---- what the epoll knows */

static bool is_epoll(uint32_t pid, uint32_t fd)
{
	static const char name[] = "anon_inode:[eventpoll]";
	char path[64], target[sizeof(name)];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/fd/%u", pid, fd);
	n = readlink(path, target, sizeof(target));
	return n == sizeof(name) - 1 && memcmp(target, name, sizeof(name) - 1) == 0;
}

/* Fills in what the epoll @fd of the process of rows [@from, @to) knows of them. How many. */
static size_t read_epoll(struct live_parked *p, size_t from, size_t to, uint32_t fd)
{
	char path[64], line[256];
	uint64_t data;
	uint32_t target;
	size_t i, n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%u", p->row[from].who.pid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!gopark_line(line, &target, &data))
			continue;
		for (i = from; i < to; i++)
			if (p->row[i].fd == target && !p->row[i].suspect->data) {
				p->row[i].suspect->data = data;
				p->row[i].suspect->pid = p->row[i].who.pid;
				p->row[i].suspect->fd = target;
				n++;
			}
	}
	if (f)
		fclose(f);
	return n;
}

static void find_epoll(struct live_parked *p, size_t from, size_t to)
{
	uint32_t pid = p->row[from].who.pid, fds = 0, fd;
	struct dirent *entry;
	char path[64], *end;
	PPvoid_t slot;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	dir = opendir(path);
	// cppcheck-suppress readdirCalled ; the stream is nobody else's
	while (dir && fds++ < FDS_MAX && (entry = readdir(dir))) {
		fd = (uint32_t)strtoul(entry->d_name, &end, 10);
		if (end == entry->d_name || *end || !is_epoll(pid, fd) ||
		    !read_epoll(p, from, to, fd))
			continue;
		slot = JudyLIns(&p->epolls, pid, PJE0);
		if (slot && slot != PPJERR)
			*slot = (void *)(uintptr_t)(fd + 1);
		break;
	}
	if (dir)
		closedir(dir);
}

/* Of the rows of one process. */
static void find_data(struct live_parked *p, size_t from, size_t to)
{
	bool wanted = false;
	PPvoid_t slot;
	size_t i;

	for (i = from; i < to; i++) {
		struct suspect *s = p->row[i].suspect;

		wanted |= !s->data && s->tries++ < TRIES_MAX;
	}
	if (!wanted)
		return;
	slot = JudyLGet(p->epolls, p->row[from].who.pid, PJE0);
	if (slot && slot != PPJERR &&
	    is_epoll(p->row[from].who.pid, (uint32_t)(uintptr_t)*slot - 1) &&
	    read_epoll(p, from, to, (uint32_t)(uintptr_t)*slot - 1))
		return;
	find_epoll(p, from, to);
}

/* ---- what the runtime knows */

static int read_memory(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const struct ls_who *who = ctx;
	struct iovec local = { buf, len }, remote = { (void *)(uintptr_t)addr, len };
	ssize_t n = process_vm_readv((pid_t)who->pid, &local, 1, &remote, 1, 0);

	return n == (ssize_t)len ? 0 : -EFAULT;
}

/* Of the functions at @ip the outermost, into which the others are inlined. */
static const char *function_at(struct live *live, uint32_t pid, uint64_t ip)
{
	struct symbol_frame *f = live->stacks->frames;
	int n = symbolizer_frames(live->stacks->sym, pid, ip, true, f, LIVE_INLINED);

	return n > 0 ? f[n - 1].function : "";
}

/* How many addresses are the runtime's own, the same for all who wait: what called it is told. 0:
 * this is none of them. */
static uint32_t count_runtime(struct live *live, uint32_t pid, const uint64_t *ips, uint32_t n)
{
	static const char *const own[] = { "runtime.", "internal/poll.runtime_",
					   "internal/poll.(*pollDesc)." };
	const char *function;
	uint32_t i, k;

	if (n < 3 || strcmp(function_at(live, pid, ips[0]), "runtime.gopark") != 0 ||
	    strcmp(function_at(live, pid, ips[1]), "runtime.netpollblock") != 0)
		return 0;
	for (i = 2; i < n; i++) {
		function = function_at(live, pid, ips[i]);
		for (k = 0; k < 3 && strncmp(function, own[k], strlen(own[k])) != 0; k++)
			;
		if (k == 3)
			return i;
	}
	return 0;
}

/* Who writes, if anybody does: that is what a stalled connection is about; else who reads. */
static int find_park(const struct gopark_memory *m, const struct row *row, bool *writes,
		     struct gopark *park)
{
	int err = gopark_find(m, row->suspect->data, row->fd, true, park);

	*writes = !err;
	return err == -ENOENT ? gopark_find(m, row->suspect->data, row->fd, false, park) : err;
}

static uint32_t call_of(const struct row *row, bool writes)
{
	if (row->state == STATE_LISTEN)
		return LS_CALL_ACCEPT;
	if (row->state == STATE_SYN)
		return LS_CALL_CONNECT;
	return writes ? LS_CALL_WRITE : LS_CALL_READ;
}

static int tell(struct live *live, const struct row *row, uint64_t time_ns, int32_t stack,
		bool writes)
{
	struct ls_parked rec = {
		.hdr = { .type = LS_PARKED, .len = sizeof(rec), .time_ns = time_ns },
		.who = { .pid = row->who.pid, .start_ns = row->who.start_ns },
		.cookie = row->cookie,
		.stack = stack,
		.call = call_of(row, writes),
	};

	row->suspect->told = stack >= 0;
	return live->sink(live->sink_ctx, &rec.hdr);
}

/* The stack that begins as that of every goroutine does that waits for a descriptor. */
static int tell_stack(struct live *live, const struct row *row, const struct gopark_memory *m,
		      const struct gopark *park, bool writes, uint64_t time_ns)
{
	uint64_t ips[LIVE_DEPTH];
	uint32_t n = gopark_walk(m, park, ips, LIVE_DEPTH), own;
	struct gopark again;
	bool same;
	int32_t number;
	int err;

	if (!n || find_park(m, row, &same, &again) || same != writes ||
	    memcmp(&again, park, sizeof(again)) != 0)
		return 0;
	own = count_runtime(live, row->who.pid, ips, n);
	if (!own)
		return 0;
	ips[own]--; /* what stands first is taken for where it is, not for where it returns to */
	err = live_stack_walked(live, &row->who, time_ns, ips + own, n - own, &number);
	if (err || number < 0)
		return err;
	row->suspect->park = *park;
	row->suspect->tries = 0;
	return tell(live, row, time_ns, number, writes);
}

static int look(struct live *live, const struct row *row, uint64_t time_ns, uint64_t until_ns)
{
	const struct gopark_memory m = { read_memory, (void *)&row->who };
	struct suspect *s = row->suspect;
	struct gopark park;
	bool writes;
	int err;

	if (!s->data || s->pid != row->who.pid || s->fd != row->fd)
		return 0;
	err = find_park(&m, row, &writes, &park);
	if (err == -EINVAL)
		s->data = 0; /* not its epoll; it is asked for again, some times */
	if (err)
		return s->told ? tell(live, row, time_ns, -1, false) : 0;
	if ((s->told && memcmp(&park, &s->park, sizeof(park)) == 0) || monotonic_ns() > until_ns)
		return 0;
	return tell_stack(live, row, &m, &park, writes, time_ns);
}

static int by_pid(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->who.pid > y->who.pid) - (x->who.pid < y->who.pid);
}

int live_parked_tell(struct live *live, uint64_t time_ns)
{
	uint64_t until_ns = monotonic_ns() + BUDGET_NS;
	struct live_parked *p = live->parked;
	size_t from = 0, to, i;
	int err = 0;

	if (!p || !p->rows)
		return 0;
	qsort(p->row, p->rows, sizeof(p->row[0]), by_pid);
	for (; from < p->rows; from = to) {
		for (to = from + 1; to < p->rows && !by_pid(&p->row[from], &p->row[to]); to++)
			;
		find_data(p, from, to);
	}
	for (i = 0; i < p->rows && !err; i++)
		err = look(live, &p->row[i], time_ns, until_ns);
	p->rows = 0;
	return err;
}
