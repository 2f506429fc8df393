/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks in words. What a person has to mend is the program's own code, so that is said first: the
 * library functions between it and the system call stand behind, as the way it went.
 */
#pragma once

#include "view/view.h"

#define FRAMES_LEN 512 /* a stack on one line */
#define FRAME_LEN  160 /* one frame */
#define FRAMES_MAX 64  /* a bound on what a symbolizer may hand over */

/* "pool_dial (pool.c:31)"; without a line "pool_dial"; without a name "libpq.so.5+0x1f2
 * [9f86d081]". Clean. */
char *frame_text(char *buf, size_t len, const struct frame *f);

/* The stack of where @site opens, of where @task waits; negative where none was taken. */
int32_t site_stack(const struct ledger *led, uint32_t site);
/* ... of where what @f accuses was opened, a stream's own included. */
int32_t finding_stack(const struct ledger *led, const struct finding *f);
int32_t task_stack(const struct ledger *led, uint32_t task);

/* The innermost frame of the program's own code; NULL where none is known to be. */
const struct frame *stack_guilty(const struct ledger *led, int32_t stack);

/* "fetch (shop.c:31) < main (shop.c:90)  [via curl_easy_perform, connect]": the program's own
 * functions, innermost first, then the way from there to the kernel. Where none is known to be the
 * program's own, all that there are. "" for no names. */
char *stack_text(char *buf, size_t len, const struct ledger *led, int32_t stack);
