// SPDX-License-Identifier: BSD-2-Clause
/*
 * task-stuck: --count threads, each blocked in recv on a connected UDP socket of its own with
 * nothing to end the wait: the question was sent, the answer is lost. Mended: SO_RCVTIMEO
 * (--timeout, 30 s) ends it.
 * ss: 8 x ESTAB (UDP) with us, one UNCONN with the peer, queues empty. The peer's thread is blocked
 * in recv without a timeout too, but is a server on a socket that is not connected: healthy.
 */
#include "load.h"

static struct load l;

/* Takes the datagrams, and answers none. */
static void peer(struct load *me)
{
	int fd = load_bind(me, SOCK_DGRAM);

	load_tell(me);
	for (;;)
		load_recv(fd);
}

static void *wait_for_datagram(void *arg)
{
	load_recv(*(int *)arg);
	return NULL;
}

int main(int argc, char **argv)
{
	int *fds;

	load_options(&l, argc, argv);
	fds = load_calloc(l.count, sizeof(*fds));
	load_fork(&l, peer);
	load_learn(&l);
	for (int i = 0; i < l.count; i++) {
		fds[i] = socket(l.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fds[i] < 0 || connect(fds[i], (void *)&l.addr.ss, l.addr.len))
			die("connect");
		load_send(fds[i], "?");
		if (!l.leaky)
			load_timeout(fds[i], SO_RCVTIMEO, l.timeout);
		load_thread(wait_for_datagram, &fds[i]);
	}
	load_sleep(0.1);
	load_ready(&l, "task-stuck", fds, l.count, "%s", "");
	load_hold(&l);
	return load_end(&l);
}
