/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Goroutines that wait for a descriptor. They sit in no system call: Go's runtime has registered
 * the descriptor with an epoll of its own, and keeps who waits for it, and where, in its memory. A
 * pure reader of that memory, of which it believes nothing: what does not fit together is nobody.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Another process's memory. */
struct gopark_memory {
	/* Fills all of @buf; 0 or -errno. */
	int (*read)(void *ctx, uint64_t addr, void *buf, size_t len);
	void *ctx;
};

/* Where a parked goroutine goes on. */
struct gopark {
	uint64_t g; /* its record, which names it */
	uint64_t pc, sp, fp;
	uint64_t stack_end;
};

/* Of a line of /proc/PID/fdinfo/EPOLL: a descriptor, and what it is registered with. */
bool gopark_line(const char *line, uint32_t *fd, uint64_t *data);

/* Who waits to read from @fd, or to write (@writes), which is registered with @data. 0; -ENOENT:
 * nobody; -EINVAL: @data is not of Go's runtime, or not of one that is known. */
int gopark_find(const struct gopark_memory *m, uint64_t data, uint32_t fd, bool writes,
		struct gopark *out);

/* Its stack, innermost first, at most @max addresses: out[0] is @p's pc, the others are return
 * addresses. How many; 0: it cannot be read. What has moved meanwhile makes no sense: ask
 * gopark_find() for it once more. */
uint32_t gopark_walk(const struct gopark_memory *m, const struct gopark *p, uint64_t *ips,
		     uint32_t max);
