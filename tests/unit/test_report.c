/* SPDX-License-Identifier: BSD-2-Clause */
/* The plain-text report, line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "fake_world.h"

struct fixture {
	struct ledger *led;
	struct verdicts *v;
	struct view_input in;
	struct view_report_options opt;
	char *text;
};

static int set_up_world(void **state, bool leaks)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	fake_world(&f->led, &f->v, leaks);
	f->in = fake_input(f->led, f->v);
	*state = f;
	return 0;
}

static int set_up(void **state)
{
	return set_up_world(state, true);
}

static int set_up_healthy(void **state)
{
	return set_up_world(state, false);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	free(f->text);
	free(f->led);
	free(f->v);
	free(f);
	return 0;
}

static const char *report(struct fixture *f)
{
	size_t len;
	FILE *out;

	free(f->text);
	f->text = NULL;
	out = open_memstream(&f->text, &len);
	assert_non_null(out);
	assert_int_equal(view_report(out, &f->in, &f->opt), 0);
	fclose(out);
	return f->text;
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no \"%s\" in:\n%s", line, text);
}

static void test_whole(void **state)
{
	/* In the C locale, which a test runs in: no UTF-8. */
	static const char want[] =
		"2026-11-21T10:41:42Z  web-1  6.18.44 x86_64  5 processes  92 sockets  "
		"watched 10m 5s  80 leaked  3 stalled\n"
		"\n"
		" PID  COMM             LIVE  LEAKED  STALL  CLASS\n"
		"4123  api-gw             86      80      0  close-wait\n"
		"4200  worker              4       0      3  unread\n"
		" 812  postgres            1       0      0  -\n"
		" 900  b??[2Jd             1       0      0  -\n"
		" 950  crashed (ended)     0       0      0  died-holding\n"
		"\n"
		"close-wait: 80 leaked by api-gw (pid 4123, api-gw.service), "
		"1 of them suspected, oldest >=2h 14m\n"
		"    opened by pool_dial (pool.c:31) < pool_get (pool.c:88)"
		"  [via libdial.so.1+0x1f2 [9f86d081], connect]\n"
		"    where     10.0.0.5:40001 -> 10.0.0.9:443  tcp client close_wait fd 7\n"
		"    held by   api-gw (pid 4123) fd 7, worker (pid 4200) fd 9\n"
		"    waits     goroutine parked in read(): read_loop (pool.c:7)  [via read]\n"
		"    last read read_loop (pool.c:7)  [via read], thread 4125, which found nothing "
		"4s ago\n"
		"    evidence  evidence of finding 1\n"
		"    remedy    close it: the reader must see EOF or a done signal\n"
		"\n"
		"died-holding: 7 connections by crashed (pid 950), oldest 30s\n"
		"    evidence  evidence of finding 0\n"
		"    remedy    mend the crash in shutdown or accounting\n"
		"\n"
		"unread: 3 stalled by worker (pid 4200, docker:3f2a91c0b7de), oldest 1m 35s\n"
		"    where     10.0.0.9:40081 -> 10.0.0.5:8080  tcp server established fd 87\n"
		"    waits     thread 4207 worker-3 in read(): read_loop (pool.c:7)  [via read]\n"
		"    evidence  evidence of finding 81\n"
		"    remedy    the reader is stuck: see what it waits for\n";
	struct fixture *f = *state;

	f->opt.columns = "pid,comm,live,leaked,stalled,class";
	assert_string_equal(report(f), want);
}

static void test_healthy(void **state)
{
	struct fixture *f = *state;
	const char *text = report(f);

	assert_has(text, "\nNo leaks: 9 sockets in 5 processes look healthy, watched for 10m 5s\n");
	assert_null(strstr(text, "LOST"));
	assert_null(strstr(text, "\033"));
}

static void test_warnings(void **state)
{
	struct fixture *f = *state;

	f->led->totals.lost[LS_LOST_RING] = 12;
	f->led->totals.lost[LS_LOST_STACK] = 3;
	f->in.incomplete = f->in.replay = true;
	assert_has(report(f), "\nLOST 15 RECORDS: ring 12, stack 3\n");
	assert_has(f->text, "\nINCOMPLETE: ");
	assert_has(f->text, "  REPLAY\n");
}

static void test_color(void **state)
{
	struct fixture *f = *state;

	f->opt.color = VIEW_COLOR_ALWAYS;
	assert_has(report(f), "\033[1;31mclose-wait\033[0m");
	assert_has(f->text, "\033[33munread\033[0m");
	assert_null(strstr(f->text, "\033[2Jd")); /* the name of a process */
}

static void test_sort(void **state)
{
	struct fixture *f = *state;

	f->opt.columns = "pid";
	f->opt.sort = "stalled";
	assert_has(report(f), " PID\n4200\n4123\n");
	f->opt.sort = "comm";
	assert_has(report(f), " PID\n4123\n 900\n 950\n 812\n4200\n");
	f->opt.sort = "nonsense";
	assert_int_equal(view_report(stderr, &f->in, &f->opt), -EINVAL);
}

static void test_some(void **state)
{
	struct fixture *f = *state;

	f->opt.columns = "pid";
	f->opt.max_processes = 2;
	assert_has(report(f), " PID\n4123\n4200\n... and 3 more processes\n");
	f->opt.filter.comm = "work";
	assert_has(report(f), "\n PID\n4200\n\nunread: 3 stalled");
	f->opt.filter = (struct view_filter){ .class_mask = 1ull << VERDICT_UNREAD };
	assert_has(report(f), "\n PID\n4200\n\nunread: 3 stalled");
	assert_null(strstr(f->text, "close-wait"));
}

static void test_closed_pipe(void **state)
{
	struct fixture *f = *state;
	FILE *out = fopen("/dev/full", "w");

	if (!out)
		skip();
	assert_int_equal(view_report(out, &f->in, NULL), -ENOSPC);
	fclose(out);
}

static void test_streams(void **state)
{
	struct fixture *f = *state;
	const char *text = report(f);

	if (strstr(text, "streams"))
		fail_msg("it speaks of streams where there are none:\n%s", text);
	fake_streams(f->led, f->v);
	text = report(f);
	assert_has(text, "\n3 streams  1 half open  oldest 5m  0.20/s opened\n");
	assert_has(text, "\nstream-half-open: 1 stream by api-gw (pid 4123, api-gw.service), "
			 "suspected, oldest 2m\n"
			 "    opened by pool_dial (pool.c:31) < pool_get (pool.c:88)");
	f->opt.columns = "pid,streams,half_open";
	assert_has(report(f), "\n4123        3     1\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_whole),
		cmocka_unit_test_setup_teardown(test_healthy, set_up_healthy, tear_down),
		T(test_warnings),
		T(test_color),
		T(test_sort),
		T(test_some),
		T(test_closed_pipe),
		T(test_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
