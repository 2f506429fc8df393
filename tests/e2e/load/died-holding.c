// SPDX-License-Identifier: BSD-2-Clause
/*
 * died-holding: a process opens --count connections and, --seconds (2) later, ends with them.
 * --mode abort, kill (SIGKILL) or segv: it dies; exit: it calls exit(0), which is no crash.
 * pid is the victim, which is another process than the one that prints. Mended: it closes them
 * all first. A second line comes when it is gone: {"done":true,"pid":P,"opened":N,"status":S}.
 * ss: 16 x ESTAB, then none: 8 x TIME-WAIT for a while, as after any close.
 */
#include "load.h"
#include <sys/resource.h>

static void peer(struct load *l)
{
	int listener = load_listen(l, 512);

	load_tell(l);
	load_serve(listener, LOAD_ANSWERS);
}

static void end_by(struct load *l)
{
	struct rlimit none = { 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (load_mode(l, "exit"))
		exit(0);
	if (load_mode(l, "kill"))
		kill(getpid(), SIGKILL);
	if (load_mode(l, "segv")) {
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	abort();
}

static void victim(struct load *l)
{
	int *fds = load_calloc(l->count, sizeof(*fds));

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "victim");
	for (int i = 0; i < l->count; i++) {
		fds[i] = load_connect(l);
		load_ask(fds[i]);
	}
	load_ready(l, "died-holding", fds, l->count, ",\"mode\":\"%s\"", l->mode);
	load_wait(l, l->seconds);
	for (int i = 0; !l->leaky && i < l->count; i++)
		close(fds[i]);
	end_by(l);
}

int main(int argc, char **argv)
{
	struct load l = { .seconds = 2 };
	int status = 0;
	pid_t pid;

	load_options(&l, argc, argv);
	load_mode(&l, "abort");
	load_fork(&l, peer);
	load_learn(&l);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		victim(&l);
	waitpid(pid, &status, 0);
	printf("{\"done\":true,\"pid\":%d,\"opened\":%d,\"status\":%d}\n", pid, l.count, status);
	fflush(stdout);
	load_hold(&l);
	return load_end(&l);
}
