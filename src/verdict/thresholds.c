/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Thresholds, and --after as a person types it.
 */
#include "verdict/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"

/* The shortest window a growth can be told in: a third of it is the time between two snapshots.
 * Below 4 s every short use at the site acquits, for ages at close below 2 s are one step. */
#define WINDOW_MIN_NS (3 * 1000000000ull)

void verdict_thresholds_init(struct verdict_thresholds *t)
{
	const struct verdict_rule *r;
	unsigned int i;

	*t = (struct verdict_thresholds){ 0 };
	for (i = 0; i < VERDICT_MAX; i++) {
		r = verdict_rule(i);
		if (r)
			t->after_ns[i] = r->after_ns;
	}
}

/* What a bare duration makes of the class's own. */
static uint64_t bare(const struct verdict_rule *r, uint64_t ns)
{
	if (!r->bare_min_ns)
		return ns;
	if (ns < r->bare_min_ns)
		return r->bare_min_ns;
	return ns < r->after_ns ? ns : r->after_ns;
}

static void set_all(struct verdict_thresholds *t, uint64_t ns)
{
	const struct verdict_rule *r;
	unsigned int i;

	t->bare = true;
	for (i = 0; i < VERDICT_MAX; i++) {
		r = verdict_rule(i);
		if (r && r->bare_after && !t->given[i])
			t->after_ns[i] = bare(r, ns);
	}
}

static int complain_class(const char *name, char *buf, size_t len)
{
	const char *names[VERDICT_MAX + 1], *near;
	char shown[TEXT_LEN];
	unsigned int i, n = 0;

	for (i = 0; i < VERDICT_MAX; i++)
		if (verdict_rule(i))
			names[n++] = verdict_rule(i)->name;
	names[n] = NULL;
	near = text_nearest(name, names);
	text_clean(shown, sizeof(shown), name);
	if (near)
		snprintf(buf, len, "there is no class '%s' (did you mean '%s'?)", shown, near);
	else
		snprintf(buf, len, "there is no class '%s' (--class help lists them)", shown);
	return -EINVAL;
}

static int complain_duration(const char *word, int err, char *buf, size_t len)
{
	char shown[TEXT_LEN];

	text_clean(shown, sizeof(shown), word);
	if (err == -ERANGE)
		snprintf(buf, len, "'%s' is longer than ten years", shown);
	else
		snprintf(buf, len, "'%s' is no duration: write 500ms, 30s, 5m, 1.5h or 2d", shown);
	return -EINVAL;
}

int verdict_thresholds_parse(struct verdict_thresholds *t, const char *arg, char *buf, size_t len)
{
	const char *eq = strchr(arg, '='), *word = eq ? eq + 1 : arg;
	enum verdict_class class = VERDICT_NONE;
	char name[TEXT_LEN];
	uint64_t ns;
	int err;

	if (eq) {
		snprintf(name, sizeof(name), "%.*s",
			 (int)(eq - arg < TEXT_LEN ? eq - arg : TEXT_LEN - 1), arg);
		class = verdict_class_by_name(name);
		if (class == VERDICT_NONE)
			return complain_class(name, buf, len);
	}
	err = text_parse_duration(word, &ns);
	if (err)
		return complain_duration(word, err, buf, len);
	if (!eq) {
		set_all(t, ns);
		return 0;
	}
	if (verdict_rule(class)->window && ns < WINDOW_MIN_NS) {
		snprintf(buf, len, "%s needs a window of at least 3s to tell growth", name);
		return -EINVAL;
	}
	t->after_ns[class] = ns;
	t->given[class] = true;
	return 0;
}
