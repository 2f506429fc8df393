// SPDX-License-Identifier: BSD-2-Clause
/*
 * streams: a program of its own that tells of streams, as docs/PROBES.md says any program may. It
 * waits until somebody listens (--mode alone: it does not), opens --count streams and frees all but
 * --keep of them; of those it has closed writing. --mode answers: alone, and they are the peer's,
 * so that this was an answer; --mode heard-answers: once somebody listens. --mended: of all, and
 * each is freed when 2,000 more have been opened. --rate: so many events a second, in bursts of two
 * milliseconds.
 *
 * Its second line has what that took of its CPU's time: "ns", for a stream opened and freed.
 */
#define _SDT_HAS_SEMAPHORES 1
#include "load.h"
#include <stdint.h>
#include <sys/sdt.h>

#define SEMAPHORE(name) \
	volatile unsigned short tether_##name##_semaphore __attribute__((section(".probes")))

SEMAPHORE(stream_open);
SEMAPHORE(stream_write_closed);
SEMAPHORE(stream_free);

#define CONN  7
#define LAG   2000
#define BURST 0.002

static double cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static __attribute__((noinline)) void begins(uint64_t id, uint64_t kind, bool closes)
{
	if (tether_stream_open_semaphore)
		DTRACE_PROBE3(tether, stream_open, (uint64_t)CONN, id, kind);
	if (closes && tether_stream_write_closed_semaphore)
		DTRACE_PROBE3(tether, stream_write_closed, (uint64_t)CONN, id, (uint64_t)1);
}

static __attribute__((noinline)) void ends(uint64_t id)
{
	if (tether_stream_free_semaphore)
		DTRACE_PROBE2(tether, stream_free, (uint64_t)CONN, id);
}

/* The i-th opens; one is freed: itself, or one that opened a while ago. */
static void one(const struct load *l, long i)
{
	long gone = l->leaky ? i : i - LAG;

	if (i < l->count)
		begins(4 * (uint64_t)i, l->mode && strstr(l->mode, "answers"),
		       i < l->keep || !l->leaky);
	if (gone >= l->keep)
		ends(4 * (uint64_t)gone);
}

/* Returns the CPU seconds spent. */
static double all(const struct load *l)
{
	long burst = l->rate ? (long)(l->rate * BURST / 2) : 0;
	double start = load_now(), busy = 0, from = cpu_now();

	for (long i = 0; i < l->count + (l->leaky ? 0 : LAG) && !load_stopped; i++) {
		if (burst && i && i % burst == 0) {
			busy += cpu_now() - from;
			if (load_now() < start + i / burst * BURST)
				load_sleep(start + i / burst * BURST - load_now());
			from = cpu_now();
		}
		one(l, i);
	}
	return busy + cpu_now() - from;
}

int main(int argc, char **argv)
{
	struct load l = { .count = 1000 };
	double start, busy;
	bool watched;

	load_options(&l, argc, argv);
	load_ready(&l, NULL, NULL, 0, "%s", "");
	while ((!l.mode || !strncmp(l.mode, "heard", 5)) && !tether_stream_free_semaphore &&
	       !load_stopped)
		if (!load_wait(&l, 0.01))
			return load_end(&l);
	start = load_now();
	watched = tether_stream_free_semaphore;
	busy = all(&l);
	printf("{\"done\":true,\"pid\":%d,\"opened\":%d,\"live\":%d,\"watched\":%s,\"ns\":%.1f,"
	       "\"events_s\":%.0f}\n",
	       getpid(), l.count, l.keep, watched ? "true" : "false", busy * 1e9 / l.count,
	       2 * l.count / (load_now() - start));
	fflush(stdout);
	load_hold(&l);
	return load_end(&l);
}
