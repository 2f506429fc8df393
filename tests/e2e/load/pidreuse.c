// SPDX-License-Identifier: BSD-2-Clause
/*
 * pidreuse: healthy. A process opens --count connections and ends; the next one is given the same
 * pid (clone3 with set_tid) and opens --keep (3). Those 3 are all that this pid holds, and all that
 * it has opened.
 * ss: 3 pairs of ESTAB, 8 x TIME-WAIT.
 */
#include "fork_as.h"

static void peer(struct load *l)
{
	int listener = load_listen(l, 512);

	load_tell(l);
	load_serve(listener, LOAD_ANSWERS);
}

int main(int argc, char **argv)
{
	struct load l = { .keep = 3 };
	pid_t pid, again;
	int *fds;

	load_options(&l, argc, argv);
	load_fork(&l, peer);
	load_learn(&l);
	pid = fork_as(0);
	if (pid < 0)
		die("clone3");
	if (!pid) {
		prctl(PR_SET_NAME, "first");
		load_pool_open(&l);
		load_sleep(1);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	l.count = l.keep;
	again = fork_as(pid);
	if (again < 0)
		die("clone3");
	if (!again) {
		prctl(PR_SET_NAME, "second");
		fds = load_pool_open(&l);
		load_ready(&l, NULL, fds, l.count, "%s", "");
		load_sleep(l.hold);
		_exit(0);
	}
	load_hold(&l);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return load_end(&l);
}
