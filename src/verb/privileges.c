// SPDX-License-Identifier: BSD-2-Clause
/* Once everything is attached, most of what attaching needed is given up. */
#include <sys/capability.h>
#include <sys/prctl.h>
#include "source/live.h"
#include "verb/privileges.h"

/* Other processes' maps and files are looked at, to name stacks and for who has streams. */
#define DETAIL_NAMED (LIVE_COPY | LIVE_NAMES | LIVE_STREAMS)

static void keep(cap_t caps, cap_value_t cap)
{
	cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_SET);
	cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_SET);
}

void privileges_drop(uint32_t detail)
{
	cap_t caps = cap_init();

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!caps)
		return;
	/* Before 5.19 even reading an iterator that is set up asks for the right to use BPF. */
	keep(caps, CAP_BPF);
	if (detail & DETAIL_NAMED) {
		keep(caps, CAP_SYS_PTRACE);
		keep(caps, CAP_DAC_READ_SEARCH);
	}
	if (detail & ~PRIVILEGES_KILL)
		keep(caps, CAP_PERFMON);
	if ((detail & LIVE_STREAMS) && live_probes_need_admin())
		keep(caps, CAP_SYS_ADMIN);
	if (detail & PRIVILEGES_KILL)
		keep(caps, CAP_KILL);
	/* Where this fails there was less to begin with, and everything is open already. */
	cap_set_proc(caps);
	cap_free(caps);
}
