// SPDX-License-Identifier: BSD-2-Clause
/* The plan of faults (fault.h). An empty file in the release library. */
#include "fault.h"

#ifdef TETHER_FAULTS

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"
#include "probes.h"

static const char *const fault_names[] = {
	[FAULT_NONE] = "none",
	[FAULT_READER] = "reader",
	[FAULT_EXPECT] = "expect",
	[FAULT_HALF_CLOSE] = "half-close",
	[FAULT_CANCEL_EARLY] = "cancel-early",
	[FAULT_CANCEL_NEVER] = "cancel-never",
	[FAULT_DRAIN_RACE] = "drain-race",
	[FAULT_DRAIN_NEVER] = "drain-never",
};

static uint64_t option(const char *s, const char *name, uint64_t otherwise)
{
	const char *at = strstr(s, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : otherwise;
}

void fault_load(struct fault_plan *plan)
{
	const char *s = getenv("TETHER_FAULT");
	size_t len, i;

	*plan = (struct fault_plan){ .every = 1 };
	if (!s)
		return;
	len = strcspn(s, ":");
	for (i = 1; i < sizeof(fault_names) / sizeof(*fault_names); i++)
		if (strlen(fault_names[i]) == len && !memcmp(fault_names[i], s, len))
			plan->fault = (enum fault)i;
	plan->every = option(s, ":every=", 1);
	plan->random = option(s, ":seed=", 0);
	if (!plan->fault || !plan->every)
		fprintf(stderr, "tether-fault: unknown: %s\n", s);
	if (!plan->every)
		plan->every = 1;
}

/* Every Nth; with a seed one in N at random, the same ones in each run. */
static bool due(struct fault_plan *plan)
{
	if (!plan->random)
		return ++plan->seen % plan->every == 0;
	plan->random ^= plan->random << 13;
	plan->random ^= plan->random >> 7;
	plan->random ^= plan->random << 17;
	return plan->random % plan->every == 0;
}

bool fault_due(struct tether_loop *loop, enum fault fault)
{
	return loop->faults.fault == fault && due(&loop->faults);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * TETHER_S + (uint64_t)now.tv_nsec;
}

static void describe(const struct conn *conn, uint64_t *cookie, int *unread)
{
	socklen_t len = sizeof(*cookie);
	uv_os_fd_t fd;

	if (!conn || uv_fileno((const uv_handle_t *)&conn->tcp, &fd))
		return;
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie, &len);
	ioctl(fd, FIONREAD, unread);
}

/* One write, so that lines of threads and processes do not mix. */
static void put_line(const char *line, int n)
{
	const char *path = getenv("TETHER_FAULT_LOG");
	int fd = STDERR_FILENO;

	if (path && *path)
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, line, n) != n)
		perror("tether-fault: log");
	if (fd > STDERR_FILENO)
		close(fd);
}

void fault_log(enum fault fault, const struct conn *conn, uint64_t count)
{
	uint64_t cookie = 0;
	int unread = 0, n;
	char line[512];

	PROBE1(fault_injected, fault_names[fault]);
	describe(conn, &cookie, &unread);
	n = snprintf(line, sizeof(line),
		     "{\"fault\":\"%s\",\"conn\":%" PRIu64 ",\"cookie\":%" PRIu64 ",\"pid\":%ld,"
		     "\"count\":%" PRIu64 ",\"unread\":%d,\"time_ns\":%" PRIu64
		     ",\"monotonic_ns\":%" PRIu64 "}\n",
		     fault_names[fault], conn ? conn->id : 0, cookie, (long)getpid(), count, unread,
		     clock_ns(CLOCK_REALTIME), clock_ns(CLOCK_MONOTONIC));
	put_line(line, n);
}

bool fault_stream(struct tether_loop *loop, enum fault fault, uint64_t conn, uint64_t cookie,
		  uint64_t stream)
{
	char line[512];
	int n;

	if (!fault_due(loop, fault))
		return false;
	PROBE1(fault_injected, fault_names[fault]);
	n = snprintf(line, sizeof(line),
		     "{\"fault\":\"%s\",\"conn\":%" PRIu64 ",\"cookie\":%" PRIu64 ",\"pid\":%ld,"
		     "\"stream\":%" PRIu64 ",\"count\":1,\"time_ns\":%" PRIu64
		     ",\"monotonic_ns\":%" PRIu64 "}\n",
		     fault_names[fault], conn, cookie, (long)getpid(), stream,
		     clock_ns(CLOCK_REALTIME), clock_ns(CLOCK_MONOTONIC));
	put_line(line, n);
	return true;
}

bool fault_hit(struct conn *conn, enum fault fault)
{
	if (!fault_due(conn->loop, fault))
		return false;
	fault_log(fault, conn, 1);
	return true;
}

void fault_park(void)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t slot = PTHREAD_COND_INITIALIZER;

	pthread_mutex_lock(&lock);
	for (;;)
		pthread_cond_wait(&slot, &lock);
}

/* The count and the notification are two steps here: whoever leaves saw "draining", and believes to
 * be the last. The second to believe so finds that it was said already, and panics. */
void fault_drain(struct tether_loop *loop, uint64_t part, uint64_t open)
{
	if (!open || !fault_due(loop, FAULT_DRAIN_RACE))
		return;
	fault_log(FAULT_DRAIN_RACE, NULL, open);
	PROBE1(drain_done, part);
	PROBE1(drain_done, part);
	abort();
}

/* The other end of the same race: whoever leaves last reads a count from before the others left. */
bool fault_forget(struct tether_loop *loop)
{
	if (!fault_due(loop, FAULT_DRAIN_NEVER))
		return false;
	fault_log(FAULT_DRAIN_NEVER, NULL, 1);
	return true;
}

#endif
