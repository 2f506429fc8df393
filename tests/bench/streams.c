// SPDX-License-Identifier: BSD-2-Clause
/*
 * streams COUNT [RATE]: a program of its own that speaks as docs/TETHER.md says a program may: it
 * tells of COUNT streams, that each is opened and, at once, freed. Waits for a line first, so that
 * somebody may begin to watch. With RATE, so many events a second are told, in bursts a
 * millisecond; else as many as go. Prints nanoseconds of its CPU time a stream, 1 if somebody
 * watched and else 0, and how many events a second it told.
 */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SEMAPHORE(name) \
	volatile unsigned short tether_##name##_semaphore __attribute__((section(".probes")))

SEMAPHORE(stream_open);
SEMAPHORE(stream_free);

#define CONN 7

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static __attribute__((noinline)) void one(uint64_t id)
{
	if (tether_stream_open_semaphore)
		DTRACE_PROBE3(tether, stream_open, (uint64_t)CONN, id, (uint64_t)0);
	if (tether_stream_free_semaphore)
		DTRACE_PROBE2(tether, stream_free, (uint64_t)CONN, id);
}

static void wait_until(uint64_t when_ns)
{
	struct timespec ts = { (time_t)(when_ns / 1000000000), (long)(when_ns % 1000000000) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, i, begin_ns, busy_ns = 0, from;
	uint64_t rate = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, burst = rate / 2000;

	if (!count) {
		fprintf(stderr, "usage: streams COUNT [EVENTS A SECOND]\n");
		return 2;
	}
	puts("ready");
	fflush(stdout);
	if (getchar() == EOF)
		return 1;
	begin_ns = clock_ns(CLOCK_MONOTONIC);
	from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (i = 0; i < count; i++) {
		if (burst && i && i % burst == 0) {
			busy_ns += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
			wait_until(begin_ns + i / burst * 1000000);
			from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		}
		one(4 * i);
	}
	busy_ns += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
	printf("%.1f %d %.0f\n", (double)busy_ns / (double)count, tether_stream_open_semaphore != 0,
	       2e9 * (double)count / (double)(clock_ns(CLOCK_MONOTONIC) - begin_ns));
	return 0;
}
