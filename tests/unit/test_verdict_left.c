/* SPDX-License-Identifier: BSD-2-Clause */
/* left-open: what a process's end left, and the ends that leave nothing to accuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/detail.h"
#include "verdict/verdict.h"

struct trial {
	struct story s;
	struct verdicts *v;
	struct verdict_thresholds t;
};

static int setup(void **state)
{
	struct trial *tr = calloc(1, sizeof(*tr));

	tr->s = story_new(NULL);
	tr->v = verdicts_new();
	verdict_thresholds_init(&tr->t);
	look_at_nothing(&tr->s);
	*state = tr;
	return 0;
}

static int teardown(void **state)
{
	struct trial *tr = *state;

	verdicts_free(tr->v);
	ledger_free(tr->s.led);
	free(tr);
	return 0;
}

static uint32_t judge(struct trial *tr)
{
	assert_int_equal(verdicts_judge(tr->v, tr->s.led, &tr->t, tr->s.now_ns), 0);
	return verdicts_count(tr->v);
}

static void exits(struct trial *tr, uint32_t pid, uint32_t code, uint32_t held)
{
	struct ls_proc rec = {
		.hdr = rec_hdr(LS_PROC, sizeof(rec), tr->s.now_ns),
		.who = rec_who(pid),
		.what = LS_PROC_EXIT,
		.exit_code = code,
		.held = held,
		.comm = "prog",
	};

	assert_int_equal(tell(&tr->s, &rec), 0);
}

static struct finding finding(struct trial *tr, uint32_t n)
{
	struct finding f;

	verdicts_get(tr->v, n, &f);
	return f;
}

static void says(struct trial *tr, const struct finding *f, const char *expected)
{
	char words[256];

	verdict_explain(tr->v, tr->s.led, f, tr->s.now_ns, words, sizeof(words));
	assert_string_equal(words, expected);
}

/* An answered connection, open for two seconds when its process ends. */
static struct ls_sock used(struct trial *tr, uint64_t cookie, uint32_t pid)
{
	struct ls_sock row;

	assert_int_equal(tell_open(&tr->s, cookie, pid, LS_ROLE_CLIENT, 5), 0);
	later(&tr->s, 2);
	row = held_rec(&tr->s, cookie, pid, 5, LS_ROLE_CLIENT);
	row.bytes_sent = row.bytes_received = 100;
	row.send_age_ms = row.recv_age_ms = 1000;
	return row;
}

static void left_open(void **state)
{
	struct trial *tr = *state;
	struct ls_sock row = used(tr, 1, 100);
	uint64_t end_ns = tr->s.now_ns;
	struct finding f;

	tell(&tr->s, &row);
	exits(tr, 100, 0, 0);
	assert_int_equal(judge(tr), 1); /* at once, and once: the living is still there */
	tell_end(&tr->s, 1);
	later(&tr->s, 3);
	look_at_nothing(&tr->s);
	assert_int_equal(judge(tr), 1);
	f = finding(tr, 0);
	assert_int_equal(f.class, VERDICT_LEFT_OPEN);
	assert_true(f.certain);
	assert_false(f.at_least);
	assert_int_equal(f.count, 1);
	assert_int_equal(f.conn, 0);
	assert_int_equal(f.since_ns, end_ns);
	assert_int_equal(ledger_left(tr->s.led, f.left)->conn.cookie, 1);
	assert_int_equal(ledger_proc(tr->s.led, f.proc)->pid, 100);
	assert_int_equal(verdicts_class_count(tr->v, VERDICT_LEFT_OPEN), 1);
	assert_int_equal(verdicts_proc(tr->v, f.proc)->leaked, 0);
	assert_int_equal(verdicts_proc(tr->v, f.proc)->worst, VERDICT_LEFT_OPEN);
	says(tr, &f, "fd 5 open when pid 100 exited; opened 2s before");
}

/* Whoever is told to stop, and then ends in good order, may leave the closing to its end. */
static void asked_to_end(void **state)
{
	struct trial *tr = *state;
	struct ls_sock row = used(tr, 1, 100);
	struct ls_proc rec = {
		.hdr = rec_hdr(LS_PROC, sizeof(rec), tr->s.now_ns),
		.who = rec_who(100),
		.what = LS_PROC_ASKED,
		.exit_code = 15,
		.comm = "prog",
	};
	struct finding f;

	tell(&tr->s, &rec);
	tell(&tr->s, &row);
	exits(tr, 100, 0, 0);
	assert_int_equal(judge(tr), 1);
	f = finding(tr, 0);
	assert_false(f.certain);
	says(tr, &f,
	     "fd 5 open when pid 100 exited; opened 2s before; it had been asked to end (signal "
	     "15)");
}

static void each_is_a_finding(void **state)
{
	struct trial *tr = *state;
	struct ls_sock row;
	uint64_t i;

	for (i = 1; i <= 5; i++) {
		row = used(tr, i, 100);
		tell(&tr->s, &row);
		tell_end(&tr->s, i);
	}
	exits(tr, 100, 3 << 8, 0);
	assert_int_equal(judge(tr), 5);
	assert_int_equal(verdicts_class_count(tr->v, VERDICT_LEFT_OPEN), 5);
}

static void the_words_tell_what_stood(void **state)
{
	struct trial *tr = *state;
	struct ls_unix named = { .sock = held_rec(&tr->s, 4, 100, 8, LS_ROLE_CLIENT) };
	struct ls_sock row = used(tr, 1, 100);
	struct finding f;
	uint32_t i;

	row.unread = 5;
	row.tuple.state = TCP_EOF;
	tell(&tr->s, &row);
	tell_open(&tr->s, 2, 100, LS_ROLE_CLIENT, 6);
	row = held_rec(&tr->s, 2, 100, 6, LS_ROLE_CLIENT);
	row.tuple.state = TCP_SYN;
	tell(&tr->s, &row);
	row = held_rec(&tr->s, 3, 100, -1, LS_ROLE_SERVER); /* which no record has told of */
	tell(&tr->s, &row);
	named.sock.hdr.time_ns = tr->s.now_ns;
	named.sock.unsent = 4096;
	tell_unix(&tr->s, &named, "/run/db.sock");
	exits(tr, 100, 0, 0);
	assert_int_equal(judge(tr), 4);
	for (i = 0; i < 4; i++) {
		static const char *const words[] = {
			"fd 5 open when pid 100 exited; opened 2s before, 5B unread, "
			"the peer had closed",
			"fd 6 open when pid 100 exited; opened 0s before, "
			"the peer had not answered connect()",
			"open when pid 100 exited, never used",
			"fd 8 open when pid 100 exited, 4.0KiB unsent, "
			"the peer had closed",
		};

		f = finding(tr, i);
		says(tr, &f, words[ledger_left(tr->s.led, f.left)->conn.cookie - 1]);
	}
}

/* How it ends decides; and before that is told, nothing is said. */
static void by_its_end(void **state)
{
	static const struct {
		uint32_t code;
		enum verdict_class class;
	} rows[] = {
		{ 0, VERDICT_LEFT_OPEN },
		{ 1 << 8, VERDICT_LEFT_OPEN },
		{ 255 << 8, VERDICT_LEFT_OPEN },
		{ (128 + 6) << 8, VERDICT_LEFT_OPEN },
		{ 128 << 8, VERDICT_LEFT_OPEN },
		{ (128 + 15) << 8, VERDICT_NONE }, /* asked, as Java tells it */
		{ (128 + 2) << 8, VERDICT_NONE },
		{ 15, VERDICT_NONE },
		{ 13, VERDICT_NONE },
		{ 6 | 0x80, VERDICT_DIED_HOLDING },
		{ 9, VERDICT_DIED_HOLDING },
	};
	struct trial *tr;
	struct ls_sock row;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(state);
		tr = *state;
		row = used(tr, 1, 100);
		tell(&tr->s, &row);
		assert_int_equal(judge(tr), 0);
		exits(tr, 100, rows[i].code, rows[i].code & 0x7f ? 1 : 0);
		tell_end(&tr->s, 1);
		assert_int_equal(judge(tr), rows[i].class != VERDICT_NONE);
		assert_int_equal(finding(tr, 0).class, rows[i].class);
		teardown(state);
	}
}

/* One that its own class accuses already is not accused again. */
static void accused_once(void **state)
{
	struct trial *tr = *state;
	struct ls_sock row;
	int i;

	tell_open(&tr->s, 1, 100, LS_ROLE_CLIENT, 5);
	for (i = 0; i < 3; i++) {
		later(&tr->s, 60);
		begin(&tr->s);
		tell_process(&tr->s, 100);
		row = row_rec(&tr->s, 1, 100, 5, LS_ROLE_CLIENT);
		row.tuple.state = TCP_EOF;
		tell(&tr->s, &row);
		finish(&tr->s);
	}
	assert_int_equal(judge(tr), 1);
	assert_int_equal(finding(tr, 0).class, VERDICT_CLOSE_WAIT);
	row.hdr.type = LS_HELD;
	row.hdr.time_ns = tr->s.now_ns;
	tell(&tr->s, &row);
	exits(tr, 100, 0, 0);
	assert_int_equal(judge(tr), 1);
	assert_int_equal(finding(tr, 0).class, VERDICT_LEFT_OPEN);
	tell_end(&tr->s, 1);
	assert_int_equal(judge(tr), 1);
}

static void after(struct trial *tr, const char *arg)
{
	char why[VERDICT_WHY_LEN];

	assert_int_equal(verdict_thresholds_parse(&tr->t, arg, why, sizeof(why)), 0);
}

/* The threshold is how long it had been open. */
static void only_those_open_for_long(void **state)
{
	struct trial *tr = *state;
	struct ls_sock row = used(tr, 1, 100);

	tell(&tr->s, &row);
	exits(tr, 100, 0, 0);
	after(tr, "10m");
	assert_int_equal(judge(tr), 1);
	after(tr, "left-open=2s");
	assert_int_equal(judge(tr), 1);
	later(&tr->s, 100);
	after(tr, "left-open=3s");
	assert_int_equal(judge(tr), 0);
}

static void what_the_command_was_given(void **state)
{
	struct trial *tr = *state;
	struct ls_sock row;

	ledger_free(tr->s.led);
	tr->s = story_new(NULL);
	begin(&tr->s);
	tell_row(&tr->s, 1, 100, 5, LS_ROLE_CLIENT);
	finish(&tr->s);
	later(&tr->s, 2);
	row = held_rec(&tr->s, 1, 100, 5, LS_ROLE_CLIENT);
	tell(&tr->s, &row);
	exits(tr, 100, 0, 0);
	tell_end(&tr->s, 1);
	assert_int_equal(judge(tr), 0);
}

#define TRIAL(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRIAL(left_open),
		TRIAL(each_is_a_finding),
		TRIAL(asked_to_end),
		TRIAL(the_words_tell_what_stood),
		cmocka_unit_test(by_its_end),
		TRIAL(accused_once),
		TRIAL(only_those_open_for_long),
		TRIAL(what_the_command_was_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
