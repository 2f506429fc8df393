/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether anybody of the processes that are watched still lives. */
#pragma once

#include "ledger/ledger.h"

/* Asked after each wait, of a ledger that may hold thousands: so it is looked up only when somebody
 * has ended. */
struct tree {
	uint32_t alive;
	bool known;
};

void tree_look(struct tree *t, const struct ledger *led);
/* Somebody ended: look again when it is asked. */
void tree_changed(struct tree *t);
uint32_t tree_alive(struct tree *t, const struct ledger *led);
