// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stacks of threads that a snapshot shows blocked on a socket: registers from the kernel's
 * side, memory read from the process. A thread that runs meanwhile would leave a stack that never
 * was; it has to sit at the same place before and after.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "source/live_stack.h"
#include "source/live_wait.h"

#define WAITER_BYTES (64u << 10)
#define PAGE	     4096u
#define BUDGET_NS    20000000 /* of a snapshot; the others come at the next one */

static uint64_t sp_of(const struct ls_copy *regs)
{
#if defined(__x86_64__)
	return regs->regs[7];
#else
	return regs->regs[31];
#endif
}

static uint64_t ip_of(const struct ls_copy *regs)
{
#if defined(__x86_64__)
	return regs->regs[16];
#else
	return regs->regs[32];
#endif
}

/* Page by page, as all that is readable up to the first gap is of use. Bytes read. */
static size_t read_stack(uint32_t pid, uint64_t sp, char *buf)
{
	struct iovec local = { buf, WAITER_BYTES }, remote[WAITER_BYTES / PAGE + 1];
	uint64_t at = sp, end = sp + WAITER_BYTES, next;
	size_t n = 0;
	ssize_t got;

	for (; at < end; at = next) {
		next = (at | (PAGE - 1)) + 1;
		next = next < end ? next : end;
		remote[n++] = (struct iovec){ (void *)(uintptr_t)at, next - at };
	}
	got = process_vm_readv(pid, &local, 1, remote, n, 0);
	return got > 0 ? got : 0;
}

/* /proc/PID/task/TID/syscall: "NR ARGUMENT... SP IP" while it is blocked, else "running". */
static bool sits_there(const struct ls_copy *regs)
{
	unsigned long long sp = 0, ip = 0;
	char path[64], line[256];
	const char *last;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/syscall", regs->who.pid, regs->who.tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[n > 0 ? n : 0] = 0;
	last = strrchr(line, ' ');
	while (last && last > line && *--last != ' ')
		;
	if (!last || sscanf(last, "%llx %llx", &sp, &ip) != 2)
		return false;
	return sp == sp_of(regs) && ip == ip_of(regs);
}

static bool told_already(struct live_waits *w, const struct ls_task *task, PPvoid_t *slot)
{
	*slot = JudyLIns(&w->waiters, task->who.tid, PJE0);
	if (!*slot || *slot == PPJERR)
		return true;
	return **slot == (void *)(uintptr_t)(task->switches + 1);
}

int live_waiter(struct live *live, const struct ls_task *task, const struct ls_copy *regs)
{
	struct ls_waiter rec = { .hdr = { .type = LS_WAITER, .len = sizeof(rec) } };
	_Alignas(8) char memory[WAITER_BYTES];
	struct live_waits *w = live->waits;
	PPvoid_t slot;
	size_t len;
	int err;

	if (!w || task->who.tid != regs->who.tid || told_already(w, task, &slot))
		return 0;
	if (w->seq != live->seq) {
		w->seq = live->seq;
		w->until_ns = monotonic_ns() + BUDGET_NS;
	}
	if (monotonic_ns() > w->until_ns)
		return 0;
	len = read_stack(regs->who.pid, sp_of(regs), memory);
	if (!len || !sits_there(regs))
		return 0;
	*slot = (void *)(uintptr_t)(task->switches + 1);
	err = live_stack_unwind(live, regs, memory, len, &rec.stack);
	if (err || rec.stack < 0)
		return err;
	rec.hdr.time_ns = task->hdr.time_ns;
	rec.who = task->who;
	return live->sink(live->sink_ctx, &rec.hdr);
}
