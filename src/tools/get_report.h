/* SPDX-License-Identifier: BSD-2-Clause */
/* What tether-get counts, and how it says so at the end. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#define REPORT_ERRORS 32

/* Latencies in buckets of 1/32 of their power of two: no sample is off by more than 3 %. */
#define REPORT_BUCKETS (64 * 32)

struct get_report {
	uint64_t ok, failed, bytes;
	uint64_t statuses[6]; /* by hundreds; 0: others */
	struct {
		int error;
		uint64_t n;
	} errors[REPORT_ERRORS];
	uint64_t worst_ns, total_ns;
	uint64_t buckets[REPORT_BUCKETS];
};

/* A request is over: with a @status, or with an error. */
void get_report_add(struct get_report *report, uint64_t took_ns, int status, int error);

/* The latency that @share (0.99) of the requests stayed below. */
uint64_t get_report_quantile(const struct get_report *report, double share);

void get_report_print(const struct get_report *report, uint64_t took_ns, FILE *to);
