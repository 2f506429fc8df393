/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the bytes of a key to the number of what has it. The key itself stays with its object: the
 * owner of both compares. On JudyL, and not on JudyHS, which does not survive it that memory is
 * short.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does the object of that number have this key? */
typedef bool dict_same(const void *owner, uint32_t id, const void *key, size_t len);

/* All zero is one without keys. */
struct dict {
	void *slots;
};

/* 0: nobody has the key. */
uint32_t dict_get(const struct dict *d, const void *key, size_t len, dict_same *same,
		  const void *owner);

/* For a key that nobody has, and a number that is not 0: 0; -ENOMEM, also where DICT_TRIES keys
 * of the same hash are there already, and then nothing has changed. */
#define DICT_TRIES 4
int dict_put(struct dict *d, const void *key, size_t len, uint32_t id);

/* What has the key, and that number; that it is not there is no error. */
void dict_drop(struct dict *d, const void *key, size_t len, uint32_t id);

void dict_fini(struct dict *d);
