// SPDX-License-Identifier: BSD-2-Clause
/*
 * The functions that a file's symbol tables name, sorted by address. Where several names stand for
 * one address, the one that people would use is kept.
 */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/internal.h"

#define NAME_BITS    29
#define NAME_MASK    ((1u << NAME_BITS) - 1)
#define SYMS_MAX     (8u << 20)
#define LOOK_BACK    16
#define BYTES_MAX    (2 * SECTION_MAX_BYTES) /* of all tables */
#define NAME_MAX_LEN 256		     /* by which names are told apart */

static const char *symbol_name(const struct symtab *t, const struct elf_symbol *s)
{
	return t->strings[s->name >> NAME_BITS].data + (s->name & NAME_MASK);
}

static bool is_function(Elf *elf, const GElf_Sym *s)
{
	unsigned int type = GELF_ST_TYPE(s->st_info);
	GElf_Shdr shdr;

	if (s->st_shndx == SHN_UNDEF || !s->st_value)
		return false;
	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		return true;
	/* Labels of hand-written assembly. */
	return type == STT_NOTYPE && s->st_shndx < SHN_LORESERVE &&
	       gelf_getshdr(elf_getscn(elf, s->st_shndx), &shdr) && shdr.sh_flags & SHF_EXECINSTR;
}

static int symtab_push(struct symtab *t, const struct elf_symbol *s)
{
	if (t->n == t->room) {
		uint32_t room = t->room ? t->room * 2 : 1024;
		struct elf_symbol *p;

		if (room > SYMS_MAX)
			return -1;
		p = realloc(t->syms, room * sizeof(*p));
		if (!p)
			return -1;
		t->syms = p;
		t->room = room;
	}
	t->syms[t->n++] = *s;
	return 0;
}

/* A name must end within its table, and "$x" and the like mark code, not functions. */
static bool good_name(const struct symtab_strings *strings, GElf_Word name)
{
	return name < strings->len && name <= NAME_MASK && strings->data[name] &&
	       strings->data[name] != '$';
}

static uint64_t add_table(struct symtab *t, Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	struct symtab_strings *strings = &t->strings[t->sources];
	Elf_Data *data, *names;
	const char *last;
	GElf_Shdr str;
	size_t i, n;

	if (t->sources == SYMTAB_SOURCES || shdr->sh_size > SECTION_MAX_BYTES ||
	    !shdr->sh_entsize || !gelf_getshdr(elf_getscn(elf, shdr->sh_link), &str) ||
	    str.sh_size > SECTION_MAX_BYTES || str.sh_type != SHT_STRTAB ||
	    t->bytes + shdr->sh_size + str.sh_size > BYTES_MAX)
		return 0;
	data = elf_getdata(scn, NULL);
	names = elf_getdata(elf_getscn(elf, shdr->sh_link), NULL);
	if (!data || !names || !names->d_buf)
		return 0;
	/* One look for its end, not one for each name: there may be millions of one long one. */
	last = memrchr(names->d_buf, '\0', names->d_size);
	*strings = (struct symtab_strings){
		.data = names->d_buf,
		.len = last ? (size_t)(last - (const char *)names->d_buf) + 1 : 0,
	};
	n = data->d_size / shdr->sh_entsize;
	for (i = 0; i < n && i < INT32_MAX; i++) {
		struct elf_symbol s;
		GElf_Sym sym;

		if (!gelf_getsym(data, (int)i, &sym))
			break;
		if (!is_function(elf, &sym) || !good_name(strings, sym.st_name))
			continue;
		s.addr = sym.st_value;
		s.size = sym.st_size > UINT32_MAX ? UINT32_MAX : (uint32_t)sym.st_size;
		s.name = (uint32_t)sym.st_name | t->sources << NAME_BITS;
		if (symtab_push(t, &s))
			break;
	}
	t->sources++;
	t->bytes += data->d_size + names->d_size;
	return data->d_size + names->d_size;
}

uint64_t symtab_add(struct symtab *t, Elf *elf)
{
	Elf_Scn *scn = NULL;
	uint64_t bytes = 0;
	GElf_Shdr shdr;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &shdr) &&
		    (shdr.sh_type == SHT_SYMTAB || shdr.sh_type == SHT_DYNSYM))
			bytes += add_table(t, elf, scn, &shdr);
	return bytes;
}

static unsigned int underscores(const char *s)
{
	unsigned int n = 0;

	while (n < NAME_MAX_LEN && s[n] == '_')
		n++;
	return n;
}

/* By address; then the one with a size, the plainest and the shortest name first. */
static int by_address(const void *a, const void *b, void *arg)
{
	const struct elf_symbol *x = a, *y = b;
	const char *p, *q;
	unsigned int i, j;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (!x->size != !y->size)
		return x->size ? -1 : 1;
	p = symbol_name(arg, x);
	q = symbol_name(arg, y);
	i = underscores(p);
	j = underscores(q);
	if (i != j)
		return i < j ? -1 : 1;
	return strncmp(p, q, NAME_MAX_LEN);
}

void symtab_finish(struct symtab *t)
{
	struct elf_symbol *p;
	uint32_t i, n = 0;

	if (!t->n)
		return;
	qsort_r(t->syms, t->n, sizeof(*t->syms), by_address, t);
	for (i = 0; i < t->n; i++)
		if (!n || t->syms[i].addr != t->syms[n - 1].addr)
			t->syms[n++] = t->syms[i];
	t->n = n;
	p = realloc(t->syms, n * sizeof(*p));
	if (p) {
		t->syms = p;
		t->room = n;
	}
}

void symtab_fini(struct symtab *t)
{
	free(t->syms);
	memset(t, 0, sizeof(*t));
}

const char *symtab_name(const struct symtab *t, uint32_t i)
{
	return symbol_name(t, &t->syms[i]);
}

const char *symtab_find(const struct symtab *t, uint64_t addr, uint64_t *start)
{
	uint32_t low = 0, high = t->n, i;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (t->syms[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	/* The nearest below may be a small one within, or end before, the one that is meant. */
	for (i = low; i > 0 && low - i < LOOK_BACK; i--) {
		const struct elf_symbol *s = &t->syms[i - 1];

		if (addr - s->addr < s->size || (!s->size && i == low)) {
			*start = s->addr;
			return symbol_name(t, s);
		}
	}
	return NULL;
}
