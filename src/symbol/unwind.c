// SPDX-License-Identifier: BSD-2-Clause
/*
 * Copied stacks into lists of addresses: by the unwind tables of the file that an address is in,
 * and where there is none (JIT code, hand-written assembly) by frame pointers.
 */
#include <errno.h>
#include <string.h>

#include "symbol/internal.h"

#ifdef __aarch64__
#define FRAME_REG 29
#define STACK_REG 31
#else
#define FRAME_REG 6
#define STACK_REG 7
#endif

int symbol_regs_from_pt_regs(struct symbol_regs *regs, const void *pt_regs, size_t len)
{
	const uint64_t *r = pt_regs;

	memset(regs, 0, sizeof(*regs));
#if defined(__x86_64__)
	/* Where each DWARF register stands in struct pt_regs. */
	static const uint8_t at[] = { 10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16 };
	size_t i;

	if (len < 21 * sizeof(*r))
		return -EINVAL;
	for (i = 0; i < sizeof(at); i++)
		regs->reg[i] = r[at[i]];
	regs->ip = r[16];
	regs->sp = r[19];
	return 0;
#elif defined(__aarch64__)
	if (len < 34 * sizeof(*r))
		return -EINVAL;
	memcpy(regs->reg, r, 32 * sizeof(*r));
	regs->sp = r[31];
	regs->ip = r[32];
	return 0;
#else
	(void)r;
	(void)len;
	return -ENOTSUP;
#endif
}

/* The caller by its frame pointer: it points to (caller's frame pointer, return address). */
static int step_frame_pointer(const struct process *p, const struct cfi_memory *mem,
			      struct cfi_state *s)
{
	const uint64_t fp = s->reg[FRAME_REG];
	uint64_t pc, up;

	if (fp >= s->reg[STACK_REG] && cfi_memory_read(mem, fp, &up) &&
	    cfi_memory_read(mem, fp + 8, &pc)) {
		if (!pc)
			return 0;
		if (process_mapping(p, pc)) {
			s->reg[FRAME_REG] = up;
			s->reg[STACK_REG] = s->cfa = fp + 16;
			s->pc = pc;
			s->signal = false;
			return 1;
		}
	}
	/* Or it has not set one up, and nothing else is on its stack. */
	if (cfi_memory_read(mem, s->reg[STACK_REG], &pc) && process_mapping(p, pc)) {
		s->reg[STACK_REG] += 8;
		s->pc = pc;
		s->signal = false;
		return 1;
	}
	return -EFAULT;
}

static int step(struct symbolizer *sym, struct process *p, const struct cfi_memory *mem,
		bool innermost, struct cfi_state *s)
{
	/* A return address may be the first of the next function, if the call never returns. */
	const uint64_t pc = innermost || s->signal ? s->pc : s->pc - 1;
	struct mapping *map = process_cover(sym, p, pc);
	struct module *m;
	uint64_t vaddr;
	int err = -ENOENT;

	if (!map)
		return -EFAULT;
	m = modules_get(sym, p, map);
	if (m && module_vaddr(m, pc - map->start + map->offset, &vaddr))
		err = cfi_step(sym, m, map->module, vaddr, mem, s);
	return err == -ENOENT ? step_frame_pointer(p, mem, s) : err;
}

int symbolizer_unwind(struct symbolizer *sym, uint32_t pid, const struct symbol_regs *regs,
		      const void *stack, size_t len, uint64_t *ips, uint32_t max)
{
	const struct cfi_memory mem = { regs->sp, stack, len };
	struct cfi_state s = { .pc = regs->ip };
	struct process *p;
	uint32_t n = 0;
	int err;

	if (!max)
		return -EINVAL;
	p = process_get(sym, pid, 0, &err);
	if (!p)
		return err;
	memcpy(s.reg, regs->reg, sizeof(s.reg));
	s.reg[STACK_REG] = regs->sp;
	sym->stats.unwound++;
	for (;;) {
		ips[n++] = s.pc;
		if (n == max)
			break;
		err = step(sym, p, &mem, n == 1, &s);
		if (err <= 0)
			break;
	}
	if (err < 0)
		sym->stats.cut_short++;
	modules_trim(sym);
	return (int)n;
}

/* ---- the key */

static uint64_t mix(uint64_t hash, uint64_t v)
{
	hash = (hash ^ v) * 0xff51afd7ed558ccdull;
	return hash ^ hash >> 32;
}

/* Mappings stand in few groups, far apart: most words are told by these alone. */
#define GROUPS	  8
#define GROUP_GAP (1ull << 30)

struct group {
	uint64_t start, end;
};

static unsigned int find_groups(const struct process *p, struct group groups[GROUPS])
{
	unsigned int n = 0;
	uint32_t i;

	for (i = 0; i < p->n; i++) {
		if (n && (n == GROUPS || p->map[i].start - groups[n - 1].end < GROUP_GAP)) {
			groups[n - 1].end = p->map[i].end;
		} else {
			groups[n].start = p->map[i].start;
			groups[n++].end = p->map[i].end;
		}
	}
	return n;
}

static bool in_groups(const struct group *groups, unsigned int n, uint64_t v)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (v - groups[i].start < groups[i].end - groups[i].start)
			return true;
	return false;
}

uint64_t symbolizer_stack_key(struct symbolizer *sym, uint32_t pid, const struct symbol_regs *regs,
			      const void *stack, size_t len)
{
	struct group groups[GROUPS];
	const struct mapping *last = NULL;
	uint64_t hash, v;
	struct process *p;
	unsigned int n;
	size_t at;
	int err;

	p = process_get(sym, pid, 0, &err);
	if (!p)
		return 0;
	n = find_groups(p, groups);
	hash = mix(pid, regs->ip);
	for (at = 0; at + sizeof(v) <= len; at += sizeof(v)) {
		memcpy(&v, (const char *)stack + at, sizeof(v));
		if (!in_groups(groups, n, v))
			continue;
		if (!last || v - last->start >= last->end - last->start)
			last = process_mapping(p, v);
		if (last)
			hash = mix(hash, v);
	}
	return hash ? hash : 1;
}
