// SPDX-License-Identifier: BSD-2-Clause
/*
 * connecting: the handshake gets no answer, the sockets sit in SYN-SENT. The trick that needs no
 * firewall: the peer's listener carries a socket filter that drops every packet. --mode nonblock:
 * connects that were begun and left; blocking: a thread a connection is blocked in connect.
 * Mended: a connect is given up after 0.3 s and the socket closed, over and over.
 * ss: 8 x SYN-SENT, timer:(on); lastsnd is the uptime of the machine, as nothing was ever sent.
 */
#include "load.h"
#include <linux/filter.h>

static struct load l;

static void peer(struct load *me)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { 1, &drop };
	int listener = load_listen(me, 512);

	if (setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		die("SO_ATTACH_FILTER");
	load_tell(me);
	load_serve(listener, LOAD_ANSWERS);
}

static int begin(int flags)
{
	int fd = socket(l.addr.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0)
		die("socket");
	if (flags && (!connect(fd, (void *)&l.addr.ss, l.addr.len) || errno != EINPROGRESS))
		die("connect was answered");
	return fd;
}

static void *connect_on(void *arg)
{
	connect(*(int *)arg, (void *)&l.addr.ss, l.addr.len);
	return NULL;
}

static void try_for_a_while(void)
{
	struct pollfd p = { .fd = begin(SOCK_NONBLOCK), .events = POLLOUT };

	poll(&p, 1, 300);
	close(p.fd);
}

int main(int argc, char **argv)
{
	bool blocking;
	int *fds;

	load_options(&l, argc, argv);
	blocking = !load_mode(&l, "nonblock");
	fds = load_calloc(l.count, sizeof(*fds));
	load_fork(&l, peer);
	load_learn(&l);
	for (int i = 0; l.leaky && i < l.count; i++) {
		fds[i] = begin(blocking ? 0 : SOCK_NONBLOCK);
		if (blocking)
			load_thread(connect_on, &fds[i]);
		load_await_state(fds[i], TCP_SYN_SENT);
	}
	load_ready(&l, "connecting", fds, l.leaky ? l.count : 0, "%s", "");
	while (load_wait(&l, 0.1)) {
		if (!l.leaky)
			try_for_a_while();
	}
	return load_end(&l);
}
