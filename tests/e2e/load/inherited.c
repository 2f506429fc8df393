// SPDX-License-Identifier: BSD-2-Clause
/*
 * inherited: connections without SOCK_CLOEXEC leak into a child; the opener closes its own.
 * --mode exec: the heir is `sleep`; fork: the heir is a forked child that knows nothing of them.
 * heir_pid holds them, pid opened them. Mended: exec: SOCK_CLOEXEC; fork: the child closes them.
 * ss: 8 x ESTAB held by the heir only, 8 x ESTAB by the peer; as idle as a healthy pool. lsof or
 * ss -p names the heir, nothing names the opener.
 */
#include "load.h"

static void peer(struct load *l)
{
	int listener = load_listen(l, 512);

	load_tell(l);
	load_serve(listener, LOAD_ANSWERS);
}

static void heir(struct load *l, bool exec, const int *fds)
{
	char hold[32];

	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	snprintf(hold, sizeof(hold), "%g", l->hold);
	if (exec) {
		execlp("sleep", "sleep", hold, NULL);
		_exit(127);
	}
	for (int i = 0; !l->leaky && i < l->count; i++)
		close(fds[i]);
	load_sleep(l->hold);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct load l = { 0 };
	bool exec;
	pid_t pid;
	int *fds;

	load_options(&l, argc, argv);
	exec = load_mode(&l, "exec");
	fds = load_calloc(l.count, sizeof(*fds));
	load_fork(&l, peer);
	load_learn(&l);
	for (int i = 0; i < l.count; i++) {
		fds[i] = load_connect(&l);
		if (l.leaky && exec)
			fcntl(fds[i], F_SETFD, 0);
		load_ask(fds[i]);
	}
	/* Bytes are told to have moved by jiffies: what is that close to the fork may be the
	 * heir's. */
	load_sleep(0.05);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		heir(&l, exec, fds);
	load_sleep(0.2);
	for (int i = 0; i < l.count; i++)
		close(fds[i]);
	load_ready(&l, "inherited", fds, l.count, ",\"heir_pid\":%d", pid);
	load_hold(&l);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return load_end(&l);
}
