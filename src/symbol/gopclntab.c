// SPDX-License-Identifier: BSD-2-Clause
/*
 * The layouts are those of Go's runtime/symtab.go: a header, a sorted table of (function's address,
 * offset of its description), and for file and line a run-length coded list a function.
 */
#include "symbol/gopclntab.h"

#include <errno.h>
#include <string.h>

#define INLINE_TREE_INDEX 2	/* PCDATA_InlTreeIndex */
#define STEPS_MAX	  65536 /* of one function's list */

/* ---- reading with bounds; what is beyond them reads as zero and sets *bad */

static uint64_t get(const struct gopclntab *t, uint64_t at, unsigned int size, bool *bad)
{
	uint64_t v = 0;
	unsigned int i;

	if (at > t->len || t->len - at < size) {
		*bad = true;
		return 0;
	}
	for (i = 0; i < size; i++)
		v |= (uint64_t)t->data[at + i] << 8 * (t->big_endian ? size - 1 - i : i);
	return v;
}

static uint64_t get_ptr(const struct gopclntab *t, uint64_t at, bool *bad)
{
	return get(t, at, t->ptr_size, bad);
}

static uint32_t get_u32(const struct gopclntab *t, uint64_t at, bool *bad)
{
	return (uint32_t)get(t, at, 4, bad);
}

/* A string that ends within the table, else NULL. */
static const char *get_string(const struct gopclntab *t, uint64_t at)
{
	if (at >= t->strings_end)
		return NULL;
	return (const char *)t->data + at;
}

/* ---- the header */

static int set_version(struct gopclntab *t, const uint8_t *p)
{
	static const struct {
		uint32_t magic;
		uint8_t version;
	} known[] = {
		{ 0xfffffffb, 2 },
		{ 0xfffffffa, 16 },
		{ 0xfffffff0, 18 },
		{ 0xfffffff1, 20 },
	};
	const uint32_t little = p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
	const uint32_t big = __builtin_bswap32(little);
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].magic != little && known[i].magic != big)
			continue;
		t->version = known[i].version;
		t->big_endian = known[i].magic != little;
		return 0;
	}
	return -EINVAL;
}

/* Size of an entry's field in the table of functions. */
static unsigned int field_size(const struct gopclntab *t)
{
	return t->version >= 18 ? 4 : t->ptr_size;
}

static void read_offsets(struct gopclntab *t, bool *bad)
{
	const unsigned int p = t->ptr_size;
	uint64_t at = 8 + 2ull * p;

	t->funcs = get_ptr(t, 8, bad);
	if (t->version == 2) {
		t->functab = 8 + p;
		t->files = get_u32(t, t->functab + t->funcs * 2 * p + p, bad);
		return;
	}
	if (t->version >= 18) {
		t->text_start = get_ptr(t, at, bad);
		at += p;
	}
	t->names = get_ptr(t, at, bad);
	t->units = get_ptr(t, at + p, bad);
	t->files = get_ptr(t, at + 2ull * p, bad);
	t->pcs = get_ptr(t, at + 3ull * p, bad);
	t->functab = t->funcdata = get_ptr(t, at + 4ull * p, bad);
}

int gopclntab_init(struct gopclntab *t, const void *data, size_t len)
{
	const uint8_t *p = data, *last;
	bool bad = false;

	memset(t, 0, sizeof(*t));
	if (!p || len < 16 || set_version(t, p) || p[4] || p[5] ||
	    (p[6] != 1 && p[6] != 2 && p[6] != 4) || (p[7] != 4 && p[7] != 8))
		goto refuse;
	t->data = p;
	t->len = len;
	last = memrchr(p, '\0', len);
	t->strings_end = last ? (size_t)(last - p) + 1 : 0;
	t->quantum = p[6];
	t->ptr_size = p[7];
	/* Before anything is multiplied by it. */
	if (get_ptr(t, 8, &bad) > len / 8)
		goto refuse;
	read_offsets(t, &bad);
	if (bad || !t->funcs || t->names > len || t->units > len || t->files > len ||
	    t->pcs > len || t->functab > len || t->funcs * 2 * field_size(t) > len - t->functab)
		goto refuse;
	return 0;
refuse:
	memset(t, 0, sizeof(*t));
	return -EINVAL;
}

/* ---- run-length coded lists: pairs of (value's difference, addresses it holds for) */

static uint32_t get_varint(const struct gopclntab *t, uint64_t *at, bool *bad)
{
	uint32_t v = 0;
	unsigned int shift;

	for (shift = 0; shift < 35; shift += 7) {
		uint8_t b = (uint8_t)get(t, (*at)++, 1, bad);

		v |= shift < 32 ? (uint32_t)(b & 0x7f) << shift : 0;
		if (!(b & 0x80))
			return v;
	}
	*bad = true;
	return 0;
}

/* The value that the list at @at has for the address @pc of a function that starts at @entry. */
static int32_t list_value(const struct gopclntab *t, uint64_t at, uint64_t entry, uint64_t pc,
			  bool *bad)
{
	uint32_t value = UINT32_MAX, delta;
	unsigned int i;

	for (i = 0; i < STEPS_MAX && !*bad; i++) {
		delta = get_varint(t, &at, bad);
		if (!delta && i)
			break;
		value += delta & 1 ? ~(delta >> 1) : delta >> 1;
		entry += (uint64_t)get_varint(t, &at, bad) * t->quantum;
		if (pc < entry)
			return (int32_t)value;
	}
	*bad = true;
	return -1;
}

/* ---- functions */

static uint64_t entry_pc(const struct gopclntab *t, uint64_t i, bool *bad)
{
	const unsigned int size = field_size(t);
	uint64_t pc = get(t, t->functab + i * 2 * size, size, bad);

	return t->version >= 18 ? pc + t->text_start : pc;
}

static const char *file_name(const struct gopclntab *t, uint64_t func, int32_t file, bool *bad)
{
	uint64_t unit;
	uint32_t at;

	if (file < 0 || (t->version == 2 && !file))
		return NULL;
	if (t->version == 2) {
		at = get_u32(t, t->files + 4ull * (uint32_t)file, bad);
		return *bad ? NULL : get_string(t, at);
	}
	unit = get_u32(t, func + 7 * 4, bad);
	at = get_u32(t, t->units + 4 * (unit + (uint32_t)file), bad);
	return *bad || at == UINT32_MAX ? NULL : get_string(t, t->files + at);
}

/* @func: offset of the name in a function's description; from there all versions are alike. */
static void find_line(const struct gopclntab *t, uint64_t func, uint64_t pc,
		      struct gopclntab_place *out)
{
	/* Words at @func: name, args, deferreturn, pcsp, pcfile, pcln, npcdata, unit ... */
	const uint32_t unit_words = t->version == 2 ? 0 : 1;
	const uint32_t tail = t->version == 20 ? 2 : 1; /* startLine, then funcID and flags */
	bool bad = false;
	uint32_t file_list, line_list, n, tree;
	int32_t file, line;

	file_list = get_u32(t, func + 4 * 4, &bad);
	line_list = get_u32(t, func + 5 * 4, &bad);
	n = get_u32(t, func + 6 * 4, &bad);
	if (bad)
		return;
	file = list_value(t, t->pcs + file_list, out->start, pc, &bad);
	line = list_value(t, t->pcs + line_list, out->start, pc, &bad);
	if (bad)
		return;
	out->file = file_name(t, func, file, &bad);
	out->line = !bad && out->file && line > 0 ? (uint32_t)line : 0;
	if (n <= INLINE_TREE_INDEX)
		return;
	tree = get_u32(t, func + 4ull * (7 + unit_words + tail + INLINE_TREE_INDEX), &bad);
	if (!bad && tree)
		out->inlined = list_value(t, t->pcs + tree, out->start, pc, &bad) >= 0 && !bad;
}

/* *@func: as find_line() wants it. */
static int name_at(const struct gopclntab *t, uint64_t i, struct gopclntab_place *out,
		   uint64_t *func)
{
	const unsigned int size = field_size(t);
	bool bad = false;

	out->start = entry_pc(t, i, &bad);
	*func = get(t, t->functab + i * 2 * size + size, size, &bad);
	if (bad || *func > t->len)
		return -EINVAL;
	*func += t->funcdata + (t->version >= 18 ? 4 : t->ptr_size);
	out->function = get_string(t, t->names + get_u32(t, *func, &bad));
	return bad || !out->function || !*out->function ? -EINVAL : 0;
}

int gopclntab_find(const struct gopclntab *t, uint64_t pc, struct gopclntab_place *out)
{
	uint64_t low = 0, high = t->funcs, func;
	bool bad = false;

	memset(out, 0, sizeof(*out));
	if (!t->data || pc < entry_pc(t, 0, &bad))
		return -ENOENT;
	/* Behind the last function stands where it ends. */
	if (pc >= entry_pc(t, t->funcs, &bad) && !bad)
		return -ENOENT;
	bad = false;
	while (high - low > 1) {
		uint64_t mid = low + (high - low) / 2;

		if (entry_pc(t, mid, &bad) <= pc)
			low = mid;
		else
			high = mid;
	}
	if (name_at(t, low, out, &func))
		return -EINVAL;
	find_line(t, func, pc, out);
	return 0;
}

int gopclntab_at(const struct gopclntab *t, uint64_t i, struct gopclntab_place *out)
{
	uint64_t func;

	memset(out, 0, sizeof(*out));
	return t->data && i < t->funcs ? name_at(t, i, out, &func) : -EINVAL;
}
