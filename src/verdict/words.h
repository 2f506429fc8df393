/* SPDX-License-Identifier: BSD-2-Clause */
/* A finding's evidence, being put into words: explain.c, explain_stream.c. */
#pragma once

#include "verdict/rules.h"

struct words {
	const struct ledger *led;
	const struct finding *f;
	const struct conn *conn; /* NULL if the finding has none, or it has gone since */
	uint64_t now_ns;
	char *buf;
	size_t len;
	size_t at;
};

__attribute__((format(printf, 2, 3))) void say(struct words *w, const char *format, ...);
/* "3m 5s", "at least 3m 5s" */
void say_age(struct words *w, uint64_t since_ns);

void explain_stream_half_open(struct words *w);
void explain_stream_growth(struct words *w);
void explain_stream_starved(struct words *w);
void explain_miscount(struct words *w);
