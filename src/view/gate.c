// SPDX-License-Identifier: BSD-2-Clause
/* What `run` says at its end: a line where all is well, else what was lost and by which code. */
#include "view/sheet_internal.h"

#include <errno.h>
#include "base/text.h"
#include "view/report.h"

#define RUNNING_LEN 512

bool sheet_fails(const struct sheet *s, const struct sheet_gate *gate)
{
	return (s->totals.certain & gate->fail_certain) ||
	       (s->totals.suspected & gate->fail_suspected);
}

/* "lostsock: 12 findings; 3 processes opened 40 connections; 2 suppressed" */
static void put_summary(FILE *out, const struct sheet *s)
{
	const struct sheet_totals *t = &s->totals;
	char processes[TEXT_LEN];

	if (t->findings)
		fprintf(out, "lostsock: %u finding%s; ", t->findings, t->findings == 1 ? "" : "s");
	else
		fputs("lostsock: no leaks; ", out);
	fprintf(out, "%s opened %llu connection%s",
		processes_text(processes, sizeof(processes), t->processes),
		(unsigned long long)t->opened, t->opened == 1 ? "" : "s");
	if (t->suppressed)
		fprintf(out, "; %u suppressed", t->suppressed);
	fputc('\n', out);
}

int sheet_gate_report(FILE *out, const struct sheet *s, const struct view_input *in,
		      const struct sheet_gate *gate)
{
	struct report r = { .out = out, .in = in };
	char running[RUNNING_LEN];
	int err;

	put_summary(out, s);
	report_warnings(&r);
	if (*sheet_running(running, sizeof(running), s))
		fprintf(out, "lostsock: a process that forked away still runs: %s\n", running);
	err = sheet_report_findings(out, s);
	if (!err)
		err = sheet_report_suppressions(out, s, gate->verbose);
	if (s->totals.groups && !sheet_fails(s, gate))
		fprintf(out, "\nlostsock: none of these fails the run; --fail-on any would\n");
	return fflush(out) && !err ? -errno : err;
}
