// SPDX-License-Identifier: BSD-2-Clause
/*
 * Goroutines that wait for a descriptor: the words of four versions of Go's runtime, as they were
 * read from programs that ran; and what is made of words that do not fit together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "symbol/gopark.h"

#define DESC  0x7f2bda82cc00ull
#define G     0xc000003500ull
#define STACK 0xc000086000ull
#define END   0xc000087000ull
#define SP    0xc000086518ull
#define FP    0xc000086528ull
#define PC    0x478ceeull
#define FD    4

struct world {
	struct gopark_memory m;
	uint64_t desc[8], g[20];
	uint64_t stack[(END - STACK) / 8];
};

static int read_part(uint64_t addr, void *buf, size_t len, uint64_t start, const void *from,
		     size_t size)
{
	if (addr < start || addr - start > size || size - (addr - start) < len)
		return -EFAULT;
	memcpy(buf, (const char *)from + (addr - start), len);
	return 0;
}

static int read_world(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const struct world *w = ctx;

	if (!read_part(addr, buf, len, DESC, w->desc, sizeof(w->desc)) ||
	    !read_part(addr, buf, len, G, w->g, sizeof(w->g)) ||
	    !read_part(addr, buf, len, STACK, w->stack, sizeof(w->stack)))
		return 0;
	return -EFAULT;
}

static uint64_t *slot(struct world *w, uint64_t addr)
{
	return &w->stack[(addr - STACK) / 8];
}

/* A goroutine that reads: three callers, the last of which has none. */
static void fill(struct world *w, bool old)
{
	memset(w, 0, sizeof(*w));
	w->m = (struct gopark_memory){ read_world, w };
	w->desc[0] = 0x7f2bda82ca00;
	w->desc[1] = FD;
	if (old) {
		w->desc[3] = G;
		w->desc[4] = 1;
	} else {
		w->desc[2] = 1;
		w->desc[3] = 0x10000;
		w->desc[4] = G;
		w->desc[5] = 1;
	}
	w->g[0] = STACK;
	w->g[1] = END;
	w->g[7] = SP;
	w->g[8] = PC;
	w->g[9] = G;
	w->g[old ? 13 : 12] = FP;
	*slot(w, FP) = FP + 0x40;
	*slot(w, FP + 8) = 0x4b8125;
	*slot(w, FP + 0x40) = FP + 0x100;
	*slot(w, FP + 0x48) = 0x4c0001;
	*slot(w, FP + 0x108) = 0x480000;
}

static const struct {
	const char *version;
	uint64_t data;
	bool old;
} packed[] = {
	{ "1.19", DESC, true },
	{ "1.23", DESC << 16 | 1, false },
	{ "tip", DESC << 16 | 0x181, false },
	{ "1.25", DESC << 15 | 1, false },
};

static void reader_of_every_version(void **state)
{
	struct world w;
	struct gopark p;
	uint64_t ips[8];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(packed) / sizeof(packed[0]); i++) {
		fill(&w, packed[i].old);
		assert_int_equal(gopark_find(&w.m, packed[i].data, FD, false, &p), 0);
		assert_int_equal(p.g, G);
		assert_int_equal(p.fp, FP);
		assert_int_equal(gopark_find(&w.m, packed[i].data, FD, true, &p), -ENOENT);
		assert_int_equal(gopark_find(&w.m, packed[i].data, FD, false, &p), 0);
		assert_int_equal(gopark_walk(&w.m, &p, ips, 8), 4);
		assert_int_equal(ips[0], PC);
		assert_int_equal(ips[1], 0x4b8125);
		assert_int_equal(ips[2], 0x4c0001);
		assert_int_equal(ips[3], 0x480000);
		assert_int_equal(gopark_walk(&w.m, &p, ips, 2), 2);
	}
}

/* arm64's frame begins below the stack pointer. */
static void frame_below_the_stack_pointer(void **state)
{
	struct world w;
	struct gopark p;
	uint64_t ips[8];

	(void)state;
	fill(&w, true);
	w.g[7] = FP + 8;
	assert_int_equal(gopark_find(&w.m, DESC, FD, false, &p), 0);
	assert_int_equal(gopark_walk(&w.m, &p, ips, 8), 4);
	w.g[7] = FP + 16;
	assert_int_equal(gopark_find(&w.m, DESC, FD, false, &p), -EINVAL);
}

static void who_writes(void **state)
{
	struct world w;
	struct gopark p;

	(void)state;
	fill(&w, false);
	w.desc[4] = 0;
	w.desc[5] = G;
	assert_int_equal(gopark_find(&w.m, DESC << 16, FD, true, &p), 0);
	assert_int_equal(gopark_find(&w.m, DESC << 16, FD, false, &p), -ENOENT);
	w.desc[4] = 2; /* about to */
	assert_int_equal(gopark_find(&w.m, DESC << 16, FD, false, &p), -ENOENT);
}

/* One word after the other is something else. */
static void what_does_not_fit_is_nobody(void **state)
{
	struct world w;
	struct gopark p;

#define WRONG(word, value)                                                         \
	do {                                                                       \
		fill(&w, true);                                                    \
		w.word = (value);                                                  \
		assert_int_equal(gopark_find(&w.m, DESC, FD, false, &p), -EINVAL); \
	} while (0)
	(void)state;
	WRONG(desc[1], FD + 1);
	WRONG(desc[3], G + 8);
	WRONG(desc[3], G + 1);
	WRONG(desc[3], 1ull << 63);
	WRONG(g[9], 0);
	WRONG(g[7], STACK - 8);
	WRONG(g[7], END);
	WRONG(g[7], SP + 1);
	WRONG(g[1], END + 1);
	WRONG(g[1], 0);
	WRONG(g[0], 0);
	WRONG(g[13], 0);
	WRONG(g[13], END - 8);
	WRONG(g[13], UINT64_MAX - 7);
	WRONG(g[13], SP - 16);
	fill(&w, true);
	assert_int_equal(gopark_find(&w.m, 0, FD, false, &p), -EINVAL);
	assert_int_equal(gopark_find(&w.m, DESC + 4, FD, false, &p), -EINVAL);
	assert_int_equal(gopark_find(&w.m, UINT64_MAX, FD, false, &p), -EINVAL);
	assert_int_equal(gopark_find(&w.m, 0xeb44b8, FD, false, &p), -EINVAL);
}

/* Frames go up, and end with the stack. */
static void walk_ends(void **state)
{
	struct world w;
	struct gopark p;
	uint64_t ips[512];

	(void)state;
	fill(&w, true);
	assert_int_equal(gopark_find(&w.m, DESC, FD, false, &p), 0);
	*slot(&w, FP + 0x40) = FP;
	assert_int_equal(gopark_walk(&w.m, &p, ips, 512), 3);
	*slot(&w, FP + 0x40) = FP + 0x40;
	assert_int_equal(gopark_walk(&w.m, &p, ips, 512), 3);
	*slot(&w, FP + 0x40) = END - 8;
	assert_int_equal(gopark_walk(&w.m, &p, ips, 512), 3);
	*slot(&w, FP + 0x40) = UINT64_MAX - 7;
	assert_int_equal(gopark_walk(&w.m, &p, ips, 512), 3);
	*slot(&w, FP + 8) = 0;
	assert_int_equal(gopark_walk(&w.m, &p, ips, 512), 1);
	p.stack_end += 8; /* more than there is */
	assert_int_equal(gopark_walk(&w.m, &p, ips, 512), 0);
}

static void lines_of_an_epoll(void **state)
{
	uint64_t data = 0;
	uint32_t fd = 0;

	(void)state;
	assert_true(gopark_line("tfd:       14 events: 8000201d data: 3f95ed4166000001  pos:0 "
				"ino:3c669e2 sdev:9\n",
				&fd, &data));
	assert_int_equal(fd, 14);
	assert_int_equal(data, 0x3f95ed4166000001);
	assert_true(gopark_line("tfd:        6 events:       19 data:           eb44b8  pos:0 "
				"ino:11 sdev:10\n",
				&fd, &data));
	assert_int_equal(data, 0xeb44b8);
	assert_false(gopark_line("pos:\t0\n", &fd, &data));
	assert_false(gopark_line("flags:\t02000002\n", &fd, &data));
	assert_false(gopark_line("", &fd, &data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_of_every_version),
		cmocka_unit_test(frame_below_the_stack_pointer),
		cmocka_unit_test(who_writes),
		cmocka_unit_test(what_does_not_fit_is_nobody),
		cmocka_unit_test(walk_ends),
		cmocka_unit_test(lines_of_an_epoll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
