/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Go's own table of functions, files and lines, which stripping leaves in the program. A pure
 * reader of untrusted bytes; formats of Go 1.2, 1.16, 1.18 and 1.20, either byte order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gopclntab {
	const uint8_t *data;	 /* not owned */
	size_t len, strings_end; /* no string begins behind the last NUL */
	uint8_t version;	 /* of struct's layout: 2, 16, 18, 20 */
	uint8_t ptr_size;	 /* 4 or 8 */
	uint8_t quantum;
	bool big_endian;
	uint64_t text_start; /* 0: the caller has to find it; addresses count from there (18, 20) */
	uint64_t funcs;
	uint64_t names, units, files, pcs, funcdata, functab; /* offsets in data */
};

struct gopclntab_place {
	const char *function; /* in the table; untrusted, terminated */
	const char *file;     /* NULL if not known */
	uint64_t start;	      /* address where the function begins */
	uint32_t line;	      /* 0 if not known */
	bool inlined;	      /* file and line are of a function that is inlined there */
};

/* 0; -EINVAL: no such table. @data is kept. */
int gopclntab_init(struct gopclntab *t, const void *data, size_t len);
/* 0; -ENOENT: no function at @pc; -EINVAL: the table is broken. */
int gopclntab_find(const struct gopclntab *t, uint64_t pc, struct gopclntab_place *out);
/* The function number @i of t->funcs, its name and start alone. 0 or -EINVAL. */
int gopclntab_at(const struct gopclntab *t, uint64_t i, struct gopclntab_place *out);
