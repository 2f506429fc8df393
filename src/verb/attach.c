// SPDX-License-Identifier: BSD-2-Clause
/* `lostsock attach PID`: some processes, looked at closely, and an account of them at the end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "source/live.h"
#include "verb/privileges.h"
#include "verb/show.h"
#include "verb/suspects.h"
#include "verb/target.h"
#include "verb/tree.h"
#include "verb/verb.h"
#include "verb/watch.h"
#include "view/sheet.h"

#define COMMAND_LEN 256

struct attach {
	const struct options *opt;
	struct source src; /* the watch closes it */
	struct show show;
	struct sheet *sheet;
	struct suspects suspects;
	struct tree tree;
	char (*command)[COMMAND_LEN]; /* of each pid */
	uint32_t leaked, stalled;     /* as last said */
	bool started;
	int status;
};

static bool quiet(const struct attach *a)
{
	return a->show.screen != NULL;
}

static bool lives(const struct ledger *led, uint32_t pid)
{
	const struct proc *p = ledger_proc(led, ledger_find_proc(led, pid));

	return p && !p->exit_ns;
}

/* exec may have put another program there; and after its end, its number may be another's. */
static void read_commands(struct attach *a, const struct ledger *led)
{
	char now[COMMAND_LEN];
	size_t i;

	for (i = 0; i < a->opt->pid_count; i++)
		if (lives(led, a->opt->pids[i]) &&
		    *target_command(now, sizeof(now), a->opt->pids[i]))
			memcpy(a->command[i], now, sizeof(now));
}

static const char *command_of(void *arg, uint32_t pid)
{
	const struct attach *a = arg;
	size_t i;

	for (i = 0; i < a->opt->pid_count; i++)
		if (a->opt->pids[i] == pid)
			return a->command[i];
	return NULL;
}

/* A process may be gone before the programs are attached: then nothing of it was seen. */
static int say_started(struct attach *a, const struct view_input *in)
{
	const struct proc *p = NULL;
	char comm[LS_COMM_LEN + 1];
	uint32_t found = 0;
	size_t i;

	for (i = 0; i < a->opt->pid_count; i++) {
		uint32_t id = ledger_find_proc(in->ledger, a->opt->pids[i]);

		if (!id)
			continue;
		p = ledger_proc(in->ledger, id);
		found++;
	}
	if (!found) {
		show_close(&a->show);
		fprintf(stderr, "lostsock: process %u ended before it could be watched\n",
			a->opt->pids[0]);
		a->status = EXIT_USAGE;
		return 1;
	}
	a->started = true;
	if (quiet(a))
		return 0;
	if (a->opt->pid_count == 1 && p)
		fprintf(stderr, "lostsock: attached to process %u (%s)", p->pid,
			text_clean(comm, sizeof(comm), p->comm));
	else
		fprintf(stderr, "lostsock: attached to %u processes", found);
	fputs(a->opt->for_ns ? "\n" : "; its end or ^C ends this\n", stderr);
	return 0;
}

static void say_progress(struct attach *a, const struct view_input *in)
{
	uint32_t end = ledger_proc_end(in->ledger), id, leaked = 0, stalled = 0;
	char watched[TEXT_LEN];

	for (id = 1; id < end; id++) {
		leaked += verdicts_proc(in->verdicts, id)->leaked;
		stalled += verdicts_proc(in->verdicts, id)->stalled;
	}
	if (!tree_alive(&a->tree, in->ledger) || (leaked == a->leaked && stalled == a->stalled))
		return;
	a->leaked = leaked;
	a->stalled = stalled;
	fprintf(stderr, "lostsock: after %s: %u leaked, %u stalled\n",
		text_duration(watched, sizeof(watched),
			      ns_since(in->now_ns, ledger_totals(in->ledger)->start_ns)),
		leaked, stalled);
}

static int on_tick(void *ctx, const struct view_input *in)
{
	struct attach *a = ctx;

	if (a->status || (!a->started && say_started(a, in)))
		return 1;
	tree_look(&a->tree, in->ledger);
	read_commands(a, in->ledger);
	suspects_tell(&a->suspects, &a->src, in);
	if (quiet(a))
		view_top_update(a->show.screen, in);
	else
		say_progress(a, in);
	return 0;
}

static int key_fd(void *ctx)
{
	return view_top_fd(((struct attach *)ctx)->show.screen);
}

static bool on_key(void *ctx, const struct view_input *in)
{
	return view_top_input(((struct attach *)ctx)->show.screen, in);
}

static int on_end(void *ctx, const struct view_input *in, const struct ls_who *who,
		  uint32_t exit_code)
{
	struct attach *a = ctx;
	uint32_t proc = ledger_find_proc(in->ledger, who->pid);
	const struct proc *p = ledger_proc(in->ledger, proc);
	char comm[LS_COMM_LEN + 1];

	tree_changed(&a->tree);
	if (!p)
		return 0;
	if (!quiet(a) && command_of(a, who->pid))
		fprintf(stderr, "lostsock: process %u (%s) has ended\n", who->pid,
			text_clean(comm, sizeof(comm), p->comm));
	return sheet_take_exit(a->sheet, in, proc, exit_code);
}

/* It is over when nobody is left to watch. */
static enum watch_over is_over(void *ctx, const struct ledger *led, uint64_t *until_ns)
{
	struct attach *a = ctx;

	(void)until_ns;
	return a->started && !tree_alive(&a->tree, led) ? WATCH_OVER : WATCH_GOES_ON;
}

static int on_finish(void *ctx, const struct view_input *in)
{
	struct attach *a = ctx;
	int err;

	show_close(&a->show);
	if (a->status)
		return 0;
	err = sheet_take_rest(a->sheet, in);
	if (err)
		return err;
	return a->opt->json ? sheet_json(stdout, a->sheet, in)
			    : sheet_report(stdout, a->sheet, in, command_of, a);
}

static int watch(struct attach *a)
{
	struct watch_ops ops = {
		.report = on_tick,
		.key_fd = quiet(a) ? key_fd : NULL,
		.key = quiet(a) ? on_key : NULL,
		.ending = on_end,
		.over = is_over,
		.finish = on_finish,
		.last_look = true,
		.tick_cost = WATCH_COST_SCREEN,
	};
	const struct sheet_totals *t = sheet_totals(a->sheet);
	int err = watch_run(&a->src, a->opt, &ops, a, NULL);

	show_close(&a->show);
	if (err == -EPIPE)
		return EXIT_FINE;
	if (err) {
		fprintf(stderr, "lostsock: %s\n", strerror(-err));
		return EXIT_FINDINGS;
	}
	if (a->status)
		return a->status;
	return (t->certain | t->suspected) & a->opt->fail_on ? EXIT_FINDINGS : EXIT_FINE;
}

static int check_targets(const struct options *opt)
{
	char why[TARGET_ERROR_LEN];
	size_t i;

	if (!target_known()) {
		fprintf(stderr, "lostsock: %s\n", TARGET_UNKNOWN);
		return EXIT_REFUSED;
	}
	for (i = 0; i < opt->pid_count; i++)
		if (target_check(opt->pids[i], why)) {
			fprintf(stderr, "lostsock: %s\n", why);
			return EXIT_USAGE;
		}
	return 0;
}

static int open_all(struct attach *a, struct suppress *suppress)
{
	struct sheet_options sheet = {
		.filter = &a->opt->view.filter,
		.suppress = suppress,
		.color = a->opt->view.color,
		.json = a->opt->json,
		.stacks = true,
	};
	int status;

	a->command = calloc(a->opt->pid_count, sizeof(*a->command));
	a->sheet = sheet_new(&sheet);
	if (!a->command || !a->sheet) {
		fprintf(stderr, "lostsock: out of memory\n");
		return EXIT_FINDINGS;
	}
	status = show_open(&a->show, a->opt);
	if (status)
		return status;
	if (a->show.screen && a->opt->pid_count == 1)
		view_top_focus(a->show.screen, a->opt->pids[0]);
	show_progress(&a->show, "attaching to the kernel");
	status = watch_open_live(&a->src, a->opt);
	if (status)
		return status;
	privileges_drop(a->opt->detail);
	return 0;
}

int verb_attach(const struct options *opt)
{
	char why[SUPPRESS_ERROR_LEN];
	struct suppress *suppress = NULL;
	struct options own = *opt;
	struct attach a = { .opt = &own };
	int status = check_targets(opt);

	if (status)
		return status;
	if (opt->suppress) {
		suppress = suppress_read(opt->suppress, why);
		if (!suppress) {
			fprintf(stderr, "lostsock: %s\n", why);
			return EXIT_USAGE;
		}
	}
	own.detail = LIVE_ACCEPT | LIVE_WAITS | LIVE_EMPTY | LIVE_STREAMS;
	if (own.stacks != LS_STACKS_NONE)
		own.detail |= LIVE_NAMES | (own.copy ? LIVE_COPY : 0);
	status = open_all(&a, suppress);
	if (!status)
		status = watch(&a);
	show_close(&a.show);
	sheet_free(a.sheet);
	free(a.command);
	suppress_free(suppress);
	return status;
}
