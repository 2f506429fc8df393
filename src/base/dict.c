// SPDX-License-Identifier: BSD-2-Clause
/*
 * Keys of the same hash stand one behind the other, in a few places that are all looked at: so one
 * can go without the others being moved.
 */
#include "base/dict.h"

#include <Judy.h>
#include <errno.h>
#include <string.h>

/* The multiplier of MurmurHash3's finalizer, by Austin Appleby, in the public domain. */
static uint64_t mix(uint64_t hash, uint64_t v)
{
	hash = (hash ^ v) * 0xff51afd7ed558ccdull;
	return hash ^ hash >> 32;
}

static uint64_t hash_of(const void *key, size_t len)
{
	const char *p = key;
	uint64_t hash = len, v;

	for (; len >= sizeof(v); p += sizeof(v), len -= sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		hash = mix(hash, v);
	}
	v = 0;
	memcpy(&v, p, len);
	/* DICT_TRIES numbers from here must not run over the end. */
	return mix(hash, v) & ~(uint64_t)(DICT_TRIES - 1);
}

static uint32_t id_at(const struct dict *d, uint64_t place)
{
	PPvoid_t slot = JudyLGet(d->slots, place, PJE0);

	return slot ? (uint32_t)(uintptr_t)*slot : 0;
}

uint32_t dict_get(const struct dict *d, const void *key, size_t len, dict_same *same,
		  const void *owner)
{
	uint64_t place = hash_of(key, len);
	int i;

	for (i = 0; i < DICT_TRIES; i++) {
		uint32_t id = id_at(d, place + i);

		if (id && same(owner, id, key, len))
			return id;
	}
	return 0;
}

int dict_put(struct dict *d, const void *key, size_t len, uint32_t id)
{
	uint64_t place = hash_of(key, len);
	PPvoid_t slot;
	int i;

	for (i = 0; i < DICT_TRIES; i++)
		if (!id_at(d, place + i))
			break;
	if (i == DICT_TRIES)
		return -ENOMEM;
	slot = JudyLIns(&d->slots, place + i, PJE0);
	if (!slot || slot == PPJERR)
		return -ENOMEM;
	*slot = (void *)(uintptr_t)id;
	return 0;
}

void dict_drop(struct dict *d, const void *key, size_t len, uint32_t id)
{
	uint64_t place = hash_of(key, len);
	PPvoid_t slot;
	int i;

	for (i = 0; i < DICT_TRIES; i++)
		if (id_at(d, place + i) == id)
			break;
	if (i == DICT_TRIES)
		return;
	slot = JudyLGet(d->slots, place + i, PJE0);
	*slot = NULL; /* taking a place out may need memory, and then leaves it in */
	JudyLDel(&d->slots, place + i, PJE0);
}

void dict_fini(struct dict *d)
{
	JudyLFreeArray(&d->slots, PJE0);
}
