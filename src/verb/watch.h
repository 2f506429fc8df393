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

struct watch;

#define WATCH_COST_SCREEN     10
#define WATCH_COST_BACKGROUND 100

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
	/* Only the last judgement is wanted: nothing is judged before the end. */
	bool last_only;
	/* One more snapshot before the end, so that the last is fresh however far apart they are.
	 */
	bool last_look;
	/* Ticks are at least this many times as far apart as one takes, however short --interval
	 * is: 10 is a tenth of a core at most. */
	uint32_t tick_cost;
};

/* Watches @src until --for, --count, the end of a recording, SIGINT or SIGTERM. 0 or -errno; the
 * classes found in the last judgement are or-ed into *@found. Takes over @src and closes it. */
int watch_run(struct source *src, const struct options *opt, const struct watch_ops *ops, void *ctx,
	      uint64_t *found);

/* Opens the live kernel, or says on stderr why not and returns an exit status. */
int watch_open_live(struct source *src, const struct options *opt);
