// SPDX-License-Identifier: BSD-2-Clause
/* `lostsock run -- COMMAND`: a leak gate around a command and all that it starts. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "source/live.h"
#include "verb/command.h"
#include "verb/privileges.h"
#include "verb/signals.h"
#include "verb/target.h"
#include "verb/tree.h"
#include "verb/verb.h"
#include "verb/watch.h"
#include "view/sheet.h"

#define SETTLE_STEP_NS 20000000ull
#define COMMAND_LEN    256

struct run {
	const struct options *opt;
	struct command command;
	struct command_user user;
	char *program; /* the file that it is, NULL: unknown */
	struct suppress *suppress;
	struct sheet *sheet;
	struct sheet_gate gate;
	struct tree tree;
	FILE *report; /* NULL: stderr */
	FILE *junit;  /* NULL: none */
	char words[COMMAND_LEN];
	uint64_t settled_ns; /* 0: COMMAND runs */
	bool hurry;	     /* we were told to end */
	int failed;	     /* exit status of an exec that did not come about */
};

/* What it was given to hold is known from the first look; now it may begin. */
static int on_tick(void *ctx, const struct view_input *in)
{
	struct run *r = ctx;

	tree_look(&r->tree, in->ledger);
	if (r->command.released)
		return 0;
	r->gate.begin_ns = monotonic_ns();
	r->gate.realtime_ns = clock_read_ns(CLOCK_REALTIME);
	r->failed = command_release(&r->command, r->opt->command[0]);
	return r->failed ? 1 : 0;
}

static bool on_signal(void *ctx, const struct signalfd_siginfo *info)
{
	struct run *r = ctx;

	if (info->ssi_signo != SIGCHLD && r->command.ended)
		r->hurry = true;
	command_signal(&r->command, info);
	return true;
}

static int on_end(void *ctx, const struct view_input *in, const struct ls_who *who,
		  uint32_t exit_code)
{
	struct run *r = ctx;

	tree_changed(&r->tree);
	return sheet_take_exit(r->sheet, in, ledger_find_proc(in->ledger, who->pid), exit_code);
}

/* Once COMMAND has ended, what it has left running gets a moment to end as well. */
static enum watch_over is_over(void *ctx, const struct ledger *led, uint64_t *until_ns)
{
	struct run *r = ctx;
	uint64_t now = monotonic_ns();

	if (!r->command.ended)
		return WATCH_GOES_ON;
	if (!tree_alive(&r->tree, led))
		return WATCH_OVER;
	if (!r->settled_ns)
		r->settled_ns = now + r->opt->settle_ns;
	if (r->hurry || now >= r->settled_ns)
		return WATCH_OVER_LOOK;
	*until_ns = now + SETTLE_STEP_NS;
	return WATCH_GOES_ON;
}

static int on_finish(void *ctx, const struct view_input *in)
{
	struct run *r = ctx;
	int err;

	if (r->failed)
		return 0;
	r->gate.end_ns = in->now_ns;
	r->gate.host = in->host;
	err = sheet_take_rest(r->sheet, in);
	if (!err && r->opt->json)
		err = sheet_json(r->report ?: stderr, r->sheet, in);
	else if (!err)
		err = sheet_gate_report(r->report ?: stderr, r->sheet, in, &r->gate);
	if (!err && r->report && sheet_totals(r->sheet)->findings)
		fprintf(stderr, "lostsock: %u findings, told in %s\n",
			sheet_totals(r->sheet)->findings, r->opt->report);
	if (!err && r->junit)
		err = sheet_junit(r->junit, r->sheet, &r->gate);
	return err;
}

static int watch(struct run *r, struct source *src)
{
	static const struct watch_ops ops = {
		.report = on_tick,
		.ending = on_end,
		.end_accuses = true,
		.signal = on_signal,
		.over = is_over,
		.finish = on_finish,
		.last_look = true,
		.tick_cost = WATCH_COST_SCREEN, /* tests are short: seldom would be never */
	};
	int err = watch_run(src, r->opt, &ops, r, NULL);

	if (err)
		fprintf(stderr, "lostsock: %s: what was found is not told\n", strerror(-err));
	/* It is not our failure that ends a command. */
	if (r->command.released && !r->command.ended && !r->failed &&
	    waitpid(r->command.pid, &r->command.status, 0) == r->command.pid)
		r->command.ended = true;
	if (r->failed)
		return r->failed;
	if (err || sheet_fails(r->sheet, &r->gate))
		return EXIT_FINDINGS;
	return command_status(&r->command);
}

/* ---- before it begins */

/* As the user, whose programs may have put a link there: it leads no further than they could go. */
static int open_as(const char *path, const struct command_user *user)
{
	int fd, err;

	setfsgid(user->gid);
	setfsuid(user->uid);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	err = errno;
	setfsuid(geteuid());
	setfsgid(getegid());
	errno = err;
	return fd;
}

/* A file that is made is the user's; one that was there keeps its owner, whoever that is. Where
 * only root may write, no link is followed. */
static int open_for(const char *path, const struct command_user *user)
{
	int fd;

	if (!user->set)
		return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	fd = open_as(path, user);
	if (fd >= 0 || (errno != EACCES && errno != EPERM))
		return fd;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd >= 0 && fchown(fd, user->uid, user->gid))
		errno = 0; /* where it may not be given away, it is root's */
	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

static FILE *open_output(const char *path, const struct command_user *user, int *status)
{
	FILE *out;
	int fd;

	if (!path)
		return NULL;
	fd = open_for(path, user);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (out)
		return out;
	fprintf(stderr, "lostsock: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	*status = EXIT_USAGE;
	return NULL;
}

static void join_words(char *buf, size_t len, char **argv)
{
	size_t at = 0;
	int i;

	buf[0] = '\0';
	for (i = 0; argv[i] && at + strlen(argv[i]) + 2 < len; i++)
		at += (size_t)snprintf(buf + at, len - at, "%s%s", i ? " " : "", argv[i]);
}

static int open_files(struct run *r)
{
	char why[SUPPRESS_ERROR_LEN];
	int status = 0;

	if (command_user(&r->user, r->opt->user, why)) {
		fprintf(stderr, "lostsock: %s\n", why);
		return EXIT_USAGE;
	}
	if (r->opt->suppress) {
		r->suppress = suppress_read(r->opt->suppress, why);
		if (!r->suppress) {
			fprintf(stderr, "lostsock: %s\n", why);
			return EXIT_USAGE;
		}
	}
	r->report = open_output(r->opt->report, &r->user, &status);
	if (!status)
		r->junit = open_output(r->opt->junit, &r->user, &status);
	return status;
}

static int open_sheet(struct run *r)
{
	struct sheet_options sheet = {
		.suppress = r->suppress,
		.json = r->opt->json,
		.stacks = true,
	};

	r->gate = (struct sheet_gate){
		.fail_certain = r->opt->fail_on ? r->opt->fail_on : ~0ull,
		.fail_suspected = r->opt->fail_on,
		.verbose = r->opt->verbose,
		.command = r->words,
	};
	join_words(r->words, sizeof(r->words), r->opt->command);
	r->sheet = sheet_new(&sheet);
	return r->sheet ? 0 : -ENOMEM;
}

/* The child first, so that it has nothing of what we open from here on. */
static int start(struct run *r, struct source *src, struct options *own)
{
	int err = open_sheet(r);

	if (!err)
		err = command_fork(&r->command, r->opt->command, &r->user);
	/* Inherited from who ignores it, it would take the child's status away. */
	if (!err && signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		err = -errno;
	/* It may be killed before it begins: then nobody reads the word that lets it. */
	if (!err && signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		err = -errno;
	if (!err)
		err = signals_block_all();
	if (err) {
		fprintf(stderr, "lostsock: %s\n", strerror(-err));
		return EXIT_FINDINGS;
	}
	own->pids[0] = (uint32_t)r->command.pid;
	own->pid_count = 1;
	own->program = r->program = command_find(r->opt->command[0]);
	own->detail = LIVE_ACCEPT | LIVE_HELD | LIVE_STREAMS;
	if (own->stacks != LS_STACKS_NONE)
		own->detail |= LIVE_NAMES | (own->copy ? LIVE_COPY : 0);
	err = watch_open_live(src, own);
	if (err)
		return err;
	privileges_drop(own->detail | PRIVILEGES_KILL);
	return 0;
}

static int close_file(FILE *f, const char *path)
{
	if (!f || (!ferror(f) && fclose(f) == 0))
		return 0;
	fprintf(stderr, "lostsock: %s: %s\n", path, strerror(errno ? errno : EIO));
	return EXIT_FINDINGS;
}

int verb_run(const struct options *opt)
{
	struct options own = *opt;
	struct run r = { .opt = &own, .command = { .pid = -1, .go = -1, .failed = -1 } };
	struct source src;
	int status;

	/* It would see nothing of the command, and call that no leak. */
	if (!target_known()) {
		fprintf(stderr, "lostsock: %s\n", TARGET_UNKNOWN);
		return EXIT_REFUSED;
	}
	status = open_files(&r);
	if (!status)
		status = start(&r, &src, &own);
	if (!status)
		status = watch(&r, &src);
	command_close(&r.command);
	if (close_file(r.report, opt->report) | close_file(r.junit, opt->junit))
		status = EXIT_FINDINGS;
	sheet_free(r.sheet);
	suppress_free(r.suppress);
	free(r.program);
	return status;
}
