// SPDX-License-Identifier: BSD-2-Clause
/*
 * every: over and over, something for each program in the kernel to see. It connects to itself,
 * asks who has come, is closed with bytes unread; has a UDP socket; reads in vain from a connection
 * that is never used; starts a program (--mode wait: this one, which waits) and asks it to end.
 */
#include "load.h"

#define PAUSE 0.5

static const int families[] = { AF_INET, AF_INET6, AF_UNIX }; /* the last is tidied up after */

#define FAMILIES ((int)(sizeof(families) / sizeof(families[0])))

static void connection(struct load *l, int listener)
{
	struct sockaddr_storage who;
	socklen_t len = sizeof(who);
	int fd = load_connect(l), served = accept(listener, (void *)&who, &len);

	if (served < 0)
		die("accept");
	load_send(fd, LOAD_REQUEST);
	load_await(served, POLLIN);
	close(served);
	close(fd);
}

static void datagram(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	close(fd);
}

static void program(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		execl("/proc/self/exe", "every", "--mode", "wait", NULL);
		_exit(127);
	}
	load_sleep(PAUSE / 2);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	struct load l = { .count = 1 };
	int listener[FAMILIES], held[2];
	struct load_addr at[FAMILIES];
	char byte;

	load_options(&l, argc, argv);
	if (!load_mode(&l, "all")) {
		load_hold(&l);
		return 0;
	}
	for (int i = 0; i < FAMILIES; i++) {
		l.family = families[i];
		listener[i] = load_listen(&l, 8);
		at[i] = l.addr;
	}
	l.addr = at[0];
	held[0] = load_connect(&l);
	held[1] = load_accept(listener[0]);
	load_ready(&l, "never-used", held, 2, "%s", "");
	while (load_wait(&l, PAUSE)) {
		for (int i = 0; i < FAMILIES; i++) {
			l.addr = at[i];
			connection(&l, listener[i]);
		}
		datagram();
		recv(held[0], &byte, 1, MSG_DONTWAIT);
		program();
	}
	return load_end(&l);
}
