// SPDX-License-Identifier: BSD-2-Clause
/* Paths of cgroups and of UNIX sockets: few, repeated, and kept until the ledger goes. */
#include <stdlib.h>
#include <string.h>
#include "ledger/internal.h"

#define NAMES_MAX 65536 /* a program that invents paths must not fill our memory */

static int names_grow(struct ledger *led)
{
	uint32_t room = led->name_room ? led->name_room * 2 : 64;
	char **list = realloc(led->name_list, room * sizeof(*list));

	if (!list)
		return -1;
	led->name_list = list;
	led->name_room = room;
	return 0;
}

const char *name_intern(struct ledger *led, const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	PPvoid_t slot;
	char *copy;

	if (!len)
		return "";
	slot = JudyHSGet(led->names, (void *)s, len);
	if (slot)
		return *slot;
	if (led->name_count >= NAMES_MAX)
		return "";
	if (led->name_count == led->name_room && names_grow(led))
		return "";
	copy = strndup(s, len);
	if (!copy)
		return "";
	slot = JudyHSIns(&led->names, copy, len, PJE0);
	if (!slot || slot == PPJERR) {
		free(copy);
		return "";
	}
	*slot = copy;
	led->name_list[led->name_count++] = copy;
	return copy;
}

void names_fini(struct ledger *led)
{
	uint32_t i;

	for (i = 0; i < led->name_count; i++)
		free(led->name_list[i]);
	free(led->name_list);
	JudyHSFreeArray(&led->names, PJE0);
}
