/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of metrics.c: the metrics of each row of a tally, and those of the program that watches. */
#pragma once

#include "base/metric.h"
#include "view/metrics.h"

void metrics_put_rows(struct metric_out *out, const struct tally *t, uint64_t now_ns);
void metrics_put_self(struct metric_out *out, const struct view_input *in,
		      const struct metrics_self *self);
