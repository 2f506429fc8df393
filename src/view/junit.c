// SPDX-License-Identifier: BSD-2-Clause
/*
 * JUnit XML, as CI systems read it: a test case a process. Names come from processes that may call
 * themselves anything, so all text is made printable first, and then escaped.
 */
#include "view/sheet_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

#define CLEAN_LEN 1024

/* What text_clean() lets through is legal in XML; what is left to do are its five own marks. */
static void put_escaped(FILE *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&apos;", out);
			break;
		default:
			fputc(*s, out);
		}
	}
}

static void put_attribute(FILE *out, const char *name, const char *value)
{
	char clean[CLEAN_LEN];

	fprintf(out, " %s=\"", name);
	put_escaped(out, text_clean(clean, sizeof(clean), value));
	fputc('"', out);
}

/* A text of several lines, each made printable by itself. */
static void put_lines(FILE *out, const char *text)
{
	char line[CLEAN_LEN], clean[CLEAN_LEN];

	while (*text) {
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)(n < sizeof(line) ? n : sizeof(line) - 1),
			 text);
		put_escaped(out, text_clean(clean, sizeof(clean), line));
		fputc('\n', out);
		text += n + (text[n] == '\n');
	}
}

static bool fails(const struct sheet_entry *e, const struct sheet_gate *gate)
{
	uint64_t bit = 1ull << e->class;

	return !e->suppression && ((e->suspected < e->count && (gate->fail_certain & bit)) ||
				   (e->suspected && (gate->fail_suspected & bit)));
}

enum outcome {
	OUTCOME_PASSED = 0,
	OUTCOME_SKIPPED, /* all that was found is suppressed */
	OUTCOME_FAILED
};

static enum outcome case_outcome(const struct sheet *s, uint32_t owner,
				 const struct sheet_gate *gate)
{
	enum outcome outcome = OUTCOME_PASSED;
	uint32_t i;

	for (i = 0; i < s->entries && outcome != OUTCOME_FAILED; i++) {
		const struct sheet_entry *e = &s->entry[i];

		if (e->owner != owner)
			continue;
		if (fails(e, gate))
			outcome = OUTCOME_FAILED;
		else if (e->suppression)
			outcome = OUTCOME_SKIPPED;
	}
	return outcome;
}

/* What is found and does not fail: suspected, or not asked for. */
static void put_notes(FILE *out, const struct sheet *s, uint32_t owner,
		      const struct sheet_gate *gate)
{
	bool any = false;
	uint32_t i;

	for (i = 0; i < s->entries; i++) {
		const struct sheet_entry *e = &s->entry[i];

		if (e->owner != owner || e->suppression || fails(e, gate))
			continue;
		fputs(any ? "" : "      <system-out>", out);
		any = true;
		put_lines(out, e->text);
	}
	fputs(any ? "</system-out>\n" : "", out);
}

/* One failure a case, as the schema has it; the first class gives its type. */
static void put_failure(FILE *out, const struct sheet *s, uint32_t owner,
			const struct sheet_gate *gate)
{
	const struct sheet_entry *first = NULL;
	char message[CLEAN_LEN] = "";
	size_t at = 0;
	uint32_t i;

	for (i = 0; i < s->entries; i++) {
		const struct sheet_entry *e = &s->entry[i];

		if (e->owner != owner || !fails(e, gate))
			continue;
		if (at + strlen(e->brief) + 3 < sizeof(message))
			at += (size_t)snprintf(message + at, sizeof(message) - at, "%s%s",
					       first ? "; " : "", e->brief);
		first = first ? first : e;
	}
	if (!first)
		return;
	fputs("      <failure", out);
	put_attribute(out, "type", class_name(first->class));
	put_attribute(out, "message", message);
	fputc('>', out);
	for (i = 0; i < s->entries; i++)
		if (s->entry[i].owner == owner && fails(&s->entry[i], gate))
			put_lines(out, s->entry[i].text);
	fputs("</failure>\n", out);
}

static void put_skipped(FILE *out, const struct sheet *s, uint32_t owner)
{
	char message[CLEAN_LEN] = "suppressed";
	uint32_t i;

	for (i = 0; i < s->entries; i++)
		if (s->entry[i].owner == owner && s->entry[i].suppression) {
			snprintf(message, sizeof(message), "suppressed: %s", s->entry[i].brief);
			break;
		}
	fputs("      <skipped", out);
	put_attribute(out, "message", message);
	fputs("/>\n", out);
}

static double gate_seconds(const struct sheet_gate *gate)
{
	return (double)ns_since(gate->end_ns, gate->begin_ns) / 1e9;
}

static double case_seconds(const struct sheet_case *c, const struct sheet_gate *gate)
{
	uint64_t end_ns = c->end_ns ? c->end_ns : gate->end_ns;

	uint64_t begin_ns = c->row.start_ns > gate->begin_ns ? c->row.start_ns : gate->begin_ns;

	/* COMMAND itself was there before, and waited. */
	return (double)ns_since(end_ns, begin_ns) / 1e9;
}

/* Of the same name there may be many: a number tells them apart, and is the same in the next run.
 */
static void put_case(FILE *out, const struct sheet *s, uint32_t owner,
		     const struct sheet_gate *gate)
{
	const struct sheet_case *c = &s->owner[owner];
	enum outcome outcome = case_outcome(s, owner, gate);
	char name[LS_COMM_LEN + 32];
	uint32_t i, nth = 1;

	for (i = 0; i < owner; i++)
		nth += strcmp(s->owner[i].row.comm, c->row.comm) == 0;
	snprintf(name, sizeof(name), nth > 1 ? "%s #%u" : "%s", c->row.comm, nth);
	fputs("    <testcase", out);
	put_attribute(out, "name", name);
	put_attribute(out, "classname", gate->command);
	fprintf(out, " time=\"%.3f\">\n", case_seconds(c, gate));
	if (outcome == OUTCOME_FAILED)
		put_failure(out, s, owner, gate);
	else if (outcome == OUTCOME_SKIPPED)
		put_skipped(out, s, owner);
	put_notes(out, s, owner, gate);
	fputs("    </testcase>\n", out);
}

int sheet_junit(FILE *out, const struct sheet *s, const struct sheet_gate *gate)
{
	uint32_t count[OUTCOME_FAILED + 1] = { 0 }, i;
	char when[TEXT_LEN];

	for (i = 0; i < s->owners; i++)
		count[case_outcome(s, i, gate)]++;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
	fprintf(out, "<testsuites tests=\"%u\" failures=\"%u\" errors=\"0\" time=\"%.3f\">\n",
		s->owners, count[OUTCOME_FAILED], gate_seconds(gate));
	fprintf(out,
		"  <testsuite name=\"lostsock\" tests=\"%u\" failures=\"%u\" errors=\"0\" "
		"skipped=\"%u\" time=\"%.3f\"",
		s->owners, count[OUTCOME_FAILED], count[OUTCOME_SKIPPED], gate_seconds(gate));
	put_attribute(out, "timestamp", time_rfc3339(when, sizeof(when), gate->realtime_ns));
	put_attribute(out, "hostname", gate->host ? gate->host : "");
	fputs(">\n", out);
	for (i = 0; i < s->owners && !ferror(out); i++)
		put_case(out, s, i, gate);
	fputs("  </testsuite>\n</testsuites>\n", out);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
