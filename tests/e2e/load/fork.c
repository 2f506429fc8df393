// SPDX-License-Identifier: BSD-2-Clause
/*
 * fork: healthy. A child inherits --count connections and both processes go on holding and using
 * them: one connection each, two holders (pid, child_pid).
 * ss -p: 8 x ESTAB, each with two users: the program and its child, under the same fd.
 */
#include "load.h"

static void peer(struct load *l)
{
	int listener = load_listen(l, 512);

	load_tell(l);
	load_serve(listener, LOAD_ANSWERS);
}

static void child(const int *fds)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGTERM, load_on_term_peer);
	for (;;) {
		load_ask(fds[0]);
		load_sleep(1);
	}
}

int main(int argc, char **argv)
{
	struct load l = { 0 };
	pid_t pid;
	int *fds;

	load_options(&l, argc, argv);
	load_fork(&l, peer);
	load_learn(&l);
	fds = load_pool_open(&l);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		child(fds);
	load_sleep(0.1);
	load_ready(&l, NULL, fds, l.count, ",\"child_pid\":%d", pid);
	while (load_wait(&l, 0.5))
		load_ask(fds[l.count - 1]);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return load_end(&l);
}
