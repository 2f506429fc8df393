// SPDX-License-Identifier: BSD-2-Clause
/* The outer object: its head, which all have in common, and its members as they come. */
#include "view/json_out.h"

#include <errno.h>
#include "base/text.h"
#include "view/json_part.h"
#include "view/rows.h"

/* 15 digits: all that a double holds of a number written in decimal, so 0.1 stays 0.1. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

/* Takes ownership of @value. */
static void put(struct json_out *w, json_t *value)
{
	if (!value)
		w->err = -ENOMEM;
	errno = 0;
	if (!w->err && json_dumpf(value, w->file, DUMP_FLAGS))
		w->err = errno ? -errno : -EIO;
	json_decref(value);
}

void json_out_member(struct json_out *w, const char *name, json_t *value)
{
	fprintf(w->file, "%s\n\"%s\":", w->first ? "" : ",", name);
	w->first = false;
	put(w, value);
}

void json_out_begin(struct json_out *w, const char *name)
{
	fprintf(w->file, ",\n\"%s\":[", name);
	w->first = true;
}

void json_out_element(struct json_out *w, json_t *value)
{
	fputs(w->first ? "\n" : ",\n", w->file);
	w->first = false;
	put(w, value);
}

void json_out_end(struct json_out *w)
{
	fputs(w->first ? "]" : "\n]", w->file);
	w->first = false;
}

static json_t *lost_object(const struct view_input *in)
{
	const struct ledger_totals *t = ledger_totals(in->ledger);
	struct element e = element_new();
	unsigned int i;

	for (i = 0; lost_name(i); i++)
		element_set(&e, lost_name(i), json_integer((json_int_t)t->lost[i]));
	element_set(&e, "total", json_integer((json_int_t)input_lost(in)));
	return element_end(&e);
}

static void put_head(struct json_out *w, const struct view_input *in)
{
	const struct ledger_totals *t = ledger_totals(in->ledger);
	char when[TEXT_LEN];

	json_out_member(w, "schema", json_integer(1));
	json_out_member(w, "time", json_string(time_rfc3339(when, sizeof(when), in->realtime_ns)));
	json_out_member(w, "host", json_text(in->host ? in->host : ""));
	json_out_member(w, "kernel", json_text(in->kernel ? in->kernel : ""));
	json_out_member(w, "interval_s", json_seconds((uint64_t)(in->interval_s * 1e9)));
	json_out_member(w, "replay", json_boolean(in->replay));
	json_out_member(w, "incomplete", json_boolean(in->incomplete));
	json_out_member(w, "watched_s", json_seconds(input_watched_ns(in)));
	json_out_member(w, "lost", lost_object(in));
	json_out_member(w, "totals",
			json_pack("{sI sI sI sI sI sI}", "opened", (json_int_t)t->opened, "closed",
				  (json_int_t)t->closed, "aborted", (json_int_t)t->aborted,
				  "healed", (json_int_t)t->healed, "live", (json_int_t)t->conns,
				  "processes", (json_int_t)t->procs));
}

void json_out_open(struct json_out *w, FILE *file, const struct view_input *in)
{
	*w = (struct json_out){ .file = file, .first = true };
	fputc('{', file);
	put_head(w, in);
}

int json_out_close(struct json_out *w)
{
	fputs("\n}\n", w->file);
	if (fflush(w->file) && !w->err)
		w->err = -errno;
	return w->err;
}
