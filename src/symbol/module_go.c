// SPDX-License-Identifier: BSD-2-Clause
/* Where a Go program has its own table, and where its text begins. */
#include <gelf.h>

#include "symbol/internal.h"

/* In a position independent program the linker left the text's address to a relocation. */
static uint64_t relocated(struct module *m, uint64_t where)
{
	Elf_Scn *scn;
	Elf_Data *data;
	GElf_Shdr shdr;
	GElf_Rela rela;
	int i;

	if (!module_find_section(m->elf, ".rela.dyn", &scn, &shdr) &&
	    !module_find_section(m->elf, ".rela", &scn, &shdr))
		return 0;
	if (shdr.sh_size > SECTION_MAX_BYTES)
		return 0;
	data = elf_getdata(scn, NULL);
	m->bytes += data ? data->d_size : 0;
	for (i = 0; data && gelf_getrela(data, i, &rela); i++)
		if (rela.r_offset == where)
			return (uint64_t)rela.r_addend;
	return 0;
}

void module_read_go(struct module *m)
{
	static const char *const names[] = { ".gopclntab", ".data.rel.ro.gopclntab" };
	uint64_t text = 0;
	Elf_Data *data;
	GElf_Shdr shdr;
	Elf_Scn *scn;
	size_t i;

	for (i = 0; i < 2 && !m->go.data; i++) {
		if (!module_find_section(m->elf, names[i], &scn, &shdr) ||
		    shdr.sh_size > SECTION_MAX_BYTES)
			continue;
		data = elf_rawdata(scn, NULL);
		if (!data || gopclntab_init(&m->go, data->d_buf, data->d_size))
			continue;
		m->bytes += data->d_size;
		if (!m->go.text_start)
			text = relocated(m, shdr.sh_addr + 8 + 2ull * m->go.ptr_size);
		if (text)
			m->go.text_start = text;
	}
	if (m->go.data && !m->go.text_start && module_find_section(m->elf, ".text", &scn, &shdr))
		m->go.text_start = shdr.sh_addr;
}
