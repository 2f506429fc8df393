/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records as the kernel side would write them, and a small world that tells a ledger its story in
 * them: sockets and threads that stand until changed, a snapshot of all at each tick.
 */
#pragma once

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include "ledger/ledger.h"

#define S_NS 1000000000ull

static inline struct ls_hdr rec_hdr(uint16_t type, uint16_t len, uint64_t time_ns)
{
	return (struct ls_hdr){ .type = type, .len = len, .time_ns = time_ns };
}

static inline struct ls_who rec_who(uint32_t pid)
{
	return (struct ls_who){ .pid = pid, .tid = pid, .start_ns = pid * 1000ull };
}

/* A socket of the world: the row that it shows, its clocks kept as moments. */
struct sock {
	struct ls_sock row;
	uint64_t send_ns; /* 0: never */
	uint64_t recv_ns;
	uint64_t ack_ns;
	bool live;
};

#define WORLD_SOCKS 4096
#define WORLD_TASKS 64

struct world {
	struct ledger *led;
	uint64_t now_ns;
	uint64_t seq;
	uint32_t socks;
	uint32_t tasks;
	uint32_t procs;
	uint32_t held; /* what a process that dies by a signal takes with it */
	struct sock sock[WORLD_SOCKS];
	struct ls_task task[WORLD_TASKS];
	struct ls_task proc[WORLD_TASKS];
};

/* Begins a thousand seconds after boot, so that ages fit before it. */
static inline struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert(w);
	w->led = ledger_new(NULL);
	assert(w->led);
	w->now_ns = 1000 * S_NS;
	return w;
}

static inline void world_free(struct world *w)
{
	ledger_free(w->led);
	free(w);
}

static inline void world_tell(struct world *w, const void *rec)
{
	int err = ledger_apply(w->led, rec);

	assert(err == 0);
	(void)err;
}

static inline uint32_t age_ms(uint64_t now_ns, uint64_t then_ns)
{
	return then_ns ? (uint32_t)((now_ns - then_ns) / 1000000) : LS_AGE_NEVER;
}

static inline void world_snap(struct world *w, uint16_t what)
{
	struct ls_snap rec = {
		.hdr = rec_hdr(LS_SNAP, sizeof(rec), w->now_ns),
		.what = what,
		.ends = LS_ENDS_TCP | LS_ENDS_UDP,
		.passes = LS_PASS_TASKS | LS_PASS_FILES,
		.seq = w->seq,
	};

	world_tell(w, &rec);
}

/* A snapshot of all that lives. */
static inline void world_look(struct world *w)
{
	uint32_t i;

	w->seq++;
	world_snap(w, LS_SNAP_BEGIN);
	for (i = 0; i < w->procs; i++) {
		w->proc[i].hdr.time_ns = w->now_ns;
		world_tell(w, &w->proc[i]);
	}
	for (i = 0; i < w->socks; i++) {
		struct sock *s = &w->sock[i];

		if (!s->live)
			continue;
		s->row.hdr.time_ns = w->now_ns;
		s->row.send_age_ms = age_ms(w->now_ns, s->send_ns);
		s->row.recv_age_ms = age_ms(w->now_ns, s->recv_ns);
		s->row.ack_age_ms = age_ms(w->now_ns, s->ack_ns);
		world_tell(w, &s->row);
	}
	for (i = 0; i < w->tasks; i++) {
		w->task[i].hdr.time_ns = w->now_ns;
		world_tell(w, &w->task[i]);
	}
	world_snap(w, LS_SNAP_END);
}

/* @seconds go by, then a snapshot. */
static inline void world_wait(struct world *w, uint64_t seconds)
{
	w->now_ns += seconds * S_NS;
	world_look(w);
}

/* A socket that shows up in the next snapshot; its opener is told of only by world_opens(). */
static inline struct sock *world_sock(struct world *w, uint32_t pid, uint8_t role, uint8_t state)
{
	struct sock *s = &w->sock[w->socks++];

	assert(w->socks <= WORLD_SOCKS);
	s->live = true;
	s->row = (struct ls_sock){
		.hdr = rec_hdr(LS_SOCK, sizeof(s->row), w->now_ns),
		.who = rec_who(pid),
		.cookie = w->socks,
		.fd = (int32_t)(6 + w->socks),
		.flags = LS_SOCK_CONNECTED,
		.tuple = {
			.family = AF_INET,
			.proto = IPPROTO_TCP,
			.role = role,
			.state = state,
			.lport = role == LS_ROLE_CLIENT ? 40000 : 8080,
			.rport = role == LS_ROLE_CLIENT ? 8080 : 40000,
			.laddr = { 127, 0, 0, 1 },
			.raddr = { 127, 0, 0, 1 },
		},
	};
	return s;
}

/* Its open record, at this moment, by @pid at @stack. */
static inline void world_opens(struct world *w, const struct sock *s, uint32_t pid, int32_t stack)
{
	struct ls_open rec = {
		.hdr = rec_hdr(LS_OPEN, sizeof(rec), w->now_ns),
		.who = rec_who(pid),
		.cookie = s->row.cookie,
		.stack = stack,
		.fd = s->row.fd,
		.tuple = s->row.tuple,
	};

	world_tell(w, &rec);
}

/* An established connection, opened now. */
static inline struct sock *world_conn(struct world *w, uint32_t pid, uint8_t role)
{
	struct sock *s = world_sock(w, pid, role, 1);

	world_opens(w, s, pid, 3);
	return s;
}

static inline void sock_sends(struct world *w, struct sock *s, uint64_t bytes)
{
	s->row.bytes_sent += bytes;
	s->send_ns = s->ack_ns = w->now_ns;
}

static inline void sock_receives(struct world *w, struct sock *s, uint64_t bytes)
{
	s->row.bytes_received += bytes;
	s->recv_ns = s->ack_ns = w->now_ns;
}

static inline void sock_ends(struct world *w, struct sock *s)
{
	struct ls_end rec = {
		.hdr = rec_hdr(LS_END, sizeof(rec), w->now_ns),
		.cookie = s->row.cookie,
	};

	s->live = false;
	world_tell(w, &rec);
}

/* A process, as the task pass shows it. */
static inline struct ls_task *world_proc(struct world *w, uint32_t pid, const char *comm)
{
	struct ls_task *p = &w->proc[w->procs++];

	assert(w->procs <= WORLD_TASKS);
	*p = (struct ls_task){
		.hdr = rec_hdr(LS_TASK, sizeof(*p), w->now_ns),
		.who = rec_who(pid),
		.flags = LS_TASK_PROCESS,
		.threads = 1,
		.fd = -1,
		.nr = -1,
	};
	strncpy(p->comm, comm, LS_COMM_LEN - 1);
	return p;
}

/* A thread of @pid that sits in @call on @s, without a time limit. */
static inline struct ls_task *world_task(struct world *w, uint32_t pid, uint32_t tid,
					 const struct sock *s, uint32_t call)
{
	struct ls_task *t = &w->task[w->tasks++];

	assert(w->tasks <= WORLD_TASKS);
	*t = (struct ls_task){
		.hdr = rec_hdr(LS_TASK, sizeof(*t), w->now_ns),
		.who = rec_who(pid),
		.cookie = s->row.cookie,
		.switches = 5,
		.flags = LS_TASK_BLOCKED | LS_TASK_FOREVER,
		.fd = s->row.fd,
		.nr = 45,
		.call = call,
		.comm = "worker",
	};
	t->who.tid = tid;
	return t;
}

static inline void world_proc_event(struct world *w, uint32_t pid, uint32_t what,
				    uint64_t task_start_ns, uint32_t exit_code)
{
	struct ls_proc rec = {
		.hdr = rec_hdr(LS_PROC, sizeof(rec), w->now_ns),
		.who = rec_who(pid),
		.what = what,
		.exit_code = exit_code,
		.task_start_ns = task_start_ns,
		.held = exit_code & 0x7f ? w->held : 0,
		.comm = "prog",
	};

	world_tell(w, &rec);
}
