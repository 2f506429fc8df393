// SPDX-License-Identifier: BSD-2-Clause
/* Counts who lives. */
#include "verb/tree.h"

void tree_look(struct tree *t, const struct ledger *led)
{
	uint32_t end = ledger_proc_end(led), id;

	t->alive = 0;
	for (id = 1; id < end; id++) {
		const struct proc *p = ledger_proc(led, id);

		t->alive += p && !p->exit_ns;
	}
	t->known = true;
}

void tree_changed(struct tree *t)
{
	t->known = false;
}

uint32_t tree_alive(struct tree *t, const struct ledger *led)
{
	if (!t->known)
		tree_look(t, led);
	return t->alive;
}
