// SPDX-License-Identifier: BSD-2-Clause
/* Counting and reporting (get_report.h). */
#include "get_report.h"

#include <inttypes.h>
#include <string.h>

static unsigned int bucket_of(uint64_t ns)
{
	unsigned int power;

	if (ns < 32)
		return (unsigned int)ns;
	power = 63 - __builtin_clzll(ns);
	return (power - 4) * 32 + (unsigned int)((ns >> (power - 5)) & 31);
}

/* The largest value that falls into it. */
static uint64_t bucket_end(unsigned int bucket)
{
	unsigned int power = bucket / 32 + 4;

	if (bucket < 32)
		return bucket;
	return ((UINT64_C(32) + bucket % 32 + 1) << (power - 5)) - 1;
}

static void count_error(struct get_report *report, int error)
{
	int i;

	for (i = 0; i < REPORT_ERRORS - 1; i++)
		if (!report->errors[i].n || report->errors[i].error == error)
			break;
	report->errors[i].error = error;
	report->errors[i].n++;
}

void get_report_add(struct get_report *report, uint64_t took_ns, int status, int error)
{
	report->total_ns += took_ns;
	if (took_ns > report->worst_ns)
		report->worst_ns = took_ns;
	report->buckets[bucket_of(took_ns)]++;
	if (error) {
		report->failed++;
		count_error(report, error);
		return;
	}
	report->ok++;
	report->statuses[status / 100 < 6 ? status / 100 : 0]++;
}

uint64_t get_report_quantile(const struct get_report *report, double share)
{
	uint64_t n = report->ok + report->failed, seen = 0, end;
	unsigned int i;

	for (i = 0; i < REPORT_BUCKETS; i++) {
		seen += report->buckets[i];
		if (seen && seen >= share * n) {
			end = bucket_end(i);
			return end < report->worst_ns ? end : report->worst_ns;
		}
	}
	return report->worst_ns;
}

void get_report_print(const struct get_report *r, uint64_t took_ns, FILE *to)
{
	uint64_t n = r->ok + r->failed;
	int i;

	fprintf(to, "requests   %" PRIu64 " ok, %" PRIu64 " failed in %.3f s: %.0f/s\n", r->ok,
		r->failed, took_ns / 1e9, took_ns ? n * 1e9 / took_ns : 0.0);
	fprintf(to,
		"latency    mean %.2f ms, p50 %.2f, p90 %.2f, p99 %.2f, p99.9 %.2f, worst %.2f\n",
		n ? r->total_ns / 1e6 / n : 0.0, get_report_quantile(r, 0.5) / 1e6,
		get_report_quantile(r, 0.9) / 1e6, get_report_quantile(r, 0.99) / 1e6,
		get_report_quantile(r, 0.999) / 1e6, r->worst_ns / 1e6);
	fprintf(to,
		"statuses   2xx %" PRIu64 ", 3xx %" PRIu64 ", 4xx %" PRIu64 ", 5xx %" PRIu64 "\n",
		r->statuses[2], r->statuses[3], r->statuses[4], r->statuses[5]);
	fprintf(to, "bytes      %" PRIu64 "\n", r->bytes);
	for (i = 0; i < REPORT_ERRORS && r->errors[i].n; i++)
		fprintf(to, "error      %" PRIu64 " x %s\n", r->errors[i].n,
			strerror(-r->errors[i].error));
}
