// SPDX-License-Identifier: BSD-2-Clause
/*
 * shortlived: --count (1000) children, one after the other; each connects to the parent, is
 * answered by its close, closes and ends. With --mode names each has a name of its own, such as
 * "short-17"; or
 * --mode same. Then the line: {"ready":true,"pid":P,"count":N,...}; the parent stays, and holds
 * nothing but its listener.
 */
#include "load.h"

static void child(struct load *l, int i)
{
	char name[24];
	int fd;

	if (!load_mode(l, "same")) {
		snprintf(name, sizeof(name), "short-%d", i);
		prctl(PR_SET_NAME, name);
	}
	fd = load_connect(l);
	load_await(fd, POLLIN);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct load l = { .count = 1000 };
	int listener, status;
	pid_t pid;

	load_options(&l, argc, argv);
	listener = load_listen(&l, 16);
	for (int i = 0; i < l.count; i++) {
		pid = fork();
		if (pid < 0)
			die("fork");
		if (!pid)
			child(&l, i);
		close(load_accept(listener));
		if (waitpid(pid, &status, 0) != pid || status)
			die("child");
	}
	load_ready(&l, NULL, NULL, 0, "%s", "");
	load_hold(&l);
	return load_end(&l);
}
