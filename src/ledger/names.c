// SPDX-License-Identifier: BSD-2-Clause
/*
 * Paths of cgroups and of UNIX sockets, names of functions and files: repeated, and kept until the
 * ledger goes. A program that invents them must not fill our memory, nor take the room of the
 * others: so each kind has its own, and an end.
 */
#include <stdlib.h>
#include <string.h>
#include "ledger/internal.h"

static int names_grow(struct names *n)
{
	uint32_t room = n->room ? n->room * 2 : 64;
	char **list = realloc(n->list, room * sizeof(*list));

	if (!list)
		return -1;
	n->list = list;
	n->room = room;
	return 0;
}

const char *name_intern(struct names *n, const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	PPvoid_t slot;
	char *copy;

	if (!len)
		return "";
	slot = JudyHSGet(n->index, (void *)s, len);
	if (slot)
		return *slot;
	if (n->count >= n->count_max || len > n->bytes_max - n->bytes)
		return "";
	if (n->count == n->room && names_grow(n))
		return "";
	copy = strndup(s, len);
	if (!copy)
		return "";
	slot = JudyHSIns(&n->index, copy, len, PJE0);
	if (!slot || slot == PPJERR) {
		free(copy);
		return "";
	}
	*slot = copy;
	n->list[n->count++] = copy;
	n->bytes += len;
	return copy;
}

void names_fini(struct names *n)
{
	uint32_t i;

	for (i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
	JudyHSFreeArray(&n->index, PJE0);
}
