/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs a person types after `lostsock`. One file each; adding one is adding a row in
 * lostsock.c and a bit here. */
#pragma once

#include "verb/options.h"

/* Exit statuses, documented in lostsock(8). */
enum {
	EXIT_FINE = 0,
	EXIT_FINDINGS = 1, /* or an operation failed */
	EXIT_USAGE = 2,
	EXIT_REFUSED = 3, /* the kernel or the privileges do not allow it */
};

int verb_top(const struct options *opt);
int verb_record(const struct options *opt);
int verb_replay(const struct options *opt);
int verb_attach(const struct options *opt);
int verb_run(const struct options *opt);
int verb_export(const struct options *opt);
int verb_doctor(const struct options *opt);
