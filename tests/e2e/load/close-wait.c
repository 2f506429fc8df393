// SPDX-License-Identifier: BSD-2-Clause
/*
 * close-wait: the peer has closed, we hold. --mode seen: the program has read the end of input and
 * keeps the descriptor (Recv-Q 0); blind: it never reads on (Recv-Q 1, the FIN counts).
 * Mended: it closes at the end of input, and goes on opening and closing.
 * ss: 8 x CLOSE-WAIT, Recv-Q 0 (seen) or 1 (blind); the peer's ends FIN-WAIT-2, then gone after 60
 * s. UNIX: ESTAB, peer inode 0.
 */
#include "load.h"

static void peer(struct load *l)
{
	int listener = load_listen(l, 512);

	load_tell(l);
	load_serve(listener, LOAD_HANGS_UP);
}

static int open_and_ask(struct load *l)
{
	int fd = load_connect(l);

	load_ask(fd);
	load_await(fd, POLLRDHUP);
	return fd;
}

int main(int argc, char **argv)
{
	struct load l = { 0 };
	bool seen;
	int *fds;

	load_options(&l, argc, argv);
	seen = load_mode(&l, "seen");
	fds = load_calloc(l.count, sizeof(*fds));
	load_fork(&l, peer);
	load_learn(&l);
	for (int i = 0; l.leaky && i < l.count; i++) {
		fds[i] = open_and_ask(&l);
		if (seen && load_recv(fds[i]) != 0)
			die("end of input awaited");
	}
	load_ready(&l, "close-wait", fds, l.leaky ? l.count : 0, "%s", "");
	while (load_wait(&l, 0.1)) {
		if (!l.leaky)
			close(open_and_ask(&l));
	}
	return load_end(&l);
}
