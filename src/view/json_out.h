/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One JSON object, written as it is made: nothing is kept but the element at hand.
 */
#pragma once

#include <jansson.h>
#include "view/view.h"

struct json_out {
	FILE *file;
	bool first; /* of the present array */
	int err;    /* the first; what comes after it is not written */
};

/* Begins the object with the members that tell of the watch as a whole. */
void json_out_open(struct json_out *w, FILE *file, const struct view_input *in);
/* Ends it, with a newline. 0 or -errno. */
int json_out_close(struct json_out *w);

/* Takes ownership of @value, as the next does; NULL is an error. */
void json_out_member(struct json_out *w, const char *name, json_t *value);
void json_out_begin(struct json_out *w, const char *name);
void json_out_element(struct json_out *w, json_t *value);
void json_out_end(struct json_out *w);
