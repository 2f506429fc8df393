// SPDX-License-Identifier: BSD-2-Clause
/*
 * forkbomb: healthy. At each SIGUSR1 --count (2000) processes begin and end, at most 100 at a time;
 * one in four asks the peer something first, and leaves its connection to its exit. They share few
 * pids: each is that of one who has just ended (clone3 with set_tid). The last of a round is given
 * such a pid, too, opens --keep (3) connections and stays until the next round; a line tells of it:
 * {"done":true,"pid":P,"child":C,"forked":N,"live":K,"peer_pid":Q}, "forked" since the beginning.
 * ss: K pairs of ESTAB, TIME-WAIT for the others.
 */
#include "fork_as.h"

#define AT_ONCE 100
#define PIDS	200

struct bomb {
	pid_t pids; /* the first of PIDS that are used in turn */
	pid_t running[AT_ONCE];
	pid_t last; /* who has stayed */
	long forked;
};

static volatile sig_atomic_t rounds_asked;

static void on_usr1(int sig)
{
	(void)sig;
	rounds_asked++;
}

static void peer(struct load *l)
{
	int listener = load_listen(l, 4096);

	load_tell(l);
	load_serve(listener, LOAD_ANSWERS);
}

/* By one of our pids; by any other if somebody else has taken it. */
static pid_t fork_next(struct bomb *b)
{
	pid_t child = fork_as(b->pids + b->forked % PIDS);

	if (child < 0 && (errno == EEXIST || errno == EINVAL))
		child = fork_as(0);
	if (child < 0)
		die("clone3");
	if (!child)
		signal(SIGUSR1, SIG_DFL);
	b->forked += child > 0;
	return child;
}

static void one(struct load *l, struct bomb *b)
{
	pid_t *slot = &b->running[b->forked % AT_ONCE];
	bool asks = b->forked % 4 == 0;
	pid_t child;

	if (*slot)
		waitpid(*slot, NULL, 0);
	child = fork_next(b);
	if (child) {
		*slot = child;
		return;
	}
	if (asks)
		load_ask(load_connect(l));
	_exit(0);
}

static void one_that_stays(struct load *l, struct bomb *b)
{
	int told[2];
	char c;

	if (pipe2(told, O_CLOEXEC))
		die("pipe");
	b->last = fork_next(b);
	if (!b->last) {
		l->count = l->keep;
		load_pool_open(l);
		if (write(told[1], "", 1) != 1)
			die("write");
		for (;;)
			pause();
	}
	close(told[1]);
	if (read(told[0], &c, 1) != 1)
		die("the last one has ended");
	close(told[0]);
}

static void go_round(struct load *l, struct bomb *b)
{
	if (b->last) {
		kill(b->last, SIGTERM);
		waitpid(b->last, NULL, 0);
	}
	for (int i = 0; i < l->count && !load_stopped; i++)
		one(l, b);
	for (int i = 0; i < AT_ONCE; i++) {
		if (b->running[i])
			waitpid(b->running[i], NULL, 0);
		b->running[i] = 0;
	}
	one_that_stays(l, b);
	printf("{\"done\":true,\"pid\":%d,\"child\":%d,\"forked\":%ld,\"live\":%d,\"peer_pid\":%d}"
	       "\n",
	       getpid(), b->last, b->forked, l->keep, l->peer);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct load l = { .count = 2000, .keep = 3 };
	struct bomb b = { 0 };
	int rounds = 0;

	load_options(&l, argc, argv);
	signal(SIGUSR1, on_usr1);
	load_fork(&l, peer);
	load_learn(&l);
	b.pids = fork_as(0);
	if (!b.pids)
		_exit(0);
	waitpid(b.pids, NULL, 0);
	load_ready(&l, NULL, NULL, 0, "%s", "");
	while (!load_stopped && load_wait(&l, 0.02))
		while (rounds < rounds_asked && !load_stopped)
			rounds++, go_round(&l, &b);
	if (b.last)
		kill(b.last, SIGTERM);
	return load_end(&l);
}
