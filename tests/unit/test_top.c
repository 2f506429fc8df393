/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the full-screen view shows and what keys do, in a terminal of its own: a pty takes the place
 * of standard input and output, and what curses believes to be on the screen is read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "fake_world.h"
#include "view/top.h"

#define DOWN "\033OB"

struct fixture {
	struct ledger *led;
	struct verdicts *v;
	struct view_input in;
	struct view_top *top;
	int pty;
	int keep[2]; /* the real input and output */
	char line[512];
};

static void set_size(int pty, unsigned short w, unsigned short h)
{
	struct winsize ws = { .ws_row = h, .ws_col = w };

	assert_int_equal(ioctl(pty, TIOCSWINSZ, &ws), 0);
}

static int open_pty(struct fixture *f)
{
	int tty;

	f->pty = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (f->pty < 0 || grantpt(f->pty) || unlockpt(f->pty))
		return -1;
	tty = open(ptsname(f->pty), O_RDWR | O_NOCTTY);
	if (tty < 0)
		return -1;
	fflush(stdout);
	f->keep[0] = dup(STDIN_FILENO);
	f->keep[1] = dup(STDOUT_FILENO);
	dup2(tty, STDIN_FILENO);
	dup2(tty, STDOUT_FILENO);
	close(tty);
	set_size(f->pty, 80, 24);
	return 0;
}

static int set_up_world(void **state, bool leaks)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	fake_world(&f->led, &f->v, leaks);
	f->in = fake_input(f->led, f->v);
	*state = f;
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	unsetenv("LINES");
	unsetenv("COLUMNS");
	if (open_pty(f))
		return -1;
	f->top = view_top_open(NULL);
	return f->top ? 0 : -1;
}

static int set_up(void **state)
{
	return set_up_world(state, true);
}

static int set_up_healthy(void **state)
{
	return set_up_world(state, false);
}

/* The terminal's output must be taken, or a write to it would block. */
static void drain(struct fixture *f)
{
	char buf[4096];

	while (read(f->pty, buf, sizeof(buf)) > 0)
		;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	drain(f);
	view_top_close(f->top);
	drain(f);
	fflush(stdout);
	dup2(f->keep[0], STDIN_FILENO);
	dup2(f->keep[1], STDOUT_FILENO);
	close(f->keep[0]);
	close(f->keep[1]);
	close(f->pty);
	free(f->led);
	free(f->v);
	free(f);
	return 0;
}

static void update(struct fixture *f)
{
	drain(f);
	view_top_update(f->top, &f->in);
	drain(f);
}

static bool type(struct fixture *f, const char *keys)
{
	struct timespec wait = { .tv_nsec = 1000000 };
	int ready = 0, i;

	assert_int_equal(write(f->pty, keys, strlen(keys)), (ssize_t)strlen(keys));
	for (i = 0; i < 1000 && ready < (int)strlen(keys); i++) {
		nanosleep(&wait, NULL);
		ioctl(STDIN_FILENO, FIONREAD, &ready);
	}
	drain(f);
	return view_top_input(f->top, &f->in);
}

static const char *line(struct fixture *f, int y)
{
	char *end;

	mvinnstr(y, 0, f->line, sizeof(f->line) - 1);
	for (end = f->line + strlen(f->line); end > f->line && end[-1] == ' '; end--)
		end[-1] = '\0';
	return f->line;
}

static void assert_line(struct fixture *f, int y, const char *want)
{
	if (!strstr(line(f, y), want))
		fail_msg("line %d is \"%s\", not \"%s\"", y, f->line, want);
}

static bool on_screen(struct fixture *f, const char *want)
{
	int y;

	for (y = 0; y < LINES; y++)
		if (strstr(line(f, y), want))
			return true;
	return false;
}

static void test_progress(void **state)
{
	struct fixture *f = *state;

	view_top_progress(f->top, "reading 120,000 sockets");
	assert_true(on_screen(f, "reading 120,000 sockets"));
	assert_true(view_top_input(f->top, NULL));
	update(f);
	assert_false(on_screen(f, "reading"));
}

static void test_list(void **state)
{
	struct fixture *f = *state;

	update(f);
	assert_line(f, 0, "lostsock  web-1  ");
	assert_line(f, 0, "watched 10m 5s  every 2s");
	assert_line(f, 1, "5 processes  92 sockets  80 leaked  3 stalled");
	assert_line(f, 2, "PID COMM          LIVE LEAKED STALL OPEN/S CLOS/S OLDEST  TREND CLASS");
	assert_line(f, 3, "   4123 api-gw          86     80     0");
	assert_line(f, 7, "    950 crashed (end");
	assert_line(f, 23, "Enter detail");
	assert_true(on_screen(f, "b??[2Jd"));
}

static void test_healthy(void **state)
{
	struct fixture *f = *state;

	update(f);
	assert_line(f, 1, "No leaks: 9 sockets in 5 processes look healthy");
	type(f, "\n");
	assert_true(on_screen(f, "No leaks: its 6 connections look healthy"));
}

/* What the dead and the reset have left is no open connection, but no health either. */
static void test_only_died(void **state)
{
	struct fixture *f = *state;

	f->led->proc[5].exit_ns = FAKE_NOW;
	fake_accuse(f->v, VERDICT_DIED_HOLDING, 0, 5, 7, 30);
	update(f);
	assert_line(f, 1, "5 processes  9 sockets  0 leaked  0 stalled");
	assert_true(on_screen(f, "died-holding"));
}

static void test_empty(void **state)
{
	struct fixture *f = *state;

	f->led->procs = f->led->conns = 1;
	f->led->totals.conns = 0;
	update(f);
	assert_true(on_screen(f, "No leaks: 0 sockets in 0 processes look healthy, watched for"));
	type(f, "\nGgnr");
}

static void test_warnings(void **state)
{
	struct fixture *f = *state;

	f->led->totals.lost[LS_LOST_ROW] = 4;
	f->in.replay = f->in.incomplete = true;
	update(f);
	assert_line(f, 0, "REPLAY");
	assert_line(f, 0, "INCOMPLETE");
	assert_line(f, 2, "LOST 4 RECORDS: row 4");
}

/* The selection stays with its process when others come and go. */
static void test_selection(void **state)
{
	struct fixture *f = *state;

	update(f);
	assert_int_equal(f->top->pid, 4123);
	type(f, DOWN "jk");
	assert_int_equal(f->top->pid, 4200);
	f->v->proc[2].leaked = 500;
	update(f);
	assert_int_equal(f->top->pid, 4200);
	assert_int_equal(f->top->list.at, 0);
	type(f, "r");
	assert_int_equal(f->top->pid, 4200);
	type(f, "G");
	assert_int_equal(f->top->list.at, 4);
	type(f, "g");
	assert_int_equal(f->top->list.at, 0);
}

static void test_detail(void **state)
{
	struct fixture *f = *state;

	update(f);
	type(f, "\n");
	assert_line(f, 2, "4123 api-gw  api-gw.service  86 live  80 leaked  0 stalled");
	assert_line(f, 4, "close-wait       mixed         80  >=2h 14m  10.0.0.5:40001");
	assert_line(f, 5, "opened by pool_dial (pool.c:31) < pool_get (pool.c:88)");
	assert_line(f, 7, "evidence  evidence of finding 1");
	assert_line(f, 8, "remedy    close it:");
	assert_line(f, 9, "waits     goroutine parked in read(): read_loop (pool.c:7)");
	assert_line(f, 10, "last read read_loop (pool.c:7)");
	assert_line(f, 13, "7 10.0.0.9:443           close_wait   >2h14  1h07");
	type(f, "\tG");
	assert_int_equal(f->top->detail.conn_at.at, 85);
	f->led->conn[1].cookie = 0; /* closed while it was on the screen */
	type(f, "g");
	assert_true(on_screen(f, "closed meanwhile"));
	type(f, "\t");
	f->v->n = 0;
	update(f);
	assert_true(on_screen(f, "No leaks: its 85 connections"));
	f->led->proc[1].pid = 0;
	update(f);
	assert_true(on_screen(f, "has ended"));
	type(f, "q");
	assert_true(on_screen(f, "PID COMM"));
}

static void test_pause(void **state)
{
	struct fixture *f = *state;

	update(f);
	type(f, " ");
	assert_line(f, 0, "PAUSED");
	f->led->proc[1].live = 99;
	update(f);
	assert_line(f, 0, "PAUSED, 1 behind");
	assert_line(f, 3, "api-gw          86");
	type(f, "p");
	assert_line(f, 3, "api-gw          99");
	assert_false(on_screen(f, "PAUSED"));
}

/* Rates are those since the last snapshot; the first shows the mean. */
static void test_rates(void **state)
{
	struct fixture *f = *state;

	update(f);
	assert_true(f->top->rows.row[0].opened_per_s < 1);
	f->in.now_ns += 2 * FAKE_S;
	f->led->proc[1].opened += 50;
	f->led->proc[1].closed += 10;
	update(f);
	assert_true(f->top->rows.row[0].opened_per_s > 24.9);
	assert_true(f->top->rows.row[0].opened_per_s < 25.1);
	assert_line(f, 3, "25    5.0");
	update(f); /* the same moment again */
	assert_line(f, 3, "25    5.0");
}

static void test_words(void **state)
{
	struct fixture *f = *state;

	update(f);
	type(f, "/POST\n");
	assert_int_equal(f->top->pid, 812);
	type(f, "/nobody\n");
	assert_true(on_screen(f, "Nothing matches \"nobody\""));
	type(f, "/docker\n");
	assert_int_equal(f->top->pid, 4200);
	type(f, "g/w\nn");
	assert_int_equal(f->top->pid, 4200);
	type(f, "fworkx\177");
	assert_line(f, 23, "Filter: work");
	assert_int_equal(f->top->shown_n, 1);
	type(f, "\n");
	assert_line(f, 2, "only \"work\"");
	type(f, "f\x15zzz\n");
	assert_true(on_screen(f, "Nothing matches \"zzz\". Esc drops the filter."));
	type(f, "\033");
	assert_int_equal(f->top->shown_n, 5);
}

static void test_picks(void **state)
{
	struct fixture *f = *state;

	update(f);
	type(f, "s");
	assert_true(on_screen(f, "RANK BY"));
	type(f, "g\n");
	assert_int_equal(f->top->pid, 4123);
	assert_line(f, 3, "812 postgres");
	type(f, "cj\n");
	assert_line(f, 2, "only close-wait");
	assert_int_equal(f->top->shown_n, 1);
	type(f, "cg\n");
	assert_int_equal(f->top->shown_n, 5);
	type(f, "?");
	assert_true(on_screen(f, "search a name, pid, container or class"));
	type(f, "Gq");
	assert_true(on_screen(f, "PID COMM"));
}

/* A line where somebody tells of streams; in the detail, the connections that carry them. */
static void test_streams(void **state)
{
	struct fixture *f = *state;

	update(f);
	assert_false(on_screen(f, "streams"));
	fake_streams(f->led, f->v);
	f->led->carrier[1].cookie = 0;
	update(f);
	assert_line(f, 2, "3 streams  1 half open  oldest 5m  ");
	assert_line(f, 2, "(7 nonsense)");
	assert_line(f, 3, "PID COMM");
	type(f, "g\n");
	assert_true(on_screen(f, "stream-half-open"));
	assert_true(on_screen(f, "streams   3 streams  1 half open"));
	assert_true(
		on_screen(f, "connection 2a of tether  2 live, 1 half open, oldest 5m, none left"));
	assert_true(on_screen(f, "connection c000 of quic-go  1 live, 0 half open, oldest 5s"));
}

/* Any size from nothing to wide: no line too long, no crash, and the same keys. */
static void test_sizes(void **state)
{
	static const unsigned short widths[] = { 1, 5, 19, 20, 33, 80, 132, 300 };
	static const unsigned short heights[] = { 1, 2, 3, 4, 5, 8, 11, 24, 60 };
	struct fixture *f = *state;
	size_t w, h;

	fake_streams(f->led, f->v);
	update(f);
	for (w = 0; w < sizeof(widths) / sizeof(widths[0]); w++)
		for (h = 0; h < sizeof(heights) / sizeof(heights[0]); h++) {
			set_size(f->pty, widths[w], heights[h]);
			update(f);
			assert_int_equal(COLS, widths[w]);
			assert_int_equal(LINES, heights[h]);
			type(f, "jG\n\tjGq");
			type(f, "?Gqsqcq/x\n");
		}
	set_size(f->pty, 20, 3);
	update(f);
	type(f, "g");
	assert_line(f, 0, "80 leaked");
	assert_line(f, 2, "4123");
	set_size(f->pty, 10, 2);
	update(f);
	assert_line(f, 0, "80 leaked");
}

/* Where there is little room, what is wrong and what mends it go first. */
static void test_small_detail(void **state)
{
	struct fixture *f = *state;
	unsigned short width;
	int y;

	set_size(f->pty, 40, 12);
	update(f);
	type(f, "\n");
	assert_true(on_screen(f, "evidence"));
	assert_true(on_screen(f, "remedy"));
	/* A text that goes on in the next line is not cut. */
	for (width = 44; width < 60; width++) {
		set_size(f->pty, width, 40);
		update(f);
		for (y = 0; !strstr(line(f, y), "remedy"); y++)
			assert_true(y < LINES);
		assert_null(strstr(f->line, "…"));
		assert_null(strchr(f->line, '~'));
	}
}

static void test_quit(void **state)
{
	struct fixture *f = *state;

	update(f);
	assert_true(type(f, "\n"));
	assert_true(type(f, "q"));
	assert_false(type(f, "q"));
}

/* Each key does one thing on each screen. */
static void test_key_table(void **state)
{
	const struct top_key *a, *b;
	unsigned int i, j, x, y;

	for (i = 0; (a = top_key_get(i)); i++)
		for (j = i + 1; (b = top_key_get(j)); j++)
			for (x = 0; x < 4 && a->codes[x]; x++)
				for (y = 0; y < 4 && b->codes[y]; y++)
					if (a->codes[x] == b->codes[y] && a->action != b->action)
						assert_int_equal(a->screens & b->screens, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_progress),
		T(test_list),
		cmocka_unit_test_setup_teardown(test_healthy, set_up_healthy, tear_down),
		cmocka_unit_test_setup_teardown(test_only_died, set_up_healthy, tear_down),
		T(test_empty),
		T(test_warnings),
		T(test_selection),
		T(test_detail),
		T(test_pause),
		T(test_rates),
		T(test_words),
		T(test_picks),
		T(test_streams),
		T(test_sizes),
		T(test_small_detail),
		T(test_quit),
		cmocka_unit_test(test_key_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
