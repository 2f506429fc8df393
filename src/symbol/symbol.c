// SPDX-License-Identifier: BSD-2-Clause
/*
 * One address of one process: which mapping, which file, which function. The other files know how.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "symbol/internal.h"

#define FRAMES_MAX 16 /* of one address */

static void set_defaults(struct symbolizer_limits *l)
{
	l->processes = l->processes ? l->processes : 4096;
	l->mappings = l->mappings ? l->mappings : 131072;
	l->mappings = l->mappings < 1024 ? 1024 : l->mappings;
	l->modules = l->modules ? l->modules : 256;
	l->names = l->names ? l->names : 4096;
	l->elf_bytes = l->elf_bytes ? l->elf_bytes : 768ull << 20;
	l->perfmap_bytes = l->perfmap_bytes ? l->perfmap_bytes : 64ull << 20;
}

struct symbolizer *symbolizer_new(const struct symbolizer_limits *limits)
{
	struct symbolizer *sym = calloc(1, sizeof(*sym));

	if (!sym)
		return NULL;
	if (limits)
		sym->limits = *limits;
	set_defaults(&sym->limits);
	elf_version(EV_CURRENT);
	sym->module = calloc(sym->limits.modules, sizeof(*sym->module));
	sym->names = calloc(sym->limits.names, sizeof(struct name_entry *));
	if (!sym->module || !sym->names) {
		symbolizer_free(sym);
		errno = ENOMEM;
		return NULL;
	}
	return sym;
}

void symbolizer_free(struct symbolizer *sym)
{
	if (!sym)
		return;
	while (sym->newest)
		process_drop(sym, sym->newest);
	modules_fini(sym);
	recent_fini(sym);
	free(sym->rows);
	free(sym);
}

void symbolizer_allow_self(struct symbolizer *sym)
{
	sym->allow_self = true;
}

void symbolizer_stats(const struct symbolizer *sym, struct symbolizer_stats *out)
{
	*out = sym->stats;
}

int symbolizer_process(struct symbolizer *sym, uint32_t pid, uint64_t start_ns)
{
	int err;

	process_get(sym, pid, start_ns, &err);
	return err;
}

int symbolizer_refresh(struct symbolizer *sym, uint32_t pid)
{
	int err;
	struct process *p = process_get(sym, pid, 0, &err);

	return p ? process_read(sym, p) : err;
}

bool symbolizer_is_go(struct symbolizer *sym, uint32_t pid)
{
	struct process *p;
	uint32_t i;
	int err;

	p = process_get(sym, pid, 0, &err);
	for (i = 0; p && i < p->n; i++) {
		const struct module *m = modules_get(sym, p, &p->map[i]);

		if (m && m->is_exec && m->is_go)
			return true;
	}
	return false;
}

/* ---- what a file knows of an address */

static void set_build_id(struct symbol_frame *f, const uint8_t *id, uint8_t len)
{
	uint8_t i;

	for (i = 0; i < len; i++)
		snprintf(f->build_id + 2 * (size_t)i, 3, "%02x", id[i]);
}

/* True if it names the function; then the line, too, if Go knows it. */
static bool name_from_go(const struct module *m, uint64_t vaddr, struct symbol_frame *f)
{
	struct gopclntab_place place;

	if (!m->go.data || gopclntab_find(&m->go, vaddr, &place))
		return false;
	text_clean(f->function, sizeof(f->function), place.function);
	f->offset = vaddr - place.start;
	if (place.file) {
		text_clean(f->file, sizeof(f->file), place.file);
		f->line = place.line;
	}
	return true;
}

/* libc's own name for what everybody knows by an alias: "__libc_connect" is connect(). */
static void prefer_alias(const struct module *m, uint64_t vaddr, struct symbol_frame *f)
{
	uint64_t start;
	const char *name = f->function[0] == '_' ? symtab_find(&m->symtab, vaddr, &start) : NULL;

	if (name && name[0] != '_' && vaddr - start == f->offset)
		text_clean(f->function, sizeof(f->function), name);
}

static int frames_of_module(struct module *m, uint64_t vaddr, struct symbol_frame *out,
			    uint32_t max)
{
	uint64_t start;
	const char *name;
	int n;

	module_read_debug(m);
	n = m->index ? dwarf_index_frames(m->index, vaddr, out, max, &m->bytes) : 0;
	if (n && (out[n - 1].function[0] || out[n - 1].inlined)) {
		prefer_alias(m, vaddr, &out[n - 1]);
		return n;
	}
	if (name_from_go(m, vaddr, out))
		return 1;
	name = symtab_find(&m->symtab, vaddr, &start);
	if (name) {
		demangle(out->function, sizeof(out->function), name);
		out->offset = vaddr - start;
	} else {
		out->offset = vaddr;
	}
	return 1;
}

/* ---- one address */

static uint8_t kind_of(const struct mapping *map, const struct module *m)
{
	if (!map->path)
		return SYMBOL_KIND_JIT;
	if (map->path[0] == '[')
		return strcmp(map->path, "[vdso]") == 0 || strcmp(map->path, "[vsyscall]") == 0
			       ? SYMBOL_KIND_KERNEL
			       : SYMBOL_KIND_JIT;
	if (!m)
		return SYMBOL_KIND_UNKNOWN;
	return m->is_exec ? SYMBOL_KIND_PROGRAM : SYMBOL_KIND_LIBRARY;
}

/* What is the same for all frames of an address. */
static void set_module(struct symbol_frame *f, const struct mapping *map, const struct module *m)
{
	if (map->path)
		text_clean(f->module, sizeof(f->module), map->path);
	if (m)
		set_build_id(f, m->build_id, m->build_id_len);
	else
		set_build_id(f, map->build_id, map->build_id_len);
	f->kind = kind_of(map, m);
	f->go = m && m->is_go;
}

static int name_in_module(struct symbolizer *sym, struct mapping *map, struct module *m,
			  uint64_t vaddr, struct symbol_frame *out, uint32_t max)
{
	const struct name_key key = { map->module, map->gen, vaddr };
	struct symbol_frame frames[FRAMES_MAX];
	int n = recent_get(sym, &key, out, max), i;

	if (n)
		return n;
	memset(frames, 0, sizeof(frames));
	module_read(m);
	n = frames_of_module(m, vaddr, frames, FRAMES_MAX);
	for (i = 0; i < n; i++)
		set_module(&frames[i], map, m);
	recent_put(sym, &key, frames, (uint32_t)n);
	n = (uint32_t)n < max ? n : (int)max;
	memcpy(out, frames, (uint32_t)n * sizeof(*out));
	modules_trim(sym);
	return n;
}

int symbolizer_frames(struct symbolizer *sym, uint32_t pid, uint64_t ip, bool is_return_address,
		      struct symbol_frame *out, uint32_t max)
{
	const uint64_t pc = is_return_address && ip ? ip - 1 : ip;
	struct mapping *map;
	struct process *p;
	struct module *m;
	uint64_t vaddr;
	int err;

	if (!max)
		return -EINVAL;
	p = process_get(sym, pid, 0, &err);
	if (!p)
		return err;
	memset(out, 0, sizeof(*out));
	out->offset = ip;
	map = process_cover(sym, p, pc);
	if (!map) {
		process_jit(sym, p, pc, out);
		return 1;
	}
	m = modules_get(sym, p, map);
	if (m && module_vaddr(m, pc - map->start + map->offset, &vaddr))
		return name_in_module(sym, map, m, vaddr, out, max);
	set_module(out, map, m);
	if (!process_jit(sym, p, pc, out))
		out->offset = map->path ? ip - map->start + map->offset : ip;
	return 1;
}
