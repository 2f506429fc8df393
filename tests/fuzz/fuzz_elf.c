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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct module m = { .fd = -1, .debug_fd = -1 };
	int fd = memfd_create("elf", MFD_CLOEXEC);

	elf_version(EV_CURRENT);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		close(fd);
		return 0;
	}
	if (module_open(&m, fd, "/elf"))
		return 0;
	look(&m);
	module_close(&m);
	return 0;
}
