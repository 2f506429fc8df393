/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verdicts: which of the living are lost, why, and what mends it.
 *
 * One table of rules (rules.c); adding a class is adding a row. Pure: reads the ledger, is told the
 * time, keeps nothing between two judgements but what verdicts_free() frees.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ledger/ledger.h"

enum verdict_class {
	VERDICT_NONE = 0,
	VERDICT_CLOSE_WAIT,
	VERDICT_DEAD_FD,
	VERDICT_HALF_CLOSED,
	VERDICT_SILENT_PEER,
	VERDICT_EXPECT_BODY,
	VERDICT_UNREAD,
	VERDICT_UNSENT,
	VERDICT_NEVER_USED,
	VERDICT_CONNECTING,
	VERDICT_NOT_ACCEPTED,
	VERDICT_INHERITED,
	VERDICT_GROWTH,
	VERDICT_ABORTED,
	VERDICT_DIED_HOLDING,
	VERDICT_TASK_STUCK,
	VERDICT_TASK_GROWTH,
	VERDICT_LEFT_OPEN,
	VERDICT_STREAM_HALF_OPEN,
	VERDICT_STREAM_GROWTH,
	VERDICT_STREAM_STARVED,
	VERDICT_MISCOUNT,
	VERDICT_MAX
};

enum verdict_kind {
	VERDICT_LEAK = 1,  /* nobody will use it again */
	VERDICT_STALL = 2, /* somebody waits for what may never come */
};

/* What a finding of a class is about, and so which of its ids is the subject. */
enum verdict_about {
	VERDICT_ABOUT_CONN = 0,
	VERDICT_ABOUT_SITE = 1,
	VERDICT_ABOUT_PROC = 2,
	VERDICT_ABOUT_TASK = 3,
	VERDICT_ABOUT_LEFT = 4,	   /* ledger_left(): it is over */
	VERDICT_ABOUT_STREAMS = 5, /* of one site on one carrier, or all of a carrier's */
};

/* What a person is told about a class; a row of the table in rules.c. */
struct verdict_rule {
	const char *name; /* "close-wait" */
	enum verdict_kind kind;
	enum verdict_about about;
	/* Its connections live: they are counted in struct proc_verdict. Not so for rates, threads
	 * and the dead. */
	bool counted;
	uint64_t after_ns;    /* default threshold; `aborted`, `died-holding`: how long it stands;
				 `left-open`: how long it had been open */
	bool bare_after;      /* a bare --after DURATION moves it too */
	uint64_t bare_min_ns; /* not 0: which a bare one only shortens, down to this */
	bool window;	      /* it is a span in which something must rise */
	const char *evidence; /* one line: what the kernel shows */
	const char *remedy;   /* one line, imperative */
};

/* The row of @class, NULL if there is none. */
const struct verdict_rule *verdict_rule(enum verdict_class class);
/* VERDICT_NONE if no class has this name. */
enum verdict_class verdict_class_by_name(const char *name);

struct verdict_thresholds {
	uint64_t after_ns[VERDICT_MAX];
	bool given[VERDICT_MAX]; /* by "CLASS=DURATION": somebody asked for just this class */
	bool bare;		 /* a bare "DURATION" was given */
};

#define VERDICT_WHY_LEN 160 /* enough for any complaint of verdict_thresholds_parse() */

void verdict_thresholds_init(struct verdict_thresholds *t);
/* "DURATION" moves every class with bare_after, "CLASS=DURATION" one; the latter stands whichever
 * comes first. -EINVAL: @buf then has one clear line (what is wrong, the nearest class name, how a
 * duration is written) and @t is unchanged. */
int verdict_thresholds_parse(struct verdict_thresholds *t, const char *arg, char *buf, size_t len);

/* A finding. Its rule's `about` says which id is the subject; proc is set to whom it is charged, 0
 * only if nobody is known to have opened or held it. */
struct finding {
	enum verdict_class class;
	bool certain;
	bool at_least; /* since_ns is only a bound: since then or longer */
	/* About a site: its oldest accused connection, as the example, 0 if none lives. About a
	 * task: what it waits for. */
	uint32_t conn;
	uint32_t site;
	uint32_t task;
	uint32_t left;
	/* About streams: the oldest accused one, as the example, and what conn is to it; 0 where
	 * none in particular is meant. */
	uint32_t stream;
	uint32_t stream_site;
	uint32_t carrier;
	uint32_t proc;
	bool at_end;	   /* streams: as its process left them when it ended */
	uint32_t count;	   /* 1, but for those that stand for many */
	uint64_t since_ns; /* when what it accuses began; `left-open`: when its process ended */
};

/* What one process has lost: connections and streams, each counted once, those that a growth stands
 * for included. `aborted`, `died-holding`, `task-growth`, `left-open` and `miscount` add to worst
 * and oldest_ns only: what they accuse is not open. */
struct proc_verdict {
	uint32_t leaked;
	uint32_t leaked_streams; /* of these */
	uint32_t stalled;
	uint64_t oldest_ns;	  /* since_ns of its oldest finding, 0 if none */
	enum verdict_class worst; /* the class that accuses most */
};

struct verdicts;

struct verdicts *verdicts_new(void);
void verdicts_free(struct verdicts *v);

/* Judges everything in @led as of @now_ns. What a snapshot shows is judged as of that snapshot: a
 * state is never taken to have lasted longer than it was seen. -ENOMEM leaves the last judgement.
 * Ids in the judgement are those of @led now: read them before the next ledger_apply(), or expect
 * ledger_conn() and its like to give NULL. */
int verdicts_judge(struct verdicts *v, const struct ledger *led, const struct verdict_thresholds *t,
		   uint64_t now_ns);

/* A process whose end has come, and is not in the ledger yet. */
struct verdict_end {
	uint32_t proc;
	uint32_t exit_code; /* as wait() gives it */
};

/* The same, when a process ends: what it leaves half open nobody will close. */
int verdicts_judge_end(struct verdicts *v, const struct ledger *led,
		       const struct verdict_thresholds *t, uint64_t now_ns,
		       const struct verdict_end *end);

/* Findings of the last judgement, in no promised order. verdicts_get() fills @f for n in
 * [0, verdicts_count()); past the end with zeros. */
uint32_t verdicts_count(const struct verdicts *v);
void verdicts_get(const struct verdicts *v, uint32_t n, struct finding *f);

/* The class that accuses connection @conn, VERDICT_NONE if none; VERDICT_GROWTH for one that its
 * site's growth stands for. @certain may be NULL. */
enum verdict_class verdicts_conn(const struct verdicts *v, uint32_t conn, bool *certain);
/* Never NULL: zeros for a process without findings. */
const struct proc_verdict *verdicts_proc(const struct verdicts *v, uint32_t proc);
/* The sum of the counts of the findings of @class. */
uint32_t verdicts_class_count(const struct verdicts *v, enum verdict_class class);

/* The evidence of one finding in words, e.g. "peer closed 2h 3m ago; fd 7 still open, all input
 * read". Always terminates; returns the length of what it wrote, cut at @len - 1. */
size_t verdict_explain(const struct verdicts *v, const struct ledger *led, const struct finding *f,
		       uint64_t now_ns, char *buf, size_t len);
