/* SPDX-License-Identifier: BSD-2-Clause */
/* What a watching verb may still do once it watches. */
#pragma once

#include <stdint.h>

enum privileges_more {
	PRIVILEGES_KILL = 1 << 30, /* signals are passed on to a child of another user */
};

/* Gives up every capability that reading on does not need. @detail: enum live_detail, for whose
 * sake some more are kept, or-ed with enum privileges_more. */
void privileges_drop(uint32_t detail);
