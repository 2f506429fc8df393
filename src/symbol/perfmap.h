/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /tmp/perf-PID.map: what JIT compilers tell of the code they make, a line "START SIZE NAME" each,
 * in hexadecimal. Anybody may write such a file, so it is read strictly, and bounded.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "symbol/symbol.h"

#define PERFMAP_ENTRIES_MAX 1048576
#define PERFMAP_NAME_MAX    1024 /* bytes; the rest of a longer name is dropped */

struct perfmap {
	struct perfmap_entry {
		uint64_t start, size;
		uint32_t name; /* offset in names */
		uint32_t order;
	} * entry; /* by start; of equal ones the latest is last */
	uint32_t n, room;
	char *names;
	size_t names_len, names_room;
	uint64_t bad; /* lines that are none */
};

/* Adds the whole lines of @text; a line's part at the end is left for later. Returns how many bytes
 * were used, or -ENOMEM. */
int64_t perfmap_add(struct perfmap *m, const char *text, size_t len);
void perfmap_fini(struct perfmap *m);
/* Its name, NULL if there is none; *@start: where the code begins. Where code was replaced, the
 * latest counts. */
const char *perfmap_find(const struct perfmap *m, uint64_t ip, uint64_t *start);
/* Function, file, line and kind from the spellings of V8, the JVM's agents, and CPython. */
void perfmap_name(const char *name, struct symbol_frame *f);
