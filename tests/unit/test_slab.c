/* SPDX-License-Identifier: BSD-2-Clause */
/* Slabs: numbers stay good while their object lives, and name nothing after it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/slab.h"

struct thing {
	uint64_t value;
	char text[13]; /* an odd size */
};

static struct thing *thing_at(struct slab *s, uint32_t id)
{
	return slab_get(s, id);
}

static void numbers_begin_at_one(void **state)
{
	struct slab s;
	uint32_t i;

	slab_init(&s, sizeof(struct thing), 10);
	assert_null(slab_get(&s, 0));
	assert_null(slab_get(&s, 1));
	for (i = 1; i <= 10; i++)
		assert_int_equal(slab_alloc(&s), i);
	assert_int_equal(s.end, 11);
	assert_int_equal(s.used, 10);
	slab_fini(&s);
}

static void limit_is_kept(void **state)
{
	struct slab s;

	slab_init(&s, sizeof(struct thing), 2);
	slab_alloc(&s);
	slab_alloc(&s);
	errno = 0;
	assert_int_equal(slab_alloc(&s), 0);
	assert_int_equal(errno, ENOSPC);
	slab_free(&s, 1);
	assert_int_equal(slab_alloc(&s), 1);
	assert_int_equal(slab_alloc(&s), 0);
	slab_fini(&s);
}

static void objects_come_zeroed_also_again(void **state)
{
	static const struct thing zero;
	struct slab s;
	uint32_t id;

	slab_init(&s, sizeof(struct thing), 10);
	id = slab_alloc(&s);
	assert_memory_equal(slab_get(&s, id), &zero, sizeof(zero));
	memset(slab_get(&s, id), 0xff, sizeof(struct thing));
	slab_free(&s, id);
	assert_int_equal(slab_alloc(&s), id);
	assert_memory_equal(slab_get(&s, id), &zero, sizeof(zero));
	slab_fini(&s);
}

static void freed_numbers_name_nothing(void **state)
{
	struct slab s;
	uint32_t i;

	slab_init(&s, sizeof(struct thing), 100);
	for (i = 0; i < 5; i++)
		slab_alloc(&s);
	slab_free(&s, 3);
	slab_free(&s, 3); /* twice: the list of free ones must not become a ring */
	slab_free(&s, 0);
	slab_free(&s, 77);
	assert_null(slab_get(&s, 3));
	assert_non_null(slab_get(&s, 2));
	assert_int_equal(s.used, 4);
	assert_int_equal(slab_alloc(&s), 3);
	assert_int_equal(slab_alloc(&s), 6);
	slab_fini(&s);
}

/* Past the first chunk, and past the room of the index: no object moves or changes. */
static void growth_moves_nothing(void **state)
{
	const uint32_t n = 20 * SLAB_CHUNK + 7;
	struct thing *first;
	struct slab s;
	uint32_t i;

	slab_init(&s, sizeof(struct thing), n);
	first = slab_get(&s, slab_alloc(&s));
	first->value = 1;
	for (i = 2; i <= n; i++)
		thing_at(&s, slab_alloc(&s))->value = i;
	assert_ptr_equal(slab_get(&s, 1), first);
	for (i = 1; i <= n; i++)
		assert_int_equal(thing_at(&s, i)->value, i);
	for (i = 1; i <= n; i += 2)
		slab_free(&s, i);
	for (i = 1; i <= n; i++)
		assert_int_equal(thing_at(&s, i) ? thing_at(&s, i)->value : 0, i % 2 ? 0 : i);
	assert_int_equal(s.used, n / 2);
	slab_fini(&s);
}

static void usable_after_fini(void **state)
{
	struct slab s;

	slab_init(&s, sizeof(struct thing), 10);
	slab_alloc(&s);
	slab_fini(&s);
	assert_null(slab_get(&s, 1));
	assert_int_equal(slab_alloc(&s), 1);
	slab_fini(&s);
	slab_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_begin_at_one),
		cmocka_unit_test(limit_is_kept),
		cmocka_unit_test(objects_come_zeroed_also_again),
		cmocka_unit_test(freed_numbers_name_nothing),
		cmocka_unit_test(growth_moves_nothing),
		cmocka_unit_test(usable_after_fini),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
