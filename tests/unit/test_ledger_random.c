/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ledger against a model: a machine of a few processes and sockets does what comes to it, the
 * ledger is told as the kernel would tell it, and after each snapshot the two must agree on what
 * lives and who holds it. Then garbage: nothing that a file can say may break it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/detail.h"
#include "verdict/verdict.h"

#define RECORDS 200000
#define PROCS	8
#define SOCKS	64
#define HOLDERS 6

enum kind {
	KIND_CLIENT,
	KIND_SERVER, /* told of as it closes */
	KIND_UDP,
	KIND_UNIX, /* not told of */
	KIND_MAX
};

struct model_sock {
	uint64_t cookie; /* 0: the place is free */
	enum kind kind;
	bool known;	/* to the ledger, if all went well */
	bool in_flight; /* reachable, but not by a descriptor table */
	unsigned int holders;
	struct {
		unsigned int proc;
		int32_t fd;
	} holder[HOLDERS];
};

struct model {
	struct story story;
	uint64_t random;
	uint64_t cookies;
	uint64_t opened, closed, healed;
	uint64_t start_ns[PROCS]; /* pid: 100 + index */
	struct model_sock sock[SOCKS];
	struct model_sock ghost[SOCKS]; /* ended, but the record was lost */
	unsigned int ghosts;
};

static uint32_t roll(struct model *m, uint32_t n)
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ z >> 31) % n);
}

static struct ls_who model_who(const struct model *m, unsigned int proc)
{
	return (struct ls_who){ .pid = 100 + proc, .start_ns = m->start_ns[proc] };
}

static struct ls_tuple model_tuple(const struct model_sock *k)
{
	struct ls_tuple t = tuple_tcp(k->kind == KIND_SERVER ? LS_ROLE_SERVER : LS_ROLE_CLIENT, 1);

	t.rport = (uint16_t)(1 + k->cookie % 3);
	if (k->cookie % 5 == 0)
		t.family = AF_INET6;
	if (k->kind == KIND_UDP) {
		t.proto = IPPROTO_UDP;
		t.role = LS_ROLE_PEER;
	}
	if (k->kind == KIND_UNIX)
		t = (struct ls_tuple){ .family = AF_UNIX, .role = LS_ROLE_CLIENT, .state = 1 };
	return t;
}

/* A record may be lost; then the kernel counts it. */
static void tell_or_lose(struct model *m, const void *rec, bool *told)
{
	*told = roll(m, 50) != 0;
	if (*told)
		assert_int_equal(tell(&m->story, rec), 0);
	else
		m->story.lost_ring++;
}

static void tell_opener(struct model *m, struct model_sock *k, unsigned int proc)
{
	struct ls_open rec = {
		.hdr = rec_hdr(LS_OPEN, sizeof(rec), m->story.now_ns),
		.who = model_who(m, proc),
		.cookie = k->cookie,
		.stack = -1,
		.fd = -1,
		.tuple = model_tuple(k),
	};
	bool told;

	rec.who.tid = rec.who.pid;
	tell_or_lose(m, &rec, &told);
	if (told && !k->known) {
		k->known = true;
		m->opened++;
	}
}

static void opens(struct model *m)
{
	struct model_sock *k = &m->sock[roll(m, SOCKS)];
	unsigned int proc = roll(m, PROCS);

	if (k->cookie)
		return;
	*k = (struct model_sock){ .cookie = ++m->cookies, .kind = roll(m, KIND_MAX), .holders = 1 };
	k->holder[0].proc = proc;
	k->holder[0].fd = (int32_t)roll(m, 1000);
	if (k->kind == KIND_CLIENT || k->kind == KIND_UDP)
		tell_opener(m, k, proc);
}

static void ends(struct model *m, struct model_sock *k, unsigned int proc)
{
	struct ls_end rec = {
		.hdr = rec_hdr(LS_END, sizeof(rec), m->story.now_ns),
		.cookie = k->cookie,
	};
	bool told = false;

	if (k->kind == KIND_SERVER)
		tell_opener(m, k, proc);
	if (k->kind != KIND_UNIX)
		tell_or_lose(m, &rec, &told);
	if (told)
		m->closed += k->known;
	else if (k->known)
		m->ghost[m->ghosts++] = *k;
	*k = (struct model_sock){ 0 };
}

static void drops(struct model *m, struct model_sock *k, unsigned int n)
{
	unsigned int proc = k->holder[n].proc;

	k->holder[n] = k->holder[--k->holders];
	if (!k->holders && !k->in_flight)
		ends(m, k, proc);
}

static bool has_fd(const struct model_sock *k, unsigned int proc, int32_t fd)
{
	unsigned int i;

	for (i = 0; i < k->holders; i++)
		if (k->holder[i].proc == proc && k->holder[i].fd == fd)
			return true;
	return false;
}

/* dup, fork, or a descriptor that arrives */
static void gains(struct model *m, struct model_sock *k)
{
	unsigned int proc = roll(m, PROCS);
	int32_t fd = (int32_t)roll(m, 1000);

	if (k->holders == HOLDERS || has_fd(k, proc, fd))
		return;
	k->holder[k->holders].proc = proc;
	k->holder[k->holders++].fd = fd;
	k->in_flight = false;
}

static void exits_and_another_starts(struct model *m, unsigned int proc)
{
	struct ls_proc rec = {
		.hdr = rec_hdr(LS_PROC, sizeof(rec), m->story.now_ns),
		.who = model_who(m, proc),
		.what = LS_PROC_EXIT,
		.exit_code = roll(m, 2) * 9,
		.held = roll(m, 3),
	};
	unsigned int i, n;
	bool told;

	tell_or_lose(m, &rec, &told);
	for (i = 0; i < SOCKS; i++)
		for (n = 0; m->sock[i].cookie && n < m->sock[i].holders;)
			if (m->sock[i].holder[n].proc == proc)
				drops(m, &m->sock[i], n);
			else
				n++;
	m->start_ns[proc] = m->story.now_ns;
	rec.who = model_who(m, proc);
	rec.what = LS_PROC_FORK;
	tell_or_lose(m, &rec, &told);
}

static void happens(struct model *m)
{
	struct model_sock *k = &m->sock[roll(m, SOCKS)];
	uint32_t what = roll(m, 100);

	m->story.now_ns += 1000 + roll(m, 10000000);
	if (what < 35) {
		opens(m);
	} else if (what == 99 && roll(m, 4) == 0) {
		exits_and_another_starts(m, roll(m, PROCS));
	} else if (!k->cookie) {
		return;
	} else if (what < 50) {
		gains(m, k);
	} else if (what < 90 && k->holders) {
		drops(m, k, roll(m, k->holders));
	} else if (what < 93 && k->holders == 1 && k->kind != KIND_UNIX && k->known) {
		k->in_flight = true;
		k->holders = 0;
	}
}

static void shows(struct model *m, struct model_sock *k, unsigned int proc, int32_t fd)
{
	struct ls_unix row = { .sock = row_rec(&m->story, k->cookie, fd < 0 ? 0 : 1, fd, 0) };

	if (fd >= 0)
		row.sock.who = model_who(m, proc);
	row.sock.tuple = model_tuple(k);
	row.sock.unread = roll(m, 3) * 100;
	row.sock.bytes_received = k->cookie * 1000;
	if (k->kind == KIND_UNIX)
		row.sock.hdr.len = sizeof(row);
	snprintf(row.path, sizeof(row.path), "/run/%llu", (unsigned long long)k->cookie % 7);
	assert_int_equal(tell(&m->story, &row), 0);
	m->opened += !k->known;
	k->known = true;
}

static void snapshot(struct model *m, uint32_t passes)
{
	unsigned int i, n;

	begin(&m->story);
	for (i = 0; i < SOCKS; i++) {
		for (n = 0; m->sock[i].cookie && n < m->sock[i].holders; n++)
			shows(m, &m->sock[i], m->sock[i].holder[n].proc, m->sock[i].holder[n].fd);
		if (m->sock[i].cookie && (passes & LS_PASS_SOCKS))
			shows(m, &m->sock[i], 0, -1);
	}
	for (i = 0; i < PROCS; i++) {
		struct ls_task rec = task_rec(&m->story, 100 + i, 100 + i);

		rec.who.start_ns = m->start_ns[i];
		assert_int_equal(tell(&m->story, &rec), 0);
	}
	tell_snap(&m->story, LS_SNAP_END, passes);
}

/* What only a snapshot could tell to have ended. */
static void bury(struct model *m, bool lossy)
{
	unsigned int i, kept = 0;

	for (i = 0; i < m->ghosts; i++) {
		if (m->ghost[i].kind != KIND_UNIX && !lossy) {
			m->ghost[kept++] = m->ghost[i];
			continue;
		}
		m->closed++;
		m->healed += m->ghost[i].kind != KIND_UNIX;
	}
	m->ghosts = kept;
}

static void agree_on(struct model *m, const struct model_sock *k)
{
	const struct conn *c = conn_of(&m->story, k->cookie);
	const struct holder *h;
	unsigned int n = 0;

	assert_non_null(c);
	for (h = c->holder.proc && c->holder.fd >= 0 ? &c->holder : NULL; h; n++) {
		const struct proc *p = ledger_proc(m->story.led, h->proc);

		assert_true(has_fd(k, p->pid - 100, h->fd));
		assert_int_equal(p->start_ns, m->start_ns[p->pid - 100]);
		h = ledger_holder_next(m->story.led, h);
	}
	assert_int_equal(n, k->holders);
	assert_int_equal(!(c->flags & CONN_UNHELD), n > 0);
}

static void live_counts_add_up(struct model *m)
{
	const struct ledger *led = m->story.led;
	uint32_t id, proc, site, *live, *at;

	live = calloc(ledger_proc_end(led) + 1, sizeof(*live));
	at = calloc(ledger_site_end(led) + 1, sizeof(*at));
	for (id = 1; id < ledger_conn_end(led); id++)
		if (ledger_conn(led, id)) {
			live[ledger_conn(led, id)->holder.proc]++;
			at[ledger_conn(led, id)->site]++;
		}
	for (proc = 1; proc < ledger_proc_end(led); proc++)
		if (ledger_proc(led, proc))
			assert_int_equal(ledger_proc(led, proc)->live, live[proc]);
	for (site = 1; site < ledger_site_end(led); site++)
		if (ledger_site(led, site))
			assert_int_equal(ledger_site(led, site)->live, at[site]);
	free(live);
	free(at);
}

static void agree(struct model *m)
{
	const struct ledger_totals *t = ledger_totals(m->story.led);
	uint32_t live = 0, i;

	for (i = 0; i < SOCKS; i++)
		if (m->sock[i].cookie && m->sock[i].known) {
			agree_on(m, &m->sock[i]);
			live++;
		}
	assert_int_equal(t->conns, live + m->ghosts);
	assert_int_equal(t->opened, m->opened);
	assert_int_equal(t->closed, m->closed);
	assert_int_equal(t->healed, m->healed);
	assert_int_equal(t->lost[LS_LOST_LEDGER], 0);
	live_counts_add_up(m);
	for (i = 0; i < PROCS; i++)
		assert_int_equal(proc_of(&m->story, 100 + i)->start_ns, m->start_ns[i]);
	assert_true(t->procs <= PROCS + 64 + SOCKS); /* the dead go */
}

static void a_machine(void **state)
{
	struct model m = { .story = story_new(NULL), .random = 42 };
	unsigned int i;

	look_at_nothing(&m.story);
	while (ledger_totals(m.story.led)->records < RECORDS) {
		for (i = 0; i < 50; i++)
			happens(&m);
		m.story.now_ns += S_NS;
		snapshot(&m, ALL_PASSES);
		bury(&m, false);
		if (ledger_totals(m.story.led)->unplaced) {
			m.story.now_ns += S_NS / 100;
			snapshot(&m, ALL_PASSES | LS_PASS_SOCKS);
			bury(&m, true);
		}
		agree(&m);
		assert_int_equal(m.ghosts, 0);
		m.story.now_ns += S_NS / 10;
	}
	assert_true(m.healed > 50);
	assert_true(m.opened > 5000);
	ledger_free(m.story.led);
}

/* ---- garbage */

union garbage {
	struct ls_hdr hdr;
	struct ls_open open;
	struct ls_sock sock;
	struct ls_proc proc;
	struct ls_task task;
	struct ls_snap snap;
	struct ls_frame frame;
	struct ls_stream stream;
	struct ls_stream_conn conn;
	uint64_t words[64];
};

/* Bytes of chance, with numbers small enough to meet each other again. */
static void fill(struct model *m, union garbage *g)
{
	static const uint8_t families[] = { AF_INET, AF_INET6, AF_UNIX, 0 };
	unsigned int i;

	for (i = 0; i < 64; i++)
		g->words[i] = roll(m, 3) ? roll(m, 16) : (uint64_t)roll(m, UINT32_MAX) << 32 | i;
	g->hdr.type = (uint16_t)roll(m, LS_TYPE_MAX + 1);
	g->hdr.len = (uint16_t)(roll(m, 65) * 8);
	g->hdr.time_ns = roll(m, 10) ? m->story.now_ns += roll(m, 1000000000) : g->words[1];
	if (g->hdr.type == LS_OPEN)
		g->open.tuple.family = families[roll(m, 4)];
	if (g->hdr.type == LS_SOCK || g->hdr.type == LS_HELD) {
		g->sock.tuple.family = families[roll(m, 4)];
		g->sock.tuple.proto = roll(m, 2) ? IPPROTO_TCP : IPPROTO_UDP;
	}
	if (g->hdr.type == LS_SNAP)
		g->snap.what = (uint16_t)roll(m, 3);
	if (g->hdr.type == LS_STREAM) {
		g->stream.what = (uint16_t)roll(m, 9);
		g->stream.how = (uint8_t)roll(m, 6);
		g->stream.library = (uint8_t)roll(m, 2);
	}
	if (g->hdr.type == LS_STREAM_CONN)
		g->conn.what = (uint8_t)roll(m, 8);
	if (g->hdr.type == LS_FRAME)
		g->frame.stack = (int32_t)roll(m, 20) - 1;
}

/* What readers may rely on, whatever was said. */
static uint32_t check_details(const struct ledger *led)
{
	uint32_t id, n, seen = 0;

	for (id = 0; id < 20; id++)
		for (n = 0; ledger_frame(led, (int32_t)id, n); n++, seen |= 1)
			assert_non_null(ledger_frame(led, (int32_t)id, n)->build_id);
	for (id = 0; id < ledger_wait_end(led); id++)
		if (ledger_wait(led, id)) {
			assert_non_null(ledger_proc(led, ledger_wait(led, id)->proc));
			seen |= 2;
		}
	for (id = 0; id < ledger_conn_end(led); id++)
		if (ledger_empty(led, id)) {
			assert_non_null(ledger_conn(led, id));
			assert_non_null(ledger_proc(led, ledger_empty(led, id)->proc));
			seen |= 4;
		}
	for (id = 0; id < ledger_left_end(led); id++) {
		const struct left *l = ledger_left(led, id);

		if (!l)
			continue;
		assert_non_null(ledger_proc(led, l->proc));
		assert_non_null(ledger_proc(led, l->conn.opener));
		assert_non_null(ledger_site(led, l->conn.site));
		assert_non_null(ledger_conn_remote(led, &l->conn));
		assert_non_null(ledger_conn_local(led, &l->conn));
		seen |= 8;
	}
	for (id = 0; id < ledger_stream_end(led); id++) {
		const struct stream *s = ledger_stream(led, id);

		if (!s)
			continue;
		assert_non_null(ledger_carrier(led, s->carrier));
		assert_non_null(ledger_stream_site(led, s->site));
		assert_non_null(ledger_proc_streams(led, ledger_carrier(led, s->carrier)->proc));
		seen |= 16;
	}
	return seen;
}

static void garbage_breaks_nothing(void **state)
{
	struct model m = { .story = story_new(NULL), .random = 7 };
	struct verdicts *v = verdicts_new();
	struct verdict_thresholds t;
	unsigned int i, good = 0;
	uint32_t seen = 0;
	union garbage g;
	int err;

	verdict_thresholds_init(&t);
	for (i = 0; i < 200000; i++) {
		fill(&m, &g);
		err = tell(&m.story, &g);
		assert_true(err == 0 || err == -EBADMSG);
		good += !err;
		if (i % 1000)
			continue;
		assert_int_equal(verdicts_judge(v, m.story.led, &t, m.story.now_ns), 0);
		seen |= check_details(m.story.led);
	}
	assert_true(good > 100000);
	assert_int_equal(seen, 31);
	verdicts_free(v);
	ledger_free(m.story.led);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine),
		cmocka_unit_test(garbage_breaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
