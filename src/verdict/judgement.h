/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a judgement is kept: a byte for each connection, 16 bytes for each accused one, and lists
 * for what is about many. For src/verdict/ alone.
 *
 * Two are kept and swapped, so that one that ran out of memory leaves the last.
 */
#pragma once

#include "verdict/rules.h"

/* The byte of a connection. */
#define CONN_CLASS	    0x1f
#define CONN_CERTAIN	    0x20
#define CONN_AT_LEAST_SINCE 0x40
_Static_assert(VERDICT_MAX <= CONN_CLASS + 1, "a class must fit in its bits");

struct accused {
	uint64_t since_ns;
	uint32_t conn;
	uint32_t proc;
};

/* A process with findings. */
struct charged {
	struct proc_verdict sum;
	uint32_t by_class[VERDICT_MAX];
};

struct judgement {
	uint8_t *conns; /* by id */
	uint32_t conn_end;
	uint32_t conn_cap;
	struct accused *accused;
	uint32_t accused_n;
	uint32_t accused_cap;
	struct finding *many; /* findings that are not one connection */
	uint32_t many_n;
	uint32_t many_cap;
	uint32_t *charged_of; /* by process id: 1 + its place in charged, 0 if it has none */
	uint32_t proc_end;
	uint32_t proc_cap;
	struct charged *charged;
	uint32_t charged_n;
	uint32_t charged_cap;
	uint32_t class_count[VERDICT_MAX];
};

/* Makes room for @need elements of @size at *@array, keeping what is there. 0 or -ENOMEM. */
int array_reserve(void *array, uint32_t *cap, uint32_t need, size_t size);

/* Empties @j and makes room for the ids of @led. 0 or -ENOMEM. */
int judgement_begin(struct judgement *j, const struct ledger *led);
/* Connection @conn is accused of @class and charged to @proc. 0 or -ENOMEM. */
int judgement_accuse(struct judgement *j, uint32_t conn, enum verdict_class class,
		     const struct match *m, uint32_t proc);
/* A finding about something else. 0 or -ENOMEM. */
int judgement_add(struct judgement *j, const struct finding *f);
/* Sums up by process. */
void judgement_end(struct judgement *j);
void judgement_fini(struct judgement *j);

struct growth_site {
	uint32_t site;
	uint32_t opened[9]; /* and live, by thirds of a window, the latest first */
	uint32_t old;	    /* opened before the last third */
	uint32_t idle;	    /* ... of which so many have moved no byte in the last third */
	uint32_t oldest;    /* connection id of the oldest idle one, 0 if none */
	bool grows;
	bool at_least; /* oldest was there when we first looked */
	uint64_t oldest_ns;
};

/* The sites that may be growing; kept between judgements for its memory only. */
struct growth {
	uint64_t window_ns;
	struct growth_site *sites;
	uint32_t n;
	uint32_t cap;
	uint32_t *of_site; /* by site id: 1 + its place in sites, 0 if it is none */
	uint32_t site_end;
	uint32_t site_cap;
};

/* Chooses the sites to watch: most fall out here. 0 or -ENOMEM. */
int growth_begin(struct growth *g, const struct rule_ctx *x);
/* Counts @c, which no class of its own accuses. */
void growth_count(struct growth *g, const struct rule_ctx *x, uint32_t id, const struct conn *c);
/* Adds what grows to @j, and marks the connections that it stands for. 0 or -ENOMEM. */
int growth_end(struct growth *g, const struct rule_ctx *x, struct judgement *j);
void growth_fini(struct growth *g);
/* Whether we have watched for @for_ns; whether the three thirds of a window rise as a leak does;
 * whether anything as old as half a @window_ns ended within the last @for_ns. @ends: by age, as in
 * struct site; a bucket that holds that age counts whole, which can only acquit. */
bool watched(const struct rule_ctx *x, uint64_t for_ns);
bool rises_throughout(const uint32_t thirds[3]);
bool old_ended(const struct rule_ctx *x, const uint64_t ends[AGE_BUCKETS], uint64_t window_ns,
	       uint64_t for_ns);
/* task-growth. 0 or -ENOMEM. */
int growth_threads(const struct rule_ctx *x, struct judgement *j);

/* past.c: what is over, but was wrong. 0 or -ENOMEM. */
int past_aborts(const struct rule_ctx *x, struct judgement *j);
int past_deaths(const struct rule_ctx *x, struct judgement *j);
int past_left(const struct rule_ctx *x, struct judgement *j);
/* Whether who ended so could have closed what it held, and nobody asked it to end at once. */
bool past_by_itself(uint32_t exit_code);

/* A stream that is half open for too long. */
struct stream_accused {
	uint64_t since_ns;
	uint32_t stream;
	uint32_t carrier;
	uint32_t site;
	bool strong; /* nothing healthy looks like this for so long */
	bool at_end; /* its process ends */
	bool unsure; /* the record of its end may have been lost */
};

/* By site. */
struct stream_growth {
	uint32_t opened[9]; /* as in struct growth_site */
	uint32_t old;
	uint32_t done; /* of these, nobody can use any more */
	uint32_t oldest;
	uint64_t oldest_ns;
};

/* Kept between judgements for its memory only. */
struct streams {
	struct stream_accused *accused;
	uint32_t n;
	uint32_t cap;
	struct stream_growth *growth; /* by site id */
	uint32_t site_end;
	uint32_t growth_cap;
	uint32_t *own_stuck; /* by carrier id: accused ones that we opened */
	uint32_t carrier_end;
	uint32_t own_cap;
	bool growing; /* we have watched for long enough to tell */
};

/* streams.c: all that is said of streams and counters. 0 or -ENOMEM. */
int streams_judge(struct streams *st, const struct rule_ctx *x, struct judgement *j);
void streams_fini(struct streams *st);
/* miscount.c */
int miscounts_judge(const struct rule_ctx *x, struct judgement *j);

struct verdicts {
	struct judgement last;
	struct judgement next;
	struct growth growth;
	struct streams streams;
};

/* Records that may be missing from what is known of streams. */
static inline uint64_t records_lost(const struct rule_ctx *x)
{
	const struct ledger_totals *t = ledger_totals(x->led);

	return t->lost[LS_LOST_RING] + t->lost[LS_LOST_MAP] + t->lost[LS_LOST_LEDGER];
}
