// SPDX-License-Identifier: BSD-2-Clause
/* Metrics: both formats, every zero, the limit; and the sums behind them, which never fall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/metric.h"
#include "fake_world.h"
#include "view/metrics.h"

struct fixture {
	struct ledger *led;
	struct verdicts *v;
	struct view_input in;
	struct tally *t;
	char *text;
	uint64_t dropped;
};

static const struct metrics_self self = { .version = "1.2", .ticks = 7, .tick_ns = 1500000 };

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	fake_world(&f->led, &f->v, true);
	f->in = fake_input(f->led, f->v);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tally_free(f->t);
	free(f->text);
	free(f->led);
	free(f->v);
	free(f);
	return 0;
}

static void look(struct fixture *f)
{
	f->in.now_ns += FAKE_S;
	assert_int_equal(tally_look(f->t, &f->in), 0);
}

static void tell_apart(struct fixture *f, uint32_t rows, bool by_pid)
{
	tally_free(f->t);
	f->t = tally_new(&(struct tally_options){ .rows = rows, .by_pid = by_pid });
	assert_non_null(f->t);
	look(f);
}

static const char *write_all(struct fixture *f, bool openmetrics, uint32_t max)
{
	struct metrics_options opt = {
		.tally = f->t, .self = &self, .openmetrics = openmetrics, .series_max = max
	};
	size_t len;
	FILE *out;

	free(f->text);
	f->text = NULL;
	out = open_memstream(&f->text, &len);
	assert_non_null(out);
	assert_int_equal(view_metrics(out, &f->in, &opt, &f->dropped), 0);
	fclose(out);
	return f->text;
}

/* Whether @line is there, whole. */
static void has(const struct fixture *f, const char *line)
{
	const char *at = strstr(f->text, line);
	size_t len = strlen(line);

	while (at && ((at > f->text && at[-1] != '\n') || at[len] != '\n'))
		at = strstr(at + 1, line);
	if (!at)
		fail_msg("no line '%s' in:\n%s", line, f->text);
}

static void has_not(const struct fixture *f, const char *words)
{
	if (strstr(f->text, words))
		fail_msg("'%s' in:\n%s", words, f->text);
}

static void test_text(void **state)
{
	struct fixture *f = *state;

	tell_apart(f, 0, false);
	write_all(f, false, 0);
	has(f, "# TYPE lostsock_connections gauge");
	has(f, "lostsock_connections{proto=\"tcp\",state=\"close_wait\"} 80");
	has(f, "lostsock_connections{proto=\"tcp\",state=\"syn_sent\"} 0");
	has(f, "lostsock_connections{proto=\"unix\",state=\"established\"} 1");
	has(f, "lostsock_connections{proto=\"udp\",state=\"unconnected\"} 0");
	has(f, "# TYPE lostsock_connections_opened_total counter");
	has(f, "lostsock_connections_opened_total 500");
	has(f, "lostsock_findings{class=\"close-wait\",kind=\"leak\",certainty=\"certain\"} 79");
	has(f, "lostsock_findings{class=\"close-wait\",kind=\"leak\",certainty=\"suspected\"} 1");
	has(f, "lostsock_findings{class=\"inherited\",kind=\"leak\",certainty=\"certain\"} 0");
	has(f, "lostsock_findings{class=\"died-holding\",kind=\"leak\",certainty=\"certain\"} 7");
	has(f, "lostsock_oldest_finding_seconds{class=\"close-wait\"} 8041");
	has(f, "lostsock_oldest_finding_seconds{class=\"inherited\"} 0");
	has(f, "# TYPE lostsock_connection_age_seconds histogram");
	has(f, "lostsock_connection_age_seconds_bucket{proto=\"unix\",le=\"4.0\"} 0");
	has(f, "lostsock_connection_age_seconds_bucket{proto=\"unix\",le=\"16.0\"} 1");
	has(f, "lostsock_connection_age_seconds_bucket{proto=\"unix\",le=\"+Inf\"} 1");
	has(f, "lostsock_connection_age_seconds_sum{proto=\"unix\"} 6");
	has(f, "lostsock_connection_age_seconds_count{proto=\"unix\"} 1");
	has(f, "lostsock_tick_seconds 0.0015");
	has(f, "lostsock_leaked_connections 80");
	has(f, "lostsock_stalled_connections 3");
	has(f, "lostsock_series_dropped 0");
	has(f, "# TYPE lostsock_build_info gauge");
	has_not(f, "# EOF");
	has_not(f, "# UNIT");
	has_not(f, "pid=");
}

static void test_openmetrics(void **state)
{
	struct fixture *f = *state;

	tell_apart(f, 0, false);
	write_all(f, true, 0);
	has(f, "# TYPE lostsock_connections_opened counter");
	has(f, "lostsock_connections_opened_total 500");
	has(f, "# TYPE lostsock_connection_age_seconds gaugehistogram");
	has(f, "# UNIT lostsock_connection_age_seconds seconds");
	has(f, "lostsock_connection_age_seconds_gcount{proto=\"unix\"} 1");
	has(f, "lostsock_connection_age_seconds_gsum{proto=\"unix\"} 6");
	has(f, "# TYPE lostsock_build info");
	has_not(f, "lostsock_connection_age_seconds_count");
	has_not(f, "# TYPE lostsock_connections_opened_total");
}

/* Names are bytes that anybody may choose. */
static void test_escapes(void **state)
{
	struct fixture *f = *state;

	snprintf(f->led->proc[1].comm, sizeof(f->led->proc[1].comm), "a\"b\\c\nd\xff");
	tell_apart(f, 0, false);
	write_all(f, false, 0);
	has_not(f, "\xff");
	if (!strstr(f->text, "{comm=\"a\\\"b\\\\c?d?\","))
		fail_msg("%s", f->text);
}

static void test_limit(void **state)
{
	struct fixture *f = *state;
	uint64_t all = 0;
	const char *at;

	tell_apart(f, 0, false);
	for (at = write_all(f, false, 0); at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
		all += *at == 'l';
	write_all(f, false, 100);
	assert_int_equal(f->dropped, all - 1 - 100);
	has_not(f, "lostsock_process_findings{");
	/* It says so, and every line is whole. */
	assert_non_null(strstr(f->text, "\nlostsock_series_dropped "));
	has_not(f, "lostsock_series_dropped 0");
}

/* ---- tally */

static const struct tally_row *row_of(const struct fixture *f, const char *comm)
{
	const struct tally_row *r;
	uint32_t i = 0;

	while ((r = tally_next(f->t, &i)))
		if (!strcmp(r->comm, comm))
			return r;
	return NULL;
}

static uint32_t told(const struct fixture *f)
{
	uint32_t i = 0, n = 0;

	while (tally_next(f->t, &i))
		n++;
	return n;
}

/* A counter never falls: not when a process ends, nor when another takes its place. */
static void test_counters(void **state)
{
	struct fixture *f = *state;
	struct proc *p = &f->led->proc[1];
	const struct tally_row *r;
	uint64_t before;

	tell_apart(f, 0, false);
	r = row_of(f, p->comm);
	assert_non_null(r);
	before = r->opened;
	assert_int_equal(before, p->opened);
	/* It opens ten more, ends, and another one of that name has the same place and pid. */
	p->opened += 10;
	assert_int_equal(tally_count(f->t, f->led), 0);
	p->start_ns += FAKE_S;
	p->opened = 4;
	p->closed = p->aborted = 0;
	look(f);
	r = row_of(f, p->comm);
	assert_int_equal(r->opened, before + 14);
	/* Another name takes what comes, and nothing of what was. */
	p->opened += 5;
	snprintf(p->comm, sizeof(p->comm), "renamed");
	look(f);
	assert_int_equal(row_of(f, "renamed")->opened, 5);
}

/* A name that is gone has no series after a while, and goes on where it was. */
static void test_retired(void **state)
{
	struct fixture *f = *state;
	struct proc was = f->led->proc[1], *p = &f->led->proc[1];

	tell_apart(f, 0, false);
	p->pid = 0;
	f->v->proc[1] = (struct proc_verdict){ .leaked = 0 };
	look(f);
	assert_non_null(row_of(f, was.comm));
	assert_int_equal(row_of(f, was.comm)->processes, 0);
	f->in.now_ns += 601 * FAKE_S;
	look(f);
	assert_null(row_of(f, was.comm));
	*p = was;
	p->start_ns += FAKE_S;
	p->opened = 1;
	f->led->totals.time_ns = f->in.now_ns;
	look(f);
	assert_int_equal(row_of(f, was.comm)->opened, was.opened + 1);
}

/* Those that lose most are told apart, also if they come late; the sum stays the sum. */
static void test_top(void **state)
{
	struct fixture *f = *state;
	const struct tally_row *r, *other;
	uint64_t opened, was;

	tell_apart(f, 2, false);
	assert_int_equal(told(f), 2);
	assert_non_null(row_of(f, f->led->proc[1].comm));
	assert_non_null(row_of(f, f->led->proc[2].comm));
	assert_true(tally_others(f->t) >= 1);
	other = tally_other(f->t);
	was = other->opened;
	opened = row_of(f, f->led->proc[2].comm)->opened;
	/* A process that was among the others loses more than the second. */
	fake_accuse(f->v, VERDICT_CLOSE_WAIT, 0, 3, 50, 10);
	f->led->proc[3].opened += 50;
	look(f);
	r = row_of(f, f->led->proc[3].comm);
	assert_non_null(r);
	assert_null(row_of(f, f->led->proc[2].comm));
	assert_int_equal(r->leaked, 50);
	/* What it opened before it was told apart is the others', and stays theirs. */
	assert_int_equal(tally_other(f->t)->opened, was + 50);
	assert_int_equal(tally_other(f->t)->stalled, 3);
	/* Back again, the second goes on where it was. */
	fake_accuse(f->v, VERDICT_CLOSE_WAIT, 0, 2, 100, 10);
	look(f);
	assert_int_equal(row_of(f, f->led->proc[2].comm)->opened, opened);
	assert_int_equal(told(f), 2);
}

static void test_by_pid(void **state)
{
	struct fixture *f = *state;
	struct proc *p = &f->led->proc[1];
	uint64_t opened = p->opened;
	char line[128];

	tell_apart(f, 0, true);
	write_all(f, false, 0);
	if (!strstr(f->text, ",pid=\"4123\"} 80\n"))
		fail_msg("%s", f->text);
	snprintf(line, sizeof(line), ",pid=\"\"} %llu\n", (unsigned long long)opened);
	assert_null(strstr(f->text, line));
	p->pid = 0;
	look(f);
	write_all(f, false, 0);
	has_not(f, "pid=\"4123\"");
	assert_non_null(strstr(f->text, line));
}

static struct tally_fds fds_of(uint32_t pid)
{
	/* The second has most of what it may have, the third is not known. */
	static const struct tally_fds fds[] = { { 100, 1000 }, { 90, 100 }, { 0, 0 } };

	return fds[pid % 3];
}

/* Of many processes with a name, the one that is closest to its limit is told; none where nobody
 * knows. */
static void test_fds(void **state)
{
	struct fixture *f = *state;
	struct proc *p = f->led->proc;
	uint32_t id;

	for (id = 1; id < f->led->procs; id++) {
		p[id].pid = 3000 + id;
		p[id].exit_ns = 0;
		p[id].live = 1;
		snprintf(p[id].comm, sizeof(p[id].comm), "twin");
		p[id].cgroup_path = "";
	}
	f->t = tally_new(&(struct tally_options){ .fds = fds_of });
	look(f);
	write_all(f, false, 0);
	has(f, "lostsock_process_open_fds{comm=\"twin\",container=\"\"} 90");
	has(f, "lostsock_process_max_fds{comm=\"twin\",container=\"\"} 100");
	/* Who is not known has no sample, and is no zero. */
	tally_free(f->t);
	f->t = tally_new(&(struct tally_options){ .fds = fds_of, .by_pid = true });
	look(f);
	write_all(f, false, 0);
	has_not(f, "_fds{comm=\"twin\",container=\"\",pid=\"3002\"}");
	has(f, "lostsock_process_open_fds{comm=\"twin\",container=\"\",pid=\"3001\"} 90");
}

/* Time and number of a program's runs are told where the kernel keeps them, what it left out
 * always. */
static void test_self(void **state)
{
	static const struct metrics_program program[] = {
		{ .name = "files", .runs = 3, .run_ns = 1500000000, .missed = 0 },
		{ .name = "conn_end", .missed = 7 },
	};
	struct fixture *f = *state;
	struct metrics_self mine = { .version = "1",
				     .dropped = 5,
				     .look_ns = 1795257702500000000,
				     .program = program,
				     .programs = 2 };
	struct metrics_options opt = { .self = &mine };
	size_t len;
	FILE *out;

	tell_apart(f, 0, false);
	opt.tally = f->t;
	out = open_memstream(&f->text, &len);
	assert_non_null(out);
	assert_int_equal(view_metrics(out, &f->in, &opt, &f->dropped), 0);
	fclose(out);
	has(f, "lostsock_bpf_run_seconds_total{program=\"files\"} 1.5");
	has(f, "lostsock_bpf_runs_total{program=\"files\"} 3");
	has(f, "lostsock_bpf_missed_runs_total{program=\"files\"} 0");
	has(f, "lostsock_bpf_missed_runs_total{program=\"conn_end\"} 7");
	has_not(f, "lostsock_bpf_runs_total{program=\"conn_end\"}");
	has_not(f, "lostsock_bpf_run_seconds_total{program=\"conn_end\"}");
	has(f, "lostsock_connections_dropped 5");
	has(f, "lostsock_last_look_timestamp_seconds 1795257702.5");
	has(f, "lostsock_interval_seconds 2");
	has(f, "lostsock_ledger_capacity{table=\"connections\"} 1000000");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_text),     CASE(test_openmetrics), CASE(test_escapes), CASE(test_limit),
		CASE(test_counters), CASE(test_retired),     CASE(test_top),	 CASE(test_by_pid),
		CASE(test_fds),	     CASE(test_self),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
