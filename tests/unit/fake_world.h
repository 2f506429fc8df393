/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine that never was: the accessors of ledger.h and verdict.h over static data, so that the
 * views can be tested by themselves. Include it in exactly one file of a test program.
 */
#pragma once

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "view/view.h"

#define FAKE_S	    1000000000ull
#define FAKE_NOW    (100000 * FAKE_S)
#define FAKE_CONNS  256
#define FAKE_PROCS  64
#define FAKE_LEAKED 80

struct ledger {
	struct ledger_totals totals;
	struct conn conn[FAKE_CONNS];
	struct proc proc[FAKE_PROCS];
	struct site site[4];
	struct wait wait[8];
	struct task task[3];
	uint32_t conns, procs, sites, tasks, waits;
	struct stream stream[8];
	struct carrier carrier[4];
	struct stream_site stream_site[4];
	struct proc_streams proc_streams; /* of process 1 */
	uint32_t streams, carriers;
	struct holder second; /* of the connection that two processes hold */
	uint8_t v6[32];
};

struct verdicts {
	struct finding f[FAKE_CONNS];
	uint32_t n;
	uint8_t by_conn[FAKE_CONNS];
	struct proc_verdict proc[FAKE_PROCS];
};

static const struct verdict_rule fake_rules[VERDICT_MAX] = {
	[VERDICT_CLOSE_WAIT] = { .name = "close-wait",
				 .kind = VERDICT_LEAK,
				 .counted = true,
				 .evidence = "peer has closed, descriptor still held",
				 .remedy = "close it: the reader must see EOF or a done signal" },
	[VERDICT_UNREAD] = { .name = "unread",
			     .kind = VERDICT_STALL,
			     .counted = true,
			     .evidence = "bytes wait, nobody reads",
			     .remedy = "the reader is stuck: see what it waits for" },
	[VERDICT_INHERITED] = { .name = "inherited",
				.kind = VERDICT_LEAK,
				.counted = true,
				.remedy = "open with SOCK_CLOEXEC" },
	[VERDICT_GROWTH] = { .name = "growth",
			     .kind = VERDICT_LEAK,
			     .counted = true,
			     .remedy = "find the missing close at that site" },
	[VERDICT_DIED_HOLDING] = { .name = "died-holding",
				   .kind = VERDICT_LEAK,
				   .about = VERDICT_ABOUT_PROC,
				   .remedy = "mend the crash in shutdown or accounting" },
	[VERDICT_STREAM_HALF_OPEN] = { .name = "stream-half-open",
				       .kind = VERDICT_LEAK,
				       .about = VERDICT_ABOUT_STREAMS,
				       .remedy = "end both sides" },
};

/* ---- ledger.h */

struct ledger_limits ledger_capacity(const struct ledger *led)
{
	(void)led;
	return (struct ledger_limits){ .conns = 1000000, .procs = 4096, .sites = 512, .tasks = 64 };
}

const struct ledger_totals *ledger_totals(const struct ledger *led)
{
	return &led->totals;
}

uint32_t ledger_conn_end(const struct ledger *led)
{
	return led->conns;
}

uint32_t ledger_proc_end(const struct ledger *led)
{
	return led->procs;
}

uint32_t ledger_site_end(const struct ledger *led)
{
	return led->sites;
}

uint32_t ledger_task_end(const struct ledger *led)
{
	return led->tasks;
}

const struct conn *ledger_conn(const struct ledger *led, uint32_t id)
{
	return id && id < led->conns && led->conn[id].cookie ? &led->conn[id] : NULL;
}

const struct proc *ledger_proc(const struct ledger *led, uint32_t id)
{
	return id && id < led->procs && led->proc[id].pid ? &led->proc[id] : NULL;
}

const struct site *ledger_site(const struct ledger *led, uint32_t id)
{
	return id && id < led->sites ? &led->site[id] : NULL;
}

const struct task *ledger_task(const struct ledger *led, uint32_t id)
{
	return id && id < led->tasks ? &led->task[id] : NULL;
}

uint32_t ledger_find_proc(const struct ledger *led, uint32_t pid)
{
	uint32_t i;

	for (i = 1; i < led->procs; i++)
		if (led->proc[i].pid == pid)
			return i;
	return 0;
}

const struct holder *ledger_holder_next(const struct ledger *led, const struct holder *h)
{
	return h->next ? &led->second : NULL;
}

const void *ledger_conn_local(const struct ledger *led, const struct conn *c)
{
	if (c->family == AF_UNIX)
		return c->ext ? "/run/app.sock" : "";
	return c->family == AF_INET6 ? led->v6 : c->v4.laddr;
}

const void *ledger_conn_remote(const struct ledger *led, const struct conn *c)
{
	if (c->family == AF_UNIX)
		return "";
	return c->family == AF_INET6 ? led->v6 + 16 : c->v4.raddr;
}

/* ---- streams.h */

uint32_t ledger_stream_end(const struct ledger *led)
{
	return led->streams;
}

uint32_t ledger_carrier_end(const struct ledger *led)
{
	return led->carriers;
}

uint32_t ledger_stream_site_end(const struct ledger *led)
{
	return led->streams ? 2 : 0;
}

const struct stream *ledger_stream(const struct ledger *led, uint32_t id)
{
	return id && id < led->streams ? &led->stream[id] : NULL;
}

const struct carrier *ledger_carrier(const struct ledger *led, uint32_t id)
{
	return id && id < led->carriers ? &led->carrier[id] : NULL;
}

const struct stream_site *ledger_stream_site(const struct ledger *led, uint32_t id)
{
	return id && led->streams ? &led->stream_site[id] : NULL;
}

const struct proc_streams *ledger_proc_streams(const struct ledger *led, uint32_t proc)
{
	return proc == 1 && led->streams ? &led->proc_streams : NULL;
}

uint32_t ledger_carrier_conn(const struct ledger *led, const struct carrier *c)
{
	(void)led;
	return c->cookie ? 1 : 0;
}

const char *ledger_library(const struct ledger *led, uint8_t library)
{
	(void)led;
	return library ? "quic-go" : "tether";
}

uint32_t ledger_streams_live(const struct ledger *led)
{
	return led->streams ? led->streams - 1 : 0;
}

/* What only attach and run ask for: not in this world. */

/* ---- verdict.h */

const struct verdict_rule *verdict_rule(enum verdict_class class)
{
	return class < VERDICT_MAX && fake_rules[class].name ? &fake_rules[class] : NULL;
}

enum verdict_class verdict_class_by_name(const char *name)
{
	int i;

	for (i = 1; i < VERDICT_MAX; i++)
		if (fake_rules[i].name && strcmp(fake_rules[i].name, name) == 0)
			return (enum verdict_class)i;
	return VERDICT_NONE;
}

uint32_t verdicts_count(const struct verdicts *v)
{
	return v->n;
}

void verdicts_get(const struct verdicts *v, uint32_t n, struct finding *f)
{
	*f = v->f[n];
}

enum verdict_class verdicts_conn(const struct verdicts *v, uint32_t conn, bool *certain)
{
	if (certain)
		*certain = true;
	return (enum verdict_class)v->by_conn[conn];
}

const struct proc_verdict *verdicts_proc(const struct verdicts *v, uint32_t proc)
{
	return &v->proc[proc];
}

uint32_t verdicts_class_count(const struct verdicts *v, enum verdict_class class)
{
	uint32_t n = 0, i;

	for (i = 0; i < v->n; i++)
		n += v->f[i].class == class ? v->f[i].count : 0;
	return n;
}

size_t verdict_explain(const struct verdicts *v, const struct ledger *led, const struct finding *f,
		       uint64_t now_ns, char *buf, size_t len)
{
	(void)v;
	(void)led;
	(void)now_ns;
	return (size_t)snprintf(buf, len, "evidence of finding %u", f->conn);
}

/* ---- frames: of two sites that open by the same line to different ends, and of who waits */

#define FAKE_FRAME(f, at, mod, fl)                                                     \
	{                                                                              \
		.function = f, .file = (at) ? "src/pool.c" : "", .module = mod,        \
		.build_id = "9f86d081884c7d65", .offset = 498, .line = at, .flags = fl \
	}

const struct frame *ledger_frame(const struct ledger *led, int32_t stack, uint32_t n)
{
	static const struct frame opens[] = {
		FAKE_FRAME("connect", 0, "/lib/libc.so.6", 0),
		FAKE_FRAME("", 0, "/lib/libdial.so.1", 0),
		FAKE_FRAME("pool_dial", 31, "/bin/api-gw", LS_FRAME_APPLICATION),
		FAKE_FRAME("pool_get", 88, "/bin/api-gw", LS_FRAME_APPLICATION),
		FAKE_FRAME("__libc_start_main", 0, "/lib/libc.so.6", 0),
	};
	static const struct frame waits[] = {
		FAKE_FRAME("read", 0, "/lib/libc.so.6", 0),
		FAKE_FRAME("read_loop", 7, "/bin/worker", LS_FRAME_APPLICATION),
	};

	(void)led;
	if (stack == 10 || stack == 11)
		return n < 5 ? &opens[n] : NULL;
	return stack == 12 && n < 2 ? &waits[n] : NULL;
}

uint32_t ledger_wait_end(const struct ledger *led)
{
	return led->waits;
}

const struct wait *ledger_wait(const struct ledger *led, uint32_t id)
{
	return id && id < led->waits ? &led->wait[id] : NULL;
}

const struct empty *ledger_empty(const struct ledger *led, uint32_t conn)
{
	static const struct empty reader = {
		.proc = 1, .tid = 4125, .stack = 12, .time_ns = FAKE_NOW - 4 * FAKE_S
	};

	(void)led;
	return conn == 1 ? &reader : NULL;
}

const struct parked *ledger_parked(const struct ledger *led, uint32_t conn)
{
	static const struct parked goroutine = { .proc = 1, .call = LS_CALL_READ, .stack = 12 };

	(void)led;
	return conn == 1 ? &goroutine : NULL;
}

uint32_t ledger_left_end(const struct ledger *led)
{
	(void)led;
	return 0;
}

const struct left *ledger_left(const struct ledger *led, uint32_t id)
{
	(void)led, (void)id;
	return NULL;
}

/* ---- the data */

static inline struct proc *fake_proc(struct ledger *led, uint32_t pid, const char *comm,
				     const char *cgroup)
{
	struct proc *p = &led->proc[led->procs++];
	uint32_t i;

	*p = (struct proc){
		.pid = pid,
		.start_ns = FAKE_NOW - 7200 * FAKE_S,
		.threads = 4,
		.netns = 4026531840u,
		.opened = 60 * (led->procs + 1),
		.closed = 30 * led->procs,
		.cgroup_path = cgroup,
		.trend_len = PROC_TREND,
	};
	snprintf(p->comm, sizeof(p->comm), "%s", comm);
	for (i = 0; i < PROC_TREND; i++)
		p->trend[i] = pid == 4123 ? i * 3 : 5;
	led->totals.procs++;
	return p;
}

static inline uint32_t fake_conn(struct ledger *led, uint32_t proc, uint8_t role, uint8_t state,
				 uint64_t age_s)
{
	uint32_t id = led->conns++;
	struct conn *c = &led->conn[id];

	*c = (struct conn){
		.cookie = 1000 + id,
		.open_ns = FAKE_NOW - age_s * FAKE_S,
		.state_ns = FAKE_NOW - age_s * FAKE_S / 2,
		.send_ns = FAKE_NOW - age_s * FAKE_S / 2,
		.v4 = { { 10, 0, 0, 5 }, { 10, 0, 0, 9 } },
		.lport = (uint16_t)(role == LS_ROLE_SERVER ? 8080 : 40000 + id),
		.rport = (uint16_t)(role == LS_ROLE_SERVER ? 40000 + id : 443),
		.opener = proc,
		.opener_tid = led->proc[proc].pid,
		.holder = { .proc = proc, .fd = (int32_t)id + 6 },
		.family = AF_INET,
		.proto = IPPROTO_TCP,
		.role = role,
		.state = state,
		.flags = CONN_SEEN | CONN_OPENER_KNOWN,
		.site = role == LS_ROLE_CLIENT ? 1 : 2,
		.netns = 4026531840u,
	};
	led->proc[proc].live++;
	led->totals.conns++;
	return id;
}

static inline void fake_accuse(struct verdicts *v, enum verdict_class class, uint32_t conn,
			       uint32_t proc, uint32_t count, uint64_t age_s)
{
	struct finding *f = &v->f[v->n++];
	struct proc_verdict *p = &v->proc[proc];
	uint64_t since_ns = FAKE_NOW - age_s * FAKE_S;

	*f = (struct finding){ .class = class,
			       .certain = true,
			       .conn = conn,
			       .proc = proc,
			       .count = count,
			       .since_ns = since_ns };
	v->by_conn[conn] = conn ? (uint8_t) class : 0;
	if (fake_rules[class].counted && fake_rules[class].kind == VERDICT_LEAK)
		p->leaked += count;
	else if (fake_rules[class].counted)
		p->stalled += count;
	if (!p->oldest_ns || since_ns < p->oldest_ns)
		p->oldest_ns = since_ns;
	p->worst = class;
}

static inline void fake_leaks(struct ledger *led, struct verdicts *v)
{
	uint32_t id, i;

	for (i = 0; i < FAKE_LEAKED; i++) {
		id = fake_conn(led, 1, LS_ROLE_CLIENT, TCP_CLOSE_WAIT, 8040 - i * 60);
		led->conn[id].site = i % 2 ? 3 : 1;
		fake_accuse(v, VERDICT_CLOSE_WAIT, id, 1, 1, 8040 - i * 60);
	}
	v->f[3].certain = false;
	v->f[0].at_least = true;
	led->conn[1].flags |= CONN_AT_LEAST | CONN_STATE_AT_LEAST;
	led->conn[1].holder.next = 1;
	led->second = (struct holder){ .proc = 2, .fd = 9 };
	for (i = 0; i < 3; i++) {
		id = fake_conn(led, 2, LS_ROLE_SERVER, TCP_ESTABLISHED, 600);
		led->conn[id].unread = 2048;
		fake_accuse(v, VERDICT_UNREAD, id, 2, 1, 95);
	}
	led->conn[FAKE_LEAKED + 1].waiter = 1;
	fake_accuse(v, VERDICT_DIED_HOLDING, 0, 5, 7, 30);
}

static inline void fake_healthy(struct ledger *led)
{
	struct conn *c;
	uint32_t i;

	for (i = 0; i < 6; i++)
		fake_conn(led, 1, LS_ROLE_CLIENT, TCP_ESTABLISHED, 20 + i);
	c = &led->conn[fake_conn(led, 3, LS_ROLE_SERVER, TCP_ESTABLISHED, 5)];
	c->family = AF_UNIX;
	c->proto = 0;
	c->ext = 1;
	c = &led->conn[fake_conn(led, 4, LS_ROLE_CLIENT, TCP_ESTABLISHED, 5)];
	c->family = AF_INET6;
	led->v6[15] = led->v6[31] = 1;
	fake_conn(led, 2, LS_ROLE_LISTEN, TCP_LISTEN, 7200);
	c = &led->conn[led->conns - 1];
	c->bytes_received = 4711; /* a name, not a number */
	c->rport = 0;
	c->site = 0;
	memset(c->v4.raddr, 0, 4);
}

/* Five processes, of which two lose connections and one has died; @leaks false: none does.
 * Free both with free(). */
static inline void fake_world(struct ledger **ledp, struct verdicts **vp, bool leaks)
{
	struct ledger *led = calloc(1, sizeof(*led));
	struct verdicts *v = calloc(1, sizeof(*v));

	if (!led || !v)
		abort();
	led->conns = led->procs = 1;
	led->sites = 4;
	led->tasks = 2;
	led->totals = (struct ledger_totals){ .opened = 500,
					      .closed = 400,
					      .start_ns = FAKE_NOW - 605 * FAKE_S,
					      .time_ns = FAKE_NOW,
					      .snapshots = 300 };
	led->site[1].stack = 10;
	led->site[2].stack = -1;
	led->site[2].port = 8080;
	led->site[3].stack = 11;
	led->task[1] = (struct task){ .proc = 2,
				      .tid = 4207,
				      .conn = FAKE_LEAKED + 1,
				      .call = LS_CALL_READ,
				      .fd = 87,
				      .since_ns = FAKE_NOW - 95 * FAKE_S,
				      .forever = true,
				      .stack = 12,
				      .comm = "worker-3" };
	fake_proc(led, 4123, "api-gw", "/system.slice/api-gw.service");
	fake_proc(led, 4200, "worker",
		  "/docker/3f2a91c0b7de4c5a8d1e0f9b6a7c2d3e4f5061728394a5b6c7d8e9f0a1b2c3d4");
	fake_proc(led, 812, "postgres", "/system.slice/postgresql@15-main.service");
	fake_proc(led, 900, "b\xff\x1b[2Jd", "/");
	fake_proc(led, 950, "crashed", "")->exit_ns = leaks ? FAKE_NOW - 30 * FAKE_S : 0;
	if (leaks)
		fake_leaks(led, v);
	fake_healthy(led);
	*ledp = led;
	*vp = v;
}

/* Three streams of process 1: one that is half open, on the socket of connection 1; one of a
 * library that tells of no socket; one of a single direction. And a finding about the first. */
static inline void fake_streams(struct ledger *led, struct verdicts *v)
{
	struct stream half = {
		.id = 4,
		.open_ns = FAKE_NOW - 300 * FAKE_S,
		.write_ns = FAKE_NOW - 120 * FAKE_S,
		.carrier = 1,
		.site = 1,
		.tid = 4124,
		.kind = LS_STREAM_PEERS,
		.write_how = LS_STREAM_END,
	};
	struct finding *f = &v->f[v->n++];

	led->streams = 4;
	led->carriers = 3;
	led->stream_site[1] = (struct stream_site){ .proc = 1, .stack = 11, .live = 3 };
	led->stream[1] = half;
	led->stream[2] = (struct stream){
		.id = UINT64_MAX - 1, .open_ns = FAKE_NOW - 5 * FAKE_S, .carrier = 2, .site = 1
	};
	led->stream[3] = half;
	led->stream[3].kind = LS_STREAM_UNI;
	led->carrier[1] = (struct carrier){ .conn = 42,
					    .cookie = 1001,
					    .proc = 1,
					    .live = 2,
					    .half_open = 1,
					    .first = 1,
					    .next = 2 };
	led->carrier[2] = (struct carrier){ .conn = 0xc000,
					    .proc = 1,
					    .live = 1,
					    .first = 2,
					    .credit = STREAM_CREDIT_UNKNOWN,
					    .library = 3 };
	led->proc_streams = (struct proc_streams){ .proc = 1,
						   .carrier = 1,
						   .carriers = 2,
						   .live = 3,
						   .half_open = 1,
						   .opened = 121,
						   .freed = 118,
						   .nonsense = 7,
						   .count = { .state = COUNT_SAME, .says = 2 } };
	*f = (struct finding){ .class = VERDICT_STREAM_HALF_OPEN,
			       .conn = 1,
			       .stream = 1,
			       .stream_site = 1,
			       .carrier = 1,
			       .proc = 1,
			       .count = 1,
			       .since_ns = half.write_ns };
}

static inline struct view_input fake_input(const struct ledger *led, const struct verdicts *v)
{
	return (struct view_input){
		.ledger = led,
		.verdicts = v,
		.now_ns = FAKE_NOW,
		.realtime_ns = 1795257702 * FAKE_S, /* 2026-11-21T10:41:42Z */
		.kernel = "6.18.44 x86_64",
		.host = "web-1",
		.interval_s = 2,
	};
}
