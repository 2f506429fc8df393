/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams in words, and as JSON.
 */
#pragma once

#include "view/json_part.h"
#include "view/rows.h"

#define STREAMS_LEN 256

/* What streams come to: of a process, or of all that are listed. */
/* "120 streams  100 half open  oldest 5m  2.1/s opened", "" where none were told of. */
char *streams_text(char *buf, size_t len, const struct streams_row *s, double opened_per_s);
/* "7 nonsense, 3 unseen", "" for neither: of what is told. */
char *streams_doubt_text(char *buf, size_t len, const struct streams_row *s);
/* "120 live, 100 half open, oldest 5m, none left": of one connection. */
char *carrier_streams_text(char *buf, size_t len, const struct view_input *in,
			   const struct carrier *c);

/* The process's, null where it has told of none. */
json_t *json_streams_of(const struct proc_row *r);
/* An element of "streams". */
json_t *json_stream(const struct view_input *in, const struct stream *s);
/* What a finding about streams shows, null for others. */
json_t *json_finding_stream(const struct view_input *in, const struct finding *f);
