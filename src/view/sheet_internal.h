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
	bool taken;  /* at its end */
	bool guilty; /* an entry names it */
};

struct sheet {
	struct sheet_options opt;
	struct sheet_totals totals;
	struct sheet_case *owner;
	uint32_t owners, owner_room;
	uint32_t look_at;   /* how many there may be before the innocent are forgotten */
	uint32_t forgotten; /* processes, which are in the totals */
	void *by_proc;	    /* JudyL: pid and start → number of its case */
	struct sheet_entry *entry;
	uint32_t entries, entry_room;
	json_t *findings;  /* an array */
	uint32_t left_out; /* findings beyond what it may hold */
	void *accused;	   /* Judy1 of the cookies that were taken down */
};

/* ---- sheet_case.c */
/* Room for one more. -ENOSPC: there are @max. */
int sheet_room(void **array, uint32_t n, uint32_t *room, uint32_t max, size_t size);
struct sheet_case *case_find(struct sheet *s, const struct proc *p, uint32_t *at);
/* ... made where there is none. Those that others have found may move. -ENOENT: the ledger has no
 * such process; -ENOSPC: too many are guilty. */
int case_get(struct sheet *s, const struct view_input *in, uint32_t proc, uint32_t *at);
void cases_fini(struct sheet *s);
