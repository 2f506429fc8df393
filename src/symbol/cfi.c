// SPDX-License-Identifier: BSD-2-Clause
/*
 * One step of unwinding, by the rules (CFI) that a file has for an address. libdw finds the rules;
 * nearly all of them say "saved at the CFA plus n", are kept in that form, and are then a few
 * loads.
 */
#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/internal.h"

#define ROWS	  16384
#define STACK_MAX 64  /* of an expression */
#define STEPS_MAX 512 /* of one, branches back included */

#ifdef __aarch64__
#define RETURN_REG 30
#define STACK_REG  31
static const uint8_t kept[] = { 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30 };
#else
#define RETURN_REG 16
#define STACK_REG  7
static const uint8_t kept[] = { 3, 6, 12, 13, 14, 15, 16 };
#endif
#define KEPT (sizeof(kept) / sizeof(kept[0]))

bool cfi_memory_read(const struct cfi_memory *mem, uint64_t addr, uint64_t *value)
{
	uint64_t at = addr - mem->start;

	if (mem->len < sizeof(*value) || at > mem->len - sizeof(*value))
		return false;
	memcpy(value, mem->bytes + at, sizeof(*value));
	return true;
}

/* ---- DWARF expressions, as far as CFI uses them */

struct machine {
	const struct cfi_memory *mem;
	const struct cfi_state *s;
	uint64_t stack[STACK_MAX];
	unsigned int n;
};

static bool push(struct machine *m, uint64_t v)
{
	if (m->n == STACK_MAX)
		return false;
	m->stack[m->n++] = v;
	return true;
}

static bool push_reg(struct machine *m, uint64_t reg, uint64_t offset)
{
	return reg < SYMBOL_REGS_MAX && push(m, m->s->reg[reg] + offset);
}

static bool binary(struct machine *m, unsigned int atom)
{
	uint64_t a, b, v;

	if (m->n < 2)
		return false;
	b = m->stack[--m->n];
	a = m->stack[--m->n];
	switch (atom) {
	case DW_OP_plus:
		v = a + b;
		break;
	case DW_OP_minus:
		v = a - b;
		break;
	case DW_OP_and:
		v = a & b;
		break;
	case DW_OP_or:
		v = a | b;
		break;
	case DW_OP_xor:
		v = a ^ b;
		break;
	case DW_OP_mul:
		v = a * b;
		break;
	case DW_OP_shl:
		v = b < 64 ? a << b : 0;
		break;
	case DW_OP_shr:
		v = b < 64 ? a >> b : 0;
		break;
	case DW_OP_eq:
		v = a == b;
		break;
	case DW_OP_ne:
		v = a != b;
		break;
	case DW_OP_ge:
		v = (int64_t)a >= (int64_t)b;
		break;
	case DW_OP_gt:
		v = (int64_t)a > (int64_t)b;
		break;
	case DW_OP_le:
		v = (int64_t)a <= (int64_t)b;
		break;
	case DW_OP_lt:
		v = (int64_t)a < (int64_t)b;
		break;
	default:
		return false;
	}
	return push(m, v);
}

static bool on_top(struct machine *m, const Dwarf_Op *op)
{
	uint64_t *top;

	if (!m->n)
		return false;
	top = &m->stack[m->n - 1];
	switch (op->atom) {
	case DW_OP_deref:
		return cfi_memory_read(m->mem, *top, top);
	case DW_OP_plus_uconst:
		*top += op->number;
		return true;
	case DW_OP_neg:
		*top = -*top;
		return true;
	case DW_OP_not:
		*top = ~*top;
		return true;
	case DW_OP_dup:
		return push(m, *top);
	case DW_OP_drop:
		m->n--;
		return true;
	case DW_OP_swap:
		if (m->n < 2)
			return false;
		*top ^= top[-1];
		top[-1] ^= *top;
		*top ^= top[-1];
		return true;
	case DW_OP_over:
		return m->n >= 2 && push(m, top[-1]);
	default:
		return binary(m, op->atom);
	}
}

static bool execute(struct machine *m, const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		return push(m, op->atom - DW_OP_lit0);
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return push_reg(m, op->atom - DW_OP_breg0, op->number);
	switch (op->atom) {
	case DW_OP_bregx:
		return push_reg(m, op->number, op->number2);
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return push(m, op->number);
	case DW_OP_call_frame_cfa:
		return push(m, m->s->cfa);
	case DW_OP_nop:
		return true;
	default:
		return on_top(m, op);
	}
}

/* *@out is a value where *@is_value says so, else the address of one. */
static bool evaluate(const Dwarf_Op *ops, size_t n, const struct cfi_memory *mem,
		     const struct cfi_state *s, uint64_t *out, bool *is_value)
{
	struct machine m = { .mem = mem, .s = s };
	uint64_t reg;
	size_t i;

	*is_value = false;
	if (n > STEPS_MAX)
		return false;
	for (i = 0; i < n; i++) {
		if (ops[i].atom == DW_OP_stack_value) {
			*is_value = true;
			continue;
		}
		if (n == 1 && (ops[i].atom == DW_OP_regx ||
			       (ops[i].atom >= DW_OP_reg0 && ops[i].atom <= DW_OP_reg31))) {
			*is_value = true;
			reg = (uint64_t)ops[i].atom - DW_OP_reg0;
			if (!push_reg(&m, ops[i].atom == DW_OP_regx ? ops[i].number : reg, 0))
				return false;
			continue;
		}
		if (!execute(&m, &ops[i]))
			return false;
	}
	if (!m.n)
		return false;
	*out = m.stack[m.n - 1];
	return true;
}

/* ---- rules into rows */

/* Is it "the CFA is a register plus n"? */
static bool plain_cfa(const Dwarf_Op *op, size_t n, struct unwind_row *row)
{
	uint64_t reg, offset;

	if (n != 1)
		return false;
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		reg = op->atom - DW_OP_breg0;
		offset = op->number;
	} else if (op->atom == DW_OP_bregx) {
		reg = op->number;
		offset = op->number2;
	} else {
		return false;
	}
	row->cfa_reg = (uint8_t)reg;
	row->cfa_offset = (int32_t)offset;
	return reg < CFI_REGS && (int64_t)offset == row->cfa_offset;
}

/* Is it "saved at the CFA plus n"? */
static bool plain_saved(const Dwarf_Op *op, size_t n, int32_t *offset)
{
	if (!n || n > 2 || op[0].atom != DW_OP_call_frame_cfa)
		return false;
	*offset = 0;
	if (n == 1)
		return true;
	*offset = (int32_t)op[1].number;
	return op[1].atom == DW_OP_plus_uconst && (int64_t)op[1].number == *offset;
}

/* False if it has rules that do not fit into a row. */
static bool row_from_frame(Dwarf_Frame *frame, struct unwind_row *row)
{
	Dwarf_Op mem[3], *ops;
	size_t i, n;

	if (dwarf_frame_cfa(frame, &ops, &n) || !plain_cfa(ops, n, row))
		return false;
	for (i = 0; i < KEPT; i++) {
		int32_t offset;

		if (dwarf_frame_register(frame, kept[i], mem, &ops, &n))
			return false;
		if (!n) {
			/* Undefined return address: the outermost frame. Others keep their value.
			 */
			if (kept[i] == RETURN_REG && ops == mem)
				row->end = true;
			continue;
		}
		if (!plain_saved(ops, n, &offset) ||
		    row->n == sizeof(row->saved) / sizeof(row->saved[0]))
			return false;
		row->saved[row->n].reg = kept[i];
		row->saved[row->n++].offset = offset;
	}
	return true;
}

/* ---- stepping */

/* The caller's stack is above ours, and its code is somewhere. */
static int finish(struct cfi_state *s, const struct cfi_state *old)
{
	if (s->cfa <= old->reg[STACK_REG] && !old->signal)
		return s->cfa == old->reg[STACK_REG] && s->pc != old->pc && s->pc ? 1 : -EFAULT;
	return s->pc ? 1 : 0;
}

static int step_row(const struct unwind_row *row, const struct cfi_memory *mem, struct cfi_state *s)
{
	struct cfi_state old = *s;
	unsigned int i;

	old.signal = row->signal;
	s->cfa = old.reg[row->cfa_reg] + (uint64_t)(int64_t)row->cfa_offset;
	if (row->end)
		return 0;
	for (i = 0; i < row->n; i++)
		if (!cfi_memory_read(mem, s->cfa + (uint64_t)(int64_t)row->saved[i].offset,
				     &s->reg[row->saved[i].reg]))
			return -EFAULT;
	s->reg[STACK_REG] = s->cfa;
	s->pc = s->reg[RETURN_REG];
	s->signal = row->signal;
	return finish(s, &old);
}

/* Any rules there are, for signal frames and the like. */
static int step_frame(Dwarf_Frame *frame, const struct cfi_memory *mem, bool signal,
		      struct cfi_state *s)
{
	struct cfi_state old = *s;
	Dwarf_Op ops_mem[3], *ops;
	uint64_t value;
	bool is_value;
	size_t n;
	int reg;

	if (dwarf_frame_cfa(frame, &ops, &n) || !evaluate(ops, n, mem, &old, &value, &is_value))
		return -EFAULT;
	old.cfa = s->cfa = value;
	old.signal = s->signal = signal;
	s->reg[STACK_REG] = s->cfa;
	for (reg = 0; reg <= 31; reg++) {
		if (dwarf_frame_register(frame, reg, ops_mem, &ops, &n))
			continue;
		if (!n) {
			if (ops == ops_mem && reg == RETURN_REG)
				return 0;
			continue;
		}
		if (!evaluate(ops, n, mem, &old, &value, &is_value) ||
		    (!is_value && !cfi_memory_read(mem, value, &value))) {
			if (reg == RETURN_REG || reg == STACK_REG)
				return -EFAULT;
			continue;
		}
		s->reg[reg] = value;
	}
	s->pc = s->reg[RETURN_REG];
	return finish(s, &old);
}

static Dwarf_Frame *find_frame(struct module *m, uint64_t vaddr)
{
	Dwarf_CFI *cfi = module_eh_cfi(m);
	Dwarf_Frame *frame = NULL;

	if (cfi && dwarf_cfi_addrframe(cfi, vaddr, &frame) == 0)
		return frame;
	/* Go's programs that were not stripped, and hand-written assembly. */
	cfi = module_debug_cfi(m);
	return cfi && dwarf_cfi_addrframe(cfi, vaddr, &frame) == 0 ? frame : NULL;
}

int cfi_step(struct symbolizer *sym, struct module *m, uint32_t slot, uint64_t vaddr,
	     const struct cfi_memory *mem, struct cfi_state *s)
{
	const uint64_t hash = (vaddr ^ (uint64_t)m->gen << 40) * 0x9e3779b97f4a7c15ull;
	struct unwind_row *row, fresh = { .module = slot, .gen = m->gen, .vaddr = vaddr };
	Dwarf_Frame *frame;
	int err;

	if (!sym->rows)
		sym->rows = calloc(ROWS, sizeof(*sym->rows));
	if (!sym->rows)
		return -ENOENT;
	row = &sym->rows[hash >> 50];
	if (row->module == slot && row->gen == m->gen && row->vaddr == vaddr)
		return step_row(row, mem, s);
	frame = find_frame(m, vaddr);
	if (!frame)
		return -ENOENT;
	dwarf_frame_info(frame, NULL, NULL, &fresh.signal);
	if (row_from_frame(frame, &fresh)) {
		*row = fresh;
		err = step_row(row, mem, s);
	} else {
		err = step_frame(frame, mem, fresh.signal, s);
	}
	free(frame);
	return err;
}
