// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as what a watched process brings along: Go's table, a perf map, a mangled name. The
 * first byte says which.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_go(const uint8_t *data, size_t size)
{
	struct gopclntab_place place;
	struct gopclntab t;
	uint64_t pc;

	if (gopclntab_init(&t, data, size))
		return;
	for (pc = 0; pc < 256; pc++) {
		if (gopclntab_find(&t, t.text_start + pc * 16, &place))
			continue;
		if (!place.function || strlen(place.function) >= size ||
		    (place.file && strlen(place.file) >= size) || (place.line && !place.file))
			abort();
	}
}

static void try_perf_map(const uint8_t *data, size_t size)
{
	struct perfmap m = { 0 };
	uint64_t start;
	int64_t used;
	uint32_t i;

	used = perfmap_add(&m, (const char *)data, size);
	if (used < 0 || (size_t)used > size || memchr(data + used, '\n', size - (size_t)used))
		abort();
	for (i = 0; i < m.n; i++) {
		struct symbol_frame f = { 0 };
		const char *name = perfmap_find(&m, m.entry[i].start, &start);
		const char *s;

		if (!name)
			continue; /* hidden under too many others */
		perfmap_name(name, &f);
		for (s = f.function; *s; s++)
			if ((unsigned char)*s < 0x20 || *s == 0x7f)
				abort();
	}
	perfmap_fini(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy, out[SYMBOL_FUNCTION_LEN];

	if (size < 2)
		return 0;
	/* A copy of the very size, so that a byte beyond is seen. */
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	copy[size - 1] = '\0';
	if (data[0] % 3 == 0)
		try_go((uint8_t *)copy, size - 1);
	else if (data[0] % 3 == 1)
		try_perf_map((uint8_t *)copy, size - 1);
	else
		demangle(out, sizeof(out), copy);
	free(copy);
	return 0;
}
