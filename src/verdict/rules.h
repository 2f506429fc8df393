/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules, as the judge and their tests see them. For src/verdict/ alone.
 */
#pragma once

#include <sys/socket.h>
#include <netinet/in.h>
#include "verdict/verdict.h"

#define NS_MS 1000000ull
#define NS_S  (1000 * NS_MS)
#define NS_M  (60 * NS_S)
#define NS_H  (60 * NS_M)

/* States as in the kernel's enum, for UNIX and UDP too. */
enum {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT = 2,
	STATE_FIN_WAIT1 = 4,
	STATE_FIN_WAIT2 = 5,
	STATE_CLOSE = 7,
	STATE_CLOSE_WAIT = 8,
	STATE_LISTEN = 10,
	STATE_MAX = 16 /* a power of two above the last */
};

/* A rule is only asked about sockets of the kinds and in the states that it names. */
enum sock_kind {
	KIND_TCP = 0,
	KIND_UDP = 1,
	KIND_UNIX = 2,
	KIND_MAX
};

struct rule_ctx {
	const struct ledger *led;
	const struct verdict_thresholds *t;
	uint64_t now_ns;  /* for what events alone tell */
	uint64_t seen_ns; /* for what snapshots show: when the last one was taken */
	uint32_t ending;  /* the process that ends by itself now, 0: none */
};

struct match {
	uint64_t since_ns;
	bool certain;
	bool at_least;
};

/* Whether the class accuses @c; fills @m if so. */
typedef bool (*match_fn)(const struct rule_ctx *x, const struct conn *c, struct match *m);

struct rule {
	struct verdict_rule text;
	match_fn match; /* NULL: judged by growth.c or judge.c, not connection by connection */
	uint16_t states[KIND_MAX]; /* bit per state */
};

/* By class; rows without a name do not exist. */
extern const struct rule rules[VERDICT_MAX];
/* Classes with a match function in the order they are asked: the first that matches accuses. Ends
 * with VERDICT_NONE. */
extern const uint8_t rule_order[];

/* match.c */
bool match_not_accepted(const struct rule_ctx *x, const struct conn *c, struct match *m);
bool match_dead_fd(const struct rule_ctx *x, const struct conn *c, struct match *m);
bool match_close_wait(const struct rule_ctx *x, const struct conn *c, struct match *m);
bool match_half_closed(const struct rule_ctx *x, const struct conn *c, struct match *m);
bool match_connecting(const struct rule_ctx *x, const struct conn *c, struct match *m);
bool match_expect_body(const struct rule_ctx *x, const struct conn *c, struct match *m);
bool match_unread(const struct rule_ctx *x, const struct conn *c, struct match *m);
bool match_unsent(const struct rule_ctx *x, const struct conn *c, struct match *m);
bool match_never_used(const struct rule_ctx *x, const struct conn *c, struct match *m);
bool match_inherited(const struct rule_ctx *x, const struct conn *c, struct match *m);
bool match_silent_peer(const struct rule_ctx *x, const struct conn *c, struct match *m);

/* Whether @task, of the latest snapshot, is stuck on its connection, which nothing else accuses. */
bool match_task_stuck(const struct rule_ctx *x, const struct task *task, struct match *m);

static inline enum sock_kind conn_kind(const struct conn *c)
{
	if (c->family == AF_UNIX)
		return KIND_UNIX;
	return c->proto == IPPROTO_UDP ? KIND_UDP : KIND_TCP;
}

/* Whether what began at @since_ns (0: never) had lasted @after_ns when it was last seen. What went
 * by in a gap does not count: a program that stood still cannot have taken too long. */
static inline bool lasted(const struct rule_ctx *x, uint64_t since_ns, uint64_t after_ns)
{
	uint64_t ns;

	if (!since_ns || x->seen_ns < since_ns)
		return false;
	ns = x->seen_ns - since_ns;
	return ns >= after_ns &&
	       ns - ns_unwatched(ledger_totals(x->led), x->seen_ns, since_ns) >= after_ns;
}

/* The thread that sits in a read or poll of @c without a time limit, NULL if none. */
static inline const struct task *parked(const struct rule_ctx *x, const struct conn *c)
{
	const struct task *t = c->waiter ? ledger_task(x->led, c->waiter) : NULL;

	if (!t || !t->forever || (t->call != LS_CALL_READ && t->call != LS_CALL_POLL))
		return NULL;
	return t;
}

/* To whom a finding about @c is charged: its opener if that still holds it, else its first holder;
 * the opener if nobody does. */
uint32_t conn_charged(const struct ledger *led, const struct conn *c);
/* The descriptor through which the charged process holds @c, -1 if none. */
int conn_charged_fd(const struct ledger *led, const struct conn *c);
