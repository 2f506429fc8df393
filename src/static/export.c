// SPDX-License-Identifier: BSD-2-Clause
/* `lostsock export` of the static binary: what it serves with is to be had as shared libraries
 * alone. */
#include <stdio.h>
#include "verb/verb.h"

int verb_export(const struct options *opt)
{
	(void)opt;
	fprintf(stderr, "lostsock: export is not in the static binary: build it with `make`\n");
	return EXIT_REFUSED;
}
