/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client would like to have: Accept and Accept-Encoding (RFC 9110, 12.5). Pure. */
#pragma once

#include <stdbool.h>

enum accept_format {
	ACCEPT_TEXT = 0, /* Prometheus' text format 0.0.4 */
	ACCEPT_OPENMETRICS,
	ACCEPT_FORMATS
};

/* The field that goes with it. */
const char *accept_content_type(enum accept_format format);
/* @field: the header's value, NULL if there is none. Where nothing fits, the older format: better
 * than no metrics. Equals: OpenMetrics only where it is named. */
enum accept_format accept_format(const char *field);
/* Whether gzip is welcome. */
bool accept_gzip(const char *field);
