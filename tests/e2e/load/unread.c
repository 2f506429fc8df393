// SPDX-License-Identifier: BSD-2-Clause
/*
 * unread: an answer waits in the receive queue and nobody reads it. --mode stream: TCP or, with
 * --family unix, a UNIX stream; dgram: three datagrams on each of --count UDP sockets.
 * Mended: what comes is read, over and over.
 * ss: 8 x ESTAB Recv-Q 40; UDP: UNCONN Recv-Q 2496; UNIX: Recv-Q 40 and, on the peer, Send-Q 768,
 * which is the same bytes seen from the other end.
 */
#include "load.h"

static struct load_addr *addrs;

static void peer_stream(struct load *l)
{
	int listener = load_listen(l, 512);

	load_tell(l);
	load_serve(listener, LOAD_ANSWERS);
}

/* Sends three datagrams to each address that it is told. */
static void peer_dgram(struct load *l)
{
	int fd = socket(l->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (;;) {
		load_learn(l);
		for (int i = 0; i < 3; i++)
			sendto(fd, LOAD_ANSWER, 40, 0, (void *)&l->addr.ss, l->addr.len);
	}
}

static int open_one(struct load *l, bool stream, int i)
{
	int fd;

	if (stream)
		return load_connect(l);
	fd = load_bind(l, SOCK_DGRAM);
	getsockname(fd, (void *)&l->addr.ss, &l->addr.len);
	addrs[i] = l->addr;
	return fd;
}

static void make_unread(struct load *l, bool stream, int fd, int i)
{
	if (stream) {
		load_send(fd, LOAD_REQUEST);
	} else {
		l->addr = addrs[i];
		load_tell(l);
	}
	load_await(fd, POLLIN);
}

static void read_all(int fd)
{
	char buf[4096];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

int main(int argc, char **argv)
{
	struct load l = { 0 };
	bool stream;
	int *fds;

	load_options(&l, argc, argv);
	stream = load_mode(&l, "stream");
	fds = load_calloc(l.count, sizeof(*fds));
	addrs = load_calloc(l.count, sizeof(*addrs));
	load_fork(&l, stream ? peer_stream : peer_dgram);
	if (stream)
		load_learn(&l);
	for (int i = 0; i < l.count; i++) {
		fds[i] = open_one(&l, stream, i);
		make_unread(&l, stream, fds[i], i);
	}
	load_sleep(0.1);
	for (int i = 0; !l.leaky && i < l.count; i++)
		read_all(fds[i]);
	load_ready(&l, "unread", fds, l.count, "%s", "");
	while (load_wait(&l, 0.2)) {
		for (int i = 0; !l.leaky && i < l.count; i++) {
			make_unread(&l, stream, fds[i], i);
			load_sleep(0.01);
			read_all(fds[i]);
		}
	}
	return load_end(&l);
}
