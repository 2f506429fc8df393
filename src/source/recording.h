/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recordings: a header and the records as they came (docs/RECORDING.md). Read as a source, written
 * as a sink.
 */
#pragma once

#include <stddef.h>
#include "source/source.h"

#define RECORDING_ERROR_LEN 256
#define RECORDING_VERSION   1

enum recording_flag {
	RECORDING_INCOMPLETE = 1 << 0, /* the writer has not finished: it was cut short */
};

/* The first bytes of the file. Never changes but by a new version. */
struct recording_header {
	char magic[8]; /* "LOSTSOCK" */
	__u16 version;
	__u16 order;	  /* 0x0102 in the writer's byte order */
	__u32 flags;	  /* enum recording_flag */
	__u32 header_len; /* where the first record starts */
	__u32 zero;
	__u8 boot_id[16];
	__u64 realtime_ns; /* add to a record's time for the time of day */
	__u64 start_ns;
	__u64 records; /* written at the end */
	char kernel[64];
	char host[64];
};

_Static_assert(sizeof(struct recording_header) == 192, "file format");

/* Opens a recording ("-": standard input). On failure -errno and one clear line in @err.
 * @speed: 0 as fast as it goes, else times real time. */
int recording_open(struct source *src, const char *path, double speed,
		   char err[RECORDING_ERROR_LEN]);
/* Was it cut short? Known for certain only at its end. */
bool recording_incomplete(const struct source *src);
/* After -EBADMSG: at which byte, and why. */
const char *recording_damage(const struct source *src);

struct recording_writer;

/* Creates @path, mode 0600. NULL and one clear line in @err. */
struct recording_writer *recording_create(const char *path, const struct source_identity *id,
					  char err[RECORDING_ERROR_LEN]);
/* A source_sink_fn with the writer as its ctx. Buffered; -errno of the write that failed, and of
 * every call after it. */
int recording_write(void *writer, const struct ls_hdr *rec);
/* Hands what is buffered to the kernel. */
int recording_flush(struct recording_writer *w);
/* Flushes, clears the INCOMPLETE flag unless something failed, closes, frees. */
int recording_finish(struct recording_writer *w, uint64_t *records, uint64_t *bytes);
