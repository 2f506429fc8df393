// SPDX-License-Identifier: BSD-2-Clause
/*
 * The way to libelf. It reads header tables and the sections' names as soon as a file is opened,
 * and libdw the head of the unwind tables, however large the file says that they are; and a sparse
 * file costs its owner nothing. So what they read unasked is measured first.
 */
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#include "symbol/internal.h"

#define SECTIONS_MAX	4096
#define SEGMENTS_MAX	128
#define NAMES_MAX_BYTES (1u << 20)

#define NATIVE		(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

/* What a file of either class says of its tables. */
struct tables {
	uint64_t sections_at;
	uint32_t sections, segments;
};

static bool read_tables(int fd, struct tables *t)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr h32;
		Elf64_Ehdr h64;
	} u = { .ident = { 0 } };
	ssize_t n = pread(fd, &u, sizeof(u), 0);

	if (n < (ssize_t)sizeof(u.h32) || memcmp(u.ident, ELFMAG, SELFMAG) != 0 ||
	    u.ident[EI_DATA] != NATIVE)
		return false;
	if (u.ident[EI_CLASS] == ELFCLASS64 && n == sizeof(u.h64))
		*t = (struct tables){ u.h64.e_shoff, u.h64.e_shnum, u.h64.e_phnum };
	else if (u.ident[EI_CLASS] == ELFCLASS32)
		*t = (struct tables){ u.h32.e_shoff, u.h32.e_shnum, u.h32.e_phnum };
	else
		return false;
	return true;
}

/* More than fit into the header are counted elsewhere: no program has so many. */
static bool is_bounded(int fd)
{
	struct tables t;

	return read_tables(fd, &t) && t.segments <= SEGMENTS_MAX && t.sections <= SECTIONS_MAX &&
	       (t.sections || !t.sections_at);
}

static bool names_are_bounded(Elf *elf)
{
	GElf_Shdr shdr;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) || !names)
		return true; /* there are none */
	return gelf_getshdr(elf_getscn(elf, names), &shdr) && shdr.sh_size <= NAMES_MAX_BYTES;
}

Elf *elf_open(int fd)
{
	Elf *elf = is_bounded(fd) ? elf_begin(fd, ELF_C_READ, NULL) : NULL;

	if (elf && elf_kind(elf) == ELF_K_ELF && names_are_bounded(elf))
		return elf;
	elf_end(elf);
	return NULL;
}
