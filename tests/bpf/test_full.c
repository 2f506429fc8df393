/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's tables, made small and then full: it is counted, nobody is accused, and when those
 * that fill them are gone there is room for others. */
#include <signal.h>
#include <time.h>

#include "ledger/ledger.h"
#include "source/live_internal.h"
#include "verdict/verdict.h"
#include "watch.h"

#define ROWS 8
#define MANY 20

struct full {
	struct source src;
	struct ledger *led;
	struct verdicts *verdicts;
	struct verdict_thresholds after;
	uint32_t waits; /* LS_WAIT that came, of the threads of the last generation */
	pid_t root;	/* who is watched, and whose children are */
	int to_root, from_root;
	int listener, server[MANY];
	uint16_t port;
};

/* ---- the watched ones */

static void one_child(uint16_t port, int hold, int ready)
{
	int fd = connect_to(AF_INET, port), i;
	char c;

	say(fd, 1);
	hear(fd, 1);
	for (i = 0; i < 5; i++) /* it sleeps here and there */
		usleep(1000);
	if (write(ready, "", 1) == 1 && read(hold, &c, 1) == 0)
		_exit(0);
	_exit(1);
}

/* 'f': one more child, 'e': all of them end. Answers when that is so. */
static void root_runs(uint16_t port, int in, int out)
{
	int hold[2] = { -1, -1 }, ready[2];
	char c, r;

	if (pipe2(ready, O_CLOEXEC) || pipe2(hold, O_CLOEXEC))
		_exit(1);
	while (read(in, &c, 1) == 1) {
		if (c == 'f' && !fork()) {
			close(hold[1]);
			one_child(port, hold[0], ready[1]);
		}
		if (c == 'f' && read(ready[0], &r, 1) != 1)
			_exit(1);
		if (c == 'e') {
			close(hold[0]);
			close(hold[1]);
			while (waitpid(-1, NULL, 0) > 0)
				;
			if (pipe2(hold, O_CLOEXEC))
				_exit(1);
		}
		if (write(out, "", 1) != 1)
			break;
	}
	_exit(0);
}

static void root_starts(struct full *f)
{
	int down[2], up[2];

	f->listener = listen_on_loopback(AF_INET, 64);
	f->port = port_of(f->listener);
	assert_int_equal(pipe2(down, O_CLOEXEC) | pipe2(up, O_CLOEXEC), 0);
	f->root = fork();
	assert_true(f->root >= 0);
	if (!f->root) {
		close(down[1]);
		close(up[0]);
		root_runs(f->port, down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	f->to_root = down[1];
	f->from_root = up[0];
}

static void answered(struct full *f)
{
	char c;

	assert_int_equal(read(f->from_root, &c, 1), 1);
}

static void children_start(struct full *f, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		assert_int_equal(write(f->to_root, "f", 1), 1);
		f->server[i] = accept(f->listener, NULL, NULL);
		hear(f->server[i], 1);
		say(f->server[i], 1);
		answered(f);
	}
}

static void children_end(struct full *f, int n)
{
	assert_int_equal(write(f->to_root, "e", 1), 1);
	answered(f);
	while (n--)
		close(f->server[n]);
}

/* ---- the watch */

static int apply(void *ctx, const struct ls_hdr *rec)
{
	struct full *f = ctx;

	f->waits += rec->type == LS_WAIT;
	assert_true(ledger_apply(f->led, rec) != -EBADMSG);
	return 0;
}

static void look(struct full *f)
{
	assert_int_equal(f->src.ops->pump(f->src.arg, apply, f), 0);
	assert_int_equal(f->src.ops->snapshot(f->src.arg,
					      LS_PASS_FILES | LS_PASS_TASKS | LS_PASS_SOCKS, apply,
					      f),
			 0);
}

static uint32_t findings(struct full *f)
{
	assert_int_equal(
		verdicts_judge(f->verdicts, f->led, &f->after, f->src.ops->now_ns(f->src.arg)), 0);
	return verdicts_count(f->verdicts);
}

/* Processes of the ledger that hold a connection. */
static uint32_t holders(const struct full *f)
{
	uint32_t id, n = 0;

	for (id = 1; id < ledger_proc_end(f->led); id++) {
		const struct proc *p = ledger_proc(f->led, id);

		n += p && !p->exit_ns && p->live;
	}
	return n;
}

static uint64_t lost(const struct full *f)
{
	return ledger_totals(f->led)->lost[LS_LOST_MAP];
}

static int full_setup(void **state, uint32_t detail)
{
	struct full *f = calloc(1, sizeof(*f));
	struct live_options opt = { .rows_max = ROWS, .pid_count = 1, .detail = detail };
	char err[LIVE_ERROR_LEN], why[VERDICT_WHY_LEN];
	uint32_t pid;

	assert_non_null(f);
	root_starts(f);
	pid = (uint32_t)f->root;
	opt.pids = &pid;
	if (live_open(&f->src, &opt, err)) {
		print_error("%s\n", err);
		return -1;
	}
	f->led = ledger_new(NULL);
	f->verdicts = verdicts_new();
	verdict_thresholds_init(&f->after);
	*state = f;
	if (verdict_thresholds_parse(&f->after, "1s", why, sizeof(why)))
		return -1;
	look(f);
	return f->led && f->verdicts ? 0 : -1;
}

static int setup_plain(void **state)
{
	return full_setup(state, 0);
}

static int setup_waits(void **state)
{
	return full_setup(state, LIVE_WAITS);
}

static int full_teardown(void **state)
{
	struct full *f = *state;

	close(f->to_root);
	waitpid(f->root, NULL, 0);
	f->src.ops->close(f->src.arg);
	verdicts_free(f->verdicts);
	ledger_free(f->led);
	close(f->from_root);
	close(f->listener);
	free(f);
	return 0;
}

/* ---- tests */

/* Children beyond what the list of processes holds are not followed. */
static void more_children_than_rows(void **state)
{
	struct full *f = *state;

	children_start(f, MANY);
	look(f);
	assert_int_equal(lost(f), MANY - (ROWS - 1));
	assert_int_equal(holders(f), ROWS - 1);
	sleep(2);
	look(f);
	assert_int_equal(findings(f), 0);
	children_end(f, MANY);
	children_start(f, ROWS - 1);
	look(f);
	assert_int_equal(lost(f), MANY - (ROWS - 1));
	assert_int_equal(holders(f), ROWS - 1);
	assert_int_equal(findings(f), 0);
	children_end(f, ROWS - 1);
	look(f);
	assert_int_equal(holders(f), 0);
}

/* Places where threads sleep, of which each has several. */
static void more_sleepers_than_rows(void **state)
{
	struct full *f = *state;
	uint64_t before;
	int i;

	children_start(f, ROWS - 1);
	look(f);
	assert_true(lost(f) > 0);
	children_end(f, ROWS - 1);
	for (i = 0; i < 3; i++) /* what has ended goes at a look */
		look(f);
	before = lost(f);
	f->waits = 0;
	children_start(f, 1);
	look(f);
	assert_int_equal(lost(f), before);
	assert_true(f->waits > 0);
	assert_int_equal(findings(f), 0);
	children_end(f, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(more_children_than_rows, setup_plain,
						full_teardown),
		cmocka_unit_test_setup_teardown(more_sleepers_than_rows, setup_waits,
						full_teardown),
	};

	return cmocka_run_group_tests(tests, own_network, NULL);
}
