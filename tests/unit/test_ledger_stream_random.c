// SPDX-License-Identifier: BSD-2-Clause
/*
 * Streams against a model: a few programs open, close, release, free and lose track of theirs as it
 * comes, and now and then tell nonsense; after each snapshot the ledger and the model agree on
 * every stream and every count.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/story.h"
#include "unit/streams.h"

#define PROCS 4
#define CONNS 5
#define IDS   12
#define STEPS 200000

struct model_stream {
	bool live, read, written, released;
	uint8_t kind;
};

struct model_conn {
	bool live;
	struct model_stream stream[IDS];
};

struct model {
	struct story story;
	uint64_t random;
	uint64_t nonsense[PROCS];
	uint64_t opened[PROCS];
	uint64_t start_ns[PROCS];
	struct model_conn conn[PROCS][CONNS];
};

static uint32_t roll(struct model *m, uint32_t n)
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ z >> 31) % n);
}

static struct ls_who who(const struct model *m, uint32_t proc)
{
	return (struct ls_who){ .pid = 100 + proc,
				.tid = 100 + proc,
				.start_ns = m->start_ns[proc] };
}

static void tells(struct model *m, uint32_t proc, uint32_t conn, uint32_t id, uint16_t what,
		  uint8_t how)
{
	struct ls_stream rec = stream_rec(m->story.now_ns, 100 + proc, conn + 1, id, what, how);

	rec.who = who(m, proc);
	rec.stack = (int32_t)(id % 3) - 1;
	assert_int_equal(tell(&m->story, &rec), 0);
}

static void tells_conn(struct model *m, uint32_t proc, uint32_t conn, uint8_t what)
{
	struct ls_stream_conn rec = stream_conn_rec(m->story.now_ns, 100 + proc, conn + 1, what, 0);

	rec.who = who(m, proc);
	assert_int_equal(tell(&m->story, &rec), 0);
}

static void closes(struct model *m, uint32_t proc, struct model_stream *s, bool *side, bool reads)
{
	bool has = !(s->kind & LS_STREAM_UNI) || reads == (s->kind & LS_STREAM_PEERS);

	if (has && !*side)
		*side = true;
	else
		m->nonsense[proc]++;
}

/* One event of a stream, whether it makes sense or not. */
static void stream_does(struct model *m, uint32_t proc, uint32_t conn)
{
	uint32_t id = roll(m, IDS);
	uint16_t what = (uint16_t)(1 + roll(m, 6));
	struct model_stream *s = &m->conn[proc][conn].stream[id];
	uint8_t how = (uint8_t)(1 + roll(m, 3));

	tells(m, proc, conn, id, what, how);
	if (what == LS_STREAM_OPEN && !s->live) {
		*s = (struct model_stream){ .live = true, .kind = how };
		m->opened[proc]++;
	} else if (!s->live || what == LS_STREAM_OPEN) {
		m->nonsense[proc]++;
	} else if (what == LS_STREAM_READ_CLOSED) {
		closes(m, proc, s, &s->read, true);
	} else if (what == LS_STREAM_WRITE_CLOSED) {
		closes(m, proc, s, &s->written, false);
	} else if (what == LS_STREAM_RELEASE) {
		m->nonsense[proc] += s->released;
		s->released = true;
	} else if (what == LS_STREAM_FREE) {
		s->live = false;
	}
}

static void happens(struct model *m)
{
	uint32_t proc = roll(m, PROCS), conn = roll(m, CONNS);
	struct model_conn *c = &m->conn[proc][conn];

	m->story.now_ns += 1000;
	if (!c->live) {
		tells_conn(m, proc, conn, LS_STREAM_CONN_OPEN);
		*c = (struct model_conn){ .live = true };
	} else if (!roll(m, 300)) {
		tells_conn(m, proc, conn, LS_STREAM_CONN_CLOSE);
		c->live = false;
	} else if (!roll(m, 5000)) {
		tell_proc(&m->story, who(m, proc), LS_PROC_EXIT, 0, "prog");
		memset(m->conn[proc], 0, sizeof(m->conn[proc]));
		m->nonsense[proc] = m->opened[proc] = 0;
		m->start_ns[proc] = m->story.now_ns;
	} else {
		stream_does(m, proc, conn);
	}
}

static const struct stream *find(const struct ledger *led, const struct carrier *c, uint64_t id)
{
	const struct stream *s = ledger_stream(led, c->first);

	while (s && s->id != id)
		s = ledger_stream(led, s->next);
	return s;
}

static uint32_t agree_on_conn(const struct model *m, const struct carrier *c,
			      const struct model_conn *want)
{
	uint32_t live = 0, half = 0, id;

	for (id = 0; id < IDS; id++) {
		const struct stream *s = find(m->story.led, c, id);
		const struct model_stream *w = &want->stream[id];

		assert_int_equal(s != NULL, want->live && w->live);
		if (!s)
			continue;
		live++;
		half += !(w->kind & LS_STREAM_UNI) && w->read != w->written;
		assert_int_equal(s->kind, w->kind & 3);
		assert_int_equal(s->read_ns != 0, w->read);
		assert_int_equal(s->write_ns != 0, w->written);
		assert_int_equal(s->release_ns != 0, w->released);
	}
	assert_int_equal(c->live, live);
	assert_int_equal(c->half_open, half);
	return live;
}

static uint32_t agree_on_proc(const struct model *m, uint32_t proc)
{
	uint32_t id = ledger_find_proc(m->story.led, 100 + proc), live = 0;
	const struct proc_streams *p = ledger_proc_streams(m->story.led, id);
	const struct carrier *c;

	if (!p)
		return 0;
	for (id = p->carrier; (c = ledger_carrier(m->story.led, id)); id = c->next)
		live += agree_on_conn(m, c, &m->conn[proc][c->conn - 1]);
	assert_int_equal(p->live, live);
	assert_int_equal(p->opened, m->opened[proc]);
	assert_int_equal(p->nonsense, m->nonsense[proc]);
	assert_int_equal(p->unseen, 0);
	assert_int_equal(p->opened - p->freed, live);
	return live;
}

static void a_machine(void **state)
{
	struct model m = { .story = story_new(NULL), .random = 11 };
	uint32_t proc, live, most = 0, id, i;

	(void)state;
	look_at_nothing(&m.story);
	while (ledger_totals(m.story.led)->records < STEPS) {
		for (i = 0; i < 100; i++)
			happens(&m);
		m.story.now_ns += S_NS;
		begin(&m.story);
		for (proc = 0; proc < PROCS; proc++) {
			struct ls_task rec = task_rec(&m.story, 100 + proc, 100 + proc);

			rec.who.start_ns = m.start_ns[proc];
			tell(&m.story, &rec);
		}
		finish(&m.story);
		for (proc = live = 0; proc < PROCS; proc++)
			live += agree_on_proc(&m, proc);
		assert_int_equal(ledger_streams_live(m.story.led), live);
		most = live > most ? live : most;
	}
	assert_true(most > 60);
	/* Nothing grows: what is freed is used again. */
	assert_true(ledger_stream_end(m.story.led) <= PROCS * CONNS * IDS + 1);
	assert_true(ledger_carrier_end(m.story.led) <= 2 * PROCS * CONNS + 1);
	for (proc = 0; proc < PROCS; proc++)
		tell_proc(&m.story, who(&m, proc), LS_PROC_EXIT, 0, "prog");
	assert_int_equal(ledger_streams_live(m.story.led), 0);
	for (id = 1; id < ledger_carrier_end(m.story.led); id++)
		assert_null(ledger_carrier(m.story.led, id));
	ledger_free(m.story.led);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
