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

static bool name_same(const void *owner, uint32_t id, const void *key, size_t len)
{
	const struct names *n = owner;
	const char *name = n->list[id - 1];

	return !strncmp(name, key, len) && !name[len];
}

const char *name_intern(struct names *n, const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	uint32_t id;
	char *copy;

	if (!len)
		return "";
	id = dict_get(&n->index, s, len, name_same, n);
	if (id)
		return n->list[id - 1];
	if (n->count >= n->count_max || len > n->bytes_max - n->bytes)
		return "";
	if (n->count == n->room && names_grow(n))
		return "";
	copy = strndup(s, len);
	if (!copy)
		return "";
	if (dict_put(&n->index, copy, len, n->count + 1)) {
		free(copy);
		return "";
	}
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
	dict_fini(&n->index);
}
