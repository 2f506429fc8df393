/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ledger: what is open, who opened it, who holds it, and what came of the rest.
 *
 * It is fed with records (lostsock/event.h) and is pure: no I/O, no clock; the only time it knows
 * is the one in the records. Readers (verdict, view) walk its tables by number and never write.
 *
 * Numbers: a struct conn, proc, site or task is named by a 32-bit id, stable while it lives; 0 is
 * none. Times are CLOCK_MONOTONIC nanoseconds, 0 means never. Errors are negative errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lostsock/event.h>

struct ledger;

enum conn_flag {
	CONN_AT_LEAST = 1 << 0, /* it was open before we looked: open_ns is when we first saw it */
	CONN_SEEN = 1 << 1,	/* a snapshot has shown it: state, bytes and ages are known */
	CONN_STATE_AT_LEAST =
		1 << 2,	       /* state_ns is only a bound: in this state since then or longer */
	CONN_INTERIM = 1 << 3, /* all that was sent since the last receive is 25 bytes */
	CONN_UNHELD = 1 << 4,  /* open, but no descriptor table holds it (io_uring, in flight) */
	CONN_OPENER_KNOWN =
		1 << 5,	    /* opener comes from an open record, not from its first holder */
	CONN_DEAD = 1 << 6, /* the kernel said: reset or timed out while held */
	CONN_LEFT = 1 << 7, /* its last holder has ended, and left a struct left behind */
};

struct holder {
	uint32_t proc;
	int32_t fd;
	uint32_t next; /* further holders, ledger_holder() */
	uint8_t gen;
};

struct conn {
	uint64_t cookie;
	uint64_t open_ns;
	uint64_t state_ns;  /* when it entered its present state */
	uint64_t send_ns;   /* payload last sent */
	uint64_t recv_ns;   /* payload last came */
	uint64_t unread_ns; /* since when what waits in the receive queue has waited; 0: it is empty
			     */
	uint64_t unsent_ns; /* since when the send queue has made no progress; 0: it is empty */
	uint64_t bytes_sent;
	uint64_t bytes_received; /* LISTEN: names the first in the accept queue */
	uint32_t unread;	 /* bytes; LISTEN: connections in the accept queue */
	uint32_t unsent;	 /* bytes; LISTEN: the queue's limit */
	union {
		struct {
			uint8_t laddr[4];
			uint8_t raddr[4];
		} v4;
		uint32_t ext; /* AF_INET6, AF_UNIX: ledger_conn_local(), ledger_conn_remote() */
	};
	uint16_t lport;
	uint16_t rport;
	uint32_t netns;
	uint32_t opener; /* proc; without CONN_OPENER_KNOWN the first holder stands in */
	uint32_t opener_tid;
	uint32_t site;
	uint32_t waiter;      /* task blocked on it in the latest snapshot, 0 if none */
	struct holder holder; /* the first; proc 0: none */
	uint16_t sock_flags;  /* enum ls_sock_flag of the latest row, FILE's flags of any holder */
	uint8_t family;
	uint8_t proto;
	uint8_t role;  /* enum ls_role */
	uint8_t state; /* TCP_ESTABLISHED ... */
	uint8_t flags; /* enum conn_flag; CONN_DEAD included */
	uint8_t gen;
	uint8_t err; /* errno of a dead connection, 0 if unknown */
	uint8_t zero[3];
};

_Static_assert(sizeof(struct conn) <= 152, "a connection is most of what the ledger costs");

/* Snapshots of which a process keeps what it had: the newest ones, and older ones ever more thinly,
 * so that a window of seconds finds its marks as well as one of hours: at one a second, neighbours
 * are at most a quarter of their age apart, also after a day. */
#define PROC_TREND  64
#define AGE_BUCKETS 20 /* the last: 2^19 s, six days, and more */

struct proc {
	uint32_t pid;
	uint32_t ppid;
	uint64_t start_ns;
	uint64_t exec_ns; /* last exec seen, else start_ns */
	uint64_t exit_ns; /* 0 while it runs */
	/* When it last stood still (a signal, a debugger, a frozen cgroup): from its start, if the
	 * first look found it so, to the latest that did; 0: never. */
	uint64_t stopped_from_ns;
	uint64_t stopped_to_ns;
	uint32_t exit_code;
	uint32_t asked;	    /* the signal that last asked it to end, 0 if none was seen */
	uint32_t exit_live; /* connections that only it held when it ended */
	uint32_t live;	    /* connections it is the first holder of, listeners not counted */
	uint32_t threads;
	uint32_t netns;
	uint32_t zero;
	uint64_t cgroup;
	uint64_t opened; /* since the ledger began, as opener */
	uint64_t closed;
	uint64_t aborted;
	uint64_t threads_started; /* since the ledger began */
	uint64_t threads_ended;
	uint64_t thread_end_ns[AGE_BUCKETS]; /* as struct site's close_ns, for its threads */
	uint32_t trend_len;		     /* how many of the slots below are filled */
	uint32_t trend[PROC_TREND];	     /* live, oldest first */
	uint32_t thread_trend[PROC_TREND];
	uint64_t trend_ns[PROC_TREND]; /* when each was taken */
	char comm[LS_COMM_LEN + 1];
	const char *cgroup_path; /* interned, "" if unknown */
};

/* Where connections are opened: the process, and its stack if one was taken, else its endpoint. */
struct site {
	uint32_t proc; /* the opener */
	int32_t stack; /* negative: none */
	uint8_t family;
	uint8_t proto;
	uint8_t role;
	uint8_t zero;
	uint16_t port; /* the remote's for a client, the local one for a server */
	uint16_t zero2;
	uint32_t netns;
	uint8_t addr[16]; /* the remote's for a client; a hash of the path for AF_UNIX */
	uint32_t live;
	uint32_t left; /* struct left that name it, which keep it here */
	uint64_t opened;
	uint64_t closed;
	uint64_t aborted;
	uint64_t abort_first_ns;
	uint64_t abort_last_ns;
	uint64_t first_ns;     /* site first seen */
	uint64_t open_last_ns; /* when one was last opened */
	/* By age at its close, 2^i .. 2^(i+1) seconds (the first and last open-ended): when a
	 * connection of that age last closed. Tells whether the oldest ever go. One that was open
	 * before we looked counts as the oldest. */
	uint64_t close_ns[AGE_BUCKETS];
};

/* A thread blocked in a socket call, as of the latest snapshot. */
struct task {
	uint32_t proc;
	uint32_t tid;
	uint32_t conn; /* what it waits for, 0 if not in the ledger */
	uint32_t call; /* enum ls_call */
	int32_t nr;    /* raw system call number */
	int32_t fd;
	uint64_t since_ns; /* blocked since then or longer */
	uint64_t switches;
	bool forever; /* the call itself sets no limit */
	uint8_t gen;
	int32_t stack; /* negative: none taken */
	char comm[LS_COMM_LEN + 1];
};

/* A named frame of a stack. Strings are the ledger's, never NULL, "" where unknown. */
struct frame {
	const char *function;
	const char *file;
	const char *module;
	const char *build_id;
	uint64_t offset; /* in the function; without one, in the module's file */
	uint32_t line;
	uint16_t flags; /* enum ls_frame_flag */
};

/* How long a thread has been blocked at one place (its stack and system call). */
struct wait {
	uint32_t proc;
	uint32_t tid;
	int32_t stack; /* negative: none */
	uint32_t call; /* enum ls_call */
	int32_t nr;    /* raw system call number, -1: none */
	uint64_t count;
	uint64_t total_ns;
	uint64_t max_ns;
	uint64_t since_ns; /* blocked there now, since then; 0: not now */
	uint32_t bucket[LS_WAIT_BUCKETS];
};

/* Who last looked at a connection, found nothing to read, and went away. */
struct empty {
	uint32_t proc;
	uint32_t tid;
	int32_t stack;
	uint64_t time_ns;
};

/* A goroutine that waits for a connection. */
struct parked {
	uint32_t proc;
	uint32_t call; /* enum ls_call */
	int32_t stack;
};

/* A process that ended by a signal while it alone held connections. */
struct death {
	uint32_t proc;
	uint32_t live;
	uint64_t time_ns;
};

struct ledger_limits {
	uint32_t conns; /* each at most 2^31; 0 takes the default */
	uint32_t procs;
	uint32_t sites;
	uint32_t streams;
	uint32_t tasks; /* cannot be set */
};

/* A time in which nobody looked, though looks had come often: we were stopped, or the machine was,
 * and its clock ran on. Nobody knows what would have happened in it. */
struct ledger_gap {
	uint64_t begin_ns;
	uint64_t end_ns;
};

#define LEDGER_GAPS 16

struct ledger_totals {
	uint64_t records;
	uint64_t opened;
	uint64_t closed;
	uint64_t aborted;
	uint64_t healed; /* ends that a snapshot found, whose record was lost */
	uint64_t snapshots;
	uint64_t snapshot_ns;	    /* what the last one took */
	uint64_t time_ns;	    /* of the newest record */
	uint64_t start_ns;	    /* of the oldest */
	uint64_t snapshot_time_ns;  /* begin of the last whole one */
	uint64_t snapshot_first_ns; /* ... of the first: since then we watch what was there */
	uint32_t conns;		    /* live, listeners included */
	uint32_t procs;
	uint32_t sites;
	uint32_t tasks;
	struct ledger_gap gap[LEDGER_GAPS]; /* the newest, in no order */
	uint32_t gaps;			    /* how many there were */
	uint64_t lost_ns;		    /* when a loss of records was last told of, 0: never */
	bool unplaced; /* a connection is in no descriptor table and has not ended: LS_PASS_SOCKS
			  asked */
	uint64_t lost[LS_LOST_MAX];
};

/* NULL and errno ENOMEM on failure. @limits may be NULL. */
struct ledger *ledger_new(const struct ledger_limits *limits);
void ledger_free(struct ledger *led);

/* Takes one record; it is not kept. -EBADMSG: not a record this version can read (skipped, nothing
 * changed); -ENOMEM: counted in lost[LS_LOST_LEDGER], the ledger stays whole. Unknown types are 0.
 */
int ledger_apply(struct ledger *led, const struct ls_hdr *rec);

const struct ledger_totals *ledger_totals(const struct ledger *led);
/* What there is room for. */
struct ledger_limits ledger_capacity(const struct ledger *led);

/* One past the largest id; ids whose entry is free give NULL below. */
uint32_t ledger_conn_end(const struct ledger *led);
uint32_t ledger_proc_end(const struct ledger *led);
uint32_t ledger_site_end(const struct ledger *led);
uint32_t ledger_task_end(const struct ledger *led);

const struct conn *ledger_conn(const struct ledger *led, uint32_t id);
const struct proc *ledger_proc(const struct ledger *led, uint32_t id);
const struct site *ledger_site(const struct ledger *led, uint32_t id);
const struct task *ledger_task(const struct ledger *led, uint32_t id);

/* The holders of @c, 1,024 at most: start with &c->holder, go on until NULL. */
const struct holder *ledger_holder_next(const struct ledger *led, const struct holder *h);

/* The newest process with this pid, 0 if none. */
uint32_t ledger_find_proc(const struct ledger *led, uint32_t pid);
/* The connection with this cookie, 0 if none. */
uint32_t ledger_find_conn(const struct ledger *led, uint64_t cookie);

/* Addresses of @c: 4 or 16 bytes in network order; for AF_UNIX the path (local: its own name,
 * remote: its peer's) as a string, "" if none. Valid until the next ledger_apply(). */
const void *ledger_conn_local(const struct ledger *led, const struct conn *c);
const void *ledger_conn_remote(const struct ledger *led, const struct conn *c);
/* AF_UNIX: the peer's cookie, 0 if none. */
uint64_t ledger_conn_peer(const struct ledger *led, const struct conn *c);

/* The last deaths, newest first: NULL when @n is past the end. At most 64 are kept. */
const struct death *ledger_death(const struct ledger *led, uint32_t n);

/* The @n-th function of a stack, innermost first; NULL past the last, and while it has no names. */
const struct frame *ledger_frame(const struct ledger *led, int32_t stack, uint32_t n);

/* Blocked time: ids as for the tables above. */
uint32_t ledger_wait_end(const struct ledger *led);
const struct wait *ledger_wait(const struct ledger *led, uint32_t id);

/* The last reader of @conn that went away empty; NULL if none was seen. Goes with @conn. */
const struct empty *ledger_empty(const struct ledger *led, uint32_t conn);

/* The goroutine that waits for @conn; NULL if none is known. Goes with @conn. */
const struct parked *ledger_parked(const struct ledger *led, uint32_t conn);

/* A connection that ended only because its last holder did (LS_HELD): a copy, kept apart from the
 * living until ledger_free(), or until a snapshot shows that somebody holds it after all.
 * `conn.opener`, `.holder`, `.site` still name who had it and where it was opened; they and its
 * addresses stay valid. One that the ledger had not seen yet counts as opened by its holder, and
 * its age is a bound. Not kept: listeners, socketpairs, what has no peer or has ended on both
 * sides, and what was open before we looked: the command was started with it. */
struct left {
	struct conn conn;
	uint32_t proc;	  /* the process that ended */
	uint64_t time_ns; /* when */
};
/* Ids as for the tables above. At most 65,536 are kept, those beyond are counted as lost. */
uint32_t ledger_left_end(const struct ledger *led);
const struct left *ledger_left(const struct ledger *led, uint32_t id);

/* Age helpers. */
static inline uint64_t ns_since(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* How much of the time from @then_ns to @now_ns is in a gap. */
static inline uint64_t ns_unwatched(const struct ledger_totals *t, uint64_t now_ns,
				    uint64_t then_ns)
{
	uint32_t i, n = t->gaps < LEDGER_GAPS ? t->gaps : LEDGER_GAPS;
	uint64_t sum = 0;

	for (i = 0; i < n; i++) {
		const struct ledger_gap *g = &t->gap[i];

		sum += ns_since(now_ns < g->end_ns ? now_ns : g->end_ns,
				then_ns > g->begin_ns ? then_ns : g->begin_ns);
	}
	return sum;
}

/* When bytes last moved either way, else when it was opened. */
static inline uint64_t conn_active_ns(const struct conn *c)
{
	uint64_t t = c->send_ns > c->recv_ns ? c->send_ns : c->recv_ns;

	return t ? t : c->open_ns;
}

#include "ledger/streams.h"
