// SPDX-License-Identifier: BSD-2-Clause
/* Signals that end a watch in good order. */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include "verb/signals.h"

static const int ending[] = { SIGINT, SIGTERM };
/* Those of job control are left alone: they stop both of us, and the shell wakes both. */
static const int passed_on[] = { SIGINT,  SIGTERM,  SIGHUP,  SIGQUIT, SIGUSR1,
				 SIGUSR2, SIGWINCH, SIGALRM, SIGCHLD };

static int block(const int *signals, size_t n)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < n; i++)
		sigaddset(&set, signals[i]);
	return sigprocmask(SIG_BLOCK, &set, NULL) ? -errno : 0;
}

int signals_block(void)
{
	return block(ending, sizeof(ending) / sizeof(ending[0]));
}

int signals_block_all(void)
{
	return block(passed_on, sizeof(passed_on) / sizeof(passed_on[0]));
}

int signals_open(void)
{
	sigset_t set;
	int fd;

	if (sigprocmask(SIG_BLOCK, NULL, &set))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}
