// SPDX-License-Identifier: BSD-2-Clause
/* Signals that end a watch in good order. */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include "verb/signals.h"

static void ending(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

int signals_block(void)
{
	sigset_t set;

	ending(&set);
	return sigprocmask(SIG_BLOCK, &set, NULL) ? -errno : 0;
}

int signals_open(void)
{
	sigset_t set;
	int fd;

	ending(&set);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}
