/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Metrics as Prometheus reads them: its text format 0.0.4, and OpenMetrics 1.0. Writes one family
 * after the other, and no more samples than it was told to.
 *
 *      # HELP lostsock_connections Open sockets.
 *      # TYPE lostsock_connections gauge
 *      lostsock_connections{proto="tcp",state="close_wait"} 80
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum metric_type {
	METRIC_GAUGE = 0,
	METRIC_COUNTER, /* its samples' suffix is "_total" */
	METRIC_INFO,	/* ... "_info" */
	METRIC_BUCKETS, /* of what is there now: it may shrink */
};

struct metric {
	const char *name; /* without a suffix that its type gives it */
	enum metric_type type;
	const char *unit; /* the end of the name, NULL: none */
	const char *help; /* one line, neither '\' nor '"' in it */
};

struct metric_out {
	FILE *file;
	bool openmetrics;
	uint32_t limit;	  /* samples; 0: any number */
	uint32_t samples; /* written so far */
	uint64_t dropped; /* beyond the limit */
	/* of the sample at hand */
	const struct metric *metric;
	bool skips, labelled;
};

/* The lines that stand before a family's samples. */
void metric_begin(struct metric_out *out, const struct metric *m);
/* One sample: its name, any number of labels, and a value. @suffix: that of a part of
 * METRIC_BUCKETS: "_bucket", "_count", "_sum"; "" elsewhere. */
void metric_sample(struct metric_out *out, const char *suffix);
/* Any bytes that are UTF-8. */
void metric_label(struct metric_out *out, const char *name, const char *value);
void metric_value(struct metric_out *out, double value);
void metric_number(struct metric_out *out, uint64_t value);
/* A family of one sample. */
void metric_one(struct metric_out *out, const struct metric *m, uint64_t value);
void metric_one_value(struct metric_out *out, const struct metric *m, double value);
/* The end of it all, which OpenMetrics wants to see. */
void metric_finish(struct metric_out *out);
