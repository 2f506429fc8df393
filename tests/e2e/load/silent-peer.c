// SPDX-License-Identifier: BSD-2-Clause
/*
 * silent-peer: a client has sent its request, the peer has read it and never answers; one thread a
 * connection is parked in recv. Mended, --mode rcvtimeo: SO_RCVTIMEO (--timeout, 30 s) would end
 * the wait; poll: poll() with that timeout; deadline: the wait is given up after 0.3 s and
 * the connection closed, over and over.
 * ss: 16 x ESTAB, queues empty; ours bytes_sent:30 and nothing received, idle.
 */
#include "load.h"

static struct load l;

static void peer(struct load *me)
{
	int listener = load_listen(me, 512);

	load_tell(me);
	load_serve(listener, LOAD_READS);
}

static void *wait_for_answer(void *arg)
{
	int fd = *(int *)arg;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (!l.leaky && load_mode(&l, "rcvtimeo"))
		load_timeout(fd, SO_RCVTIMEO, l.timeout);
	if (!l.leaky && load_mode(&l, "poll"))
		poll(&p, 1, l.timeout * 1000);
	else
		load_recv(fd);
	close(fd);
	return NULL;
}

static void ask_with_deadline(struct load *me)
{
	int fd = load_connect(me);

	load_send(fd, LOAD_REQUEST);
	load_timeout(fd, SO_RCVTIMEO, 0.3);
	load_recv(fd);
	close(fd);
}

int main(int argc, char **argv)
{
	bool waits;
	int *fds;

	load_options(&l, argc, argv);
	load_mode(&l, "rcvtimeo");
	waits = l.leaky || !load_mode(&l, "deadline");
	fds = load_calloc(l.count, sizeof(*fds));
	load_fork(&l, peer);
	load_learn(&l);
	for (int i = 0; waits && i < l.count; i++) {
		fds[i] = load_connect(&l);
		load_send(fds[i], LOAD_REQUEST);
		load_thread(wait_for_answer, &fds[i]);
	}
	load_sleep(0.1);
	load_ready(&l, "silent-peer", fds, waits ? l.count : 0, "%s", "");
	while (load_wait(&l, 0.1)) {
		if (!waits)
			ask_with_deadline(&l);
	}
	return load_end(&l);
}
