// SPDX-License-Identifier: BSD-2-Clause
/*
 * What it costs to borrow an idle connection from the pool and to give it back, nobody else
 * wanting it: tether_pool_try_acquire() and tether_lease_end(), among N destinations with a
 * connection each. Prints {"destinations":N,"rounds":R,"ns":X}, X the best of several runs.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <tether/tether.h>

#define DESTINATIONS 64
#define ROUNDS	     2000000
#define RUNS	     5

struct bench {
	struct tether_loop *loop;
	struct tether_pool *pool;
	struct tether_scope scope;
	struct tether_dest dests[DESTINATIONS];
	char hosts[DESTINATIONS][16];
	int connected;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "tether_pool: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

static void got(struct tether_lease lease, int status, void *arg)
{
	struct bench *b = arg;

	if (status)
		die("acquire", status);
	tether_lease_end(lease, true);
	b->connected++;
}

static uint16_t open_listener(int *fd)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(*fd, (struct sockaddr *)&addr, len) || listen(*fd, DESTINATIONS) ||
	    getsockname(*fd, (struct sockaddr *)&addr, &len))
		die("listen", -1);
	return ntohs(addr.sin_port);
}

static void connect_all(struct bench *b, uint16_t port)
{
	int i, err;

	for (i = 0; i < DESTINATIONS; i++) {
		snprintf(b->hosts[i], sizeof(b->hosts[i]), "127.0.1.%d", i + 1);
		b->dests[i].host = b->hosts[i];
		b->dests[i].port = port;
		err = tether_pool_acquire(b->pool, &b->dests[i], b->scope, got, b, NULL);
		if (err)
			die("acquire", err);
	}
	while (b->connected < DESTINATIONS)
		tether_loop_turn(b->loop, true);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * TETHER_S + (uint64_t)now.tv_nsec;
}

static double measure(struct bench *b)
{
	struct tether_lease lease;
	uint64_t began_ns = now_ns();
	int i, err;

	for (i = 0; i < ROUNDS; i++) {
		err = tether_pool_try_acquire(b->pool, &b->dests[i % DESTINATIONS], b->scope,
					      &lease);
		if (err)
			die("try_acquire", err);
		tether_lease_end(lease, true);
	}
	return (double)(now_ns() - began_ns) / ROUNDS;
}

int main(void)
{
	struct bench b = { 0 };
	double ns, best = 0;
	int listener, i, err;
	uint16_t port = open_listener(&listener);

	err = tether_loop_new(NULL, &b.loop);
	if (!err)
		err = tether_pool_new(b.loop, NULL, &b.pool);
	if (!err)
		err = tether_scope_new(b.loop, 600 * TETHER_S, &b.scope);
	if (err)
		die("begin", err);
	connect_all(&b, port);
	for (i = 0; i < RUNS; i++) {
		ns = measure(&b);
		best = i && best < ns ? best : ns;
	}
	printf("{\"destinations\":%d,\"rounds\":%d,\"ns\":%.1f}\n", DESTINATIONS, ROUNDS, best);
	tether_scope_join(b.scope, NULL, NULL);
	tether_pool_shutdown(b.pool, TETHER_S, NULL, NULL);
	tether_loop_run(b.loop);
	err = tether_loop_free(b.loop);
	close(listener);
	return err ? 1 : 0;
}
