/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where records come from: the live kernel (live.h) or a recording (recording.h).
 *
 * A source hands records to a sink and never interprets them. Two implementations, hence the ops.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <lostsock/event.h>

/* Takes one record, which it may not keep. Non-zero stops the delivery and is passed up. */
typedef int (*source_sink_fn)(void *ctx, const struct ls_hdr *rec);

/* What identifies the machine and boot that records come from. */
struct source_identity {
	uint8_t boot_id[16];
	uint64_t realtime_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC: adds up to the time of day */
	uint64_t start_ns;    /* CLOCK_MONOTONIC at the start */
	char kernel[64];      /* "6.18.44 x86_64" */
	char host[64];
};

struct source_ops {
	/* Readable when there is something to pump; -1: always. */
	int (*fd)(void *arg);
	/* Delivers what is there, or a part of it, without waiting. 0, -ENODATA at the end of a
	 * recording, -EBADMSG where it is damaged, or what the sink returned. */
	int (*pump)(void *arg, source_sink_fn sink, void *ctx);
	/* Asks for a snapshot with @passes (enum ls_pass); delivers it whole, between LS_SNAP
	 * records. A recording has its own and answers -EOPNOTSUPP. */
	int (*snapshot)(void *arg, uint32_t passes, source_sink_fn sink, void *ctx);
	/* CLOCK_MONOTONIC now; for a recording, how far it has come. */
	uint64_t (*now_ns)(void *arg);
	const struct source_identity *(*identity)(void *arg);
	void (*close)(void *arg);
};

struct source {
	const struct source_ops *ops;
	void *arg;
};
