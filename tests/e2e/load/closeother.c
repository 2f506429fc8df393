// SPDX-License-Identifier: BSD-2-Clause
/*
 * closeother: connections are opened by one thread and closed by another, all but --keep (3).
 * --mode idle: nobody is in a call on them; parked: a thread is blocked in recv on each, which
 * keeps the socket alive though its descriptor is gone: no FIN goes out, all --count live on.
 * ss: idle: 3 pairs of ESTAB, 5 x TIME-WAIT; parked: 8 pairs of ESTAB, 5 of which nobody holds.
 */
#include "load.h"

static struct load l;
static int *fds;

static void peer(struct load *me)
{
	int listener = load_listen(me, 512);

	load_tell(me);
	load_serve(listener, LOAD_ANSWERS);
}

static void *opener(void *arg)
{
	(void)arg;
	fds = load_pool_open(&l);
	return NULL;
}

static void *parked(void *arg)
{
	load_recv(*(int *)arg);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	bool park;

	l.keep = 3;
	load_options(&l, argc, argv);
	park = !load_mode(&l, "idle");
	load_fork(&l, peer);
	load_learn(&l);
	pthread_create(&thread, NULL, opener, NULL);
	pthread_join(thread, NULL);
	for (int i = l.keep; park && i < l.count; i++)
		load_thread(parked, &fds[i]);
	load_sleep(0.1);
	for (int i = l.keep; i < l.count; i++)
		close(fds[i]);
	load_ready(&l, NULL, fds, l.keep, ",\"live\":%d", park ? l.count : l.keep);
	load_hold(&l);
	return load_end(&l);
}
