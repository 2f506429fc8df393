// SPDX-License-Identifier: BSD-2-Clause
/*
 * churn: a client connects to a server (peer_pid) --count (20000) times, as fast as it goes or
 * --rate times a second, and closes at once; the server accepts, reads the end and closes. --keep
 * connections, spread evenly, carry one byte and stay open on both sides. A second line tells the
 * exact truth: {"done":true,"pid":C,"opened":N,"closed":N-K,"live":K,"peer_...":...,"seconds":S}.
 * Sources are spread over 127.0.1.x, for ports in TIME-WAIT cannot be taken again at once.
 * ss: afterwards K pairs of ESTAB, N-K x TIME-WAIT; with --family unix K pairs only.
 */
#include "load.h"
#include <arpa/inet.h>

static void server(struct load *l)
{
	int listener = load_listen(l, 4096);
	char c;

	load_tell(l);
	for (int i = 0; i < l->count; i++) {
		int fd = load_accept(listener);

		if (recv(fd, &c, 1, 0) <= 0)
			close(fd);
	}
	load_tell(l);
	for (;;)
		pause();
}

static int connect_from(struct load *l, int i)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int fd;

	if (l->family != AF_INET)
		return load_connect(l);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	from.sin_addr.s_addr = htonl(0x7f000101 + i % 32);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
	if (bind(fd, (void *)&from, sizeof(from)) || connect(fd, (void *)&l->addr.ss, l->addr.len))
		die("connect");
	return fd;
}

/* Whether the i-th of count is one of the kept ones, which are spread evenly. */
static bool is_kept(const struct load *l, int i)
{
	return (long)(i + 1) * l->keep / l->count != (long)i * l->keep / l->count;
}

int main(int argc, char **argv)
{
	struct load l = { .count = 20000 };
	double start;

	load_options(&l, argc, argv);
	load_fork(&l, server);
	load_learn(&l);
	load_ready(&l, NULL, NULL, 0, "%s", "");
	start = load_now();
	for (int i = 0; i < l.count && !load_stopped; i++) {
		int fd = connect_from(&l, i);

		if (is_kept(&l, i))
			load_send(fd, "k");
		else
			close(fd);
		if (l.rate && load_now() < start + i / l.rate)
			load_sleep(start + i / l.rate - load_now());
	}
	load_learn(&l);
	printf("{\"done\":true,\"pid\":%d,\"opened\":%d,\"closed\":%d,\"live\":%d,\"peer_pid\":%d,"
	       "\"peer_opened\":%d,\"peer_closed\":%d,\"peer_live\":%d,\"seconds\":%.3f}\n",
	       getpid(), l.count, l.count - l.keep, l.keep, l.peer, l.count, l.count - l.keep,
	       l.keep, load_now() - start);
	fflush(stdout);
	load_hold(&l);
	return load_end(&l);
}
