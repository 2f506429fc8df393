/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Equal objects, named by 32-bit numbers that stay valid while the object lives; 0 is none. They
 * stand in chunks, so that growth neither moves an object nor doubles the memory for a moment.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_CHUNK 1024 /* objects */

struct slab {
	size_t size; /* of one object, at least 4 bytes */
	uint32_t limit;
	uint32_t end;  /* one past the largest number ever given */
	uint32_t used; /* objects alive */
	uint32_t free; /* head of the list of free objects, 0 if none */
	uint32_t chunks;
	uint32_t room; /* of the two arrays below */
	char **chunk;
	uint64_t (*alive)[SLAB_CHUNK / 64];
};

void slab_init(struct slab *s, size_t size, uint32_t limit);
void slab_fini(struct slab *s);

/* A zeroed object's number; 0 with errno ENOMEM, or ENOSPC at the limit. */
uint32_t slab_alloc(struct slab *s);
void slab_free(struct slab *s, uint32_t id);

static inline void *slab_at(const struct slab *s, uint32_t id)
{
	return s->chunk[(id - 1) / SLAB_CHUNK] + (size_t)((id - 1) % SLAB_CHUNK) * s->size;
}

/* NULL for a number that names nothing. */
static inline void *slab_get(const struct slab *s, uint32_t id)
{
	uint32_t i = id - 1;

	if (!id || id >= s->end || !(s->alive[i / SLAB_CHUNK][i % SLAB_CHUNK / 64] >> i % 64 & 1))
		return NULL;
	return slab_at(s, id);
}
