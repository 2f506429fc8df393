// SPDX-License-Identifier: BSD-2-Clause
/* `lostsock doctor`: tries what the kernel can give, and says how to get what it does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "source/live.h"
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

int verb_doctor(const struct options *opt)
{
	struct live_feature *f;
	bool fatal = false;
	size_t n, i;
	int count;

	f = live_features(&n, opt->verbose);
	if (!f) {
		fprintf(stderr, "lostsock: out of memory\n");
		return EXIT_FINDINGS;
	}
	count = missing(f, n, &fatal);
	if (fatal && f[n - 1].err && f[n - 1].required) {
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
