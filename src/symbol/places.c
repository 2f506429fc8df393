// SPDX-License-Identifier: BSD-2-Clause
/* The opposite way of module.c: from a name to a place in the file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbol/internal.h"
#include "symbol/places.h"

#define VENDOR	     "/vendor/"
#define NAME_MAX_LEN 1024	/* of a function that is looked for */
#define FUNCS_MAX    (4u << 20) /* of a Go program */

struct places {
	struct module m;
};

struct places *places_open(uint32_t pid, uint64_t start, uint64_t end, const char *path)
{
	int fd = file_open_mapped(pid, start, end), err;
	struct places *p = NULL;

	if (fd < 0)
		fd = file_open_in(pid, path);
	err = fd < 0 ? fd : -ENOMEM;
	if (fd >= 0)
		p = calloc(1, sizeof(*p));
	if (!p) {
		if (fd >= 0)
			close(fd);
		errno = -err;
		return NULL;
	}
	elf_version(EV_CURRENT);
	err = module_open(&p->m, fd, path);
	if (!err)
		return p;
	free(p);
	errno = -err;
	return NULL;
}

int places_fd(const struct places *p)
{
	return p->m.fd;
}

bool places_is_program(const struct places *p)
{
	return p->m.is_exec;
}

bool places_is_go(const struct places *p)
{
	return p->m.is_go;
}

void places_close(struct places *p)
{
	if (!p)
		return;
	module_close(&p->m);
	free(p);
}

/* 0 if it is in no segment; the first byte of a file is its header. */
static uint64_t file_offset(const struct module *m, uint64_t vaddr)
{
	uint32_t i;

	for (i = 0; i < m->loads; i++)
		if (vaddr >= m->load[i].vaddr && vaddr - m->load[i].vaddr < m->load[i].filesz)
			return vaddr - m->load[i].vaddr + m->load[i].offset;
	return 0;
}

/* ---- functions */

static bool same_name(const char *has, size_t len, const char *wanted)
{
	size_t want = strlen(wanted), vendor = strlen(VENDOR);

	if (len < want || memcmp(has + len - want, wanted, want) != 0)
		return false;
	return len == want ||
	       (len >= want + vendor && !strncmp(has + len - want - vendor, VENDOR, vendor));
}

static void found(const struct module *m, const char *has, uint64_t vaddr, const char *const *name,
		  size_t n, uint64_t *offset)
{
	size_t len = has ? strnlen(has, NAME_MAX_LEN) : NAME_MAX_LEN, i;

	for (i = 0; len < NAME_MAX_LEN && i < n; i++)
		if (!offset[i] && same_name(has, len, name[i]))
			offset[i] = file_offset(m, vaddr);
}

/*
 * A Go function begins by asking whether its stack has room; if not, it is called anew from its
 * first instruction once it has. Behind the question it is entered once, with its arguments as they
 * were. Go 1.17 and later, x86-64: "cmp rsp, [r14+16]; jbe", where much is needed with "lea r12,
 * [rsp-n]" before it. What else a function begins with stays as it is.
 */
static uint64_t behind_stack_check(const struct module *m, uint64_t offset)
{
	static const uint8_t small[] = { 0x49, 0x3b, 0x66, 0x10 },
			     large[] = { 0x4d, 0x3b, 0x66, 0x10 };
	static const uint8_t lea8[] = { 0x4c, 0x8d, 0x64, 0x24 },
			     lea32[] = { 0x4c, 0x8d, 0xa4, 0x24 };
	uint8_t code[24] = { 0 };
	size_t at = 0;

	if (pread(m->fd, code, sizeof(code), (off_t)offset) != sizeof(code))
		return offset;
	if (!memcmp(code, lea8, sizeof(lea8)))
		at = sizeof(lea8) + 1;
	else if (!memcmp(code, lea32, sizeof(lea32)))
		at = sizeof(lea32) + 4;
	if (memcmp(code + at, at ? large : small, sizeof(small)) != 0)
		return offset;
	at += sizeof(small);
	if (code[at] == 0x76)
		return offset + at + 2;
	return code[at] == 0x0f && code[at + 1] == 0x86 ? offset + at + 6 : offset;
}

void places_functions(struct places *p, const char *const *name, size_t n, uint64_t *offset)
{
	struct module *m = &p->m;
	struct gopclntab_place place;
	uint64_t i;

	memset(offset, 0, n * sizeof(*offset));
	module_read(m);
	for (i = 0; i < m->symtab.n; i++)
		found(m, symtab_name(&m->symtab, i), m->symtab.syms[i].addr, name, n, offset);
	for (i = 0; i < m->go.funcs && i < FUNCS_MAX; i++)
		if (!gopclntab_at(&m->go, i, &place))
			found(m, place.function, place.start, name, n, offset);
	for (i = 0; m->is_go && i < n; i++)
		if (offset[i])
			offset[i] = behind_stack_check(m, offset[i]);
}

/* ---- notes */

#define NOTE_WORDS 3 /* the instruction's address, the base's, the semaphore's */

/* A string that ends within the note, and what is behind it. */
static const char *take_string(const char **at, const char *end)
{
	const char *s = *at, *nul = memchr(s, '\0', (size_t)(end - s));

	if (!nul)
		return NULL;
	*at = nul + 1;
	return s;
}

static uint64_t base_address(Elf *elf)
{
	Elf_Scn *scn;
	GElf_Shdr shdr;

	return module_find_section(elf, ".stapsdt.base", &scn, &shdr) ? shdr.sh_addr : 0;
}

/* Prelinking moves a file's addresses, but not those within its notes. */
static bool read_note(const struct module *m, const char *desc, size_t len, uint64_t base,
		      struct places_note *note)
{
	const char *at = desc + NOTE_WORDS * sizeof(uint64_t), *end = desc + len;
	uint64_t word[NOTE_WORDS];

	if (len < sizeof(word))
		return false;
	memcpy(word, desc, sizeof(word));
	if (base && word[1]) {
		word[0] += base - word[1];
		word[2] += word[2] ? base - word[1] : 0;
	}
	note->provider = take_string(&at, end);
	note->name = note->provider ? take_string(&at, end) : NULL;
	note->args = note->name ? take_string(&at, end) : NULL;
	note->offset = file_offset(m, word[0]);
	note->semaphore = word[2] ? file_offset(m, word[2]) : 0;
	return note->args && note->offset && (note->semaphore || !word[2]);
}

int places_notes(struct places *p, int (*fn)(void *ctx, const struct places_note *note), void *ctx)
{
	struct module *m = &p->m;
	size_t at = 0, next, name, desc;
	struct places_note note;
	GElf_Nhdr nhdr;
	Elf_Data *data;
	GElf_Shdr shdr;
	Elf_Scn *scn;
	uint64_t base;
	int err = 0;

	if (!module_find_section(m->elf, ".note.stapsdt", &scn, &shdr) ||
	    shdr.sh_size > SECTION_MAX_BYTES || gelf_getclass(m->elf) != ELFCLASS64)
		return 0;
	data = elf_getdata(scn, NULL);
	base = base_address(m->elf);
	for (; !err && data && (next = gelf_getnote(data, at, &nhdr, &name, &desc)); at = next) {
		const char *bytes = data->d_buf;

		if (nhdr.n_namesz != sizeof("stapsdt") || strcmp(bytes + name, "stapsdt") != 0)
			continue;
		if (read_note(m, bytes + desc, nhdr.n_descsz, base, &note))
			err = fn(ctx, &note);
	}
	return err;
}
