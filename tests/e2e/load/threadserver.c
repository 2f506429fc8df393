// SPDX-License-Identifier: BSD-2-Clause
/*
 * threadserver: healthy. A thread is blocked in accept, and a thread a connection in recv, between
 * the requests of a client pool that idles. --mode timed: with a keep-alive timeout of --timeout
 * (30 s, SO_RCVTIMEO); untimed: none, as many a small server does.
 * ss: LISTEN and 8 pairs of ESTAB, queues empty; just as expect-body looks, but for the bytes.
 */
#include "load.h"

static struct load l;

static void *serve(void *arg)
{
	int fd = *(int *)arg;

	if (load_mode(&l, "timed"))
		load_timeout(fd, SO_RCVTIMEO, l.timeout);
	while (load_recv(fd) > 0)
		load_send(fd, LOAD_ANSWER);
	close(fd);
	return NULL;
}

static void *acceptor(void *arg)
{
	int listener = *(int *)arg, *fds = load_calloc(l.count, sizeof(*fds));

	for (int i = 0;; i++) {
		fds[i] = load_accept(listener);
		load_thread(serve, &fds[i]);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int listener;

	load_options(&l, argc, argv);
	load_mode(&l, "timed");
	load_fork(&l, load_pool_peer);
	listener = load_listen(&l, 512);
	load_tell(&l);
	load_thread(acceptor, &listener);
	load_learn(&l);
	load_ready(&l, NULL, NULL, 0, "%s", "");
	load_hold(&l);
	return load_end(&l);
}
