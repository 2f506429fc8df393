/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of options (options.c), for who reads the command line by it (options_parse.c). */
#pragma once

#include "verb/options.h"

struct option_row {
	char letter; /* 0: none */
	const char *name;
	const char *arg; /* NULL: takes none */
	unsigned int verbs;
	int (*set)(struct options *opt, const char *arg, char err[OPTIONS_ERROR_LEN]);
	const char *help;
};

/* NULL: @i is behind the last. */
const struct option_row *options_row(size_t i);
