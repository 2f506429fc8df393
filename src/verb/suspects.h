/* SPDX-License-Identifier: BSD-2-Clause */
/* The connections whose readers are looked at more closely: those that are accused. */
#pragma once

#include "source/source.h"
#include "view/view.h"

#define SUSPECTS_MAX 1024 /* as many as live_suspect() takes */

struct suspects {
	uint64_t cookie[SUSPECTS_MAX];
	size_t n;
};

/* Tells @src of what @in accuses, if that is something else than last time. */
void suspects_tell(struct suspects *s, struct source *src, const struct view_input *in);
