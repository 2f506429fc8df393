// SPDX-License-Identifier: BSD-2-Clause
/* Dictionaries: keys of one hash live side by side, and go without each other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/dict.h"

struct pair {
	uint64_t a, b;
};

/* An object's number is its place in this, from 1. */
struct shelf {
	struct pair pair[5000];
};

static bool pair_same(const void *owner, uint32_t id, const void *key, size_t len)
{
	const struct shelf *shelf = owner;

	return len == sizeof(struct pair) && !memcmp(&shelf->pair[id - 1], key, len);
}

static uint32_t get(const struct dict *d, const struct shelf *shelf, uint32_t i)
{
	return dict_get(d, &shelf->pair[i], sizeof(struct pair), pair_same, shelf);
}

static int put(struct dict *d, const struct shelf *shelf, uint32_t i)
{
	return dict_put(d, &shelf->pair[i], sizeof(struct pair), i + 1);
}

static void drop(struct dict *d, const struct shelf *shelf, uint32_t i)
{
	dict_drop(d, &shelf->pair[i], sizeof(struct pair), i + 1);
}

/* What dict.c makes of the length and the first word: with it, any two pairs get one hash. */
static uint64_t mixed(uint64_t v)
{
	v = (sizeof(struct pair) ^ v) * 0xff51afd7ed558ccdull;
	return v ^ v >> 32;
}

static void collide(struct shelf *shelf, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		shelf->pair[i].a = i;
		shelf->pair[i].b = mixed(i) ^ 42;
	}
}

static void many_come_and_go(void **state)
{
	const uint32_t n = sizeof(((struct shelf *)0)->pair) / sizeof(struct pair);
	struct shelf *shelf = calloc(1, sizeof(*shelf));
	struct dict d = { NULL };
	uint32_t i;

	for (i = 0; i < n; i++) {
		shelf->pair[i] = (struct pair){ i / 7, i % 7 };
		assert_int_equal(get(&d, shelf, i), 0);
		assert_int_equal(put(&d, shelf, i), 0);
	}
	for (i = 0; i < n; i += 2)
		drop(&d, shelf, i);
	for (i = 0; i < n; i++)
		assert_int_equal(get(&d, shelf, i), i % 2 ? i + 1 : 0);
	dict_fini(&d);
	free(shelf);
}

static void keys_of_one_hash_stay_apart(void **state)
{
	struct shelf *shelf = calloc(1, sizeof(*shelf));
	struct dict d = { NULL };
	uint32_t i;

	collide(shelf, DICT_TRIES + 1);
	for (i = 0; i < DICT_TRIES; i++)
		assert_int_equal(put(&d, shelf, i), 0);
	assert_int_equal(put(&d, shelf, DICT_TRIES), -ENOMEM);
	assert_int_equal(get(&d, shelf, DICT_TRIES), 0);
	drop(&d, shelf, 1); /* in the midst */
	for (i = 0; i < DICT_TRIES; i++)
		assert_int_equal(get(&d, shelf, i), i == 1 ? 0 : i + 1);
	assert_int_equal(put(&d, shelf, DICT_TRIES), 0);
	for (i = 0; i <= DICT_TRIES; i++)
		assert_int_equal(get(&d, shelf, i), i == 1 ? 0 : i + 1);
	dict_fini(&d);
	free(shelf);
}

static void what_is_not_there_drops_nothing(void **state)
{
	struct shelf *shelf = calloc(1, sizeof(*shelf));
	struct dict d = { NULL };

	collide(shelf, 3);
	assert_int_equal(put(&d, shelf, 0), 0);
	drop(&d, shelf, 2);
	assert_int_equal(get(&d, shelf, 0), 1);
	drop(&d, shelf, 0);
	drop(&d, shelf, 0);
	assert_int_equal(get(&d, shelf, 0), 0);
	dict_fini(&d);
	free(shelf);
}

static bool letter_same(const void *owner, uint32_t id, const void *key, size_t len)
{
	return len == id && !memcmp(owner, key, len);
}

static void a_key_is_as_long_as_it_is(void **state)
{
	static const char zeros[20];
	struct dict d = { NULL };
	uint32_t len;

	for (len = 1; len <= sizeof(zeros); len++)
		assert_int_equal(dict_put(&d, zeros, len, len), 0);
	for (len = 1; len <= sizeof(zeros); len++)
		assert_int_equal(dict_get(&d, zeros, len, letter_same, zeros), len);
	dict_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_come_and_go),
		cmocka_unit_test(keys_of_one_hash_stay_apart),
		cmocka_unit_test(what_is_not_there_drops_nothing),
		cmocka_unit_test(a_key_is_as_long_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
