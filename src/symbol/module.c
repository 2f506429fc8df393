// SPDX-License-Identifier: BSD-2-Clause
/*
 * One ELF file: opened when a mapping of it becomes known, read when one of its addresses is asked
 * for, its DWARF only when a line is wanted. Read by libelf without mmap: whoever shortens a file
 * while it is mapped would kill the reader.
 */
#include <endian.h>
#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "symbol/internal.h"

#define NOTES_MAX_BYTES	 65536
#define EH_HDR_MAX_BYTES (64u << 20)

bool module_find_section(Elf *elf, const char *name, Elf_Scn **scn, GElf_Shdr *shdr)
{
	size_t names;
	const char *s;

	*scn = NULL;
	if (elf_getshdrstrndx(elf, &names))
		return false;
	while ((*scn = elf_nextscn(elf, *scn))) {
		if (!gelf_getshdr(*scn, shdr))
			continue;
		s = elf_strptr(elf, names, shdr->sh_name);
		if (s && strcmp(s, name) == 0)
			return true;
	}
	return false;
}

static void read_build_id(struct module *m, const GElf_Phdr *ph)
{
	Elf_Data *data;
	GElf_Nhdr note;
	size_t at = 0, name, desc;

	if (m->build_id_len || ph->p_filesz > NOTES_MAX_BYTES)
		return;
	data = elf_getdata_rawchunk(m->elf, (int64_t)ph->p_offset, ph->p_filesz,
				    ph->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
	if (!data)
		return;
	while ((at = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
		    memcmp((char *)data->d_buf + name, "GNU", 4) != 0)
			continue;
		m->build_id_len = note.n_descsz < SYMBOL_BUILD_ID_LEN ? (uint8_t)note.n_descsz
								      : SYMBOL_BUILD_ID_LEN;
		memcpy(m->build_id, (char *)data->d_buf + desc, m->build_id_len);
		return;
	}
}

/* What says that it is a program: libc can be executed as well. */
static void read_dynamic(struct module *m, const GElf_Phdr *ph, bool *pie, bool *soname)
{
	Elf_Data *data;
	GElf_Dyn dyn;
	int i;

	if (ph->p_filesz > NOTES_MAX_BYTES)
		return;
	data = elf_getdata_rawchunk(m->elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_DYN);
	for (i = 0; data && gelf_getdyn(data, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		*pie |= dyn.d_tag == DT_FLAGS_1 && dyn.d_un.d_val & DF_1_PIE;
		*soname |= dyn.d_tag == DT_SONAME;
	}
}

static void add_load(struct module *m, const GElf_Phdr *ph)
{
	if (ph->p_filesz > m->load_max_bytes)
		m->load_max_bytes = ph->p_filesz;
	if (m->loads < MODULE_LOADS)
		m->load[m->loads++] =
			(struct module_load){ ph->p_vaddr, ph->p_offset, ph->p_filesz };
}

static int read_head(struct module *m)
{
	GElf_Ehdr eh;
	GElf_Shdr shdr;
	Elf_Scn *scn;
	size_t i, n;
	bool interp = false, pie = false, soname = false;

	if (elf_kind(m->elf) != ELF_K_ELF || !gelf_getehdr(m->elf, &eh) ||
	    elf_getphdrnum(m->elf, &n))
		return -ENOEXEC;
	for (i = 0; i < n; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(m->elf, (int)i, &ph))
			break;
		if (ph.p_type == PT_LOAD)
			add_load(m, &ph);
		else if (ph.p_type == PT_GNU_EH_FRAME)
			m->eh_hdr_bytes =
				ph.p_filesz > m->eh_hdr_bytes ? ph.p_filesz : m->eh_hdr_bytes;
		else if (ph.p_type == PT_NOTE)
			read_build_id(m, &ph);
		else if (ph.p_type == PT_INTERP)
			interp = true;
		else if (ph.p_type == PT_DYNAMIC)
			read_dynamic(m, &ph, &pie, &soname);
	}
	m->is_exec = eh.e_type == ET_EXEC || pie || (interp && !soname);
	m->is_go = module_find_section(m->elf, ".go.buildinfo", &scn, &shdr) ||
		   module_find_section(m->elf, ".note.go.buildid", &scn, &shdr);
	return m->loads ? 0 : -ENOEXEC;
}

int module_open(struct module *m, int fd, const char *path)
{
	struct stat st;
	int err;

	m->fd = fd;
	m->debug_fd = -1;
	if (fstat(fd, &st)) {
		err = -errno;
		goto fail;
	}
	m->real = (struct file_id){ major(st.st_dev), minor(st.st_dev), st.st_ino };
	m->size = (uint64_t)st.st_size;
	m->mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000ull + (uint64_t)st.st_mtim.tv_nsec;
	m->path = strdup(path);
	m->elf = m->path ? elf_open(fd) : NULL;
	if (!m->elf) {
		err = m->path ? -ENOEXEC : -ENOMEM;
		goto fail;
	}
	err = read_head(m);
	if (!err)
		return 0;
fail:
	module_close(m);
	return err;
}

/* All processes of a machine have the same vdso, so ours stands for theirs. */
int module_open_vdso(struct module *m)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR); // NOLINT: an address it is
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const Elf64_Ehdr *eh = (const void *)base;
	size_t len;

	m->fd = m->debug_fd = -1;
	if (!base)
		return -ENOENT;
	/* Its section headers stand at its end. */
	len = eh->e_shoff + (size_t)eh->e_shnum * eh->e_shentsize;
	len = (len + page - 1) / page * page;
	m->image = malloc(len);
	m->path = strdup("[vdso]");
	if (!m->image || !m->path) {
		module_close(m);
		return -ENOMEM;
	}
	memcpy(m->image, base, len);
	m->elf = elf_memory(m->image, len);
	if (!m->elf || read_head(m)) {
		module_close(m);
		return -ENOEXEC;
	}
	return 0;
}

void module_close(struct module *m)
{
	symtab_fini(&m->symtab);
	dwarf_index_free(m->index);
	if (m->eh_cfi)
		dwarf_cfi_end(m->eh_cfi);
	if (m->dwarf)
		dwarf_end(m->dwarf);
	if (m->mini_elf)
		elf_end(m->mini_elf);
	if (m->debug_elf)
		elf_end(m->debug_elf);
	if (m->elf)
		elf_end(m->elf);
	free(m->mini);
	free(m->image);
	free(m->path);
	if (m->fd >= 0)
		close(m->fd);
	if (m->debug_fd >= 0)
		close(m->debug_fd);
	memset(m, 0, sizeof(*m));
	m->fd = m->debug_fd = -1;
}

bool module_vaddr(const struct module *m, uint64_t offset, uint64_t *vaddr)
{
	uint32_t i;

	for (i = 0; i < m->loads; i++) {
		const struct module_load *l = &m->load[i];

		/* Mappings are of whole pages, so they begin up to a page before their segment. */
		if (offset - l->offset < l->filesz ||
		    (l->offset - offset < 4096 && offset / 4096 == l->offset / 4096)) {
			*vaddr = l->vaddr + (offset - l->offset);
			return true;
		}
	}
	return false;
}

/* ---- debug files of their own */

static Elf *open_debug_file(struct module *m)
{
	char path[128] = "/usr/lib/debug/.build-id/";
	size_t at = strlen(path), i;
	int fd;

	if (m->build_id_len < 2)
		return NULL;
	for (i = 0; i < m->build_id_len; i++)
		at += (size_t)snprintf(path + at, sizeof(path) - at, i ? "%02x" : "%02x/",
				       m->build_id[i]);
	snprintf(path + at, sizeof(path) - at, ".debug");
	fd = file_open(path);
	if (fd < 0 && m->pid)
		fd = file_open_in(m->pid, path);
	if (fd < 0)
		return NULL;
	m->debug_fd = fd;
	return elf_open(fd);
}

static bool has_symtab(Elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_SYMTAB)
			return true;
	return false;
}

static bool has_debug(Elf *elf)
{
	Elf_Scn *scn;
	GElf_Shdr shdr;

	return module_find_section(elf, ".debug_info", &scn, &shdr) ||
	       module_find_section(elf, ".zdebug_info", &scn, &shdr);
}

void module_read(struct module *m)
{
	uint64_t bytes = 0;

	if (m->symbols_tried || !m->elf)
		return;
	m->symbols_tried = true;
	if (!has_symtab(m->elf) || !has_debug(m->elf))
		m->debug_elf = open_debug_file(m);
	m->bytes += symtab_add(&m->symtab, m->elf);
	if (!has_symtab(m->elf)) {
		if (m->debug_elf)
			m->bytes += symtab_add(&m->symtab, m->debug_elf);
		else
			m->mini_elf = minidebug_open(m->elf, &m->mini, &bytes);
		if (m->mini_elf)
			bytes += symtab_add(&m->symtab, m->mini_elf);
	}
	symtab_finish(&m->symtab);
	m->bytes += bytes + m->symtab.room * sizeof(*m->symtab.syms);
	module_read_go(m);
}

/* ---- DWARF */

/* What a section says that it will be: "ZLIB", then how long, the highest byte first. */
static uint64_t zdebug_bytes(Elf *elf, const GElf_Shdr *shdr)
{
	const Elf_Data *head = elf_getdata_rawchunk(elf, (int64_t)shdr->sh_offset, 12, ELF_T_BYTE);
	uint64_t bytes;

	if (!head || memcmp(head->d_buf, "ZLIB", 4) != 0)
		return shdr->sh_size;
	memcpy(&bytes, (const char *)head->d_buf + 4, sizeof(bytes));
	return be64toh(bytes);
}

/* All debug sections as they will be in memory; compressed ones say so themselves. */
static uint64_t debug_bytes(Elf *elf)
{
	uint64_t sum = 0, one;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	GElf_Chdr chdr;
	size_t names;
	const char *s;

	if (elf_getshdrstrndx(elf, &names))
		return UINT64_MAX;
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type == SHT_NOBITS)
			continue;
		s = elf_strptr(elf, names, shdr.sh_name);
		if (!s || (strncmp(s, ".debug", 6) != 0 && strncmp(s, ".zdebug", 7) != 0))
			continue;
		one = shdr.sh_flags & SHF_COMPRESSED && gelf_getchdr(scn, &chdr) ? chdr.ch_size
										 : shdr.sh_size;
		if (s[1] == 'z')
			one = zdebug_bytes(elf, &shdr);
		if (__builtin_add_overflow(sum, one, &sum))
			return UINT64_MAX;
	}
	return sum;
}

/* libdw takes it that they do. Asked for once it has uncompressed them. */
static bool debug_strings_end(Elf *elf)
{
	static const char *const sections[] = { ".debug_str", ".zdebug_str", ".debug_line_str",
						".zdebug_line_str" };
	const Elf_Data *data;
	GElf_Shdr shdr;
	Elf_Scn *scn;
	size_t i;

	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (!module_find_section(elf, sections[i], &scn, &shdr))
			continue;
		data = elf_getdata(scn, NULL);
		/* A section may say that it has bytes, but none in the file. */
		if (data && data->d_size &&
		    (!data->d_buf || ((const char *)data->d_buf)[data->d_size - 1]))
			return false;
	}
	return true;
}

void module_read_debug(struct module *m)
{
	uint64_t bytes;
	Elf *elf;

	if (m->debug_tried)
		return;
	m->debug_tried = true;
	module_read(m); /* it opens the file that the debug information may be in */
	elf = m->elf && has_debug(m->elf) ? m->elf : m->debug_elf;
	if (!elf)
		return;
	bytes = debug_bytes(elf);
	if (!bytes || bytes > DEBUG_MAX_BYTES)
		return;
	m->dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (!m->dwarf)
		return;
	m->bytes += bytes;
	if (debug_strings_end(elf))
		m->index = dwarf_index_new(m->dwarf, &m->bytes);
}

Dwarf_CFI *module_eh_cfi(struct module *m)
{
	GElf_Shdr shdr;
	Elf_Scn *scn;

	if (m->eh_tried)
		return m->eh_cfi;
	m->eh_tried = true;
	if (!m->elf || m->load_max_bytes > 2 * SECTION_MAX_BYTES ||
	    m->eh_hdr_bytes > EH_HDR_MAX_BYTES)
		return NULL;
	/* Where no section says how long they are, all that may be of them is read. */
	m->bytes += m->eh_hdr_bytes + (module_find_section(m->elf, ".eh_frame", &scn, &shdr)
					       ? shdr.sh_size
					       : m->load_max_bytes);
	m->eh_cfi = dwarf_getcfi_elf(m->elf);
	return m->eh_cfi;
}

Dwarf_CFI *module_debug_cfi(struct module *m)
{
	if (m->frame_tried)
		return m->debug_cfi;
	m->frame_tried = true;
	module_read_debug(m);
	m->debug_cfi = m->dwarf ? dwarf_getcfi(m->dwarf) : NULL;
	return m->debug_cfi;
}
