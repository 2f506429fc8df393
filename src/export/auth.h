/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Basic authentication with bcrypt. A hash takes as long as it was made to, so it is computed on
 * threads of its own, a few at a time, and remembered once it was right.
 */
#pragma once

#include "export/config.h"

enum auth_answer {
	AUTH_NO = 0,
	AUTH_YES,
	AUTH_BUSY, /* too many ask at a time */
};

typedef void (*auth_done_fn)(void *arg, enum auth_answer answer);

struct auth;

/* @uv: uv_loop_t * of the thread that asks. Borrows @config, which has a user at least. NULL and
 * errno. */
struct auth *auth_new(void *uv, const struct config *config);
/* @field: the header Authorization, NULL if there is none. Calls done() once, at once or later. */
void auth_ask(struct auth *a, const char *field, auth_done_fn done, void *arg);
