// SPDX-License-Identifier: BSD-2-Clause
/*
 * task-growth: one line of code starts a thread every 100 ms (--rate) that never ends. --mode conn:
 * each is parked in recv on the program's one connection; pipe: in read on a pipe.
 * Mended: each ends after 50 ms. "count" is the threads alive when the line is printed, main aside.
 * ss: conn: one ESTAB pair, idle; pipe: nothing. /proc/PID/status: Threads rises by ten a second.
 */
#include "load.h"

static struct load l;
static int fd;

static void peer(struct load *me)
{
	int listener = load_listen(me, 512);

	load_tell(me);
	load_serve(listener, LOAD_ANSWERS);
}

static void *task(void *arg)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	(void)arg;
	if (!l.leaky)
		poll(&p, 1, 50);
	else if (read(fd, &c, 1) < 0)
		die("read");
	return NULL;
}

int main(int argc, char **argv)
{
	int ends[2];

	l.rate = 10;
	load_options(&l, argc, argv);
	load_fork(&l, peer);
	load_learn(&l);
	if (load_mode(&l, "conn")) {
		fd = load_connect(&l);
		load_ask(fd);
	} else {
		if (pipe2(ends, O_CLOEXEC))
			die("pipe");
		fd = ends[0];
	}
	for (int i = 0; i < l.count; i++)
		load_thread(task, NULL);
	load_ready(&l, "task-growth", &fd, 1, "%s", "");
	while (load_wait(&l, 1 / l.rate))
		load_thread(task, NULL);
	return load_end(&l);
}
