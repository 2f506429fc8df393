// SPDX-License-Identifier: BSD-2-Clause
/* The account of a whole run, as JSON. */
#include "view/sheet_internal.h"

#include "view/json_out.h"
#include "view/json_part.h"
#include "view/waits.h"

static void put_processes(struct json_out *w, const struct sheet *s, const struct view_input *in)
{
	uint32_t i;

	json_out_begin(w, "processes");
	for (i = 0; i < s->owners && !w->err; i++)
		json_out_element(w, json_process(in, &s->owner[i].row));
	json_out_end(w);
	json_out_member(w, "processes_left_out", json_integer(s->forgotten));
}

static void put_findings(struct json_out *w, const struct sheet *s)
{
	json_t *f;
	size_t i;

	json_out_begin(w, "findings");
	json_array_foreach(s->findings, i, f) json_out_element(w, json_incref(f));
	json_out_end(w);
	json_out_member(w, "findings_left_out", json_integer(s->left_out));
}

static void put_waits(struct json_out *w, const struct view_input *in)
{
	struct wait_rows waits = { .row = NULL };
	uint32_t i;

	json_out_begin(w, "waits");
	if (!w->err)
		w->err = wait_rows_fill(&waits, in);
	for (i = 0; i < waits.len && !w->err; i++)
		json_out_element(w, waits_json(in, &waits.row[i]));
	json_out_end(w);
	wait_rows_fini(&waits);
}

static void put_suppressions(struct json_out *w, const struct sheet *s)
{
	uint32_t n, line, count;
	const char *text;

	json_out_begin(w, "suppressions");
	for (n = 1; (text = suppress_entry(s->opt.suppress, n, &line, &count)); n++) {
		struct element e = element_new();

		element_set(&e, "line", json_integer(line));
		element_set(&e, "text", json_text(text));
		element_set(&e, "count", json_integer(count));
		json_out_element(w, element_end(&e));
	}
	json_out_end(w);
}

int sheet_json(FILE *out, const struct sheet *s, const struct view_input *in)
{
	struct json_out w;

	json_out_open(&w, out, in);
	put_processes(&w, s, in);
	put_findings(&w, s);
	put_waits(&w, in);
	put_suppressions(&w, s);
	return json_out_close(&w);
}
