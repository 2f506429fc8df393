/* SPDX-License-Identifier: BSD-2-Clause */
/* What the library's tests share: cmocka, a clock that is turned by hand, a loop that is. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <tether/tether.h>

#define SIZE(array) (sizeof(array) / sizeof(*(array)))

struct fake_clock {
	uint64_t now_ns;
	struct tether_clock clock;
};

static inline uint64_t fake_now(void *arg)
{
	return ((struct fake_clock *)arg)->now_ns;
}

static inline void fake_clock_init(struct fake_clock *fake)
{
	fake->now_ns = 1000 * TETHER_S;
	fake->clock = (struct tether_clock){ fake_now, fake };
}

static inline struct tether_loop *fake_loop(struct fake_clock *fake)
{
	struct tether_loop_options options = { .clock = &fake->clock };
	struct tether_loop *loop = NULL;

	fake_clock_init(fake);
	assert_int_equal(tether_loop_new(&options, &loop), 0);
	return loop;
}

/* Time passes, then the loop turns until what came of it has settled. */
static inline void pass(struct tether_loop *loop, struct fake_clock *fake, uint64_t ns)
{
	int i;

	fake->now_ns += ns;
	for (i = 0; i < 4; i++)
		tether_loop_turn(loop, false);
}

/* Real bytes over loopback under a clock that stands still: turns until *@flag, or fails. */
static inline void turn_until(struct tether_loop *loop, const int *flag)
{
	int i;

	for (i = 0; i < 200000 && !*flag; i++)
		tether_loop_turn(loop, false);
	assert_true(*flag);
}

/* Everything is given back: the loop can go. */
static inline void end_loop(struct tether_loop *loop)
{
	struct tether_loop_counts n;
	int i;

	for (i = 0; i < 1000 && tether_loop_turn(loop, false); i++)
		;
	n = tether_loop_count(loop);
	assert_int_equal(n.scopes, 0);
	assert_int_equal(n.tasks, 0);
	assert_int_equal(n.conns, 0);
	assert_int_equal(n.leases, 0);
	assert_int_equal(n.bodies, 0);
	assert_int_equal(n.calls, 0);
	assert_int_equal(n.quic_conns, 0);
	assert_int_equal(n.streams, 0);
	assert_int_equal(n.quic_bytes, 0);
	assert_int_equal(n.threads, 0);
	assert_int_equal(tether_loop_free(loop), 0);
}
