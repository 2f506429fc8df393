/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which probes and functions tell of streams: the provider `tether`, and a table of libraries that
 * have no probes. Pure: text in, struct ls_probe out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lostsock/config.h>

#define STREAM_TABLE_ERROR_LEN 256
#define STREAM_LIBRARIES_MAX   255
#define STREAM_ROWS_MAX	       512

struct stream_row {
	struct ls_probe probe;
	char *function;
	char *file; /* patterns of file names, "go", "exe"; with commas */
};

struct stream_table {
	struct stream_row *rows;
	size_t n;
	char *library[STREAM_LIBRARIES_MAX + 1]; /* [0]: the provider itself */
	uint32_t libraries;			 /* the last that is in use */
};

/* The rows that come with lostsock. NULL: no memory. */
struct stream_table *stream_table_new(void);
void stream_table_free(struct stream_table *t);

/*
 * Adds the rows of a file, for which @name is its name. A row is a line:
 *
 *	LIBRARY FILE[,FILE] FUNCTION EVENT [conn=WHERE] [id=WHERE] [how=WHERE]
 *
 * docs/STREAM-PROBES.md has the words. -EINVAL, -E2BIG, -ENOMEM, or what reading gave: @err is one
 * line then, with the name and the line's number.
 */
int stream_table_read(struct stream_table *t, const char *name, char err[STREAM_TABLE_ERROR_LEN]);
int stream_table_parse(struct stream_table *t, const char *name, const char *text,
		       char err[STREAM_TABLE_ERROR_LEN]);

/* Has the row to do with a file of this name (without directories)? */
bool stream_row_matches(const struct stream_row *row, const char *file, bool is_program,
			bool is_go);

/* A probe of the provider `tether` with these arguments, in the words of its note. 0; -ENOENT: it
 * is none that tells of streams; -EINVAL: its arguments cannot be found. */
int stream_probe_usdt(const char *name, const char *args, struct ls_probe *out);
