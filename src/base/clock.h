/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock that records and snapshots are dated by: it stands still while the machine sleeps. */
#pragma once

#include <stdint.h>
#include <time.h>

/* Nanoseconds, as that clock has them here. */
uint64_t clock_read_ns(clockid_t clock);

/* CLOCK_MONOTONIC as the kernel itself reads it, also where we run in a time namespace, whose own
 * is ahead of that or behind it. */
uint64_t monotonic_ns(void);

/* How far the clock of a time namespace is ahead of the kernel's, as @offsets tells it (the text of
 * /proc/PID/timens_offsets); 0 where it does not. */
int64_t clock_ahead_ns(const char *offsets);
