/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses in other processes become functions, files and lines, and copied stacks become lists of
 * addresses. What is known of a process (its mappings, the files behind them) is remembered, so
 *that its addresses have names after it has ended. It knows nothing of sockets, ledger or BPF.
 *
 * One struct symbolizer is used by one thread at a time. All memory is bounded by its limits; what
 * was used longest ago gives way. Strings that come from the processes are untrusted: they are cut
 * to their field and every character that does not print is '?'.
 *
 *	struct symbolizer *sym = symbolizer_new(NULL);
 *
 *	symbolizer_process(sym, pid, 0);                      // while it lives
 *	n = symbolizer_unwind(sym, pid, &regs, stack, len, ips, 64);
 *	for (i = 0; i < n; i++)
 *		m = symbolizer_frames(sym, pid, ips[i], i > 0, frames, 8);
 *	symbol_frame_text(&frames[0], buf, sizeof(buf));      // "leak_one (app.c:42)"
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYMBOL_FUNCTION_LEN 256
#define SYMBOL_PATH_LEN	    256
#define SYMBOL_BUILD_ID_LEN 20	/* bytes */
#define SYMBOL_TEXT_LEN	    512 /* enough for symbol_frame_text() */
#define SYMBOL_REGS_MAX	    33

struct symbolizer;

/* 0 in any of them: its default. */
struct symbolizer_limits {
	uint32_t processes;	/* 4096 */
	uint32_t mappings;	/* of all processes: 131072; one has at most an eighth of it */
	uint32_t modules;	/* ELF files, each an open descriptor: 256 */
	uint32_t names;		/* addresses whose frames are remembered: 4096 */
	uint64_t elf_bytes;	/* of what was read from ELF files, about: 768 MiB */
	uint64_t perfmap_bytes; /* of one process's perf map: 64 MiB; what is behind is not read */
};

/* An executable mapping, as the kernel tells of it. */
struct symbol_mapping {
	uint64_t start, end;
	uint64_t offset;       /* in the file, bytes */
	uint32_t major, minor; /* of the file's device; all zero, with inode, if not known */
	uint64_t inode;
	uint64_t time_ns; /* when it was mapped, CLOCK_MONOTONIC; 0: not known, before any exec */
	const char *path; /* as its process sees it, or "[vdso]", "//anon" ...; may be "" */
	uint8_t build_id[SYMBOL_BUILD_ID_LEN];
	uint8_t build_id_len; /* 0: not known */
};

/* User registers by their DWARF numbers. x86-64: 0-15 are rax rdx rcx rbx rsi rdi rbp rsp r8-r15,
 * 16 is the return address, which is ip. arm64: 0-30 are x0-x30, 31 is sp. */
struct symbol_regs {
	uint64_t ip, sp;
	uint64_t reg[SYMBOL_REGS_MAX];
};

enum symbol_kind {
	SYMBOL_KIND_UNKNOWN = 0,
	SYMBOL_KIND_PROGRAM, /* the executable's own */
	SYMBOL_KIND_LIBRARY, /* a shared object */
	SYMBOL_KIND_JIT,     /* named by a perf map, or in anonymous executable memory */
	SYMBOL_KIND_RUNTIME, /* of a language: Go's standard library, node, the JVM ... */
	SYMBOL_KIND_KERNEL,  /* the vdso */
};

struct symbol_frame {
	char function[SYMBOL_FUNCTION_LEN];	    /* demangled; "" if not known */
	char module[SYMBOL_PATH_LEN];		    /* path as the process sees it, "" if none */
	char file[SYMBOL_PATH_LEN];		    /* of the source; "" if not known */
	char build_id[2 * SYMBOL_BUILD_ID_LEN + 1]; /* hexadecimal; "" if none */
	uint64_t offset; /* in the function; without one, address in the module's file (vaddr) */
	uint32_t line;	 /* 0 if not known */
	uint8_t kind;	 /* enum symbol_kind */
	bool inlined;	 /* into the next frame of the same address */
	bool go;	 /* of a Go program */
};

/* NULL with errno. @limits may be NULL. */
struct symbolizer *symbolizer_new(const struct symbolizer_limits *limits);
void symbolizer_free(struct symbolizer *sym);

/* ---- what is known of a process */

/*
 * Makes the process known, by its /proc/PID/maps, unless it is. @start_ns tells it from another of
 * the same pid; it is compared with that of earlier calls only, 0 leaves the question open. Cheap
 * if it is known. -ESRCH: there is none, and nothing is remembered; -EINVAL: a kernel thread, which
 * has no user stack, or pid 0; -EPERM: our own process (which could only be a mistake of who
 * asked); -EACCES; -ENOMEM.
 */
int symbolizer_process(struct symbolizer *sym, uint32_t pid, uint64_t start_ns);
/* Reads its mappings anew, however recently they were read. */
int symbolizer_refresh(struct symbolizer *sym, uint32_t pid);
/* Lets it answer for our own process, too. For tests, and for watching ourselves on purpose. */
void symbolizer_allow_self(struct symbolizer *sym);

/* Told by the kernel, or by symbol_watch_pump(): one more mapping, which replaces what it overlaps.
 */
int symbolizer_mapping(struct symbolizer *sym, uint32_t pid, const struct symbol_mapping *map);
/* @child has the mappings of @parent. */
void symbolizer_fork(struct symbolizer *sym, uint32_t parent, uint32_t child);
/* A new program: mappings that were told before @time_ns are gone; 0: all. */
void symbolizer_exec(struct symbolizer *sym, uint32_t pid, uint64_t time_ns);
/* It has ended. What is known stays until room is needed, oldest first, or its pid is used anew. */
void symbolizer_exit(struct symbolizer *sym, uint32_t pid);
/* Its executable is a Go program: those keep frame pointers, no stack need be copied. */
bool symbolizer_is_go(struct symbolizer *sym, uint32_t pid);

/* ---- stacks */

/* From this machine's struct pt_regs (x86-64) or user_pt_regs (arm64), as the kernel saves them.
 * -ENOTSUP: another machine; -EINVAL: @len is too short. */
int symbol_regs_from_pt_regs(struct symbol_regs *regs, const void *pt_regs, size_t len);

/* Unwinds a copied stack: @stack has @len bytes from regs->sp upward. By the files' unwind tables,
 * by frame pointers where there is none. Writes at most @max addresses to @ips, innermost first:
 * ips[0] is regs->ip, the others are return addresses. Returns how many, or as
 * symbolizer_process() does. */
int symbolizer_unwind(struct symbolizer *sym, uint32_t pid, const struct symbol_regs *regs,
		      const void *stack, size_t len, uint64_t *ips, uint32_t max);

/* The same key, the same list of addresses, but for collisions of 64 bits: a hash of the
 * instruction pointer and of all copied words that lie in executable mappings. Equal stacks may
 * have different keys. Never 0; 0 if the process is not known. */
uint64_t symbolizer_stack_key(struct symbolizer *sym, uint32_t pid, const struct symbol_regs *regs,
			      const void *stack, size_t len);

/* ---- names */

/* The frames of one address, inlined ones first, at most @max (at least 1). A return address names
 * the call before it. Returns how many, at least 1 (with nothing but the module, or not even that,
 * where nothing is known), or as symbolizer_process() does. */
int symbolizer_frames(struct symbolizer *sym, uint32_t pid, uint64_t ip, bool is_return_address,
		      struct symbol_frame *out, uint32_t max);

/*	leak_one (app.c:42)
 *	curl_easy_perform+0x1f (libcurl.so.4)
 *	libfoo.so+0x1f2 [build-id 9a3f0c21d4e5b6a7...]
 *	0x7f0011223344
 * Returns the length it has, or would have had, as snprintf() does. */
int symbol_frame_text(const struct symbol_frame *f, char *buf, size_t len);

/* Is it the application's own, worth naming as the guilty line? Not so: libc and other system
 * libraries, Go's standard library, node's internals, java.*, and installed dependencies
 * (node_modules, site-packages, Go's module cache, Cargo's registry). */
bool symbol_frame_is_application(const struct symbol_frame *f);

/* What it holds at present, and what it had to let go. */
struct symbolizer_stats {
	uint32_t processes, modules, names;
	uint64_t elf_bytes;
	uint64_t evicted_processes, evicted_modules;
	uint64_t mappings_lost;	     /* beyond the limit of their process */
	uint64_t unwound, cut_short; /* stacks; those whose end was not reached */
};

void symbolizer_stats(const struct symbolizer *sym, struct symbolizer_stats *out);

/* ---- mappings as they come */

/*
 * Tells a symbolizer of the executable mappings, forks, execs and exits of processes and all that
 * they start, as they happen, so that a process that lives for milliseconds has names. One perf
 * event for each thread and CPU, one ring for each CPU.
 */
struct symbol_watch;

/* What a program with the set-user-ID bit starts is not followed: the kernel ends the events there.
 * NULL with errno: EACCES or EPERM without CAP_PERFMON, ESRCH if none of the processes is there.
 * What is mapped already is not told: call symbolizer_process() after this. */
struct symbol_watch *symbol_watch_new(const uint32_t *pids, uint32_t n);
void symbol_watch_free(struct symbol_watch *w);
/* One more process. -ESRCH, -ENOSPC (too many events), or perf_event_open()'s. */
int symbol_watch_add(struct symbol_watch *w, uint32_t pid);
/* Readable when there is something to pump; owned by @w. */
int symbol_watch_fd(const struct symbol_watch *w);
/* Hands on what has come, in the order in which it happened. Returns how many records. Best called
 * before stacks that were taken since are unwound. */
int symbol_watch_pump(struct symbol_watch *w, struct symbolizer *sym);
/* Records that the rings had no room for: symbolizer_refresh() makes good for who still lives. */
uint64_t symbol_watch_lost(const struct symbol_watch *w);
