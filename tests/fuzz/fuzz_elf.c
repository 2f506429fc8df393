// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as a file that a watched process has mapped: its symbols, its lines, its unwind tables,
 * its probes, as far as libelf and libdw let it come.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbol/internal.h"
#include "symbol/places.h"

#define NOTES_MAX 65536 /* more than any input has */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* What the libraries lose of files that are broken is theirs. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libelf\nleak:libdw\n";
}

/* At the begin of each segment, and of some functions. */
static void look_at(struct module *m, uint64_t vaddr)
{
	struct symbol_frame frames[4];
	Dwarf_Frame *frame = NULL;
	uint64_t start;
	const char *name = symtab_find(&m->symtab, vaddr, &start);

	if (name && (!*name || start > vaddr))
		abort();
	memset(frames, 0, sizeof(frames));
	if (m->index)
		dwarf_index_frames(m->index, vaddr, frames, 4, &m->bytes);
	if (module_eh_cfi(m) && !dwarf_cfi_addrframe(m->eh_cfi, vaddr, &frame))
		free(frame);
}

static void look(struct module *m)
{
	uint64_t vaddr;
	uint32_t i;

	module_read(m);
	module_read_debug(m);
	for (i = 0; i < m->loads; i++)
		if (module_vaddr(m, m->load[i].offset, &vaddr))
			look_at(m, vaddr);
	for (i = 0; i < m->symtab.n && i < 16; i++)
		look_at(m, m->symtab.syms[i].addr + 1);
}

static int note(void *ctx, const struct places_note *n)
{
	(void)ctx;
	if (!n->offset || strlen(n->provider) + strlen(n->name) + strlen(n->args) > NOTES_MAX)
		abort();
	return 0;
}

/* By the way to it that a mapping is. */
static void look_for_probes(int fd, size_t size)
{
	static const char *const names[] = { "leak", "grow" };
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), len = (size + page - 1) & ~(page - 1);
	void *map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	uint64_t offset[2], start = (uintptr_t)map;
	struct places *p;

	if (map == MAP_FAILED)
		return;
	p = places_open((uint32_t)getpid(), start, start + len, "");
	if (p) {
		places_functions(p, names, 2, offset);
		places_notes(p, note, NULL);
	}
	places_close(p);
	munmap(map, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct module m = { .fd = -1, .debug_fd = -1 };
	int fd = memfd_create("elf", MFD_CLOEXEC);

	elf_version(EV_CURRENT);
	if (fd < 0)
		return 0;
	if (write(fd, data, size) != (ssize_t)size) {
		close(fd);
		return 0;
	}
	look_for_probes(fd, size);
	if (module_open(&m, fd, "/elf"))
		return 0;
	look(&m);
	module_close(&m);
	return 0;
}
