// SPDX-License-Identifier: BSD-2-Clause
/* What only attach and run ask for: named stacks, blocked time, empty readers, what was left open.
 */
#include "ledger/internal.h"

const struct frame *ledger_frame(const struct ledger *led, int32_t stack, uint32_t n)
{
	(void)led, (void)stack, (void)n;
	return NULL;
}

uint32_t ledger_wait_end(const struct ledger *led)
{
	(void)led;
	return 0;
}

const struct wait *ledger_wait(const struct ledger *led, uint32_t id)
{
	(void)led, (void)id;
	return NULL;
}

const struct empty *ledger_empty(const struct ledger *led, uint32_t conn)
{
	(void)led, (void)conn;
	return NULL;
}

uint32_t ledger_left_end(const struct ledger *led)
{
	(void)led;
	return 0;
}

const struct left *ledger_left(const struct ledger *led, uint32_t id)
{
	(void)led, (void)id;
	return NULL;
}
