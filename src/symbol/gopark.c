// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is known here of Go's runtime, 64-bit, 1.18 to 1.25, in words of 8 bytes:
 *
 * runtime/netpoll.go, type pollDesc: link, fd, since 1.21 fdseq, atomicInfo, rg, wg. In rg and wg
 * stands 0, 1 (ready), 2 (about to wait), or the address of the goroutine's record, from when it
 * has parked until it is made ready.
 *
 * runtime/netpoll_epoll.go: the epoll has the pollDesc's address; since 1.21 with fdseq packed into
 * it, as runtime/tagptr_64bit.go does: the address is shifted up by 16 bits (15 in 1.25), and what
 * is below, also where it is aligned (to 8, since 1.25 to 512), is the tag.
 *
 * runtime/runtime2.go, type g: stack.lo, stack.hi, five words, then sched, a gobuf: sp, pc, g,
 * ctxt, until 1.24 ret, lr, bp.
 */
#include "symbol/gopark.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD		8u
#define ADDRESS_MIN	4096u
#define ADDRESS_END	(1ull << 47) /* of user space; no runtime maps above it unasked */
#define STACK_MAX_BYTES (1ull << 30) /* runtime.maxstacksize */
#define WALK_BYTES	(64u << 10)

enum desc_word {
	DESC_FD = 1,
	DESC_RG_OLD = 3,
	DESC_RG = 4,
	DESC_WORDS = 6,
};

enum g_word {
	G_STACK_LO = 0,
	G_STACK_HI = 1,
	G_SP = 7,
	G_PC = 8,
	G_SELF = 9,
	G_BP = 12,
	G_BP_OLD = 13,
	G_WORDS = 14,
};

bool gopark_line(const char *line, uint32_t *fd, uint64_t *data)
{
	unsigned int events;

	return sscanf(line, "tfd: %" SCNu32 " events: %x data: %" SCNx64, fd, &events, data) == 3;
}

static bool is_address(uint64_t v)
{
	return v >= ADDRESS_MIN && v < ADDRESS_END && v % WORD == 0;
}

/* Reads the pollDesc of @fd; *@rg: which of its words is rg. */
static int find_desc(const struct gopark_memory *m, uint64_t data, uint32_t fd,
		     uint64_t desc[DESC_WORDS], unsigned int *rg)
{
	const uint64_t tagged[] = { data >> 19 << 3, data >> 25 << 9, data >> 24 << 9 };
	size_t i;

	*rg = DESC_RG_OLD;
	if (data < ADDRESS_END)
		return is_address(data) && !m->read(m->ctx, data, desc, DESC_WORDS * WORD) &&
				       desc[DESC_FD] == fd
			       ? 0
			       : -EINVAL;
	*rg = DESC_RG;
	for (i = 0; i < sizeof(tagged) / sizeof(tagged[0]); i++)
		if (is_address(tagged[i]) && !m->read(m->ctx, tagged[i], desc, DESC_WORDS * WORD) &&
		    desc[DESC_FD] == fd)
			return 0;
	return -EINVAL;
}

/* A frame begins where its caller's frame pointer and return address stand: arm64's one word below
 * the stack pointer. */
static bool is_frame(uint64_t fp, uint64_t sp, uint64_t end)
{
	return fp % WORD == 0 && fp + WORD >= sp && fp < end && end - fp >= 2 * WORD;
}

int gopark_find(const struct gopark_memory *m, uint64_t data, uint32_t fd, bool writes,
		struct gopark *out)
{
	uint64_t desc[DESC_WORDS], g[G_WORDS], sp, end;
	unsigned int rg;
	int err = find_desc(m, data, fd, desc, &rg);

	if (err)
		return err;
	memset(out, 0, sizeof(*out));
	out->g = desc[rg + writes];
	if (out->g < ADDRESS_MIN)
		return -ENOENT;
	if (!is_address(out->g) || m->read(m->ctx, out->g, g, sizeof(g)) || g[G_SELF] != out->g)
		return -EINVAL;
	sp = g[G_SP];
	end = g[G_STACK_HI];
	if (!is_address(sp) || !is_address(end) || sp < g[G_STACK_LO] || sp >= end ||
	    end - g[G_STACK_LO] > STACK_MAX_BYTES)
		return -EINVAL;
	out->pc = g[G_PC];
	out->sp = sp;
	out->stack_end = end;
	/* The word that is no bp is lr or syscallsp, both 0 while it is parked. */
	out->fp = is_frame(g[G_BP_OLD], sp, end) ? g[G_BP_OLD] : g[G_BP];
	return is_frame(out->fp, sp, end) ? 0 : -EINVAL;
}

uint32_t gopark_walk(const struct gopark_memory *m, const struct gopark *p, uint64_t *ips,
		     uint32_t max)
{
	uint64_t base = p->fp < p->sp ? p->fp : p->sp, fp = p->fp, up;
	size_t len = p->stack_end - base < WALK_BYTES ? p->stack_end - base : WALK_BYTES;
	const uint64_t *word;
	uint32_t n = 0;
	char *stack = malloc(len);

	if (!stack || !max || m->read(m->ctx, base, stack, len)) {
		free(stack);
		return 0;
	}
	ips[n++] = p->pc;
	while (n < max && fp - base <= len - 2 * WORD) {
		word = (const void *)(stack + (fp - base));
		if (!word[1])
			break;
		ips[n++] = word[1];
		up = word[0];
		if (up <= fp || up % WORD)
			break;
		fp = up;
	}
	free(stack);
	return n;
}
