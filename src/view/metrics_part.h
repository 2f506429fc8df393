/* SPDX-License-Identifier: BSD-2-Clause */
/* The metrics that are written for each row of a tally. For metrics.c. */
#pragma once

#include "base/metric.h"
#include "view/tally.h"

void metrics_put_rows(struct metric_out *out, const struct tally *t, uint64_t now_ns);
