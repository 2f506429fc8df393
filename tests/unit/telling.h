/* SPDX-License-Identifier: BSD-2-Clause */
/* A program under trial that tells of its streams. Include it after cmocka.h. */
#pragma once

#include "unit/streams.h"
#include "unit/trial.h"

#define PEERS LS_STREAM_PEERS

static inline void tells(struct trial *tr, uint64_t conn, uint64_t id, uint16_t what, uint8_t how)
{
	struct ls_stream rec = stream_rec(tr->w->now_ns, PID, conn, id, what, how);

	rec.stack = 5;
	world_tell(tr->w, &rec);
}

static inline void says_conn(struct trial *tr, uint64_t conn, uint8_t what, uint64_t value)
{
	struct ls_stream_conn rec = stream_conn_rec(tr->w->now_ns, PID, conn, what, value);

	world_tell(tr->w, &rec);
}

/* A stream of the peer's, answered: what we had to say was said, and its own side stays open. */
static inline void answered(struct trial *tr, uint64_t conn, uint64_t id)
{
	tells(tr, conn, id, LS_STREAM_OPEN, PEERS);
	tells(tr, conn, id, LS_STREAM_WRITE_CLOSED, LS_STREAM_END);
}

static inline void loses(struct trial *tr, uint64_t records)
{
	struct ls_lost rec = {
		.hdr = rec_hdr(LS_LOST, sizeof(rec), tr->w->now_ns),
		.count = { [LS_LOST_RING] = records },
	};

	world_tell(tr->w, &rec);
}

static inline struct finding find(struct trial *tr, enum verdict_class class)
{
	struct finding f;
	uint32_t i;

	for (i = 0; i < verdicts_count(tr->v); i++) {
		verdicts_get(tr->v, i, &f);
		if (f.class == class)
			return f;
	}
	fail_msg("no %s", verdict_rule(class)->name);
	return (struct finding){ 0 };
}
