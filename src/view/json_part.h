/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The elements of the JSON output. Each returns a new reference, NULL when out of memory.
 */
#pragma once

#include <jansson.h>
#include "view/rows.h"

/* An object being made: a member that could not be added shows at its end. */
struct element {
	json_t *object;
	bool failed;
};

struct element element_new(void);
/* Takes ownership of @value. */
void element_set(struct element *e, const char *name, json_t *value);
json_t *element_end(struct element *e);

/* Text that others chose: what is no printable UTF-8 becomes '?'. */
json_t *json_text(const char *s);
/* Seconds to the millisecond; a rate to the same three places. */
json_t *json_seconds(uint64_t ns);
json_t *json_rate(double per_s);

/* A site of streams: `id` and its stack. */
json_t *json_stream_site(const struct view_input *in, uint32_t site);
/* A stack as two members, `function` and `frames`. */
void json_set_stack(struct element *e, const struct view_input *in, int32_t stack);

json_t *json_process(const struct view_input *in, const struct proc_row *r);
json_t *json_finding(const struct view_input *in, const struct finding *f);
json_t *json_connection(const struct view_input *in, const struct conn *c);
json_t *json_task(const struct view_input *in, const struct task *t);
