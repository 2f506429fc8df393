// SPDX-License-Identifier: BSD-2-Clause
/* `lostsock top`: the live table on a terminal, or reports where there is none. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "source/live.h"
#include "verb/privileges.h"
#include "verb/show.h"
#include "verb/verb.h"
#include "verb/watch.h"

int verb_top(const struct options *opt)
{
	struct source src;
	struct show show;
	int status;

	status = show_open(&show, opt);
	if (status)
		return status;
	show_progress(&show, "attaching to the kernel");
	status = watch_open_live(&src, opt);
	if (status) {
		show_close(&show);
		return status;
	}
	privileges_drop(opt->streams ? LIVE_STREAMS : 0);
	show_progress(&show, "reading what is open");
	return show_run(&show, &src);
}
