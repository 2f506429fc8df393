// SPDX-License-Identifier: BSD-2-Clause
/* `lostsock doctor`: tries what the kernel can give, and says how to get what it does not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <jansson.h>
#include "source/live.h"
#include "verb/target.h"
#include "verb/verb.h"

static int missing(const struct live_feature *f, size_t n, bool *fatal)
{
	int count = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		count += f[i].err != 0;
		*fatal |= f[i].err && f[i].required;
	}
	return count;
}

/*
 *   ok       TCP births and deaths
 *   missing  UDP births and deaths        without it: UDP sockets that live less than a tick
 *            no cgroup2 is mounted (ENOENT): mount -t cgroup2 none /sys/fs/cgroup/unified
 */
static void print_feature(const struct live_feature *f)
{
	if (!f->err) {
		printf("ok       %-28s %s\n", f->name, f->gives);
		return;
	}
	printf("missing  %-28s %s\n", f->name, f->gives);
	printf("         %s (%s)\n", f->mend, strerror(-f->err));
}

/* {"schema":1, "kernel":"6.1.0 x86_64", "works":true, "features":[{"name":"TCP births",
 * "works":false, "required":true, "error":"ENOENT", "gives":..., "mend":...}]}: those behind one
 * that all the others need are not in it. */
static int print_json(const struct live_feature *f, size_t n, bool works)
{
	json_t *features = json_array(), *all;
	struct utsname u;
	size_t i;
	int err;

	if (uname(&u))
		memset(&u, 0, sizeof(u));
	for (i = 0; i < n; i++)
		json_array_append_new(
			features, json_pack("{s:s, s:b, s:b, s:s?, s:s, s:s?}", "name", f[i].name,
					    "works", !f[i].err, "required", f[i].required, "error",
					    f[i].err ? strerrorname_np(-f[i].err) : NULL, "gives",
					    f[i].gives, "mend", f[i].err ? f[i].mend : NULL));
	all = json_pack("{s:i, s:o, s:b, s:o}", "schema", 1, "kernel",
			json_sprintf("%s %s", u.release, u.machine), "works", works, "features",
			features);
	err = !all || json_dumpf(all, stdout, JSON_INDENT(1)) || putchar('\n') == EOF ||
	      fflush(stdout);
	json_decref(all);
	return err ? EXIT_FINDINGS : works ? EXIT_FINE : EXIT_REFUSED;
}

/* What is no matter of the kernel, but of where we run. */
static struct live_feature *add_numbers(struct live_feature *f, size_t *n)
{
	struct live_feature *more = reallocarray(f, *n + 1, sizeof(*f));

	if (!more) {
		free(f);
		return NULL;
	}
	more[(*n)++] = (struct live_feature){
		.name = "numbers of processes",
		.gives = "--pid, attach, run",
		.mend = TARGET_UNKNOWN,
		.err = target_known() ? 0 : -EPERM,
	};
	return more;
}

static bool ends_early(const struct live_feature *f, size_t n)
{
	return f[n - 1].err && f[n - 1].required;
}

int verb_doctor(const struct options *opt)
{
	struct live_feature *f;
	bool fatal = false;
	size_t n, i;
	int count, status;

	f = live_features(&n, opt->verbose);
	if (f && !ends_early(f, n))
		f = add_numbers(f, &n);
	if (!f) {
		fprintf(stderr, "lostsock: out of memory\n");
		return EXIT_FINDINGS;
	}
	count = missing(f, n, &fatal);
	if (opt->json) {
		status = print_json(f, n, !fatal);
		free(f);
		return status;
	}
	if (ends_early(f, n)) {
		fprintf(stderr, "lostsock: no %s: %s\n", f[n - 1].name, f[n - 1].mend);
		free(f);
		return EXIT_REFUSED;
	}
	for (i = 0; i < n; i++)
		print_feature(&f[i]);
	if (!count)
		printf("\nEverything works here.\n");
	else
		printf("\n%d of %zu missing%s.\n", count, n,
		       fatal ? ", among them what lostsock cannot do without" : "; the rest works");
	free(f);
	return fatal ? EXIT_REFUSED : EXIT_FINE;
}
