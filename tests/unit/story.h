/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ledger and the records that it is told, one call each, at a time that the test sets. Every call
 * returns what ledger_apply() does, so that a test may go where records.h's world cannot.
 */
#pragma once

#include <stdio.h>
#include "unit/records.h"

struct story {
	struct ledger *led;
	uint64_t now_ns;
	uint64_t seq;
	uint64_t lost_ring;
};

enum {
	TCP_OPEN = 1,
	TCP_SYN = 2,
	TCP_SHUT = 5, /* FIN_WAIT2 */
	TCP_GONE = 7, /* CLOSE */
	TCP_EOF = 8,  /* CLOSE_WAIT */
	TCP_LISTENS = 10
};

#define ALL_PASSES (LS_PASS_TASKS | LS_PASS_FILES)

static inline struct story story_new(const struct ledger_limits *limits)
{
	return (struct story){ .led = ledger_new(limits), .now_ns = 1000 * S_NS };
}

static inline int story_setup(void **state)
{
	struct story *s = malloc(sizeof(*s));

	assert(s);
	*s = story_new(NULL);
	*state = s;
	return 0;
}

static inline int story_teardown(void **state)
{
	struct story *s = *state;

	ledger_free(s->led);
	free(s);
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, story_setup, story_teardown)

/* A TCP connection on loopback; the port of a client's peer, and of a server, is 8080. */
static inline struct ls_tuple tuple_tcp(uint8_t role, uint8_t state)
{
	return (struct ls_tuple){
		.family = AF_INET,
		.proto = IPPROTO_TCP,
		.role = role,
		.state = state,
		.lport = role == LS_ROLE_CLIENT ? 40000 : 8080,
		.rport = role == LS_ROLE_CLIENT	  ? 8080
			 : role == LS_ROLE_LISTEN ? 0
						  : 40000,
		.netns = 1,
		.laddr = { 127, 0, 0, 1 },
		.raddr = { 127, 0, 0, 2 },
	};
}

static inline struct ls_open open_rec(const struct story *s, uint64_t cookie, uint32_t pid,
				      uint8_t role, int32_t fd)
{
	return (struct ls_open){
		.hdr = rec_hdr(LS_OPEN, sizeof(struct ls_open), s->now_ns),
		.who = rec_who(pid),
		.cookie = cookie,
		.stack = -1,
		.fd = fd,
		.tuple = tuple_tcp(role, role == LS_ROLE_CLIENT ? TCP_SYN : TCP_OPEN),
	};
}

static inline int tell(struct story *s, const void *rec)
{
	return ledger_apply(s->led, rec);
}

static inline int tell_open(struct story *s, uint64_t cookie, uint32_t pid, uint8_t role,
			    int32_t fd)
{
	struct ls_open rec = open_rec(s, cookie, pid, role, fd);

	return tell(s, &rec);
}

static inline int tell_end(struct story *s, uint64_t cookie)
{
	struct ls_end rec = {
		.hdr = rec_hdr(LS_END, sizeof(rec), s->now_ns),
		.cookie = cookie,
	};

	return tell(s, &rec);
}

/* A row that was never used; @pid 0: no descriptor table holds it. */
static inline struct ls_sock row_rec(const struct story *s, uint64_t cookie, uint32_t pid,
				     int32_t fd, uint8_t role)
{
	struct ls_sock row = {
		.hdr = rec_hdr(LS_SOCK, sizeof(row), s->now_ns),
		.cookie = cookie,
		.fd = pid ? fd : -1,
		.flags = LS_SOCK_CONNECTED,
		.send_age_ms = LS_AGE_NEVER,
		.recv_age_ms = LS_AGE_NEVER,
		.ack_age_ms = LS_AGE_NEVER,
		.tuple = tuple_tcp(role, role == LS_ROLE_LISTEN ? TCP_LISTENS : TCP_OPEN),
	};

	if (pid)
		row.who = rec_who(pid);
	row.who.tid = 0;
	return row;
}

static inline int tell_row(struct story *s, uint64_t cookie, uint32_t pid, int32_t fd, uint8_t role)
{
	struct ls_sock row = row_rec(s, cookie, pid, fd, role);

	return tell(s, &row);
}

static inline int tell_unix(struct story *s, struct ls_unix *row, const char *path)
{
	row->sock.hdr.len = sizeof(*row);
	row->sock.tuple = (struct ls_tuple){
		.family = AF_UNIX,
		.role = row->sock.tuple.role,
		.state = row->sock.tuple.state,
		.netns = 1,
	};
	memcpy(row->path, path, strnlen(path, LS_PATH_LEN));
	return tell(s, row);
}

static inline int tell_snap(struct story *s, uint16_t what, uint32_t passes)
{
	struct ls_snap rec = {
		.hdr = rec_hdr(LS_SNAP, sizeof(rec), s->now_ns),
		.what = what,
		.ends = LS_ENDS_TCP | LS_ENDS_UDP,
		.passes = passes,
		.seq = s->seq,
		.took_ns = 5000000,
	};

	return tell(s, &rec);
}

/* As the live source does: what was lost so far, then the beginning. */
static inline void begin(struct story *s)
{
	struct ls_lost lost = {
		.hdr = rec_hdr(LS_LOST, sizeof(lost), s->now_ns),
		.count = { [LS_LOST_RING] = s->lost_ring },
	};

	s->seq++;
	tell(s, &lost);
	tell_snap(s, LS_SNAP_BEGIN, ALL_PASSES);
}

static inline void finish(struct story *s)
{
	tell_snap(s, LS_SNAP_END, ALL_PASSES);
}

static inline void later(struct story *s, uint64_t seconds)
{
	s->now_ns += seconds * S_NS;
}

/* Nothing is there: what a new watcher sees of an idle machine. */
static inline void look_at_nothing(struct story *s)
{
	begin(s);
	finish(s);
	later(s, 1);
}

static inline int tell_proc(struct story *s, struct ls_who who, uint32_t what, uint32_t exit_code,
			    const char *comm)
{
	struct ls_proc rec = {
		.hdr = rec_hdr(LS_PROC, sizeof(rec), s->now_ns),
		.who = who,
		.what = what,
		.ppid = 1,
		.exit_code = exit_code,
		.netns = 1,
		.cgroup = 7,
		.task_start_ns = who.start_ns,
	};

	memcpy(rec.comm, comm, strnlen(comm, LS_COMM_LEN - 1));
	return tell(s, &rec);
}

static inline struct ls_task task_rec(const struct story *s, uint32_t pid, uint32_t tid)
{
	struct ls_task rec = {
		.hdr = rec_hdr(LS_TASK, sizeof(rec), s->now_ns),
		.who = rec_who(pid),
		.flags = pid == tid ? LS_TASK_PROCESS : 0,
		.threads = 1,
		.fd = -1,
		.nr = -1,
		.comm = "prog",
	};

	rec.who.tid = tid;
	return rec;
}

static inline int tell_process(struct story *s, uint32_t pid)
{
	struct ls_task rec = task_rec(s, pid, pid);

	return tell(s, &rec);
}

/* A thread that sits in recv() on @cookie. */
static inline int tell_waiter(struct story *s, uint32_t pid, uint32_t tid, uint64_t cookie)
{
	struct ls_task rec = task_rec(s, pid, tid);

	rec.flags |= LS_TASK_BLOCKED | LS_TASK_FOREVER;
	rec.cookie = cookie;
	rec.fd = (int32_t)cookie;
	rec.nr = 45;
	rec.call = LS_CALL_READ;
	rec.switches = 5;
	return tell(s, &rec);
}

/* The connection; NULL once it is gone. */
static inline const struct conn *conn_of(const struct story *s, uint64_t cookie)
{
	return ledger_conn(s->led, ledger_find_conn(s->led, cookie));
}

static inline const struct proc *proc_of(const struct story *s, uint32_t pid)
{
	return ledger_proc(s->led, ledger_find_proc(s->led, pid));
}

/* "100:5 200:7": its holders, the first one first. */
static inline const char *holders_of(const struct story *s, uint64_t cookie, char *buf, size_t len)
{
	const struct conn *c = conn_of(s, cookie);
	const struct holder *h = c && c->holder.proc ? &c->holder : NULL;
	size_t at = 0;

	buf[0] = 0;
	for (; h; h = ledger_holder_next(s->led, h))
		at += (size_t)snprintf(buf + at, at < len ? len - at : 0, "%s%u:%d", at ? " " : "",
				       ledger_proc(s->led, h->proc)->pid, h->fd);
	return buf;
}
