/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in an ELF file something stands that can be watched: functions by their names, and the
 * probes that systemtap's notes tell of. Offsets are in the file, which is what the kernel asks
 * for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct places;

/* The ELF file that @pid has mapped there, or else the one of that name in its own root. NULL with
 * errno; ENOEXEC: it is of no kind that runs here. */
struct places *places_open(uint32_t pid, uint64_t start, uint64_t end, const char *path);
void places_close(struct places *p);

/* Open as long as @p is. */
int places_fd(const struct places *p);
bool places_is_program(const struct places *p);
bool places_is_go(const struct places *p);

/* Fills @offset[i] for each @name[i], 0 where the file has no such function: from its symbols, its
 * debug file, or Go's own table. A Go package that was copied into "vendor/" is found as well. */
void places_functions(struct places *p, const char *const *name, size_t n, uint64_t *offset);

struct places_note {
	const char *provider, *name;
	const char *args;   /* "8@%rdi -4@$1": as the assembler wrote them */
	uint64_t offset;    /* of the instruction */
	uint64_t semaphore; /* of the counter that says how many watch; 0: there is none */
};

/* Calls @fn for each probe; what it returns, if not 0, ends it and is returned. Notes are
 * untrusted; those that make no sense are left out. */
int places_notes(struct places *p, int (*fn)(void *ctx, const struct places_note *note), void *ctx);
