/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes whose pid is chosen. */
#pragma once

#include <linux/sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include "load.h"

/* fork, with a pid of one's choice if it is not 0. -1 with errno: somebody has it, or may not. */
static inline pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = pid ? (uintptr_t)&pid : 0,
		.set_tid_size = pid ? 1 : 0,
	};
	pid_t child = syscall(SYS_clone3, &args, sizeof(args));

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		signal(SIGTERM, load_on_term_peer);
	}
	return child;
}
