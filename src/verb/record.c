// SPDX-License-Identifier: BSD-2-Clause
/* `lostsock record FILE`: the record stream, for later. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "source/live.h"
#include "source/recording.h"
#include "verb/privileges.h"
#include "verb/signals.h"
#include "verb/verb.h"
#include "verb/watch.h"

struct record {
	struct recording_writer *writer;
};

static int on_record(void *ctx, const struct ls_hdr *rec)
{
	return recording_write(((struct record *)ctx)->writer, rec);
}

/* Each tick reaches the disk: a crash loses a second at most. */
static int on_tick(void *ctx, const struct view_input *in)
{
	(void)in;
	return recording_flush(((struct record *)ctx)->writer);
}

static int finish(struct record *r, const char *file, int err)
{
	uint64_t records, bytes;
	char size[TEXT_LEN];
	int close_err = recording_finish(r->writer, &records, &bytes);

	err = err ? err : close_err;
	if (err) {
		fprintf(stderr, "lostsock: %s: %s; what was written before can be replayed\n", file,
			strerror(-err));
		return EXIT_FINDINGS;
	}
	fprintf(stderr, "lostsock: %s: %llu records, %s\n", file, (unsigned long long)records,
		text_bytes(size, sizeof(size), bytes));
	return EXIT_FINE;
}

int verb_record(const struct options *opt)
{
	static const struct watch_ops ops = {
		.report = on_tick,
		.record = on_record,
		.tick_cost = WATCH_COST_BACKGROUND,
		.last_look = true,
	};
	char why[RECORDING_ERROR_LEN];
	struct record r;
	struct source src;
	int status;

	if (signals_block())
		return EXIT_FINDINGS;
	status = watch_open_live(&src, opt);
	if (status)
		return status;
	r.writer = recording_create(opt->file, src.ops->identity(src.arg), why);
	if (!r.writer) {
		fprintf(stderr, "lostsock: %s\n", why);
		src.ops->close(src.arg);
		return EXIT_FINDINGS;
	}
	privileges_drop(opt->streams ? LIVE_STREAMS : 0);
	if (!opt->for_ns && isatty(STDERR_FILENO))
		fprintf(stderr, "lostsock: recording to %s; ^C ends it\n", opt->file);
	return finish(&r, opt->file, watch_run(&src, opt, &ops, &r, NULL));
}
