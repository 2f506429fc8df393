// SPDX-License-Identifier: BSD-2-Clause
/* Once everything is attached, most of what attaching needed is given up. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include "source/live.h"
#include "verb/privileges.h"

/* Other processes' maps and files are looked at, to name stacks and for who has streams. */
#define DETAIL_NAMED (LIVE_COPY | LIVE_NAMES | LIVE_STREAMS)

/* What is to stay of what there is: to ask for one more would leave all as it was. */
struct kept {
	cap_t had;
	cap_t caps;
};

static void keep(struct kept *k, cap_value_t cap)
{
	cap_flag_value_t has = CAP_CLEAR;

	if (cap_get_flag(k->had, cap, CAP_PERMITTED, &has) || has != CAP_SET)
		return;
	cap_set_flag(k->caps, CAP_PERMITTED, 1, &cap, CAP_SET);
	cap_set_flag(k->caps, CAP_EFFECTIVE, 1, &cap, CAP_SET);
}

void privileges_drop(uint32_t detail)
{
	struct kept k = { .had = cap_get_proc(), .caps = cap_init() };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!k.had || !k.caps)
		goto out;
	/* Before 5.19 even reading an iterator that is set up asks for the right to use BPF. */
	keep(&k, CAP_BPF);
	if (detail & DETAIL_NAMED) {
		keep(&k, CAP_SYS_PTRACE);
		keep(&k, CAP_DAC_READ_SEARCH);
	}
	if (detail & ~PRIVILEGES_KILL)
		keep(&k, CAP_PERFMON);
	if ((detail & LIVE_STREAMS) && live_probes_need_admin())
		keep(&k, CAP_SYS_ADMIN);
	if (detail & PRIVILEGES_KILL)
		keep(&k, CAP_KILL);
	if (cap_set_proc(k.caps))
		fprintf(stderr, "lostsock: cannot give its privileges up: %s\n", strerror(errno));
out:
	cap_free(k.had);
	cap_free(k.caps);
}
