/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers: a few words, or a text that is long and shared, compressed if the client likes. */
#pragma once

#include <tether/server.h>
#include "export/channel.h"

/* A text and, once somebody has asked for it, the same compressed. */
struct reply_body {
	struct channel_text *text; /* NULL: there is none yet */
	struct channel_text *gzip;
};

/* Takes @text over, and drops what was there. */
void reply_body_set(struct reply_body *b, struct channel_text *text);

/* All of @b, by reference: what a slow client still reads is kept for it. */
void reply_shared(struct tether_call call, const char *type, struct reply_body *b);
/* One line of plain text, with a newline added. */
void reply_line(struct tether_call call, int status, const char *line);
/* The same with one more field. */
void reply_line_with(struct tether_call call, int status, const char *line, const char *name,
		     const char *value);
