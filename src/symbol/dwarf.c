// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lines and inlined functions from DWARF. libdw's own search needs .debug_aranges, which neither
 * Clang nor Rust nor Go write, and walks a whole unit for each address; so an index of units and of
 * each unit's functions is made here, once, and an address only costs its own function's tree.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/internal.h"

#define RANGES_MAX  (4u << 20)
#define DEPTH_MAX   64 /* of scopes within a function, and of namespaces around it */
#define INLINES_MAX 32
#define DIES_MAX    (16u << 20) /* of a unit; a "next" that points back would go round for ever */

struct range {
	uint64_t low, high;
	uint64_t die; /* offset */
};

struct ranges {
	struct range *r;
	uint32_t n, room;
};

struct unit {
	uint64_t die;
	bool read;
	struct ranges funcs;
};

struct dwarf_index {
	Dwarf *dw;
	struct ranges covers; /* die: index of the unit */
	struct unit *unit;
	uint32_t n, room;
};

/* ---- ranges */

static bool ranges_push(struct ranges *a, uint64_t low, uint64_t high, uint64_t die)
{
	struct range *p;

	if (low >= high || !low)
		return true; /* of functions that the linker dropped */
	if (a->n == a->room) {
		if (a->room >= RANGES_MAX)
			return false;
		p = realloc(a->r, (a->room ? 2 * a->room : 16) * sizeof(*p));
		if (!p)
			return false;
		a->r = p;
		a->room = a->room ? 2 * a->room : 16;
	}
	a->r[a->n++] = (struct range){ low, high, die };
	return true;
}

/* *@left: how many more are looked at; many may name one long list. */
static bool ranges_push_die(struct ranges *a, Dwarf_Die *die, uint64_t value, uint32_t *left)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	while (*left && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
		--*left;
		if (!ranges_push(a, low, high, value))
			return false;
	}
	return true;
}

static int by_low(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->high > y->high ? -1 : x->high < y->high;
}

/* The range that begins nearest below @addr and has it; units and functions hardly ever overlap. */
static const struct range *ranges_find(const struct ranges *a, uint64_t addr)
{
	uint32_t low = 0, high = a->n, back;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (a->r[mid].low <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (back = 0; back < 8 && back < low; back++)
		if (addr < a->r[low - 1 - back].high)
			return &a->r[low - 1 - back];
	return NULL;
}

/* ---- the index */

static struct unit *add_unit(struct dwarf_index *x, uint64_t die)
{
	struct unit *p;

	if (x->n == x->room) {
		uint32_t room = x->room ? 2 * x->room : 64;

		if (room > RANGES_MAX)
			return NULL;
		p = realloc(x->unit, room * sizeof(*p));
		if (!p)
			return NULL;
		x->unit = p;
		x->room = room;
	}
	x->unit[x->n] = (struct unit){ .die = die };
	return &x->unit[x->n++];
}

struct dwarf_index *dwarf_index_new(Dwarf *dw, uint64_t *bytes)
{
	struct dwarf_index *x = calloc(1, sizeof(*x));
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, sub;
	uint32_t left = DIES_MAX;
	uint8_t type;

	if (!x)
		return NULL;
	x->dw = dw;
	while (dwarf_get_units(dw, cu, &cu, NULL, &type, &die, &sub) == 0) {
		/* A skeleton's functions are in a file of their own, which libdw finds. */
		Dwarf_Die *top = type == DW_UT_skeleton && sub.addr ? &sub : &die;

		if (type == DW_UT_type || type == DW_UT_partial || !top->addr)
			continue;
		if (!add_unit(x, dwarf_dieoffset(&die)) ||
		    !ranges_push_die(&x->covers, &die, x->n - 1, &left))
			break;
	}
	if (!x->covers.n) {
		dwarf_index_free(x);
		return NULL;
	}
	qsort(x->covers.r, x->covers.n, sizeof(*x->covers.r), by_low);
	*bytes += x->covers.room * sizeof(*x->covers.r) + x->room * sizeof(*x->unit);
	return x;
}

void dwarf_index_free(struct dwarf_index *x)
{
	uint32_t i;

	if (!x)
		return;
	for (i = 0; i < x->n; i++)
		free(x->unit[i].funcs.r);
	free(x->unit);
	free(x->covers.r);
	free(x);
}

/* Functions stand in the unit itself, in namespaces and in classes. */
static bool read_functions(struct ranges *a, Dwarf_Die *parent, unsigned int depth, uint32_t *left)
{
	Dwarf_Die die;
	int next;

	if (depth > DEPTH_MAX || !*left || dwarf_child(parent, &die))
		return true;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			if (!ranges_push_die(a, &die, dwarf_dieoffset(&die), left))
				return false;
			/* Rust and Ada put functions into functions. */
			/* fall through */
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
			if (!read_functions(a, &die, depth + 1, left))
				return false;
			break;
		default:
			break;
		}
		next = dwarf_siblingof(&die, &die);
	} while (next == 0 && *left && --*left);
	return true;
}

static void unit_read(struct unit *u, Dwarf_Die *cu, uint64_t *bytes)
{
	uint32_t left = DIES_MAX;

	if (u->read)
		return;
	u->read = true;
	read_functions(&u->funcs, cu, 0, &left);
	if (u->funcs.n)
		qsort(u->funcs.r, u->funcs.n, sizeof(*u->funcs.r), by_low);
	*bytes += u->funcs.room * sizeof(*u->funcs.r);
}

/* ---- one address */

/* What the DIE says, or what it is an instance of. */
static const char *die_name(Dwarf_Die *die)
{
	static const unsigned int attrs[] = { DW_AT_linkage_name, DW_AT_MIPS_linkage_name,
					      DW_AT_name };
	Dwarf_Attribute attr;
	const char *s;
	size_t i;

	for (i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
		if (!dwarf_attr_integrate(die, attrs[i], &attr))
			continue;
		s = dwarf_formstring(&attr);
		if (s && *s)
			return s;
	}
	return NULL;
}

/* From the function inwards: the function itself, and each call inlined there. Returns how many. */
static uint32_t find_chain(Dwarf_Die *func, uint64_t addr, Dwarf_Die chain[INLINES_MAX])
{
	Dwarf_Die die = *func, child;
	uint32_t n = 0, left = DIES_MAX / 16;
	unsigned int depth;
	bool found = true;
	int tag;

	chain[n++] = *func;
	for (depth = 0; depth < DEPTH_MAX && found && n < INLINES_MAX; depth++) {
		found = false;
		if (dwarf_child(&die, &child))
			break;
		do {
			tag = dwarf_tag(&child);
			found = (tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) &&
				dwarf_haspc(&child, addr) > 0;
		} while (!found && --left && dwarf_siblingof(&child, &child) == 0);
		if (!found || !left)
			break;
		if (tag == DW_TAG_inlined_subroutine)
			chain[n++] = child;
		die = child;
	}
	return n;
}

static void set_file(struct symbol_frame *f, const char *file, int line)
{
	if (!file || !*file || strcmp(file, "???") == 0)
		return;
	demangle(f->file, sizeof(f->file), file);
	f->line = line > 0 ? (uint32_t)line : 0;
}

/* Where an inlined function is called from. */
static void set_call(struct symbol_frame *f, Dwarf_Die *cu, Dwarf_Die *call)
{
	Dwarf_Word file = 0, line = 0;
	Dwarf_Attribute attr;
	Dwarf_Files *files;
	size_t n;

	if (dwarf_formudata(dwarf_attr(call, DW_AT_call_file, &attr), &file) ||
	    dwarf_formudata(dwarf_attr(call, DW_AT_call_line, &attr), &line) ||
	    dwarf_getsrcfiles(cu, &files, &n) || file >= n)
		return;
	set_file(f, dwarf_filesrc(files, file, NULL, NULL), (int)line);
}

static void set_line(struct symbol_frame *f, Dwarf_Die *cu, uint64_t addr)
{
	Dwarf_Line *line = dwarf_getsrc_die(cu, addr);
	int number = 0;

	if (!line || dwarf_lineno(line, &number))
		return;
	set_file(f, dwarf_linesrc(line, NULL, NULL), number);
}

static bool unit_die(struct dwarf_index *x, uint64_t offset, Dwarf_Die *cu)
{
	Dwarf_Die sub;
	uint8_t type;

	if (!dwarf_offdie(x->dw, offset, cu) ||
	    dwarf_cu_info(cu->cu, NULL, &type, NULL, &sub, NULL, NULL, NULL))
		return false;
	if (type == DW_UT_skeleton && sub.addr)
		*cu = sub;
	return true;
}

int dwarf_index_frames(struct dwarf_index *x, uint64_t addr, struct symbol_frame *out, uint32_t max,
		       uint64_t *bytes)
{
	const struct range *cover = ranges_find(&x->covers, addr), *func;
	Dwarf_Die chain[INLINES_MAX], cu, die;
	uint32_t n, i;
	struct unit *u;

	if (!cover)
		return 0;
	u = &x->unit[cover->die];
	if (!unit_die(x, u->die, &cu))
		return 0;
	unit_read(u, &cu, bytes);
	func = ranges_find(&u->funcs, addr);
	if (!func || !dwarf_offdie(dwarf_cu_getdwarf(cu.cu), func->die, &die))
		return 0;
	n = find_chain(&die, addr, chain);
	for (i = 0; i < n && i < max; i++) {
		const uint32_t level = n - 1 - i;
		const char *name = die_name(&chain[level]);
		struct symbol_frame *f = &out[i];

		f->inlined = level > 0;
		if (name)
			demangle(f->function, sizeof(f->function), name);
		if (level == n - 1)
			set_line(f, &cu, addr);
		else
			set_call(f, &cu, &chain[level + 1]);
		f->offset = level ? 0 : addr - func->low;
	}
	return (int)i;
}
