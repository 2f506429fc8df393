/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of this part know of each other. Modules (ELF files) are shared by processes and
 * named by (slot, generation), so that one may be let go while mappings still speak of it.
 */
#pragma once

#include <elfutils/libdw.h>
#include <libelf.h>
#include <sys/types.h>

#include "symbol/gopclntab.h"
#include "symbol/perfmap.h"
#include "symbol/symbol.h"

#define MS_NS 1000000ull

/* Parts of a file that are larger are not looked at: a sparse file can be of any size. */
#define SECTION_MAX_BYTES (256ull << 20)
#define DEBUG_MAX_BYTES	  (1024ull << 20)

/* ---- files.c: opening what belongs to a process */

struct file_id {
	uint32_t major, minor;
	uint64_t inode;
};

/* All open regular files only, for reading, and never block. A descriptor, or -errno. */
int file_open(const char *path);
/* @path as @pid sees it, in its own root. */
int file_open_in(uint32_t pid, const char *path);
/* The very file that is mapped, whatever has become of its name. */
int file_open_mapped(uint32_t pid, uint64_t start, uint64_t end);
/* "/proc/PID/NAME" whole, at most @len - 1 bytes, terminated. Returns the length, or -errno. */
ssize_t file_read_proc(uint32_t pid, const char *name, char *buf, size_t len);

/* The same, but no link stands in its place. */
int file_open_plain(uint32_t pid, const char *path);

/* ---- elf.c */

/* NULL: it is no ELF file of this machine's kind, or has larger tables than any program. */
Elf *elf_open(int fd);

/* ---- symtab.c: functions of one file, sorted */

struct elf_symbol {
	uint64_t addr;
	uint32_t size;
	uint32_t name; /* offset in strings[name >> 29] */
};

#define SYMTAB_SOURCES 4

struct symtab {
	struct elf_symbol *syms;
	uint32_t n, room;
	struct symtab_strings {
		const char *data; /* belongs to the Elf that it was read from */
		size_t len;	  /* up to the last NUL, which is in it */
	} strings[SYMTAB_SOURCES];
	uint32_t sources;
	uint64_t bytes; /* that it has read */
};

/* Adds the functions of @elf's .symtab and .dynsym; @elf must outlive it. Bytes it read. */
uint64_t symtab_add(struct symtab *t, Elf *elf);
void symtab_finish(struct symtab *t);
void symtab_fini(struct symtab *t);
/* The function's name, NULL if there is none; *@start is where it begins. */
const char *symtab_find(const struct symtab *t, uint64_t addr, uint64_t *start);

/* Of syms[i]. */
const char *symtab_name(const struct symtab *t, uint32_t i);

/* ---- dwarf.c: lines and inlined functions */

struct dwarf_index;

/* NULL if @dw has no units. *@bytes: what it takes, about. */
struct dwarf_index *dwarf_index_new(Dwarf *dw, uint64_t *bytes);
void dwarf_index_free(struct dwarf_index *x);
/* Fills function, file, line and offset of at most @max frames, inlined ones first. 0: none. */
int dwarf_index_frames(struct dwarf_index *x, uint64_t addr, struct symbol_frame *out, uint32_t max,
		       uint64_t *bytes);

/* ---- module.c: one ELF file */

#define MODULE_LOADS 16

struct module {
	uint32_t gen;
	uint64_t used;	     /* clock of uses */
	int fd;		     /* -1: it could not be opened, or it is the vdso */
	struct file_id told; /* as mappings name it */
	struct file_id real; /* as fstat() does */
	uint64_t size, mtime_ns;
	char *path;  /* as the first process saw it */
	char *image; /* the vdso's copy */
	uint8_t build_id[SYMBOL_BUILD_ID_LEN];
	uint8_t build_id_len;
	bool is_go, is_exec;
	bool symbols_tried, debug_tried, eh_tried, frame_tried;
	uint32_t pid; /* who was the first to map it */
	Elf *elf;
	Elf *debug_elf; /* a file of its own below /usr/lib/debug */
	int debug_fd;
	Elf *mini_elf; /* .gnu_debugdata */
	char *mini;
	struct module_load {
		uint64_t vaddr, offset, filesz;
	} load[MODULE_LOADS];
	uint32_t loads;
	uint64_t load_max_bytes; /* the largest one's, of all there are */
	uint64_t eh_hdr_bytes;	 /* of PT_GNU_EH_FRAME */
	struct symtab symtab;
	struct gopclntab go;
	Dwarf *dwarf;
	struct dwarf_index *index;
	Dwarf_CFI *eh_cfi;    /* owned by elf's libdw data, see module_close() */
	Dwarf_CFI *debug_cfi; /* owned by dwarf */
	uint64_t bytes;
};

/* 0, or -errno; -ENOEXEC: it is no ELF file of this machine's kind. Takes @fd whatever happens. */
int module_open(struct module *m, int fd, const char *path);
int module_open_vdso(struct module *m);
void module_close(struct module *m);
/* Symbols and Go's table; and DWARF. Once: it does nothing the second time. */
void module_read(struct module *m);
void module_read_debug(struct module *m);
/* Where byte @offset of the file is linked to; false if it is in no segment. */
bool module_vaddr(const struct module *m, uint64_t offset, uint64_t *vaddr);
bool module_find_section(Elf *elf, const char *name, Elf_Scn **scn, GElf_Shdr *shdr);
/* Its unwind tables, NULL if it has none. */
Dwarf_CFI *module_eh_cfi(struct module *m);
Dwarf_CFI *module_debug_cfi(struct module *m);

/* module_go.c: its table into m->go, if it has one. */
void module_read_go(struct module *m);

/* minidebug.c: .gnu_debugdata decompressed into *@image (malloc'd). NULL if there is none. */
Elf *minidebug_open(Elf *elf, char **image, uint64_t *bytes);

/* ---- process.c */

struct mapping {
	uint64_t start, end, offset;
	uint64_t time_ns;
	struct file_id file;
	uint32_t module, gen; /* module's slot plus 1, 0: none; and its generation */
	uint8_t build_id[SYMBOL_BUILD_ID_LEN];
	uint8_t build_id_len;
	bool deleted;
	char *path; /* NULL: anonymous */
};

struct process {
	uint32_t pid;
	uint64_t start_ns;
	struct process *hash_next;
	struct process *newer, *older; /* by use */
	struct mapping *map;
	uint32_t n, room;
	uint64_t read_ns; /* when its maps were read, 0: never */
	bool exited;
	bool ours; /* it is this very process */
	uint32_t ns_pid, uid;
	int jit_fd; /* its perf map, -1 if there is none */
	uint64_t jit_ns, jit_size;
	struct perfmap jit;
};

#define PROCESS_BUCKETS 1024

struct name_entry;

struct symbolizer {
	struct symbolizer_limits limits;
	struct symbolizer_stats stats;
	struct process *bucket[PROCESS_BUCKETS];
	struct process *newest, *oldest;
	uint32_t mappings;
	struct module *module; /* limits.modules of them */
	uint32_t gen;	       /* last given */
	uint64_t clock;
	bool allow_self;
	bool no_vdso;
	struct name_entry **names;
	struct unwind_row *rows;
};

struct process *process_find(struct symbolizer *sym, uint32_t pid);
/* It, read from /proc if it was not known. NULL with *@err. */
struct process *process_get(struct symbolizer *sym, uint32_t pid, uint64_t start_ns, int *err);
/* Reads its mappings again. 0 or -errno. */
int process_read(struct symbolizer *sym, struct process *p);
/* The same, but not more often than is good. True if something was read. */
bool process_read_again(struct symbolizer *sym, struct process *p);
void process_drop(struct symbolizer *sym, struct process *p);
/* It, or an empty one. NULL: no memory. */
struct process *process_make(struct symbolizer *sym, uint32_t pid);
/* Takes @fresh's mappings in place of its own; NULL: none. */
void process_swap_mappings(struct symbolizer *sym, struct process *p, struct process *fresh);
/* NULL if @ip is in none. */
struct mapping *process_mapping(const struct process *p, uint64_t ip);
/* The same, with a second look at /proc where that could help. */
struct mapping *process_cover(struct symbolizer *sym, struct process *p, uint64_t ip);
int process_add(struct symbolizer *sym, struct process *p, const struct symbol_mapping *map);
/* jit.c: what its perf map calls @ip; false if it does not. */
bool process_jit(struct symbolizer *sym, struct process *p, uint64_t ip, struct symbol_frame *f);
void process_open_jit(struct process *p);

/* modules.c: which file is behind a mapping */

/* NULL if it is no file, or none that can be read. Opens it if need be. */
struct module *modules_get(struct symbolizer *sym, const struct process *p, struct mapping *map);
void modules_fini(struct symbolizer *sym);
/* Lets the modules go that were not used for longest, until all are within the limit, but for the
 * one used last. */
void modules_trim(struct symbolizer *sym);

/* ---- recent.c: the addresses last asked for */

struct name_key {
	uint32_t module, gen;
	uint64_t vaddr;
};

/* Copies what is remembered; 0 if nothing is. */
int recent_get(const struct symbolizer *sym, const struct name_key *key, struct symbol_frame *out,
	       uint32_t max);
void recent_put(struct symbolizer *sym, const struct name_key *key, const struct symbol_frame *f,
		uint32_t n);
void recent_fini(struct symbolizer *sym);

/* ---- cfi.c: how to get to the caller */

#define CFI_REGS 32

struct cfi_memory {
	uint64_t start;
	const uint8_t *bytes;
	size_t len;
};

/* False if it is not in the copied part. */
bool cfi_memory_read(const struct cfi_memory *mem, uint64_t addr, uint64_t *value);

struct cfi_state {
	uint64_t reg[SYMBOL_REGS_MAX];
	uint64_t pc, cfa;
	bool signal; /* the frame was interrupted, its pc is no return address */
};

/* A frame's rules in the form that nearly all have: everything saved at an offset from the CFA. */
struct unwind_row {
	uint32_t module, gen; /* what it is of; module 0: empty */
	uint64_t vaddr;
	int32_t cfa_offset;
	uint8_t cfa_reg;
	uint8_t n;
	bool signal, end;
	struct {
		uint8_t reg;
		int32_t offset;
	} saved[12];
};

/* 1: *@s is the caller's; 0: there is no caller; -ENOENT: no rule for this address; -EFAULT: it is
 * beyond the copied memory, or the rules make no sense. */
int cfi_step(struct symbolizer *sym, struct module *m, uint32_t slot, uint64_t vaddr,
	     const struct cfi_memory *mem, struct cfi_state *s);

/* ---- demangle.c */

/* C++ and Rust; anything else as it is. Always terminates and cleans. */
void demangle(char *buf, size_t len, const char *name);
