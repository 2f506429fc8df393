/* SPDX-License-Identifier: BSD-2-Clause */
/* QUIC connections of raw streams: between quic.c (connections) and stream.c (streams). */
#pragma once

#include <tether/stream.h>

#include "quic_conn.h"

/* What a peer is told when something took too long: codes of ours, where the program has none. */
#define RAW_LATE     0x74696d65 /* "time": a stream was kept for too long */
#define RAW_WITHHELD 0x77686c64 /* "whld": a side was not settled */

struct raw_conn {
	struct quic_conn q;
	struct tether_quic_options options;
	struct tether_quic *listener; /* NULL: a client's, with an endpoint of its own */
	struct list sending;	      /* streams that have something to send */
	struct quic_stream *writing;  /* the one that raw_next() spoke of */
	bool starved;		      /* wanted to open a stream, and could not */
	bool opened_told, fed;
};

/* NULL: dead, or about to be. */
struct raw_conn *raw_find(struct tether_quic_conn handle);

int raw_next(struct quic_conn *q, int64_t *sid, bool *fin, ngtcp2_vec *pieces, size_t n);
int raw_wrote(struct quic_conn *q, int64_t sid, size_t len, bool fin);
void raw_blocked(struct quic_conn *q, int64_t sid);
void raw_shut(struct quic_conn *q, int64_t sid);
int raw_widened(struct quic_conn *q, struct quic_stream *stream, int64_t sid);
int raw_acked(struct quic_conn *q, struct quic_stream *stream, int64_t sid, uint64_t len);
void raw_finish(struct quic_stream *stream);
void raw_ready(struct quic_stream *stream);
void raw_stream_over(struct quic_stream *stream, int why);
void raw_stream_late(struct quic_stream *stream);
