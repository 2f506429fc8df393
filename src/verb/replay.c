// SPDX-License-Identifier: BSD-2-Clause
/* `lostsock replay FILE`: any view over a recording. Needs no privilege. */
#include <errno.h>
#include <stdio.h>
#include "source/recording.h"
#include "verb/show.h"
#include "verb/verb.h"

int verb_replay(const struct options *opt)
{
	char why[RECORDING_ERROR_LEN];
	struct options own = *opt;
	struct source src;
	struct show show;
	int status;

	/* At full speed there is but one moment to show: the last. */
	if (!own.speed && !own.count)
		own.once = own.once || own.json;
	if (recording_open(&src, own.file, own.speed, why)) {
		fprintf(stderr, "lostsock: %s\n", why);
		return EXIT_FINDINGS;
	}
	status = show_open(&show, &own);
	if (status) {
		src.ops->close(src.arg);
		return status;
	}
	show_progress(&show, "reading the recording");
	return show_run(&show, &src);
}
