// SPDX-License-Identifier: BSD-2-Clause
/* How far a time namespace is ahead, from the kernel's text; and that our own clock runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"

static void offsets_are_read(void **state)
{
	assert_int_equal(clock_ahead_ns("monotonic           0         0\n"
					"boottime            0         0\n"),
			 0);
	assert_int_equal(clock_ahead_ns("monotonic       86400         5\n"
					"boottime            7         0\n"),
			 86400000000005);
	/* As the kernel writes less than nothing: whole seconds down, and nanoseconds up. */
	assert_int_equal(clock_ahead_ns("boottime 1 0\nmonotonic -3600 250000000\n"),
			 -3599750000000);
}

static void nonsense_is_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		"monotonic",
		"monotonic x y",
		"monotonic 5",
		"boottime 5 5",
		"monotonic 99999999999 0",
		"monotonic -99999999999 0",
		"monotonic 1 1000000000",
		"monotonic 1 -1",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(clock_ahead_ns(texts[i]), 0);
}

static void it_never_goes_back(void **state)
{
	uint64_t last = monotonic_ns(), now;
	int i;

	assert_true(last);
	for (i = 0; i < 1000; i++, last = now) {
		now = monotonic_ns();
		assert_true(now >= last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_are_read),
		cmocka_unit_test(nonsense_is_nothing),
		cmocka_unit_test(it_never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
