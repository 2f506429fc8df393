// SPDX-License-Identifier: BSD-2-Clause
/* The table of options, and what each of them does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <lostsock/config.h>
#include "base/text.h"
#include "verb/options_table.h"
#include "verb/options_values.h"
#include "verb/target.h"
#include "view/tally.h"

#define LIVE   (VERB_TOP | VERB_RECORD | VERB_EXPORT)
#define SHOW   (VERB_TOP | VERB_REPLAY)
#define GUARD  (VERB_ATTACH | VERB_RUN)
#define CHOOSE (SHOW | VERB_EXPORT)
#define EVERY  (LIVE | SHOW | GUARD | VERB_DOCTOR)

static int set_pid(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	char why[TARGET_ERROR_LEN];
	size_t i;

	if (options_pids(opt, "--pid", arg, err))
		return -EINVAL;
	if (opt->verb == VERB_ATTACH)
		return 0; /* which looks itself */
	if (!target_known())
		return options_complain(err, "--pid: %s", TARGET_UNKNOWN);
	for (i = 0; i < opt->pid_count; i++)
		if (target_check(opt->pids[i], why))
			return options_complain(err, "--pid: %s", why);
	return 0;
}

static int set_cgroup(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	(void)err;
	opt->cgroup = arg;
	return 0;
}

static int set_netns(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	return options_netns(arg, &opt->netns, err);
}

static int set_comm(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	(void)err;
	opt->view.filter.comm = arg;
	return 0;
}

static int set_container(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	(void)err;
	opt->view.filter.container = arg;
	return 0;
}

static void classes_help(FILE *out)
{
	const struct verdict_rule *r;
	char after[TEXT_LEN];
	int i;

	for (i = 1; i < VERDICT_MAX; i++) {
		r = verdict_rule(i);
		fprintf(out, "  %-13s %-6s %4s  %s\n", r->name,
			r->kind == VERDICT_LEAK ? "leak" : "stall",
			text_duration(after, sizeof(after), r->after_ns), r->evidence);
	}
}

static int set_class(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	if (!strcmp(arg, "help")) {
		opt->list = classes_help;
		return 0;
	}
	return options_classes("--class", arg, &opt->view.filter.class_mask, err);
}

static int set_fail_on(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	if (!strcmp(arg, "any") || !strcmp(arg, "all")) {
		opt->fail_on = ~0ull;
		return 0;
	}
	return options_classes("--fail-on", arg, &opt->fail_on, err);
}

static int set_after(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	char why[VERDICT_WHY_LEN];

	if (verdict_thresholds_parse(&opt->thresholds, arg, why, sizeof(why)))
		return options_complain(err, "--after: %s", why);
	return 0;
}

static int set_interval(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	if (options_duration("--interval", arg, &opt->interval_ns, err))
		return -EINVAL;
	if (opt->interval_ns < 100000000)
		return options_complain(
			err, "--interval %.20s: shorter than 100ms is not supported", arg);
	return 0;
}

static int set_for(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	return options_duration("--for", arg, &opt->for_ns, err);
}

static int set_count(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	return options_number("--count", arg, 1u << 31, &opt->count, err);
}

static int set_sort(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	if (!strcmp(arg, "help")) {
		opt->list = view_columns_help;
		return 0;
	}
	opt->view.sort = arg;
	return view_sort_check(arg, err, OPTIONS_ERROR_LEN);
}

static int set_columns(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	if (!strcmp(arg, "help")) {
		opt->list = view_columns_help;
		return 0;
	}
	opt->view.columns = arg;
	return view_columns_check(arg, err, OPTIONS_ERROR_LEN);
}

static int set_color(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	if (!strcmp(arg, "always"))
		opt->view.color = VIEW_COLOR_ALWAYS;
	else if (!strcmp(arg, "never"))
		opt->view.color = VIEW_COLOR_NEVER;
	else if (strcmp(arg, "auto"))
		return options_complain(err, "--color: auto, always or never, not '%.20s'", arg);
	return 0;
}

static int set_stacks(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	static const struct {
		const char *name;
		unsigned int verbs;
		enum ls_stacks stacks;
		bool copy;
	} words[] = {
		{ "none", LIVE | GUARD, LS_STACKS_NONE, false },
		{ "hot", LIVE, LS_STACKS_HOT, false },
		{ "all", LIVE, LS_STACKS_ALL, false },
		{ "fp", GUARD, LS_STACKS_ALL, false },
		{ "copy", GUARD, LS_STACKS_ALL, true },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((words[i].verbs & opt->verb) && !strcmp(arg, words[i].name)) {
			opt->stacks = words[i].stacks;
			opt->copy = words[i].copy;
			return 0;
		}
	return options_complain(err, "--stacks: %s, not '%.20s'",
				opt->verb & GUARD ? "none, fp or copy" : "none, hot or all", arg);
}

static int set_web_listen(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	(void)err;
	opt->web_listen = arg;
	return 0;
}

static int set_web_path(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	opt->web_path = arg;
	return options_web_path("--web.telemetry-path", arg, err);
}

static int set_web_config(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	(void)err;
	opt->web_config = *arg ? arg : NULL;
	return 0;
}

static int set_max_names(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	return options_number("--max-names", arg, TALLY_ROWS_MAX, &opt->max_names, err);
}

static int set_max_connections(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	return options_number("--max-connections", arg, 6000000, &opt->max_conns, err);
}

static int set_speed(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	char *end;

	opt->speed = strtod(arg, &end);
	if (end == arg || *end || !(opt->speed > 0 && opt->speed <= 1e6))
		return options_complain(
			err, "--speed: a factor such as 1 or 10 is needed, not '%.20s'", arg);
	return 0;
}

static int set_ring_pages(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	uint64_t n;

	if (options_number("--ring-pages", arg, 1u << 18, &n, err))
		return -EINVAL;
	if (n & (n - 1))
		return options_complain(err, "--ring-pages %.20s: a power of two is needed", arg);
	opt->ring_pages = n;
	return 0;
}

static int set_settle(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	if (text_parse_duration(arg, &opt->settle_ns))
		return options_complain(
			err, "--settle: '%.40s' is no duration: write 500ms, 3s or 0", arg);
	return 0;
}

#define SETTER_WORD(field)                                                                        \
	static int set_##field(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN]) \
	{                                                                                         \
		opt->field = arg;                                                                 \
		return *arg ? 0 : options_complain(err, "--" #field ": it is empty");             \
	}
SETTER_WORD(suppress)
SETTER_WORD(report)
SETTER_WORD(junit)
SETTER_WORD(user)

#define SETTER_FLAG(field)                                                                        \
	static int set_##field(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN]) \
	{                                                                                         \
		(void)arg, (void)err;                                                             \
		opt->field = true;                                                                \
		return 0;                                                                         \
	}
SETTER_FLAG(streams)
SETTER_FLAG(by_pid)
SETTER_FLAG(once)
SETTER_FLAG(json)
SETTER_FLAG(all)
SETTER_FLAG(verbose)
SETTER_FLAG(help)

static int set_stream_probe(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	opt->stream_probe = arg;
	opt->streams = true;
	return *arg ? 0 : options_complain(err, "--stream-probe: it is empty");
}

static const struct option_row rows[] = {
	{ 'p', "pid", "PID[,PID]", LIVE | VERB_ATTACH, set_pid,
	  "only these processes and their children" },
	{ 0, "cgroup", "DIR", LIVE, set_cgroup, "only processes below this cgroup2 directory" },
	{ 0, "netns", "NAME", LIVE, set_netns,
	  "only sockets of a network namespace: self, a name, a path, an inode number" },
	{ 0, "container", "ID", CHOOSE, set_container,
	  "only containers or units with this in their id" },
	{ 0, "comm", "NAME", CHOOSE, set_comm, "only processes with this in their name" },
	{ 0, "class", "CLASS[,CLASS]", CHOOSE, set_class,
	  "only findings of these classes (help: lists them)" },
	{ 0, "after", "[CLASS=]TIME", CHOOSE | GUARD, set_after,
	  "accuse after TIME, for one class or for all; may be repeated" },
	{ 'i', "interval", "TIME", LIVE | GUARD, set_interval, "time between snapshots; 1s" },
	{ 0, "for", "TIME", LIVE | SHOW | VERB_ATTACH, set_for, "watch so long, then end" },
	{ 'n', "count", "N", SHOW, set_count, "print N reports, then end" },
	{ '1', "once", NULL, SHOW, set_once, "one report, then end; with --for, after so long" },
	{ 's', "sort", "COLUMN", SHOW, set_sort,
	  "rank processes by this column (help: lists them)" },
	{ 0, "columns", "COLUMN,...", SHOW, set_columns, "these columns (help: lists them)" },
	{ 0, "json", NULL, SHOW | GUARD | VERB_DOCTOR, set_json, "one JSON object a report" },
	{ 0, "all", NULL, SHOW, set_all, "JSON with every connection and blocked thread" },
	{ 0, "color", "WHEN", SHOW | VERB_ATTACH, set_color,
	  "auto, always, never; NO_COLOR is obeyed" },
	{ 0, "fail-on", "CLASS[,CLASS]", SHOW | GUARD, set_fail_on,
	  "exit 1 on such findings, suspected ones too (any: of any class)" },
	{ 0, "settle", "TIME", VERB_RUN, set_settle,
	  "wait so long for what COMMAND leaves running; 500ms" },
	{ 0, "suppress", "FILE", GUARD, set_suppress, "leave out the findings that FILE names" },
	{ 0, "report", "FILE", VERB_RUN, set_report, "write the report there, not to stderr" },
	{ 0, "junit", "FILE", VERB_RUN, set_junit, "write JUnit XML there too" },
	{ 0, "user", "NAME", VERB_RUN, set_user,
	  "run COMMAND as this user, not as who called sudo" },
	{ 0, "web.listen-address", "ADDRESS", VERB_EXPORT, set_web_listen,
	  "127.0.0.1:9977; :9977 is all addresses, unix:PATH a socket" },
	{ 0, "web.telemetry-path", "PATH", VERB_EXPORT, set_web_path,
	  "where the metrics are; /metrics" },
	{ 0, "web.config.file", "FILE", VERB_EXPORT, set_web_config,
	  "TLS and passwords, as for Prometheus' exporters" },
	{ 0, "max-names", "N", VERB_EXPORT, set_max_names,
	  "tell so many names of processes apart; 100" },
	{ 0, "max-connections", "N", VERB_EXPORT, set_max_connections,
	  "keep so many in memory, the oldest; 1000000" },
	{ 0, "by-pid", NULL, VERB_EXPORT, set_by_pid, "... and each process, by a label pid" },
	{ 0, "speed", "N", VERB_REPLAY, set_speed, "N times real time instead of at full speed" },
	{ 0, "stacks", "WHICH", LIVE | GUARD, set_stacks,
	  "user stacks of opens: none, hot, all; attach, run: none, fp, copy" },
	{ 0, "streams", NULL, LIVE, set_streams,
	  "streams within connections, of programs that tell of them" },
	{ 0, "stream-probe", "FILE", LIVE | GUARD, set_stream_probe,
	  "more functions that tell of streams; implies --streams" },
	{ 0, "ring-pages", "N", LIVE | GUARD, set_ring_pages, "size of the ring in 4 KiB pages" },
	{ 'v', "verbose", NULL, EVERY, set_verbose,
	  "show what libbpf says, and where streams are listened to" },
	{ 'h', "help", NULL, EVERY, set_help, "this" },
};

const struct option_row *options_row(size_t i)
{
	return i < sizeof(rows) / sizeof(rows[0]) ? &rows[i] : NULL;
}
