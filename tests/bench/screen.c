// SPDX-License-Identifier: BSD-2-Clause
/*
 * screen SECONDS WORD COMMAND...: runs COMMAND on a terminal of its own, 120x40, prints the seconds
 * from its start until WORD has been drawn, lets it run for SECONDS altogether, and ends it. Fails
 * if WORD never comes.
 */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Reads on until the time is up; when the word was first there, or 0. */
static double watch(int fd, const char *word, double end)
{
	static char seen[1 << 16];
	size_t have = 0, keep = strlen(word) - 1;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	double found = 0;

	for (;;) {
		double left = end - now();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)(left * 1000) + 1) < 0)
			return found;
		if (!p.revents)
			continue;
		n = read(fd, seen + have, sizeof(seen) - have);
		if (n <= 0)
			return found;
		have += n;
		if (!found && memmem(seen, have, word, keep + 1))
			found = now();
		/* The word may be cut in two by the end of a read. */
		if (have > keep) {
			memmove(seen, seen + have - keep, keep);
			have = keep;
		}
	}
}

int main(int argc, char **argv)
{
	struct winsize size = { .ws_row = 40, .ws_col = 120 };
	double start, found;
	pid_t pid;
	int fd;

	if (argc < 4 || !argv[2][0]) {
		fprintf(stderr, "usage: screen SECONDS WORD COMMAND...\n");
		return 2;
	}
	setenv("TERM", "xterm-256color", 1);
	start = now();
	pid = forkpty(&fd, NULL, NULL, &size);
	if (pid < 0) {
		perror("screen: forkpty");
		return 1;
	}
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(127);
	}
	found = watch(fd, argv[2], start + atof(argv[1]));
	kill(pid, SIGTERM);
	close(fd);
	waitpid(pid, NULL, 0);
	if (!found) {
		fprintf(stderr, "screen: '%s' was never drawn\n", argv[2]);
		return 1;
	}
	printf("%.4f\n", found - start);
	return 0;
}
