// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which file is behind a mapping. Files are shared by all processes that map them, kept open (a
 * deleted one is still read), and bounded: the one used longest ago is closed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "symbol/internal.h"

static bool same_file(const struct file_id *a, const struct file_id *b)
{
	return a->inode && a->inode == b->inode && a->major == b->major && a->minor == b->minor;
}

/* A file that was written to in place is another one. */
static bool unchanged(const struct module *m)
{
	struct stat st;

	return m->fd < 0 ||
	       (fstat(m->fd, &st) == 0 && (uint64_t)st.st_size == m->size &&
		(uint64_t)st.st_mtim.tv_sec * 1000000000ull + (uint64_t)st.st_mtim.tv_nsec ==
			m->mtime_ns);
}

static struct module *use(struct symbolizer *sym, struct mapping *map, struct module *m)
{
	map->module = (uint32_t)(m - sym->module) + 1;
	map->gen = m->gen;
	m->used = ++sym->clock;
	return m;
}

static void let_go(struct symbolizer *sym, struct module *m)
{
	module_close(m); /* its generation is 0 from here on */
	sym->stats.modules--;
	sym->stats.evicted_modules++;
}

/* The one used longest ago. NULL: there is none. */
static struct module *oldest(const struct symbolizer *sym)
{
	struct module *found = NULL;
	uint32_t i;

	for (i = 0; i < sym->limits.modules; i++) {
		struct module *m = &sym->module[i];

		if (m->gen && (!found || m->used < found->used))
			found = m;
	}
	return found;
}

static struct module *free_slot(struct symbolizer *sym)
{
	struct module *m;
	uint32_t i;

	for (i = 0; i < sym->limits.modules; i++)
		if (!sym->module[i].gen)
			return &sym->module[i];
	m = oldest(sym);
	let_go(sym, m);
	return m;
}

void modules_trim(struct symbolizer *sym)
{
	uint64_t sum = 0;
	struct module *m;
	uint32_t i;

	for (i = 0; i < sym->limits.modules; i++)
		sum += sym->module[i].gen ? sym->module[i].bytes : 0;
	while (sum > sym->limits.elf_bytes && sym->stats.modules > 1) {
		m = oldest(sym);
		sum -= m->bytes;
		let_go(sym, m);
	}
	sym->stats.elf_bytes = sum;
}

void modules_fini(struct symbolizer *sym)
{
	uint32_t i;

	for (i = 0; sym->module && i < sym->limits.modules; i++)
		if (sym->module[i].gen)
			module_close(&sym->module[i]);
	free(sym->module);
	sym->module = NULL;
}

/* ---- opening */

/* Is @fd the file that was mapped? Some filesystems give stat() another device, and a stacked one
 * another number, too: that may pass in the process's own root only, where the path means it. */
static bool is_mapped_file(int fd, const struct mapping *map, bool own_root)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	if (!map->file.inode)
		return own_root || map->build_id_len;
	return st.st_ino == map->file.inode || (own_root && (major(st.st_dev) != map->file.major ||
							     minor(st.st_dev) != map->file.minor));
}

static int checked(int fd, const struct mapping *map, bool own_root)
{
	if (fd >= 0 && !is_mapped_file(fd, map, own_root)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

static int open_file(const struct process *p, const struct mapping *map)
{
	int fd = -ENOENT;

	if (!p->exited)
		fd = file_open_mapped(p->pid, map->start, map->end);
	if (fd < 0 && !p->exited && !map->deleted)
		fd = checked(file_open_in(p->pid, map->path), map, true);
	/* Its process is gone, perhaps: by its name in our own root, if that is the same file. */
	if (fd < 0 && !map->deleted)
		fd = checked(file_open(map->path), map, false);
	return fd;
}

static struct module *find_file(struct symbolizer *sym, const struct file_id *told, bool real)
{
	uint32_t i;

	for (i = 0; i < sym->limits.modules; i++) {
		struct module *m = &sym->module[i];

		if (m->gen && same_file(real ? &m->real : &m->told, told) && unchanged(m))
			return m;
	}
	return NULL;
}

static struct module *find_build_id(struct symbolizer *sym, const struct mapping *map)
{
	uint32_t i;

	for (i = 0; map->build_id_len && i < sym->limits.modules; i++) {
		struct module *m = &sym->module[i];

		if (m->gen && m->build_id_len == map->build_id_len &&
		    memcmp(m->build_id, map->build_id, map->build_id_len) == 0)
			return m;
	}
	return NULL;
}

static struct module *add(struct symbolizer *sym, struct mapping *map, struct module *opened)
{
	struct module *m = free_slot(sym); /* there is at least one slot */

	*m = *opened;
	m->told = map->file;
	m->gen = ++sym->gen ? sym->gen : ++sym->gen;
	sym->stats.modules++;
	return use(sym, map, m);
}

static struct module *open_new(struct symbolizer *sym, const struct process *p, struct mapping *map)
{
	struct module m = { .fd = -1, .debug_fd = -1 }, *known;
	struct stat st;
	int fd = open_file(p, map);

	if (fd < 0) {
		/* Only here is the build id taken for the file: anybody can write one. */
		known = find_build_id(sym, map);
		return known ? use(sym, map, known) : NULL;
	}
	if (fstat(fd, &st) == 0) {
		const struct file_id real = { major(st.st_dev), minor(st.st_dev), st.st_ino };

		known = find_file(sym, &real, true);
		if (known) {
			close(fd);
			if (!known->told.inode)
				known->told = map->file;
			return use(sym, map, known);
		}
	}
	if (module_open(&m, fd, map->path))
		return NULL;
	m.pid = p->exited ? 0 : p->pid;
	if (map->build_id_len && (m.build_id_len != map->build_id_len ||
				  memcmp(m.build_id, map->build_id, m.build_id_len) != 0)) {
		module_close(&m);
		return NULL;
	}
	return add(sym, map, &m);
}

static struct module *open_vdso(struct symbolizer *sym, struct mapping *map)
{
	struct module m = { .fd = -1 };
	uint32_t i;

	for (i = 0; i < sym->limits.modules; i++)
		if (sym->module[i].gen && sym->module[i].image)
			return use(sym, map, &sym->module[i]);
	if (module_open_vdso(&m))
		return NULL;
	return add(sym, map, &m);
}

struct module *modules_get(struct symbolizer *sym, const struct process *p, struct mapping *map)
{
	struct module *m;

	if (!map->path)
		return NULL;
	if (map->module) {
		m = &sym->module[map->module - 1];
		if (m->gen == map->gen) {
			m->used = ++sym->clock;
			return m;
		}
	} else if (map->gen) {
		return NULL; /* it was tried before */
	}
	map->module = 0;
	map->gen = UINT32_MAX;
	if (strcmp(map->path, "[vdso]") == 0)
		return open_vdso(sym, map);
	if (map->path[0] != '/')
		return NULL;
	m = map->file.inode ? find_file(sym, &map->file, false) : NULL;
	return m ? use(sym, map, m) : open_new(sym, p, map);
}
