// SPDX-License-Identifier: BSD-2-Clause
/*
 * unsent: the peer does not read, our send queue makes no progress. --mode blocking: a thread a
 * connection is blocked in send; nonblock: the queue was filled up to EAGAIN, nobody is blocked.
 * The peer's receive queue is full, so that the peer is rightly an unread.
 * Mended: the peer reads, slowly: the send queue is hardly ever empty but moves, and SO_SNDTIMEO
 * is set.
 * ss: 8 x ESTAB, Send-Q > 20000, timer:(persist); lastsnd is young all the same, as the probes of
 * the closed window count. The peer's: Recv-Q 124459. Mended: the same queues, bytes_acked rises.
 */
#include "load.h"

static struct load l;

/* Reads a bit from everybody ten times a second if mended, nothing if leaky. */
static void peer(struct load *me)
{
	int *fds = load_calloc(me->count, sizeof(*fds)), listener = load_listen(me, 512);
	static char buf[256 << 10];

	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &(int){ 64 << 10 }, sizeof(int));
	load_tell(me);
	for (int i = 0; i < me->count; i++)
		fds[i] = load_accept(listener);
	for (;;) {
		load_sleep(0.1);
		for (int i = 0; !me->leaky && i < me->count; i++)
			recv(fds[i], buf, sizeof(buf), MSG_DONTWAIT);
	}
}

static void *write_on(void *arg)
{
	static const char buf[16 << 10];
	int fd = *(int *)arg, flags = load_mode(&l, "nonblock") ? MSG_DONTWAIT : 0;

	if (!l.leaky)
		load_timeout(fd, SO_SNDTIMEO, l.timeout);
	for (;;) {
		if (send(fd, buf, sizeof(buf), flags) >= 0)
			continue;
		if (errno != EAGAIN || l.leaky)
			return NULL;
		load_sleep(0.05);
	}
}

int main(int argc, char **argv)
{
	int *fds;

	load_options(&l, argc, argv);
	load_mode(&l, "blocking");
	fds = load_calloc(l.count, sizeof(*fds));
	load_fork(&l, peer);
	load_learn(&l);
	for (int i = 0; i < l.count; i++) {
		fds[i] = load_connect(&l);
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &(int){ 64 << 10 }, sizeof(int));
		load_thread(write_on, &fds[i]);
	}
	load_sleep(0.5);
	load_ready(&l, "unsent", fds, l.count, "%s", "");
	load_hold(&l);
	return load_end(&l);
}
