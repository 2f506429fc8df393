/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of a directory as responses: types, ETag, Last-Modified, HEAD, nothing outside of it. */
#pragma once

#include <tether/loop.h>
#include <tether/server.h>

struct files;

/* To be served on these loops; others do as well, more slowly. */
int files_open(const char *dir, struct tether_loop *const *loops, unsigned int n,
	       struct files **files);
void files_close(struct files *files);

/* Answers GET and HEAD; others with 405. Small files may be a tenth of a second old. */
void files_serve(struct tether_call call, struct files *files);
