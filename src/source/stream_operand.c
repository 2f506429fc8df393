// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "source/stream_operand.h"

/* A register's name, its word in struct pt_regs, counted from 1, and how wide a part it names. */
struct reg {
	const char *name;
	uint8_t at;
	uint8_t size;
};

#if defined(__x86_64__)
/* struct pt_regs: r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss */
static const struct reg regs[] = {
	{ "rax", 11, 8 }, { "eax", 11, 4 }, { "ax", 11, 2 },  { "al", 11, 1 },	{ "rbx", 6, 8 },
	{ "ebx", 6, 4 },  { "bx", 6, 2 },   { "bl", 6, 1 },   { "rcx", 12, 8 }, { "ecx", 12, 4 },
	{ "cx", 12, 2 },  { "cl", 12, 1 },  { "rdx", 13, 8 }, { "edx", 13, 4 }, { "dx", 13, 2 },
	{ "dl", 13, 1 },  { "rsi", 14, 8 }, { "esi", 14, 4 }, { "si", 14, 2 },	{ "sil", 14, 1 },
	{ "rdi", 15, 8 }, { "edi", 15, 4 }, { "di", 15, 2 },  { "dil", 15, 1 }, { "rbp", 5, 8 },
	{ "ebp", 5, 4 },  { "bp", 5, 2 },   { "bpl", 5, 1 },  { "rsp", 20, 8 }, { "esp", 20, 4 },
	{ "sp", 20, 2 },  { "spl", 20, 1 }, { "r8", 10, 8 },  { "r8d", 10, 4 }, { "r8w", 10, 2 },
	{ "r8b", 10, 1 }, { "r9", 9, 8 },   { "r9d", 9, 4 },  { "r9w", 9, 2 },	{ "r9b", 9, 1 },
	{ "r10", 8, 8 },  { "r10d", 8, 4 }, { "r10w", 8, 2 }, { "r10b", 8, 1 }, { "r11", 7, 8 },
	{ "r11d", 7, 4 }, { "r11w", 7, 2 }, { "r11b", 7, 1 }, { "r12", 4, 8 },	{ "r12d", 4, 4 },
	{ "r12w", 4, 2 }, { "r12b", 4, 1 }, { "r13", 3, 8 },  { "r13d", 3, 4 }, { "r13w", 3, 2 },
	{ "r13b", 3, 1 }, { "r14", 2, 8 },  { "r14d", 2, 4 }, { "r14w", 2, 2 }, { "r14b", 2, 1 },
	{ "r15", 1, 8 },  { "r15d", 1, 4 }, { "r15w", 1, 2 }, { "r15b", 1, 1 },
};
/* Whole registers, as the kernel's struct pt_regs calls them, and the calls of C and Go. */
static const struct reg words[] = {
	{ "ax", 11, 8 },   { "bx", 6, 8 },    { "cx", 12, 8 },	 { "dx", 13, 8 },
	{ "si", 14, 8 },   { "di", 15, 8 },   { "bp", 5, 8 },	 { "sp", 20, 8 },
	{ "r8", 10, 8 },   { "r9", 9, 8 },    { "r10", 8, 8 },	 { "r11", 7, 8 },
	{ "r12", 4, 8 },   { "r13", 3, 8 },   { "r14", 2, 8 },	 { "r15", 1, 8 },
	{ "arg1", 15, 8 }, { "arg2", 14, 8 }, { "arg3", 13, 8 }, { "arg4", 12, 8 },
	{ "arg5", 10, 8 }, { "arg6", 9, 8 },  { "go1", 11, 8 },	 { "go2", 6, 8 },
	{ "go3", 12, 8 },  { "go4", 15, 8 },  { "go5", 14, 8 },	 { "go6", 10, 8 },
	{ "go7", 9, 8 },   { "go8", 8, 8 },   { "go9", 7, 8 },	 { "gocontext", 13, 8 },
};
#elif defined(__aarch64__)
/* struct user_pt_regs: x0-x30 sp pc */
#define X(n)                     \
	{ "x" #n, n + 1, 8 },    \
	{                        \
		"w" #n, n + 1, 4 \
	}
static const struct reg regs[] = {
	X(0),  X(1),  X(2),  X(3),  X(4),  X(5),  X(6),	 X(7),
	X(8),  X(9),  X(10), X(11), X(12), X(13), X(14), X(15),
	X(16), X(17), X(18), X(19), X(20), X(21), X(22), X(23),
	X(24), X(25), X(26), X(27), X(28), X(29), X(30), { "sp", 32, 8 },
};
#undef X
static const struct reg words[] = {
	{ "arg1", 1, 8 }, { "arg2", 2, 8 }, { "arg3", 3, 8 }, { "arg4", 4, 8 },
	{ "arg5", 5, 8 }, { "arg6", 6, 8 }, { "go1", 1, 8 },  { "go2", 2, 8 },
	{ "go3", 3, 8 },  { "go4", 4, 8 },  { "go5", 5, 8 },  { "go6", 6, 8 },
	{ "go7", 7, 8 },  { "go8", 8, 8 },  { "go9", 9, 8 },  { "gocontext", 27, 8 },
	{ "sp", 32, 8 },
};
#else
static const struct reg regs[] = { { "", 0, 0 } };
static const struct reg words[] = { { "", 0, 0 } };
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static size_t word_len(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789");
}

static const struct reg *find(const struct reg *table, size_t n, const char **at)
{
	size_t len = word_len(*at), i;

	for (i = 0; i < n; i++)
		if (strlen(table[i].name) == len && len && !strncmp(table[i].name, *at, len)) {
			*at += len;
			return &table[i];
		}
	return NULL;
}

static bool skip(const char **at, char c)
{
	*at += strspn(*at, " ");
	if (**at != c)
		return false;
	++*at;
	return true;
}

/* A number, with its sign. */
static bool number(const char **at, __s64 *out)
{
	char *end;

	*at += strspn(*at, " ");
	errno = 0;
	*out = (__s64)strtoll(*at, &end, 0);
	if (errno == ERANGE && **at != '-') { /* all ones */
		errno = 0;
		*out = (__s64)strtoull(*at, &end, 0);
	}
	if (end == *at || errno)
		return false;
	*at = end;
	return true;
}

/* ---- USDT */

#if defined(__x86_64__)
static const struct reg *percent(const char **at)
{
	return skip(at, '%') ? find(regs, COUNT(regs), at) : NULL;
}

static int log2_of(int64_t scale)
{
	return scale == 1 ? 0 : scale == 2 ? 1 : scale == 4 ? 2 : scale == 8 ? 3 : -1;
}

/* "OFFSET(%base,%index,scale)", all but the parentheses and one register may be missing. */
static bool usdt_memory(const char **at, struct ls_operand *out)
{
	const struct reg *base, *index = NULL;
	__s64 scale = 1;

	if (**at != '(' && !number(at, &out->first))
		return false;
	if (!skip(at, '('))
		return false;
	base = **at == ',' ? NULL : percent(at);
	if (!base && **at != ',')
		return false;
	if (skip(at, ',')) {
		index = percent(at);
		if (!index || (skip(at, ',') && !number(at, &scale)))
			return false;
	}
	if (!skip(at, ')') || (base && base->size != 8) || (index && index->size != 8) ||
	    log2_of(scale) < 0)
		return false;
	out->base = base ? base->at : 0;
	out->index = index ? index->at : 0;
	out->shift = log2_of(scale);
	out->reads = 1;
	return true;
}

static bool usdt_value(const char **at, struct ls_operand *out)
{
	const struct reg *r;

	if (skip(at, '$'))
		return number(at, &out->first);
	if (**at != '%')
		return usdt_memory(at, out);
	r = percent(at);
	if (!r)
		return false;
	out->base = r->at;
	return true;
}
#else
/* "[base]", "[base, OFFSET]", "[base, index]". */
static bool usdt_memory(const char **at, struct ls_operand *out)
{
	const struct reg *base = find(regs, COUNT(regs), at), *index = NULL;

	if (!base || base->size != 8)
		return false;
	if (skip(at, ',')) {
		*at += strspn(*at, " ");
		index = find(regs, COUNT(regs), at);
		if (!index && !number(at, &out->first))
			return false;
	}
	if (!skip(at, ']') || (index && index->size != 8))
		return false;
	out->base = base->at;
	out->index = index ? index->at : 0;
	out->reads = 1;
	return true;
}

static bool usdt_value(const char **at, struct ls_operand *out)
{
	const struct reg *r;

	if (skip(at, '['))
		return usdt_memory(at, out);
	r = find(regs, COUNT(regs), at);
	if (!r)
		return number(at, &out->first);
	out->base = r->at;
	return true;
}
#endif

static bool is_size(int64_t size)
{
	switch (size) {
	case 1:
	case 2:
	case 4:
	case 8:
	case -1:
	case -2:
	case -4:
	case -8:
		return true;
	}
	return false;
}

int stream_operand_usdt(const char **at, struct ls_operand *out)
{
	__s64 size;

	memset(out, 0, sizeof(*out));
	*at += strspn(*at, " ");
	if (!**at)
		return -ENOENT;
	if (!number(at, &size) || !is_size(size) || **at != '@')
		return -EINVAL;
	++*at;
	if (!usdt_value(at, out) || (**at && **at != ' '))
		return -EINVAL;
	out->size = size;
	return 0;
}

/* ---- what a person writes */

static const struct {
	const char *name;
	int8_t size;
} reads[] = {
	{ "*", 8 },   { "u64", 8 },  { "u32", 4 },  { "u16", 2 }, { "u8", 1 },
	{ "s64", 8 }, { "s32", -4 }, { "s16", -2 }, { "s8", -1 },
};

/* Of "u32(...": its size, and behind the parenthesis. */
static int8_t read_of(const char **at)
{
	size_t i, len;

	for (i = 0; i < COUNT(reads); i++) {
		len = strlen(reads[i].name);
		if (!strncmp(*at, reads[i].name, len) && (*at)[len] == '(') {
			*at += len + 1;
			return reads[i].size;
		}
	}
	return 0;
}

/* So many of its low bits, and whether they have a sign. */
static bool cast_of(const char *text, __s8 *size)
{
	size_t i;

	for (i = 1; i < COUNT(reads); i++)
		if (!strcmp(text, reads[i].name)) {
			*size = reads[i].size;
			return true;
		}
	return false;
}

static bool added(const char **at, __s64 *out)
{
	*out = 0;
	if (**at != '+' && **at != '-')
		return true;
	return number(at, out) && *out >= INT32_MIN && *out <= INT32_MAX;
}

/* The reads stand from the outside in, and are done from the inside out. */
int stream_operand_parse(const char *text, struct ls_operand *out)
{
	int8_t size[LS_OPERAND_READS] = { 0 }, one;
	const struct reg *r;
	__s64 add;
	int i;

	memset(out, 0, sizeof(*out));
	while ((one = read_of(&text))) {
		if (out->reads == LS_OPERAND_READS)
			return -EINVAL;
		size[out->reads++] = one;
	}
	out->size = out->reads ? size[0] : 8;
	for (i = 1; i < out->reads; i++)
		if (size[i] != 8) /* an address has all of its bits */
			return -EINVAL;
	r = find(words, COUNT(words), &text);
	if (r)
		out->base = r->at;
	if (r ? !added(&text, &add) : !number(&text, &add))
		return -EINVAL;
	out->first = add;
	for (i = 0; i < out->reads; i++) {
		if (!skip(&text, ')') || !added(&text, &add))
			return -EINVAL;
		out->then[i] = add;
	}
	if (*text == ':' && !cast_of(text + 1, &out->size))
		return -EINVAL;
	return *text && *text != ':' ? -EINVAL : 0;
}
