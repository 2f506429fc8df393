// SPDX-License-Identifier: BSD-2-Clause
/*
 * dup: healthy. --mode moved: every connection is duplicated and the original descriptor closed;
 * both: both descriptors stay. Either way --count connections, one holding process.
 * ss: 8 x ESTAB with one (pid, fd) each, or with two (fd=3 and fd=100 of the same pid).
 */
#include "load.h"

static void peer(struct load *l)
{
	int listener = load_listen(l, 512);

	load_tell(l);
	load_serve(listener, LOAD_ANSWERS);
}

int main(int argc, char **argv)
{
	struct load l = { 0 };
	int *fds, *copies;
	bool moved;

	load_options(&l, argc, argv);
	moved = load_mode(&l, "moved");
	copies = load_calloc(l.count, sizeof(*copies));
	load_fork(&l, peer);
	load_learn(&l);
	fds = load_pool_open(&l);
	for (int i = 0; i < l.count; i++) {
		copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
		if (copies[i] < 0)
			die("dup");
		if (moved)
			close(fds[i]);
		load_ask(copies[i]);
	}
	load_ready(&l, NULL, copies, l.count, ",\"descriptors\":%d", moved ? l.count : 2 * l.count);
	load_hold(&l);
	return load_end(&l);
}
