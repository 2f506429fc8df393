// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "source/live.h"
#include "source/recording.h"
#include "verb/signals.h"
#include "verb/verb.h"
#include "verb/watch.h"

#define TICK_NS 1000000000ull
/* A tick waits at least this many times as long as its snapshot and judgement took. */
#define TICK_COST     10
#define REPLAY_NAP_MS 5

struct watch {
	struct source src;
	struct ledger *led;
	struct verdicts *verdicts;
	const struct options *opt;
	const struct watch_ops *ops;
	void *ctx;
	int signal_fd;
	uint64_t begin_ns; /* of the source's own time */
	uint64_t interval_ns;
	uint64_t next_ns;     /* when the next snapshot is due */
	uint64_t tick_cpu_ns; /* processor time at the begin of the tick at hand */
	uint64_t reports;
	bool judged;  /* `in` is of the ledger as it is */
	bool settled; /* a snapshot has ended that is not judged yet */
	bool live;
	bool done;
	bool blind;	     /* no last look */
	uint64_t until_ns;   /* when the verb wants to be asked again */
	struct ls_who ended; /* the last whose end was told */
	struct view_input in;
};

/* @end: of whom, NULL: nobody ends. */
static int judge_end(struct watch *w, const struct verdict_end *end)
{
	uint64_t now_ns = w->src.ops->now_ns(w->src.arg);
	int err;

	err = verdicts_judge_end(w->verdicts, w->led, &w->opt->thresholds, now_ns, end);
	if (err)
		return err;
	w->in.now_ns = now_ns;
	/* The wall clock may have been set since, and the other stands still while a machine
	 * sleeps.
	 */
	w->in.realtime_ns = w->live ? clock_read_ns(CLOCK_REALTIME)
				    : now_ns + w->src.ops->identity(w->src.arg)->realtime_ns;
	w->in.incomplete = recording_incomplete(&w->src);
	w->judged = true;
	w->settled = false;
	return 0;
}

static int judge(struct watch *w)
{
	return judge_end(w, NULL);
}

/* How far apart ticks are, by what this one has cost so far. */
static uint64_t pace_ns(const struct watch *w)
{
	uint64_t cost_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - w->tick_cpu_ns;
	uint64_t ns = cost_ns * w->ops->tick_cost;

	if (w->ops->tick_late_ns && ns > w->ops->tick_late_ns)
		ns = w->ops->tick_late_ns;
	return ns > w->interval_ns ? ns : w->interval_ns;
}

static int report(struct watch *w)
{
	int err = judge(w);

	if (err)
		return err;
	if (w->live)
		w->in.interval_s = (double)pace_ns(w) / 1e9;
	err = w->ops->report ? w->ops->report(w->ctx, &w->in) : 0;
	w->reports++;
	if (err == 1 || (w->opt->count && w->reports >= w->opt->count)) {
		w->done = true;
		err = 0;
	}
	return err;
}

/* What stands against a process is gone once its end is applied: so it is judged before. Its
 * LS_HELD may come before its LS_PROC. */
static int tell_end(struct watch *w, const struct ls_hdr *rec)
{
	const struct ls_proc *exit = rec->type == LS_PROC ? (const void *)rec : NULL;
	const struct ls_who *who = exit ? &exit->who : &((const struct ls_sock *)rec)->who;
	struct verdict_end end;
	int err;

	if (!w->ops->ending || (rec->type != LS_HELD && (!exit || exit->what != LS_PROC_EXIT)))
		return 0;
	if (!exit && who->pid == w->ended.pid && who->start_ns == w->ended.start_ns)
		return 0;
	w->ended = *who;
	end = (struct verdict_end){
		.proc = ledger_find_proc(w->led, who->pid),
		.exit_code = exit ? exit->exit_code : 0,
	};
	err = judge_end(w, exit && w->ops->end_accuses ? &end : NULL);
	return err ? err : w->ops->ending(w->ctx, &w->in, who, exit ? exit->exit_code : 0);
}

/* What a replay shows, it shows when a snapshot of the recording is whole. */
static int on_record(void *ctx, const struct ls_hdr *rec)
{
	struct watch *w = ctx;
	int err;

	if (w->ops->record) {
		err = w->ops->record(w->ctx, rec);
		if (err)
			return err;
	}
	err = tell_end(w, rec);
	if (err)
		return err;
	/* A record that cannot be read, or kept, is counted by the ledger; the rest goes on. */
	ledger_apply(w->led, rec);
	w->judged = false;
	if (rec->type != LS_SNAP || ((const struct ls_snap *)rec)->what != LS_SNAP_END)
		return 0;
	w->settled = true;
	if (w->live || w->ops->last_only || !w->opt->speed)
		return 0;
	return report(w);
}

/* --once without --for is one look; a replay goes to its end anyway. */
static bool time_is_up(const struct watch *w)
{
	uint64_t now_ns = w->src.ops->now_ns(w->src.arg);

	if (w->live && w->ops->last_only && !w->opt->for_ns)
		return true;
	return w->opt->for_ns && ns_since(now_ns, w->begin_ns) >= w->opt->for_ns;
}

/* One snapshot, settled and shown. @place: with the kernel's own socket tables, which settle what
 * became of the connections that no descriptor table shows. */
static int tick(struct watch *w, bool place)
{
	const struct ledger_totals *t = ledger_totals(w->led);
	uint32_t passes =
		LS_PASS_FILES | LS_PASS_TASKS | (place || t->unplaced ? LS_PASS_SOCKS : 0);
	uint64_t start_ns = monotonic_ns();
	int err;

	w->tick_cpu_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
	err = w->src.ops->pump(w->src.arg, on_record, w);
	if (!err)
		err = w->src.ops->snapshot(w->src.arg, passes, on_record, w);
	/* What could not be told apart from a lost end is looked for at once. */
	if (!err && t->unplaced && !(passes & LS_PASS_SOCKS))
		err = w->src.ops->snapshot(w->src.arg, passes | LS_PASS_SOCKS, on_record, w);
	if (!err && !w->ops->last_only)
		err = report(w);
	w->next_ns = start_ns + pace_ns(w);
	return err;
}

static int handle_keys(struct watch *w)
{
	int err;

	if (!w->judged) {
		err = judge(w);
		if (err)
			return err;
	}
	if (!w->ops->key(w->ctx, w->reports ? &w->in : NULL))
		w->done = true;
	return 0;
}

static int wait_ms(const struct watch *w)
{
	uint64_t now_ns = monotonic_ns(), until_ns = w->next_ns, end_ns, ms;

	if (w->opt->for_ns) {
		end_ns = w->begin_ns + w->opt->for_ns;
		until_ns = end_ns < until_ns ? end_ns : until_ns;
	}
	if (w->until_ns && w->until_ns < until_ns)
		until_ns = w->until_ns;
	if (until_ns <= now_ns)
		return 0;
	ms = (until_ns - now_ns + 999999) / 1000000;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

/* False: a signal ends the watch. */
static bool take_signals(struct watch *w)
{
	struct signalfd_siginfo info;

	if (!w->ops->signal)
		return false;
	while (read(w->signal_fd, &info, sizeof(info)) == sizeof(info))
		if (!w->ops->signal(w->ctx, &info))
			return false;
	return true;
}

static bool is_over(struct watch *w)
{
	enum watch_over over;

	w->until_ns = 0;
	over = w->ops->over ? w->ops->over(w->ctx, w->led, &w->until_ns) : WATCH_GOES_ON;
	w->blind = over == WATCH_OVER;
	return over != WATCH_GOES_ON;
}

/* One wait, and what came of it. */
static int wait_once(struct watch *w)
{
	struct pollfd fds[] = {
		{ .fd = w->signal_fd, .events = POLLIN },
		{ .fd = w->src.ops->fd(w->src.arg), .events = POLLIN },
		{ .fd = w->ops->key_fd ? w->ops->key_fd(w->ctx) : -1, .events = POLLIN },
	};
	bool resized = false;
	int err = 0;

	if (poll(fds, 3, wait_ms(w)) < 0) {
		if (errno != EINTR)
			return -errno;
		resized = true; /* perhaps, which the screen reads as a key */
	}
	if (fds[0].revents && !take_signals(w)) {
		w->done = true;
		return 0;
	}
	if (fds[1].revents || fds[0].revents || w->until_ns)
		err = w->src.ops->pump(w->src.arg, on_record, w);
	if (!err && w->ops->key && (fds[2].revents || resized))
		err = handle_keys(w);
	if (!err && !w->done && is_over(w))
		w->done = true;
	if (!err && !w->done && monotonic_ns() >= w->next_ns && !time_is_up(w)) {
		err = tick(w, false);
		w->done = w->done || (!err && is_over(w));
	}
	return err;
}

static int run_live(struct watch *w)
{
	int err = time_is_up(w) ? 0 : tick(w, false);

	if (!err && !w->done && is_over(w))
		w->done = true;
	while (!err && !w->done && !time_is_up(w))
		err = wait_once(w);
	/* The last look is the freshest there can be; and of more than one, the most thorough. */
	if (!err && (w->ops->last_only || w->ops->last_look) && !w->blind)
		err = tick(w, ledger_totals(w->led)->snapshots);
	return err;
}

static bool told_to_stop(const struct watch *w, int timeout_ms)
{
	struct pollfd fd = { .fd = w->signal_fd, .events = POLLIN };

	return poll(&fd, 1, timeout_ms) > 0;
}

/* A screen stays until its user goes. */
static int linger(struct watch *w)
{
	int err = 0;

	while (!err && !w->done && w->ops->key) {
		struct pollfd fds[] = {
			{ .fd = w->signal_fd, .events = POLLIN },
			{ .fd = w->ops->key_fd(w->ctx), .events = POLLIN },
		};

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents)
			break;
		err = handle_keys(w);
	}
	return err;
}

static int run_replay(struct watch *w)
{
	int err = 0;

	while (!err && !w->done && !time_is_up(w)) {
		err = w->src.ops->pump(w->src.arg, on_record, w);
		if (!w->begin_ns)
			w->begin_ns = w->src.ops->now_ns(w->src.arg);
		if (told_to_stop(w, w->opt->speed ? REPLAY_NAP_MS : 0))
			w->done = true;
		if (!err && w->ops->key)
			err = handle_keys(w);
	}
	if (err == -EBADMSG) {
		fprintf(stderr, "lostsock: %s: %s; what came before it is shown\n", w->opt->file,
			recording_damage(&w->src));
		err = 0;
	}
	if (err && err != -ENODATA)
		return err;
	if (w->ops->last_only)
		return 0;
	if (w->settled || !w->reports)
		err = report(w);
	else
		err = 0;
	return err ?: linger(w);
}

static void found_classes(const struct watch *w, uint64_t *found)
{
	int i;

	for (i = 1; i < VERDICT_MAX; i++)
		if (verdicts_class_count(w->verdicts, i))
			*found |= 1ull << i;
}

static int watch_init(struct watch *w)
{
	const struct source_identity *id = w->src.ops->identity(w->src.arg);
	const struct ledger_limits limits = { .conns = (uint32_t)w->opt->max_conns };

	w->led = ledger_new(&limits);
	w->verdicts = verdicts_new();
	if (!w->led || !w->verdicts)
		return -ENOMEM;
	w->signal_fd = signals_open();
	if (w->signal_fd < 0)
		return w->signal_fd;
	w->interval_ns = w->opt->interval_ns ? w->opt->interval_ns : TICK_NS;
	w->live = w->src.ops->fd(w->src.arg) >= 0;
	w->begin_ns = w->live ? w->src.ops->now_ns(w->src.arg) : 0;
	w->in = (struct view_input){
		.ledger = w->led,
		.verdicts = w->verdicts,
		.thresholds = &w->opt->thresholds,
		.kernel = id->kernel,
		.host = id->host,
		.interval_s = w->interval_ns / 1e9,
		.replay = !w->live,
	};
	return 0;
}

int watch_run(struct source *src, const struct options *opt, const struct watch_ops *ops, void *ctx,
	      uint64_t *found)
{
	struct watch w = { .src = *src, .opt = opt, .ops = ops, .ctx = ctx, .signal_fd = -1 };
	int err = watch_init(&w);

	if (!err)
		err = w.live ? run_live(&w) : run_replay(&w);
	if (!err && ops->last_only)
		err = report(&w);
	if (!err && ops->finish)
		err = judge(&w);
	if (!err && ops->finish)
		err = ops->finish(ctx, &w.in);
	if (!err && found)
		found_classes(&w, found);
	if (w.signal_fd >= 0)
		close(w.signal_fd);
	verdicts_free(w.verdicts);
	ledger_free(w.led);
	src->ops->close(src->arg);
	return err;
}

int watch_open_live(struct source *src, const struct options *opt)
{
	struct live_options live = {
		.pids = opt->pids,
		.pid_count = opt->pid_count,
		.cgroup = opt->cgroup,
		.netns = opt->netns,
		.ring_pages = opt->ring_pages,
		.stacks = opt->stacks,
		.detail = opt->detail | (opt->streams ? LIVE_STREAMS : 0),
		.stream_probe = opt->stream_probe,
		.program = opt->program,
		.verbose = opt->verbose,
		.mute = opt->verb & (VERB_TOP | VERB_ATTACH) && !opt->once && !opt->json &&
			isatty(STDOUT_FILENO) && isatty(STDERR_FILENO),
	};
	char why[LIVE_ERROR_LEN] = "";
	int err = live_open(src, &live, why);

	if (!err)
		return EXIT_FINE;
	fprintf(stderr, "lostsock: %s\n", why);
	return err == -EINVAL || err == -ENOTDIR || err == -ENOENT ? EXIT_USAGE : EXIT_REFUSED;
}
