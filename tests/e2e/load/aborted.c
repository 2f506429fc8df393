// SPDX-License-Identifier: BSD-2-Clause
/*
 * aborted: a client closes with unread bytes of the answer, a reset goes out; ten times a second
 * (--rate), --count times in all. Mended: it reads the answer to its end first. After the last
 * one a second line comes: {"done":true,"pid":P,"opened":N,"closed":N,"aborted":N}.
 * ss: nothing between two of them; no TIME-WAIT is left, where the mended one leaves one each.
 */
#include "load.h"

#define BODY (64 << 10)

/* Answers every connection with BODY bytes, and reads on to its end. */
static void peer(struct load *l)
{
	static char body[BODY];
	int listener = load_listen(l, 512);

	load_tell(l);
	for (;;) {
		int fd = load_accept(listener);

		if (load_recv(fd) > 0 && send(fd, body, sizeof(body), 0) > 0)
			load_recv(fd);
		close(fd);
	}
}

static void ask_and_close(struct load *l)
{
	static char body[BODY];
	int fd = load_connect(l);

	load_send(fd, LOAD_REQUEST);
	if (recv(fd, body, 100, MSG_WAITALL) != 100)
		die("no answer");
	if (!l->leaky)
		recv(fd, body, BODY - 100, MSG_WAITALL);
	else
		load_await(fd, POLLIN);
	close(fd);
}

int main(int argc, char **argv)
{
	struct load l = { .rate = 10, .count = 30 };
	int n = 0;

	load_options(&l, argc, argv);
	load_fork(&l, peer);
	load_learn(&l);
	load_ready(&l, "aborted", NULL, 0, "%s", "");
	while (n < l.count && load_wait(&l, 1 / l.rate)) {
		ask_and_close(&l);
		n++;
	}
	printf("{\"done\":true,\"pid\":%d,\"opened\":%d,\"closed\":%d,\"aborted\":%d}\n", getpid(),
	       n, n, l.leaky ? n : 0);
	fflush(stdout);
	load_hold(&l);
	return load_end(&l);
}
