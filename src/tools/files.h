/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of a directory as responses: types, ETag, Last-Modified, HEAD, nothing outside of it. */
#pragma once

#include <tether/server.h>

struct files;

int files_open(const char *dir, struct files **files);
void files_close(struct files *files);

/* Answers GET and HEAD; others with 405. Any loop. */
void files_serve(struct tether_call call, struct files *files);
