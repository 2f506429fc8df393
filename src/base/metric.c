// SPDX-License-Identifier: BSD-2-Clause
/* The two text formats (metric.h). They differ in names: OpenMetrics' families have no suffix. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/metric.h"

static const char *suffix_of(const struct metric *m)
{
	switch (m->type) {
	case METRIC_COUNTER:
		return "_total";
	case METRIC_INFO:
		return "_info";
	default:
		return "";
	}
}

static const char *type_of(const struct metric_out *out, const struct metric *m)
{
	static const char *const text[] = { "gauge", "counter", "gauge", "histogram" };
	static const char *const open[] = { "gauge", "counter", "info", "gaugehistogram" };

	return out->openmetrics ? open[m->type] : text[m->type];
}

void metric_begin(struct metric_out *out, const struct metric *m)
{
	const char *suffix = out->openmetrics ? "" : suffix_of(m);

	out->metric = m;
	fprintf(out->file, "# HELP %s%s %s\n", m->name, suffix, m->help);
	fprintf(out->file, "# TYPE %s%s %s\n", m->name, suffix, type_of(out, m));
	if (m->unit && out->openmetrics)
		fprintf(out->file, "# UNIT %s %s\n", m->name, m->unit);
}

void metric_sample(struct metric_out *out, const char *suffix)
{
	bool renamed = out->openmetrics && out->metric->type == METRIC_BUCKETS;

	out->skips = out->limit && out->samples >= out->limit;
	out->labelled = false;
	if (out->skips) {
		out->dropped++;
		return;
	}
	out->samples++;
	/* What may shrink is not counted: "_gcount". */
	if (renamed && strcmp(suffix, "_bucket"))
		fprintf(out->file, "%s_g%s", out->metric->name, suffix + 1);
	else
		fprintf(out->file, "%s%s", out->metric->name,
			*suffix ? suffix : suffix_of(out->metric));
}

void metric_label(struct metric_out *out, const char *name, const char *value)
{
	if (out->skips)
		return;
	fprintf(out->file, "%c%s=\"", out->labelled ? ',' : '{', name);
	out->labelled = true;
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out->file);
		else if (*value == '\\' || *value == '"')
			fprintf(out->file, "\\%c", *value);
		else
			fputc(*value, out->file);
	}
	fputc('"', out->file);
}

/* As few digits as tell it from its neighbours. */
static void put_double(FILE *file, double value)
{
	char text[32];

	if (isinf(value)) {
		fputs(value > 0 ? "+Inf" : "-Inf", file);
		return;
	}
	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) < value || strtod(text, NULL) > value)
		snprintf(text, sizeof(text), "%.17g", value);
	fputs(text, file);
}

void metric_value(struct metric_out *out, double value)
{
	if (out->skips)
		return;
	fputs(out->labelled ? "} " : " ", out->file);
	put_double(out->file, value);
	fputc('\n', out->file);
}

void metric_number(struct metric_out *out, uint64_t value)
{
	if (!out->skips)
		fprintf(out->file, "%s%llu\n", out->labelled ? "} " : " ",
			(unsigned long long)value);
}

void metric_one(struct metric_out *out, const struct metric *m, uint64_t value)
{
	metric_begin(out, m);
	metric_sample(out, "");
	metric_number(out, value);
}

void metric_one_value(struct metric_out *out, const struct metric *m, double value)
{
	metric_begin(out, m);
	metric_sample(out, "");
	metric_value(out, value);
}

void metric_finish(struct metric_out *out)
{
	if (out->openmetrics)
		fputs("# EOF\n", out->file);
}
