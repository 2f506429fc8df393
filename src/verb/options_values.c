// SPDX-License-Identifier: BSD-2-Clause
/* What stands behind an option's name: numbers, durations, classes; and the words if it cannot. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/text.h"
#include "verb/options_values.h"

int options_complain(char err[OPTIONS_ERROR_LEN], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, OPTIONS_ERROR_LEN, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int options_number(const char *what, const char *s, uint64_t max, uint64_t *n,
		   char err[OPTIONS_ERROR_LEN])
{
	char *end;

	errno = 0;
	*n = strtoull(s, &end, 10);
	if (!*s || *end || errno || *s == '-' || !*n || *n > max)
		return options_complain(err, "%s: a number from 1 to %llu is needed, not '%.40s'",
					what, (unsigned long long)max, s);
	return 0;
}

int options_duration(const char *what, const char *s, uint64_t *ns, char err[OPTIONS_ERROR_LEN])
{
	if (text_parse_duration(s, ns) || !*ns)
		return options_complain(
			err, "%s: '%.40s' is no duration: write 500ms, 3s, 5m or 2h", what, s);
	return 0;
}

int options_classes(const char *what, const char *arg, uint64_t *mask, char err[OPTIONS_ERROR_LEN])
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
			return options_complain(err, "%s: there is no class '%s'%s%s%s", what, word,
						near ? " (did you mean '" : "",
						near ? near : " (--class help lists them)",
						near ? "'?)" : "");
		}
		*mask |= 1ull << class;
	}
	return 0;
}

int options_pids(struct options *opt, const char *what, const char *arg,
		 char err[OPTIONS_ERROR_LEN])
{
	char word[24];
	uint64_t pid;
	size_t len, i;

	for (; *arg; arg += len + (arg[len] == ',')) {
		len = strcspn(arg, ",");
		snprintf(word, sizeof(word), "%.*s", (int)(len < 23 ? len : 23), arg);
		if (options_number(what, word, 1u << 22, &pid, err))
			return -EINVAL;
		for (i = 0; i < opt->pid_count && opt->pids[i] != pid; i++)
			;
		if (i < opt->pid_count)
			continue;
		if (opt->pid_count == OPTIONS_PIDS)
			return options_complain(err, "%s: at most %d processes", what,
						OPTIONS_PIDS);
		opt->pids[opt->pid_count++] = pid;
	}
	return opt->pid_count ? 0 : options_complain(err, "%s: a process id is needed", what);
}

int options_netns(const char *arg, uint32_t *netns, char err[OPTIONS_ERROR_LEN])
{
	char path[256];
	struct stat st;

	if (*arg && arg[strspn(arg, "0123456789")] == 0) {
		*netns = strtoul(arg, NULL, 10);
		return *netns ? 0 : options_complain(err, "--netns: 0 is no network namespace");
	}
	if (!strcmp(arg, "self"))
		snprintf(path, sizeof(path), "/proc/self/ns/net");
	else if (strchr(arg, '/'))
		snprintf(path, sizeof(path), "%s", arg);
	else
		snprintf(path, sizeof(path), "/run/netns/%s", arg);
	if (stat(path, &st))
		return options_complain(
			err,
			"--netns %.60s: %s (self, an inode number, a name that `ip netns` "
			"shows, or a path is needed)",
			arg, strerror(errno));
	*netns = st.st_ino;
	return 0;
}

int options_web_path(const char *what, const char *arg, char err[OPTIONS_ERROR_LEN])
{
	static const char *const taken[] = { "/", "/findings", "/healthz", "/readyz" };
	size_t i;

	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (!strcmp(arg, taken[i]))
			return options_complain(err, "%s: %s is taken", what, arg);
	/* It stands in a page and in lines of a log. */
	if (*arg == '/' && strspn(arg, "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789._-") == strlen(arg))
		return 0;
	return options_complain(err, "%s: a path such as /metrics, not '%.60s'", what, arg);
}
