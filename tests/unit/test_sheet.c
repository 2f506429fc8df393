// SPDX-License-Identifier: BSD-2-Clause
/* The account of a whole run: each connection once, in groups, as text, JSON and JUnit XML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include "fake_world.h"
#include "view/sheet.h"
#include "view/waits.h"

struct fixture {
	struct ledger *led;
	struct verdicts *v;
	struct view_input in;
	struct sheet_options opt;
	struct sheet *s;
	char *text;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	fake_world(&f->led, &f->v, true);
	f->in = fake_input(f->led, f->v);
	f->opt.json = true;
	f->s = sheet_new(&f->opt);
	*state = f;
	return f->s ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	sheet_free(f->s);
	suppress_free(f->opt.suppress);
	free(f->text);
	free(f->led);
	free(f->v);
	free(f);
	return 0;
}

static void suppressing(struct fixture *f, const char *text)
{
	char err[SUPPRESS_ERROR_LEN];
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	f->opt.suppress = suppress_parse(in, "known.supp", err);
	fclose(in);
	assert_non_null(f->opt.suppress);
	sheet_free(f->s);
	f->s = sheet_new(&f->opt);
	assert_non_null(f->s);
}

enum form {
	FORM_FINDINGS,
	FORM_REPORT,
	FORM_JSON,
	FORM_JUNIT,
	FORM_SUPPRESSIONS
};

static const char *command_of(void *arg, uint32_t pid)
{
	return pid == 4123 ? "/bin/api-gw --port 80" : NULL;
}

static const char *write_out(struct fixture *f, enum form form)
{
	struct sheet_gate gate = {
		.fail_certain = ~0ull,
		.command = "make <check> & \"more\"",
		.host = "web-1",
		.begin_ns = FAKE_NOW - 5 * FAKE_S,
		.end_ns = FAKE_NOW,
		.realtime_ns = f->in.realtime_ns,
	};
	size_t len;
	FILE *out;
	int err = 0;

	free(f->text);
	f->text = NULL;
	out = open_memstream(&f->text, &len);
	assert_non_null(out);
	switch (form) {
	case FORM_FINDINGS:
		err = sheet_report_findings(out, f->s);
		break;
	case FORM_REPORT:
		err = sheet_report(out, f->s, &f->in, command_of, NULL);
		break;
	case FORM_JSON:
		err = sheet_json(out, f->s, &f->in);
		break;
	case FORM_JUNIT:
		err = sheet_junit(out, f->s, &gate);
		break;
	case FORM_SUPPRESSIONS:
		err = sheet_report_suppressions(out, f->s, false);
		break;
	}
	assert_int_equal(err, 0);
	fclose(out);
	return f->text;
}

static void has(struct fixture *f, const char *want)
{
	if (!strstr(f->text, want))
		fail_msg("no \"%s\" in:\n%s", want, f->text);
}

static void has_not(struct fixture *f, const char *want)
{
	if (strstr(f->text, want))
		fail_msg("\"%s\" in:\n%s", want, f->text);
}

static void test_all(void **state)
{
	struct fixture *f = *state;
	const struct sheet_totals *t = sheet_totals(f->s);

	assert_int_equal(sheet_take_rest(f->s, &f->in), 0);
	assert_int_equal(t->groups, 3);
	assert_int_equal(t->findings, 80 + 3 + 7);
	assert_int_equal(t->processes, 5);
	assert_int_equal(t->running, 4);
	assert_int_equal(t->certain, 1ull << VERDICT_CLOSE_WAIT | 1ull << VERDICT_UNREAD |
					     1ull << VERDICT_DIED_HOLDING);
	assert_int_equal(t->suspected, 1ull << VERDICT_CLOSE_WAIT);
	write_out(f, FORM_FINDINGS);
	assert_true(strstr(f->text, "close-wait: 80") < strstr(f->text, "died-holding: 7"));
	assert_true(strstr(f->text, "died-holding: 7") < strstr(f->text, "unread: 3"));
}

/* What stood at a process's end is told, though nothing of it is left afterwards; and once. */
static void test_at_the_end(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sheet_take_exit(f->s, &f->in, 1, 9), 0);
	assert_int_equal(sheet_take_exit(f->s, &f->in, 1, 11), 0);
	assert_int_equal(sheet_take_exit(f->s, &f->in, 99, 0), 0);
	assert_int_equal(sheet_totals(f->s)->findings, 80);
	assert_int_equal(sheet_take_rest(f->s, &f->in), 0);
	assert_int_equal(sheet_totals(f->s)->findings, 80 + 3 + 7);
	write_out(f, FORM_REPORT);
	has(f,
	    "process 4123 (api-gw): /bin/api-gw --port 80\n"
	    "    killed by signal 11 (SIGSEGV): opened 180, closed 60, aborted 0; 86 live at its "
	    "end\n");
	has(f, "process 4200 (worker)\n    still runs");
}

/* A connection that is passed on is accused once, not once for each of its holders. */
static void test_once(void **state)
{
	struct fixture *f = *state;
	uint32_t i;

	assert_int_equal(sheet_take_exit(f->s, &f->in, 1, 0), 0);
	for (i = 0; i < FAKE_LEAKED; i++)
		f->v->f[i].proc = 2;
	assert_int_equal(sheet_take_rest(f->s, &f->in), 0);
	assert_int_equal(sheet_totals(f->s)->findings, 80 + 3 + 7);
}

static void test_json(void **state)
{
	struct fixture *f = *state;
	json_t *root, *p;

	assert_int_equal(sheet_take_exit(f->s, &f->in, 1, 3 << 8), 0);
	assert_int_equal(sheet_take_rest(f->s, &f->in), 0);
	root = json_loads(write_out(f, FORM_JSON), 0, NULL);
	assert_non_null(root);
	assert_int_equal(json_array_size(json_object_get(root, "findings")), 80 + 3 + 1);
	p = json_array_get(json_object_get(root, "processes"), 0);
	assert_int_equal(json_integer_value(json_object_get(p, "exit_status")), 3);
	assert_true(json_is_null(json_object_get(p, "exit_signal")));
	assert_true(json_is_true(json_object_get(p, "ended")));
	assert_int_equal(json_integer_value(json_object_get(root, "findings_left_out")), 0);
	json_decref(root);
}

#define MANY 150000

/* A run of more processes than anybody reads: all are counted, the guilty are all told, and of the
 * others the newest. Each end is told twice. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	const struct sheet_totals *t = sheet_totals(f->s);
	struct proc *p;
	json_t *root, *list, *newest;
	uint32_t i, left_out;

	assert_int_equal(sheet_take_exit(f->s, &f->in, 1, 3 << 8), 0);
	f->led->procs = FAKE_PROCS;
	p = &f->led->proc[FAKE_PROCS - 1];
	for (i = 0; i < MANY; i++) {
		p->pid = 300 + i % 200;
		p->start_ns = FAKE_NOW + i;
		f->in.now_ns += FAKE_S / 100;
		assert_int_equal(sheet_take_exit(f->s, &f->in, FAKE_PROCS - 1, 0), 0);
		assert_int_equal(sheet_take_exit(f->s, &f->in, FAKE_PROCS - 1, 0), 0);
	}
	assert_int_equal(t->processes, MANY + 1);
	assert_int_equal(t->findings, 80);
	root = json_loads(write_out(f, FORM_JSON), 0, NULL);
	list = json_object_get(root, "processes");
	left_out = (uint32_t)json_integer_value(json_object_get(root, "processes_left_out"));
	assert_int_equal(json_array_size(list) + left_out, MANY + 1);
	assert_in_range(json_array_size(list), 1000, 20000);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "pid")), 4123);
	newest = json_array_get(list, json_array_size(list) - 1);
	assert_int_equal(json_integer_value(json_object_get(newest, "pid")),
			 300 + (MANY - 1) % 200);
	json_decref(root);
	write_out(f, FORM_JUNIT);
	has(f, "<failure");
}

static void test_suppressed(void **state)
{
	struct fixture *f = *state;

	suppressing(f, "# known\nclass:unread\nfunction:pool_dial\ncomm:nobody\n");
	assert_int_equal(sheet_take_rest(f->s, &f->in), 0);
	assert_int_equal(sheet_totals(f->s)->findings, 7);
	assert_int_equal(sheet_totals(f->s)->suppressed, 83);
	assert_int_equal(sheet_totals(f->s)->certain, 1ull << VERDICT_DIED_HOLDING);
	write_out(f, FORM_FINDINGS);
	has_not(f, "close-wait");
	assert_string_equal(write_out(f, FORM_SUPPRESSIONS), "\nSuppressions used:\n"
							     "  count  suppression\n"
							     "      3  known.supp:2: class:unread\n"
							     "     80  known.supp:3: "
							     "function:pool_dial\n");
	write_out(f, FORM_JUNIT);
	has(f,
	    "<testsuite name=\"lostsock\" tests=\"5\" failures=\"1\" errors=\"0\" skipped=\"2\"");
	has(f, "<skipped message=\"suppressed: close-wait: 80 leaked, opened by pool_dial "
	       "(pool.c:31)\"/>");
}

static void test_junit(void **state)
{
	struct fixture *f = *state;

	f->led->proc[3] = f->led->proc[1]; /* two of one name */
	f->led->proc[3].pid = 812;
	snprintf(f->led->proc[4].comm, sizeof(f->led->proc[4].comm), "a<&\">'\x01");
	assert_int_equal(sheet_take_rest(f->s, &f->in), 0);
	write_out(f, FORM_JUNIT);
	has(f, "<testsuite name=\"lostsock\" tests=\"5\" failures=\"3\" errors=\"0\" skipped=\"0\" "
	       "time=\"5.000\" timestamp=\"2026-11-21T10:41:42Z\" hostname=\"web-1\">\n");
	has(f, "<testcase name=\"api-gw\" classname=\"make &lt;check&gt; &amp; &quot;more&quot;\" "
	       "time=\"5.000\">\n");
	has(f, "<testcase name=\"api-gw #2\"");
	has(f, "<testcase name=\"a&lt;&amp;&quot;&gt;&apos;?\"");
	has(f, "<failure type=\"close-wait\" message=\"close-wait: 80 leaked, opened by pool_dial "
	       "(pool.c:31)\">");
	has(f, "pool_dial (pool.c:31) &lt; pool_get");
	has_not(f, "\x01");
}

/* Only what is asked for fails: the rest is a note. */
static void test_fails(void **state)
{
	struct fixture *f = *state;
	struct sheet_gate gate = { .fail_certain = 1ull << VERDICT_NEVER_USED };

	assert_int_equal(sheet_take_rest(f->s, &f->in), 0);
	assert_false(sheet_fails(f->s, &gate));
	gate.fail_certain = 1ull << VERDICT_UNREAD;
	assert_true(sheet_fails(f->s, &gate));
	gate = (struct sheet_gate){ .fail_suspected = 1ull << VERDICT_UNREAD };
	assert_false(sheet_fails(f->s, &gate));
	gate.fail_suspected = 1ull << VERDICT_CLOSE_WAIT;
	assert_true(sheet_fails(f->s, &gate));
}

/* Streams: taken once with their process, in every form, and no bar to what else their socket's
 * connection is accused of. */
static void test_streams(void **state)
{
	struct fixture *f = *state;
	const struct sheet_totals *t = sheet_totals(f->s);

	f->v->n = 0;
	fake_streams(f->led, f->v);
	f->v->f[0].certain = true;
	fake_accuse(f->v, VERDICT_CLOSE_WAIT, 1, 1, 1, 60); /* of the same socket */
	assert_int_equal(sheet_take_exit(f->s, &f->in, 1, 0), 0);
	assert_int_equal(sheet_take_rest(f->s, &f->in), 0);
	assert_int_equal(t->findings, 2);
	assert_int_equal(t->certain, 1ull << VERDICT_STREAM_HALF_OPEN | 1ull << VERDICT_CLOSE_WAIT);
	write_out(f, FORM_REPORT);
	has(f, "    streams: 3 streams  1 half open  oldest 5m  0.20/s opened; told 7 nonsense\n");
	has(f, "stream-half-open: 1 stream by api-gw");
	write_out(f, FORM_JUNIT);
	has(f, "stream-half-open: 1 stream, opened by pool_dial (pool.c:31)");
	write_out(f, FORM_JSON);
	has(f, "\"class\":\"stream-half-open\"");
	has(f, "\"class\":\"close-wait\",\"kind\"");
}

static void test_streams_suppressed(void **state)
{
	struct fixture *f = *state;

	suppressing(f, "class:stream-half-open function:pool_get\n");
	f->v->n = 0;
	fake_streams(f->led, f->v);
	assert_int_equal(sheet_take_rest(f->s, &f->in), 0);
	assert_int_equal(sheet_totals(f->s)->findings, 0);
	assert_int_equal(sheet_totals(f->s)->suppressed, 1);
}

/* ---- blocked time */

static void add_wait(struct fixture *f, uint32_t tid, uint64_t count, uint64_t total_ns,
		     uint64_t since_ns)
{
	struct wait *w = &f->led->wait[f->led->waits ? f->led->waits : 1];

	*w = (struct wait){ .proc = 2,
			    .tid = tid,
			    .stack = 12,
			    .call = LS_CALL_READ,
			    .nr = 0,
			    .count = count,
			    .total_ns = total_ns,
			    .max_ns = total_ns,
			    .since_ns = since_ns };
	w->bucket[0] = 8;
	w->bucket[10] = 4;
	w->bucket[23] = 1;
	f->led->waits = (uint32_t)(w - f->led->wait) + 1;
}

static void test_waits(void **state)
{
	struct fixture *f = *state;
	struct wait_rows t = { .row = NULL };

	add_wait(f, 1, 10, 2 * FAKE_S, 0);
	add_wait(f, 2, 1, FAKE_S, FAKE_NOW - 9 * FAKE_S);
	add_wait(f, 2, 1, FAKE_S, FAKE_NOW - 99 * FAKE_S); /* it has gone on since */
	assert_int_equal(wait_rows_fill(&t, &f->in), 0);
	assert_int_equal(t.len, 4);
	/* The thread that a snapshot alone shows comes first: it has not run at all. */
	assert_int_equal(t.row[0].wait.tid, 4207);
	assert_int_equal(t.row[0].now_ns, 95 * FAKE_S);
	assert_int_equal(t.row[1].wait.tid, 2);
	assert_int_equal(t.row[1].wait.total_ns, 10 * FAKE_S);
	assert_int_equal(t.row[1].wait.max_ns, 9 * FAKE_S);
	assert_int_equal(t.row[1].wait.count, 2);
	assert_int_equal(t.row[3].now_ns, 0);
	wait_rows_fini(&t);
	assert_int_equal(sheet_take_rest(f->s, &f->in), 0);
	write_out(f, FORM_REPORT);
	has(f, "      1 worker          read               10     2s     2s  "
	       "#         =            .  read_loop (pool.c:7)  [via read]\n");
	has(f, "(for 9s now) read_loop");
}

static void test_histogram(void **state)
{
	uint32_t bucket[LS_WAIT_BUCKETS] = { [3] = 1, [4] = 8, [23] = UINT32_MAX };
	char text[LS_WAIT_BUCKETS * 4 + 1];

	assert_string_equal(wait_histogram(text, sizeof(text), bucket), "   ..                  #");
	memset(bucket, 0, sizeof(bucket));
	assert_string_equal(wait_histogram(text, sizeof(text), bucket), "                        ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all),	    TEST(test_at_the_end),
		TEST(test_once),    TEST(test_json),
		TEST(test_many),    TEST(test_suppressed),
		TEST(test_junit),   TEST(test_fails),
		TEST(test_waits),   cmocka_unit_test(test_histogram),
		TEST(test_streams), TEST(test_streams_suppressed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
