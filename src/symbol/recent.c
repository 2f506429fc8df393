// SPDX-License-Identifier: BSD-2-Clause
/*
 * The addresses last asked for, with their frames: a table of places that newer ones take over.
 */
#include <stdlib.h>
#include <string.h>

#include "symbol/internal.h"

struct name_entry {
	struct name_key key;
	uint32_t n;
	struct symbol_frame frame[];
};

static struct name_entry **place(const struct symbolizer *sym, const struct name_key *key)
{
	uint64_t hash = (key->vaddr ^ (uint64_t)key->gen << 44) * 0x9e3779b97f4a7c15ull;

	return &sym->names[(hash >> 32) % sym->limits.names];
}

int recent_get(const struct symbolizer *sym, const struct name_key *key, struct symbol_frame *out,
	       uint32_t max)
{
	const struct name_entry *e = *place(sym, key);
	uint32_t n;

	if (!e || e->key.module != key->module || e->key.gen != key->gen ||
	    e->key.vaddr != key->vaddr)
		return 0;
	n = e->n < max ? e->n : max;
	memcpy(out, e->frame, n * sizeof(*out));
	return (int)n;
}

void recent_put(struct symbolizer *sym, const struct name_key *key, const struct symbol_frame *f,
		uint32_t n)
{
	struct name_entry **at = place(sym, key), *e;

	e = malloc(sizeof(*e) + n * sizeof(*f));
	if (!e)
		return;
	e->key = *key;
	e->n = n;
	memcpy(e->frame, f, n * sizeof(*f));
	sym->stats.names += !*at;
	free(*at);
	*at = e;
}

void recent_fini(struct symbolizer *sym)
{
	uint32_t i;

	for (i = 0; sym->names && i < sym->limits.names; i++)
		free(sym->names[i]);
	free(sym->names);
	sym->names = NULL;
}
