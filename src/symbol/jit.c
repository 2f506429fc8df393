// SPDX-License-Identifier: BSD-2-Clause
/*
 * The perf map of a process: found in its own root by its own number there, believed only if it
 * belongs to who runs the process, or to root, and is no link: that could lead to what only root
 * may read. Kept open, so that it answers when the process is gone; read on when it has grown.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "symbol/internal.h"

#define AGAIN_NS    (100 * MS_NS)
#define CHUNK_BYTES (1u << 20)

void process_open_jit(struct process *p)
{
	char path[64];
	struct stat st;

	if (p->jit_fd >= 0 || p->exited)
		return;
	snprintf(path, sizeof(path), "/tmp/perf-%u.map", p->ns_pid);
	p->jit_fd = file_open_plain(p->pid, path);
	if (p->jit_fd < 0)
		return;
	if (fstat(p->jit_fd, &st) || (st.st_uid && st.st_uid != p->uid)) {
		close(p->jit_fd);
		p->jit_fd = -1;
	}
}

/* Reads what was added since, whole lines, up to @max bytes of the file. */
static void read_on(struct process *p, uint64_t max)
{
	char *buf = malloc(CHUNK_BYTES);
	int64_t used = 1;
	ssize_t n;

	while (buf && used > 0 && p->jit_size < max) {
		n = pread(p->jit_fd, buf, CHUNK_BYTES, (off_t)p->jit_size);
		if (n <= 0)
			break;
		used = perfmap_add(&p->jit, buf, (size_t)n);
		/* A line of a megabyte is none: step over. */
		if (!used && n == CHUNK_BYTES)
			used = n;
		if (used > 0)
			p->jit_size += (uint64_t)used;
	}
	free(buf);
}

bool process_jit(struct symbolizer *sym, struct process *p, uint64_t ip, struct symbol_frame *f)
{
	uint64_t start, now_ns;
	const char *name = perfmap_find(&p->jit, ip, &start);
	struct stat st;

	if (!name) {
		now_ns = monotonic_ns();
		if (p->jit_ns && now_ns - p->jit_ns < AGAIN_NS)
			return false;
		p->jit_ns = now_ns;
		process_open_jit(p);
		if (p->jit_fd < 0 || fstat(p->jit_fd, &st) || (uint64_t)st.st_size <= p->jit_size)
			return false;
		read_on(p, sym->limits.perfmap_bytes);
		name = perfmap_find(&p->jit, ip, &start);
	}
	if (!name)
		return false;
	perfmap_name(name, f);
	f->offset = ip - start;
	return true;
}
