// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/slab.h"

void slab_init(struct slab *s, size_t size, uint32_t limit)
{
	memset(s, 0, sizeof(*s));
	s->size = size;
	s->limit = limit;
	s->end = 1;
}

void slab_fini(struct slab *s)
{
	uint32_t i;

	for (i = 0; i < s->chunks; i++)
		free(s->chunk[i]);
	free(s->chunk);
	free(s->alive);
	slab_init(s, s->size, s->limit);
}

static int slab_grow_index(struct slab *s)
{
	uint32_t room = s->room ? s->room * 2 : 16;
	void *p;

	p = realloc(s->chunk, room * sizeof(*s->chunk));
	if (!p)
		return -ENOMEM;
	s->chunk = p;
	p = realloc(s->alive, room * sizeof(*s->alive));
	if (!p)
		return -ENOMEM;
	s->alive = p;
	s->room = room;
	return 0;
}

static int slab_grow(struct slab *s)
{
	char *chunk;

	if (s->chunks == s->room && slab_grow_index(s))
		return -ENOMEM;
	chunk = malloc(SLAB_CHUNK * s->size);
	if (!chunk)
		return -ENOMEM;
	memset(s->alive[s->chunks], 0, sizeof(s->alive[0]));
	s->chunk[s->chunks++] = chunk;
	return 0;
}

uint32_t slab_alloc(struct slab *s)
{
	uint32_t id = s->free, i;
	void *obj;

	if (!id) {
		id = s->end;
		if (id > s->limit) {
			errno = ENOSPC;
			return 0;
		}
		if ((id - 1) / SLAB_CHUNK >= s->chunks && slab_grow(s)) {
			errno = ENOMEM;
			return 0;
		}
		s->end++;
		obj = slab_at(s, id);
	} else {
		obj = slab_at(s, id);
		memcpy(&s->free, obj, sizeof(s->free));
	}
	memset(obj, 0, s->size);
	i = id - 1;
	s->alive[i / SLAB_CHUNK][i % SLAB_CHUNK / 64] |= 1ull << i % 64;
	s->used++;
	return id;
}

void slab_free(struct slab *s, uint32_t id)
{
	uint32_t i = id - 1;
	void *obj = slab_get(s, id);

	if (!obj)
		return;
	s->alive[i / SLAB_CHUNK][i % SLAB_CHUNK / 64] &= ~(1ull << i % 64);
	memcpy(obj, &s->free, sizeof(s->free));
	s->free = id;
	s->used--;
}
