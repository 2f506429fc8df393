// SPDX-License-Identifier: BSD-2-Clause
/*
 * `lostsock export`: what is found, for Prometheus. This process is the collector: it attaches,
 * looks, and writes texts into a pipe. Who serves them is another (export/web.h), so that nobody
 * who talks to the network talks to a process that may load programs into the kernel.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/clock.h"
#include "export/channel.h"
#include "export/sandbox.h"
#include "export/web.h"
#include "source/live.h"
#include "verb/fds.h"
#include "verb/notify.h"
#include "verb/privileges.h"
#include "verb/signals.h"
#include "verb/verb.h"
#include "verb/watch.h"
#include "view/metrics.h"

#define INTERVAL_NS  5000000000ull
#define PATIENCE_MS  10000
#define FINDINGS_MAX (32u << 20) /* of JSON; who has more has other troubles */
#define NS_PER_S     1000000000ull
#define CONNS_MAX    1000000
#define PROGRAMS_MAX 64

struct collector {
	const struct options *opt;
	struct web web;
	struct tally *tally;
	const struct ledger *ledger; /* from the first look on */
	struct source *src;
	struct metrics_self self;
	struct metrics_program program[PROGRAMS_MAX];
	int notify_fd;
	uint64_t begin_ns; /* of the look at hand */
	uint64_t lost;	   /* what the ledger had no room for, before it */
	bool web_gone, told_others, told_dropped, told_late, told_full;
};

/* ---- texts, in memory and no longer than they may be */

struct text {
	char *at;
	size_t len, cap, max;
};

static ssize_t text_write(void *cookie, const char *data, size_t len)
{
	struct text *t = cookie;
	size_t cap = t->cap ? t->cap : 65536;
	char *more;

	if (t->len + len > t->max) {
		errno = EFBIG;
		return 0;
	}
	while (cap < t->len + len)
		cap *= 2;
	if (cap > t->cap) {
		more = realloc(t->at, cap);
		if (!more)
			return 0;
		t->at = more;
		t->cap = cap;
	}
	memcpy(t->at + t->len, data, len);
	t->len += len;
	return (ssize_t)len;
}

static FILE *text_open(struct text *t, size_t max)
{
	static const cookie_io_functions_t io = { .write = text_write };

	*t = (struct text){ .max = max };
	return fopencookie(t, "w", io);
}

/* ---- a look */

static void look_at_self(struct metrics_self *self)
{
	unsigned long pages = 0;
	struct rusage used;
	FILE *f;

	self->cpu_ns = 0;
	if (!getrusage(RUSAGE_SELF, &used))
		self->cpu_ns = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * NS_PER_S +
			       (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
	f = fopen("/proc/self/statm", "re");
	if (!f)
		return;
	if (fscanf(f, "%*u %lu", &pages) == 1)
		self->resident_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	fclose(f);
}

static void look_at_programs(struct collector *c)
{
	struct live_program programs[PROGRAMS_MAX];
	size_t n = live_programs(c->src, programs, PROGRAMS_MAX), i;

	for (i = 0; i < n; i++)
		c->program[i] = (struct metrics_program){ .name = programs[i].name,
							  .runs = programs[i].runs,
							  .run_ns = programs[i].run_ns,
							  .missed = programs[i].missed };
	c->self.program = c->program;
	c->self.programs = n;
}

/* The oldest stay: among them is what leaks. */
static void say_full(struct collector *c)
{
	if (c->told_full || !c->self.dropped)
		return;
	c->told_full = true;
	fprintf(stderr,
		"lostsock export: there are more than %llu connections (--max-connections): those "
		"that came last are left out (lostsock_connections_dropped)\n",
		(unsigned long long)c->opt->max_conns);
}

static void say_limits(struct collector *c, uint64_t dropped)
{
	if (tally_others(c->tally) && !c->told_others) {
		c->told_others = true;
		fprintf(stderr, "lostsock export: more names of processes than --max-names have "
				"connections; those that lose least are summed up as \"other\"\n");
	}
	if (dropped && !c->told_dropped) {
		c->told_dropped = true;
		fprintf(stderr,
			"lostsock export: more than %d series: %llu are left out "
			"(lostsock_series_dropped); a lower --max-names helps\n",
			METRICS_SERIES_MAX, (unsigned long long)dropped);
	}
}

/* What is found comes late, or looking costs more than it should: nobody should have to guess. */
static void say_late(struct collector *c, const struct view_input *in)
{
	if (c->told_late || in->interval_s * 1e9 < WATCH_LATE_NS ||
	    c->opt->interval_ns >= WATCH_LATE_NS)
		return;
	c->told_late = true;
	fprintf(stderr,
		"lostsock export: looking at %u connections takes so long that a look is taken "
		"only each %.0f seconds, and costs more than a hundredth of a processor\n",
		ledger_totals(in->ledger)->conns, in->interval_s);
}

static int send_metrics(struct collector *c, const struct view_input *in, bool openmetrics)
{
	struct metrics_options opt = {
		.filter = &c->opt->view.filter,
		.tally = c->tally,
		.self = &c->self,
		.openmetrics = openmetrics,
	};
	uint64_t dropped = 0;
	struct text text;
	FILE *f = text_open(&text, CHANNEL_TEXT_MAX);
	int err;

	if (!f)
		return -ENOMEM;
	err = view_metrics(f, in, &opt, &dropped);
	if (fclose(f) && !err)
		err = -EIO;
	if (!err)
		err = channel_send(c->web.to, openmetrics ? CHANNEL_OPENMETRICS : CHANNEL_METRICS,
				   text.at, text.len, PATIENCE_MS);
	free(text.at);
	say_limits(c, dropped);
	return err;
}

static int on_look(void *ctx, const struct view_input *in)
{
	struct collector *c = ctx;
	int err = tally_look(c->tally, in);

	if (err)
		return err;
	c->ledger = in->ledger;
	c->self.ticks++;
	look_at_self(&c->self);
	look_at_programs(c);
	c->self.look_ns = clock_read_ns(CLOCK_REALTIME);
	c->self.dropped = ledger_totals(in->ledger)->lost[LS_LOST_LEDGER] - c->lost;
	say_full(c);
	say_late(c, in);
	/* The other one makes it ready. */
	err = send_metrics(c, in, true);
	if (!err)
		err = send_metrics(c, in, false);
	if (c->begin_ns)
		c->self.tick_ns = monotonic_ns() - c->begin_ns;
	c->begin_ns = 0;
	if (!err)
		notify_ready(&c->notify_fd);
	return err;
}

/* The ledger forgets those who have ended at the end of a snapshot: what they did is counted
 * before. */
static int on_record(void *ctx, const struct ls_hdr *rec)
{
	struct collector *c = ctx;

	if (rec->type != LS_SNAP)
		return 0;
	if (((const struct ls_snap *)rec)->what == LS_SNAP_BEGIN) {
		c->begin_ns = c->begin_ns ? c->begin_ns : monotonic_ns();
		c->lost = c->ledger ? ledger_totals(c->ledger)->lost[LS_LOST_LEDGER] : 0;
	}
	if (((const struct ls_snap *)rec)->what == LS_SNAP_END && c->ledger)
		return tally_count(c->tally, c->ledger);
	return 0;
}

/* ---- somebody asks for the findings */

static int send_no(struct collector *c, const char *why)
{
	return channel_send(c->web.to, CHANNEL_FINDINGS_NO, why, strlen(why), PATIENCE_MS);
}

static int send_findings(struct collector *c, const struct view_input *in)
{
	struct text text;
	FILE *f;
	int err;

	if (!in)
		return send_no(c, "the first look has not ended yet");
	f = text_open(&text, FINDINGS_MAX);
	if (!f)
		return send_no(c, "out of memory");
	err = view_json(f, in, &c->opt->view.filter, false);
	if (fclose(f) && !err)
		err = -EIO;
	if (err)
		err = send_no(c, text.len > FINDINGS_MAX / 2
					 ? "more findings than fit into 32 MiB: use lostsock top "
					   "--once --json"
					 : "out of memory");
	else
		err = channel_send(c->web.to, CHANNEL_FINDINGS, text.at, text.len, PATIENCE_MS);
	free(text.at);
	return err;
}

static int asks_fd(void *ctx)
{
	return ((struct collector *)ctx)->web.asks;
}

static bool on_asked(void *ctx, const struct view_input *in)
{
	struct collector *c = ctx;
	char bytes[64];
	ssize_t n = read(c->web.asks, bytes, sizeof(bytes));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n > 0 && !send_findings(c, in))
		return true;
	c->web_gone = true;
	return false;
}

/* ---- its life */

static int collect(struct collector *c, struct source *src)
{
	static const struct watch_ops ops = {
		.report = on_look,
		.record = on_record,
		.key_fd = asks_fd,
		.key = on_asked,
		.tick_cost = WATCH_COST_BACKGROUND,
		.tick_late_ns = WATCH_LATE_NS,
	};
	char why[SANDBOX_ERROR_LEN];
	int err;

	c->src = src;
	privileges_drop(c->opt->streams ? LIVE_STREAMS : 0);
	c->notify_fd = notify_open();
	if (sandbox_collector(c->opt->streams, why)) {
		fprintf(stderr, "lostsock export: %s\n", why);
		src->ops->close(src->arg);
		return EXIT_REFUSED;
	}
	channel_send(c->web.to, CHANNEL_SAYS, "reading what is open", 20, PATIENCE_MS);
	err = watch_run(src, c->opt, &ops, c, NULL);
	if (err == -EPIPE)
		c->web_gone = true;
	else if (err == -ETIMEDOUT)
		fprintf(stderr, "lostsock export: the HTTP part takes nothing any more\n");
	else if (err)
		fprintf(stderr, "lostsock export: %s\n", strerror(-err));
	return err ? EXIT_FINDINGS : EXIT_FINE;
}

int verb_export(const struct options *given)
{
	struct options opt = *given;
	const struct web_options web = {
		.listen = opt.web_listen,
		.metrics_path = opt.web_path,
		.config = opt.web_config,
		.interval_ns = opt.interval_ns ? opt.interval_ns : INTERVAL_NS,
	};
	const struct tally_options tally = {
		.rows = (uint32_t)opt.max_names,
		.by_pid = opt.by_pid,
		.filter = &opt.view.filter,
		.fds = fds_of,
	};
	struct collector c = { .opt = &opt, .notify_fd = -1 };
	struct source src;
	int status, web_status;

	opt.interval_ns = web.interval_ns;
	if (!opt.max_conns)
		opt.max_conns = CONNS_MAX;
	if (signals_block())
		return EXIT_FINDINGS;
	status = web_start(&c.web, &web);
	if (status)
		return status;
	c.self = (struct metrics_self){ .version = LOSTSOCK_VERSION,
					.start_ns = clock_read_ns(CLOCK_REALTIME) };
	c.tally = tally_new(&tally);
	status = c.tally ? watch_open_live(&src, &opt) : EXIT_FINDINGS;
	if (!status)
		status = collect(&c, &src);
	tally_free(c.tally);
	web_status = web_stop(&c.web);
	if (c.web_gone && web_status)
		fprintf(stderr, "lostsock export: the HTTP part has ended unexpectedly\n");
	return status && !c.web_gone ? status : web_status ? EXIT_FINDINGS : EXIT_FINE;
}
