/* SPDX-License-Identifier: BSD-2-Clause */
/* What sheet.c takes down, for the files that write it out. */
#pragma once

#include <jansson.h>
#include "view/frames.h"
#include "view/group.h"
#include "view/sheet.h"

/* A group of findings, in words. */
struct sheet_entry {
	uint32_t owner;	      /* which case */
	uint32_t suppression; /* 0: none */
	enum verdict_class class;
	uint32_t count;
	uint32_t suspected;	    /* of these */
	char *text;		    /* as report_group() writes it */
	char brief[FRAME_LEN + 64]; /* "close-wait: 31 leaked, opened by fetch (shop.c:31)" */
};

/* A process. */
struct sheet_case {
	struct proc_row row;
	uint64_t end_ns; /* 0: it runs */
	uint64_t exec_ns;
	bool taken; /* at its end */
};

struct sheet {
	struct sheet_options opt;
	struct sheet_totals totals;
	struct sheet_case *owner;
	uint32_t owners, owner_room;
	struct sheet_entry *entry;
	uint32_t entries, entry_room;
	json_t *findings;  /* an array */
	uint32_t left_out; /* findings beyond what it may hold */
	void *accused;	   /* Judy1 of the cookies that were taken down */
};
