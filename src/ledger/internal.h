/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ledger's rooms, for each other: conn.c (connections and their holders), proc.c, site.c,
 * task.c, sweep.c (what a snapshot's end settles), stack.c, wait.c, left.c, stream.c,
 * stream_site.c, carrier.c, count.c. ledger.c is the door.
 */
#pragma once

#include <Judy.h>
#include "base/dict.h"
#include "base/slab.h"
#include "ledger/ledger.h"

#define DEATHS 64
#define LOOKS  32 /* distances between looks that are remembered: so many, to know what is usual */

/* The numbers of AF_INET and friends, which are part of the wire. */
#define FAMILY_UNIX  1
#define FAMILY_INET  2
#define FAMILY_INET6 10
#define PROTO_TCP    6
#define PROTO_UDP    17

enum {
	ST_ESTABLISHED = 1,
	ST_SYN_SENT = 2,
	ST_FIN_WAIT1 = 4,
	ST_FIN_WAIT2 = 5,
	ST_TIME_WAIT = 6,
	ST_CLOSE = 7,
	ST_CLOSE_WAIT = 8,
	ST_LAST_ACK = 9,
	ST_LISTEN = 10,
	ST_CLOSING = 11
};

/* What does not fit in an address of four bytes. */
union conn_ext {
	struct {
		uint8_t laddr[16];
		uint8_t raddr[16];
	} v6;
	struct {
		const char *
			path; /* interned; its own name for a server or listener, else its peer's */
		uint64_t peer;
	} un;
};

/* A process with its bookkeeping. `pub` comes first, so that the two share an address. */
struct proc_entry {
	struct proc pub;
	uint32_t refs;	/* connections, sites, tasks and deaths that name it */
	uint32_t older; /* the process that had this pid before, if it is still named */
	uint32_t client_sites;
	uint32_t streams;    /* its struct streams_entry, 0: it has told of none */
	uint64_t stopped_ns; /* since when it may stand still, 0: it ran at the last look */
	uint64_t switches;   /* of its first thread, then */
	bool rowed;	     /* a snapshot has shown it */
	uint8_t gen;
	bool exit_told; /* by its record, not only by its absence */
};

/* Strings, kept once each: names.c. */
struct names {
	struct dict index; /* string → place in list, from 1 */
	char **list;
	uint32_t count, room;
	uint32_t count_max;
	size_t bytes, bytes_max;
};

/* A stack's functions, innermost first. */
struct stack {
	struct frame *frames;
	uint16_t n, room;
};

/* What a program counts: its connections, or a server that drains. */
struct gauge {
	uint64_t of; /* the program's number */
	uint64_t value;
	uint64_t begun;
	uint64_t done;
	uint32_t tid; /* of a counter without a number: one a thread */
	uint32_t next;
	uint8_t library;
	bool drains;
	bool told; /* its value is */
};

/* Connections by what a program may mean to count. */
enum count_of {
	COUNT_ACCEPTED,
	COUNT_CONNECTED,
	COUNT_ALL,
	COUNT_OF_MAX
};

/* A process with streams. `pub` comes first, as in struct proc_entry. */
struct streams_entry {
	struct proc_streams pub;
	Pvoid_t by_conn; /* JudyL: number and library → carrier */
	Pvoid_t by_site; /* JudyL: stack, kind and library → stream_site */
	uint32_t gauge;	 /* the first of its counters */
	uint32_t gauges;
	struct count settled; /* pub.count when it was last compared */
	bool counted;
	bool jumps;	 /* a counter moved by more than one: it may be two */
	bool calibrated; /* base is known: how many it had open before we looked */
	bool moved;	 /* something was told since the last snapshot */
	uint64_t open[COUNT_OF_MAX];
	uint64_t gone[COUNT_OF_MAX];
	uint64_t ever[COUNT_OF_MAX]; /* were open */
	int64_t base[COUNT_OF_MAX];
};

struct ledger {
	struct ledger_totals totals;
	struct slab conns, holders, exts, procs, sites, tasks, stacks, waits, empties, parked,
		lefts;
	struct slab streams, carriers, stream_sites, proc_streams, gauges;
	Pvoid_t by_cookie;   /* JudyL: cookie → conn */
	Pvoid_t by_pid;	     /* JudyL: pid → newest proc */
	Pvoid_t by_tid;	     /* JudyL: tid → task */
	Pvoid_t by_listener; /* JudyL: netns and port → conn */
	struct dict by_site; /* struct site_key → site */
	Pvoid_t by_stack;    /* JudyL: stack number → stack */
	struct dict by_wait; /* struct wait_key → wait */
	Pvoid_t by_empty;    /* JudyL: conn → empty */
	Pvoid_t by_parked;   /* JudyL: conn → parked */
	Pvoid_t by_left;     /* JudyL: cookie → left */
	const char *library[256];
	struct names names;	  /* of paths */
	struct names frame_names; /* of what frames are named by */
	uint32_t frame_room;	  /* frames that all stacks have room for */
	uint64_t lost_at_begin;	  /* ring losses when the snapshot under way began */
	uint64_t lost_judged;	  /* ring losses that a later snapshot has made good */
	uint64_t looks_ns[LOOKS]; /* from one look to the next, the last ones but for gaps */
	uint32_t looks;		  /* how many there were */
	uint64_t placed_ns;	  /* when the kernel's socket tables were last walked; 0: never */
	uint8_t gen;		  /* of the snapshot under way, 1..255 */
	uint8_t ends;		  /* enum ls_ends */
	bool given;		  /* the snapshot under way is of given processes */
	bool in_snapshot;
	bool snapshot_seen; /* one has ended: what is new from now on was opened since */
	struct death deaths[DEATHS];
	uint32_t death_count;
};

/* ---- index.c: JudyL arrays of numbers; 0: not there. */
uint32_t index_get(Pcvoid_t index, Word_t key);
/* A new object of @slab, as @key, which has none; 0: no memory, or no room. */
uint32_t index_alloc(Pvoid_t *index, Word_t key, struct slab *slab);
void index_drop(Pvoid_t *index, Word_t key);

/* ---- names.c: the empty string when there is no memory for it. */
const char *name_intern(struct names *n, const char *s, size_t max);
void names_fini(struct names *n);

/* ---- proc.c. Functions that return a number return 0 when there is no memory. */
struct proc_entry *proc_at(const struct ledger *led, uint32_t id);
uint32_t proc_get(struct ledger *led, const struct ls_who *who);
uint32_t proc_find(const struct ledger *led, const struct ls_who *who);
void proc_ref(struct ledger *led, uint32_t id);
void proc_unref(struct ledger *led, uint32_t id);
int proc_apply(struct ledger *led, const struct ls_proc *rec);
int proc_apply_cgroup(struct ledger *led, const struct ls_cgroup *rec);
void procs_sweep(struct ledger *led, uint32_t passes);
/* Adds to a row of buckets by age; ledger.h, struct site. */
void age_bucket_mark(uint64_t *buckets, uint64_t age_ns, uint64_t now_ns);

/* ---- site.c */
uint32_t site_get(struct ledger *led, const struct conn *c, int32_t stack);
struct site *site_at(const struct ledger *led, uint32_t id);
void site_opened(struct ledger *led, uint32_t id, uint64_t now_ns, bool counted);
void site_closed(struct ledger *led, uint32_t id, uint64_t age_ns, uint64_t now_ns);
/* A connection turned out to belong to another site: undoes site_opened(). */
void site_left(struct ledger *led, uint32_t id, bool counted);
void sites_sweep(struct ledger *led);
/* A struct left names it, or no longer does: it stays as long as any does. */
void site_keep(struct ledger *led, uint32_t id, int n);

/* ---- conn.c */
struct conn *conn_at(const struct ledger *led, uint32_t id);
int conn_apply_open(struct ledger *led, const struct ls_open *rec);
int conn_apply_end(struct ledger *led, const struct ls_end *rec);
int conn_apply_abort(struct ledger *led, const struct ls_abort *rec);
int conn_apply_dead(struct ledger *led, const struct ls_dead *rec);
void conn_close(struct ledger *led, uint32_t id, uint64_t now_ns);
/* Sets what @t says of @c: kind, role and ends. -ENOMEM leaves it as it was. */
int conn_retuple(struct ledger *led, struct conn *c, const struct ls_tuple *t);
/* AF_UNIX: sets the path that @row gives, if it gives one. */
void conn_set_path(struct ledger *led, struct conn *c, const struct ls_sock *row);
union conn_ext *conn_ext(const struct ledger *led, const struct conn *c);
/* Finds or makes the connection of a row; sets *@fresh if it was made. */
uint32_t conn_of_row(struct ledger *led, const struct ls_sock *row, bool *fresh);

/* ---- row.c */
int row_apply(struct ledger *led, const struct ls_sock *row);
/* Sets @c against what @row shows of it. @fresh: this is the first that is known of it;
 * @preexisting: and it may be older than that. */
void row_read(struct ledger *led, struct conn *c, const struct ls_sock *row, bool fresh,
	      bool preexisting);

/* ---- holder.c */
int holder_set(struct ledger *led, struct conn *c, uint32_t proc, int32_t fd);
/* Drops those that the snapshot under way has not shown. */
void holders_sweep(struct ledger *led, struct conn *c);
void holders_clear(struct ledger *led, struct conn *c);
/* Adds to the live count of the first holder's process, which is the one that is charged. */
void holder_charge(struct ledger *led, const struct conn *c, int n);

/* ---- task.c */
int task_apply(struct ledger *led, const struct ls_task *rec);
int task_apply_waiter(struct ledger *led, const struct ls_waiter *rec);
void tasks_sweep(struct ledger *led);

/* ---- stack.c */
int stack_apply_frame(struct ledger *led, const struct ls_frame *rec);
void stacks_fini(struct ledger *led);

/* ---- wait.c */
int wait_apply(struct ledger *led, const struct ls_wait *rec);
void waits_sweep(struct ledger *led);
int empty_apply(struct ledger *led, const struct ls_empty *rec);
/* @conn has ended. */
void empty_drop(struct ledger *led, uint32_t conn);

/* ---- parked.c */
int parked_apply(struct ledger *led, const struct ls_parked *rec);
/* @conn is gone. */
void parked_drop(struct ledger *led, uint32_t conn);

/* ---- left.c */
int left_apply(struct ledger *led, const struct ls_sock *row);
/* A snapshot shows @c, which was left: if somebody holds it after all, it was not. */
void left_shown(struct ledger *led, struct conn *c, const struct ls_sock *row);

/* ---- stream.c */
int stream_apply(struct ledger *led, const struct ls_stream *rec);
/* Frees all of @c's, as its connection's end does. */
void streams_drop(struct ledger *led, struct carrier *c, uint64_t now_ns);

/* ---- stream_site.c */
struct stream_site *stream_site_at(const struct ledger *led, uint32_t id);
/* Makes it if it is new. 0: no room. */
uint32_t stream_site_get(struct ledger *led, uint32_t proc, int32_t stack, uint8_t kind,
			 uint8_t library);
void stream_sites_sweep(struct ledger *led);
/* Frees those of @e, none of which has streams any more. */
void stream_sites_drop(struct ledger *led, struct streams_entry *e);

/* ---- carrier.c */
struct carrier *carrier_at(const struct ledger *led, uint32_t id);
struct streams_entry *streams_at(const struct ledger *led, uint32_t id);
/* The entry of @proc, made where there is none. 0: no memory. */
uint32_t streams_get(struct ledger *led, uint32_t proc);
/* 0: there is none, or for the second no memory. */
uint32_t carrier_find(const struct ledger *led, uint32_t proc, uint8_t library, uint64_t conn);
uint32_t carrier_get(struct ledger *led, uint32_t proc, uint8_t library, uint64_t conn,
		     uint64_t now_ns);
/* What was told to close is another, with the same number. */
void carrier_reopen(struct ledger *led, struct carrier *c, uint64_t now_ns);
int carrier_apply(struct ledger *led, const struct ls_stream_conn *rec);
int library_apply(struct ledger *led, const struct ls_library *rec);
void carriers_sweep(struct ledger *led);
/* @proc has ended, or runs another program: all of it is gone. */
void streams_exit(struct ledger *led, uint32_t proc, uint64_t now_ns);
void carriers_fini(struct ledger *led);

/* ---- count.c */
int count_apply(struct ledger *led, struct streams_entry *e, const struct ls_stream_conn *rec);
/* Adds @n to what is open, as @role. */
void count_open(struct streams_entry *e, uint8_t role, int n);
/* Likewise, to those of which the kernel has no socket any more. */
void count_gone(struct streams_entry *e, uint8_t role, int n);
/* Compares anew, as of @now_ns. */
void count_settle(struct streams_entry *e, uint64_t now_ns);
/* A snapshot has ended: what stands still can be taken as what it is. */
void count_tick(struct streams_entry *e, uint64_t now_ns);
void gauges_drop(struct ledger *led, struct streams_entry *e);

/* ---- sweep.c */
int snap_apply(struct ledger *led, const struct ls_snap *rec);
