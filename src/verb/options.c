// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <lostsock/config.h>
#include "base/text.h"
#include "verb/options.h"

#define LIVE  (VERB_TOP | VERB_RECORD)
#define SHOW  (VERB_TOP | VERB_REPLAY)
#define EVERY (LIVE | SHOW | VERB_DOCTOR)

struct option_row {
	char letter; /* 0: none */
	const char *name;
	const char *arg; /* NULL: takes none */
	unsigned int verbs;
	int (*set)(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN]);
	const char *help;
};

static int complain(char err[OPTIONS_ERROR_LEN], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int complain(char err[OPTIONS_ERROR_LEN], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, OPTIONS_ERROR_LEN, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int number(const char *what, const char *s, uint64_t max, uint64_t *n,
		  char err[OPTIONS_ERROR_LEN])
{
	char *end;

	errno = 0;
	*n = strtoull(s, &end, 10);
	if (!*s || *end || errno || *s == '-' || !*n || *n > max)
		return complain(err, "%s: a number from 1 to %llu is needed, not '%.40s'", what,
				(unsigned long long)max, s);
	return 0;
}

static int duration(const char *what, const char *s, uint64_t *ns, char err[OPTIONS_ERROR_LEN])
{
	if (text_parse_duration(s, ns) || !*ns)
		return complain(err, "%s: '%.40s' is no duration: write 500ms, 3s, 5m or 2h", what,
				s);
	return 0;
}

static int set_pid(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	char word[24], path[32];
	uint64_t pid;
	size_t len;

	for (; *arg; arg += len + (arg[len] == ',')) {
		len = strcspn(arg, ",");
		snprintf(word, sizeof(word), "%.*s", (int)(len < 23 ? len : 23), arg);
		if (number("--pid", word, 1u << 22, &pid, err))
			return -EINVAL;
		snprintf(path, sizeof(path), "/proc/%u", (unsigned int)pid);
		if (access(path, F_OK))
			return complain(err, "--pid %u: no such process", (unsigned int)pid);
		if (opt->pid_count == OPTIONS_PIDS)
			return complain(err, "--pid: at most %d processes", OPTIONS_PIDS);
		opt->pids[opt->pid_count++] = pid;
	}
	return opt->pid_count ? 0 : complain(err, "--pid: a process id is needed");
}

static int set_cgroup(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	(void)err;
	opt->cgroup = arg;
	return 0;
}

/* "self", an inode number, a pid's namespace as a path, or a name below /run/netns. */
static int set_netns(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	char path[256];
	struct stat st;

	if (*arg && arg[strspn(arg, "0123456789")] == 0) {
		opt->netns = strtoul(arg, NULL, 10);
		return opt->netns ? 0 : complain(err, "--netns: 0 is no network namespace");
	}
	if (!strcmp(arg, "self"))
		snprintf(path, sizeof(path), "/proc/self/ns/net");
	else if (strchr(arg, '/'))
		snprintf(path, sizeof(path), "%s", arg);
	else
		snprintf(path, sizeof(path), "/run/netns/%s", arg);
	if (stat(path, &st))
		return complain(err,
				"--netns %.60s: %s (self, an inode number, a name that `ip netns` "
				"shows, or a path is needed)",
				arg, strerror(errno));
	opt->netns = st.st_ino;
	return 0;
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

static int class_mask(const char *what, const char *arg, uint64_t *mask,
		      char err[OPTIONS_ERROR_LEN])
{
	const char *names[VERDICT_MAX + 1] = { 0 };
	enum verdict_class class;
	const char *near;
	char word[32];
	size_t len;
	int i;

	for (i = 1; i < VERDICT_MAX; i++)
		names[i - 1] = verdict_rule(i)->name;
	for (; *arg; arg += len + (arg[len] == ',')) {
		len = strcspn(arg, ",");
		snprintf(word, sizeof(word), "%.*s", (int)(len < 31 ? len : 31), arg);
		class = verdict_class_by_name(word);
		if (class == VERDICT_NONE) {
			near = text_nearest(word, names);
			return complain(err, "%s: there is no class '%s'%s%s%s", what, word,
					near ? " (did you mean '" : "", near ? near : "",
					near ? "'?)" : "");
		}
		*mask |= 1ull << class;
	}
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
	return class_mask("--class", arg, &opt->view.filter.class_mask, err);
}

static int set_fail_on(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	if (!strcmp(arg, "any")) {
		opt->fail_on = ~0ull;
		return 0;
	}
	return class_mask("--fail-on", arg, &opt->fail_on, err);
}

static int set_after(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	char why[VERDICT_WHY_LEN];

	if (verdict_thresholds_parse(&opt->thresholds, arg, why, sizeof(why)))
		return complain(err, "--after: %s", why);
	return 0;
}

static int set_interval(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	if (duration("--interval", arg, &opt->interval_ns, err))
		return -EINVAL;
	if (opt->interval_ns < 100000000)
		return complain(err, "--interval %.20s: shorter than 100ms is not supported", arg);
	return 0;
}

static int set_for(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	return duration("--for", arg, &opt->for_ns, err);
}

static int set_count(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	return number("--count", arg, 1u << 31, &opt->count, err);
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
		return complain(err, "--color: auto, always or never, not '%.20s'", arg);
	return 0;
}

static int set_stacks(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	if (!strcmp(arg, "none"))
		opt->stacks = LS_STACKS_NONE;
	else if (!strcmp(arg, "hot"))
		opt->stacks = LS_STACKS_HOT;
	else if (!strcmp(arg, "all"))
		opt->stacks = LS_STACKS_ALL;
	else
		return complain(err, "--stacks: none, hot or all, not '%.20s'", arg);
	return 0;
}

static int set_speed(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	char *end;

	opt->speed = strtod(arg, &end);
	if (end == arg || *end || !(opt->speed > 0 && opt->speed <= 1e6))
		return complain(err, "--speed: a factor such as 1 or 10 is needed, not '%.20s'",
				arg);
	return 0;
}

static int set_ring_pages(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	uint64_t n;

	if (number("--ring-pages", arg, 1u << 18, &n, err))
		return -EINVAL;
	if (n & (n - 1))
		return complain(err, "--ring-pages %.20s: a power of two is needed", arg);
	opt->ring_pages = n;
	return 0;
}

#define SETTER_FLAG(field)                                                                        \
	static int set_##field(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN]) \
	{                                                                                         \
		(void)arg, (void)err;                                                             \
		opt->field = true;                                                                \
		return 0;                                                                         \
	}
SETTER_FLAG(once)
SETTER_FLAG(json)
SETTER_FLAG(all)
SETTER_FLAG(verbose)
SETTER_FLAG(help)

static const struct option_row rows[] = {
	{ 'p', "pid", "PID[,PID]", LIVE, set_pid, "only these processes and their children" },
	{ 0, "cgroup", "DIR", LIVE, set_cgroup, "only processes below this cgroup2 directory" },
	{ 0, "netns", "NAME", LIVE, set_netns,
	  "only sockets of a network namespace: self, a name, a path, an inode number" },
	{ 0, "container", "ID", SHOW, set_container,
	  "only containers or units with this in their id" },
	{ 0, "comm", "NAME", SHOW, set_comm, "only processes with this in their name" },
	{ 0, "class", "CLASS[,CLASS]", SHOW, set_class, "only findings of these classes (help: lists them)" },
	{ 0, "after", "[CLASS=]TIME", SHOW, set_after,
	  "accuse after TIME, for one class or for all; may be repeated" },
	{ 'i', "interval", "TIME", LIVE, set_interval, "time between snapshots" },
	{ 0, "for", "TIME", LIVE | SHOW, set_for, "watch so long, then end" },
	{ 'n', "count", "N", SHOW, set_count, "print N reports, then end" },
	{ '1', "once", NULL, SHOW, set_once, "one report, then end; with --for, after so long" },
	{ 's', "sort", "COLUMN", SHOW, set_sort,
	  "rank processes by this column (help: lists them)" },
	{ 0, "columns", "COLUMN,...", SHOW, set_columns, "these columns (help: lists them)" },
	{ 0, "json", NULL, SHOW, set_json, "one JSON object a report" },
	{ 0, "all", NULL, SHOW, set_all, "JSON with every connection and blocked thread" },
	{ 0, "color", "WHEN", SHOW, set_color, "auto, always, never; NO_COLOR is obeyed" },
	{ 0, "fail-on", "CLASS[,CLASS]", SHOW, set_fail_on,
	  "exit 1 if the last report has such a finding (any: of any class)" },
	{ 0, "speed", "N", VERB_REPLAY, set_speed, "N times real time instead of at full speed" },
	{ 0, "stacks", "WHICH", LIVE, set_stacks, "user stacks of opens: none, hot, all" },
	{ 0, "ring-pages", "N", LIVE, set_ring_pages, "size of the ring in 4 KiB pages" },
	{ 'v', "verbose", NULL, EVERY, set_verbose, "show what libbpf says" },
	{ 'h', "help", NULL, EVERY, set_help, "this" },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct option_row *find_long(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < ROWS; i++)
		if (strlen(rows[i].name) == len && !strncmp(rows[i].name, name, len))
			return &rows[i];
	return NULL;
}

static const struct option_row *find_short(char letter)
{
	size_t i;

	for (i = 0; i < ROWS; i++)
		if (rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

static int unknown(const char *word, unsigned int verb, char err[OPTIONS_ERROR_LEN])
{
	const char *names[ROWS + 1] = { 0 }, *near;
	char bare[32];
	size_t i, n = 0;

	for (i = 0; i < ROWS; i++)
		if (rows[i].verbs & verb)
			names[n++] = rows[i].name;
	snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(word, "="), word);
	near = text_nearest(bare + strspn(bare, "-"), names);
	return complain(err, "there is no option '%s'%s%s%s", bare, near ? " (did you mean --" : "",
			near ? near : "", near ? "?)" : "");
}

/* One option; *@i moves on over its argument. */
static int parse_option(struct options *opt, int argc, char **argv, int *i,
			char err[OPTIONS_ERROR_LEN])
{
	const char *word = argv[*i], *arg = NULL;
	const struct option_row *row;
	size_t len;

	if (word[1] == '-') {
		len = strcspn(word + 2, "=");
		row = find_long(word + 2, len);
		if (word[2 + len])
			arg = word + 3 + len;
	} else {
		row = find_short(word[1]);
		if (word[1] && word[2])
			arg = word + 2;
	}
	if (!row)
		return unknown(word, opt->verb, err);
	if (!(row->verbs & opt->verb))
		return complain(err, "--%s does not go with this verb", row->name);
	if (!row->arg && arg)
		return complain(err, "--%s takes no value", row->name);
	if (row->arg && !arg) {
		if (*i + 1 >= argc)
			return complain(err, "--%s: a value is needed: %s", row->name, row->arg);
		arg = argv[++*i];
	}
	return row->set(opt, arg, err);
}

/* A FILE, or bcc's [interval [count]] in seconds. */
static int parse_word(struct options *opt, const char *word, int nth, char err[OPTIONS_ERROR_LEN])
{
	if (opt->verb & (VERB_RECORD | VERB_REPLAY)) {
		opt->file = word;
		return nth ? complain(err, "one FILE is enough: '%.60s' is too many", word) : 0;
	}
	if (opt->verb == VERB_TOP && nth == 0)
		return set_interval(opt, word, err);
	if (opt->verb == VERB_TOP && nth == 1)
		return set_count(opt, word, err);
	return complain(err, "unexpected argument '%.60s'", word);
}

int options_parse(struct options *opt, unsigned int verb, int argc, char **argv,
		  char err[OPTIONS_ERROR_LEN])
{
	int i, nth = 0, e = 0;

	memset(opt, 0, sizeof(*opt));
	opt->verb = verb;
	opt->view.color = isatty(STDOUT_FILENO) ? VIEW_COLOR_ALWAYS : VIEW_COLOR_NEVER;
	if (getenv("NO_COLOR") && *getenv("NO_COLOR"))
		opt->view.color = VIEW_COLOR_NEVER;
	verdict_thresholds_init(&opt->thresholds);
	for (i = 0; i < argc && !e; i++)
		e = argv[i][0] == '-' && argv[i][1] ? parse_option(opt, argc, argv, &i, err)
						    : parse_word(opt, argv[i], nth++, err);
	if (!e && (verb & (VERB_RECORD | VERB_REPLAY)) && !opt->file && !opt->help && !opt->list)
		return complain(err, "a FILE is needed");
	return e;
}

void options_help(FILE *out, unsigned int verb)
{
	char left[48];
	size_t i;

	for (i = 0; i < ROWS; i++) {
		const struct option_row *r = &rows[i];
		char letter[5] = "    ";

		if (!(r->verbs & verb))
			continue;
		if (r->letter)
			snprintf(letter, sizeof(letter), "-%c, ", r->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, r->name, r->arg ? " " : "",
			 r->arg ? r->arg : "");
		fprintf(out, "  %-30s %s\n", left, r->help);
	}
}
