/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop that every watching verb shares: a source fills a ledger, each tick a snapshot settles
 * it, the verdicts judge it, and the verb's own `report` shows it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "source/source.h"
#include "verb/options.h"

struct signalfd_siginfo;

enum watch_over {
	WATCH_GOES_ON = 0,
	WATCH_OVER_LOOK, /* after one more look */
	WATCH_OVER,	 /* there is nothing left to look at */
};

#define WATCH_COST_SCREEN     10
#define WATCH_COST_BACKGROUND 125 /* leaves something for what comes between two ticks */
#define WATCH_LATE_NS	      60000000000ull

struct watch_ops {
	/* A judged snapshot; NULL-terminated work. 0 goes on, 1 ends well, -errno ends badly. */
	int (*report)(void *ctx, const struct view_input *in);
	/* What the user waits for, before the first report. */
	void (*progress)(void *ctx, const char *what);
	/* Descriptor of keys, -1 if none, and what to do when it can be read. False: quit. */
	int (*key_fd)(void *ctx);
	bool (*key)(void *ctx, const struct view_input *in);
	/* Every record as it came, before the ledger; NULL if nobody wants them. */
	source_sink_fn record;
	/* A process ends, and what stands against it is still in @in; 0 or -errno. @exit_code: as
	 * wait() gives it; told once or twice, the last time is right. */
	int (*ending)(void *ctx, const struct view_input *in, const struct ls_who *who,
		      uint32_t exit_code);
	/* What a process that ends leaves half open is accused, whatever its age. */
	bool end_accuses;
	/* A signal has come. False ends the watch, as any does where this is NULL. */
	bool (*signal)(void *ctx, const struct signalfd_siginfo *info);
	/* Whether that was all, asked whenever something has come; *@until_ns: when to ask again at
	 * the latest, CLOCK_MONOTONIC. */
	enum watch_over (*over)(void *ctx, const struct ledger *led, uint64_t *until_ns);
	/* The last judgement, with the ledger that it is of; however the watch ended. */
	int (*finish)(void *ctx, const struct view_input *in);
	/* Only the last judgement is wanted: nothing is judged before the end. */
	bool last_only;
	/* One more snapshot before the end, so that the last is fresh however far apart they are.
	 */
	bool last_look;
	/* Ticks are at least this many times as far apart as one takes of processor time, however
	 * short --interval is: 10 is a tenth of a core at most. But no further than tick_late_ns,
	 * unless that is 0 or --interval is longer: view_input.interval_s is what came of it. */
	uint32_t tick_cost;
	uint64_t tick_late_ns;
};

/* Watches @src until --for, --count, the end of a recording, SIGINT or SIGTERM. 0 or -errno; the
 * classes found in the last judgement are or-ed into *@found. Takes over @src and closes it. */
int watch_run(struct source *src, const struct options *opt, const struct watch_ops *ops, void *ctx,
	      uint64_t *found);

/* Opens the live kernel, or says on stderr why not and returns an exit status. */
int watch_open_live(struct source *src, const struct options *opt);
