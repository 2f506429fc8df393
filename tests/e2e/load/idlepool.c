// SPDX-License-Identifier: BSD-2-Clause
/*
 * idlepool: healthy. A client pool has opened --count connections when it was busy, used each, and
 * now takes the one that was returned last every half second (LIFO): all others stay idle.
 * --port: the pool of an HTTP server that runs already on 127.0.0.1, such as nginx.
 * ss: 8 pairs of ESTAB, queues empty, lastsnd rises on all but one.
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
	struct sockaddr_in *in4 = (void *)&l.addr.ss;
	int *fds;

	load_options(&l, argc, argv);
	if (l.port) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(l.port);
		in4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		l.addr.len = sizeof(*in4);
	} else {
		load_fork(&l, peer);
		load_learn(&l);
	}
	fds = load_pool_open(&l);
	load_ready(&l, NULL, fds, l.count, "%s", "");
	while (load_wait(&l, 0.5))
		load_ask(fds[l.count - 1]);
	return load_end(&l);
}
