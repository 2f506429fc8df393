// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the kernel's side tells is dated by the clock of the initial time namespace, and user space
 * in another reads another one. A process never changes its time namespace once it runs, so that
 * the difference is looked up once, and kept: the one constant here that is not known beforehand.
 */
#include "base/clock.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_S 1000000000ll

int64_t clock_ahead_ns(const char *offsets)
{
	const char *line = strstr(offsets, "monotonic");
	long long s, ns;

	if (!line || sscanf(line, "monotonic %lld %lld", &s, &ns) != 2)
		return 0;
	if (s > INT64_MAX / NS_PER_S - 1 || s < INT64_MIN / NS_PER_S + 1 || ns < 0 ||
	    ns >= NS_PER_S)
		return 0;
	return s * NS_PER_S + ns;
}

/* The file tells of the namespace that our children will be in; nearly always that is ours. */
static bool is_childrens(void)
{
	char own[64], children[64];
	ssize_t n = readlink("/proc/self/ns/time", own, sizeof(own));

	return n > 0 &&
	       readlink("/proc/self/ns/time_for_children", children, sizeof(children)) == n &&
	       !memcmp(own, children, (size_t)n);
}

static int64_t ahead_ns(void)
{
	char text[256];
	ssize_t n = -1;
	int fd;

	if (!is_childrens())
		return 0;
	fd = open("/proc/self/timens_offsets", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return 0; /* a kernel without them */
	text[n] = '\0';
	return clock_ahead_ns(text);
}

uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)(ts.tv_sec * NS_PER_S + ts.tv_nsec);
}

uint64_t monotonic_ns(void)
{
	static int64_t ahead;
	static bool known;

	if (!known) {
		ahead = ahead_ns();
		known = true;
	}
	return clock_read_ns(CLOCK_MONOTONIC) - (uint64_t)ahead;
}
