/* SPDX-License-Identifier: BSD-2-Clause */
/* How many descriptors a process has, and may have: from /proc, with no privilege. */
#pragma once

#include "view/tally.h"

/* Zeros where the process has gone, or the kernel does not tell (before 6.2). */
struct tally_fds fds_of(uint32_t pid);
