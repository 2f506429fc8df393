/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is looked at closely: a process that does what it is told by a letter, and answers with it.
 * Each thing that it does has a function of its own, whose name is to be found.
 */
#pragma once

#include "watch.h"

/* As most C libraries are built: nothing but unwind tables leads out of these. */
#define NO_FRAME_POINTER                  \
	__attribute__((noinline, noclone, \
		       optimize("omit-frame-pointer", "no-optimize-sibling-calls")))

static NO_FRAME_POINTER int guilty_dial(uint16_t port, volatile char *room)
{
	room[port % 100] = 1;
	return connect_to(AF_INET, port) + room[7];
}

static NO_FRAME_POINTER int open_one(uint16_t port)
{
	volatile char room[100] = { 0 };

	return guilty_dial(port, room) + room[1];
}

static NO_FRAME_POINTER int open_another(uint16_t port)
{
	volatile char room[100] = { 0 };

	return guilty_dial(port, room) + room[2];
}

static NO_FRAME_POINTER int wait_for_answer(int fd)
{
	volatile char room[64] = { 0 };

	return (int)recv(fd, (void *)room, 1, 0) + room[0] * 0;
}

static NO_FRAME_POINTER int ask_and_wait(uint16_t port)
{
	return wait_for_answer(connect_to(AF_INET, port)) + 1;
}

static NO_FRAME_POINTER int poll_for_more(int fd)
{
	volatile char room[64] = { 0 };

	return (int)recv(fd, (void *)room, 1, MSG_DONTWAIT) + room[0];
}

static NO_FRAME_POINTER int accept_one(int listener)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	return accept(listener, (struct sockaddr *)&peer, &len) + (peer.ss_family == AF_UNIX);
}

static NO_FRAME_POINTER int open_datagram(void)
{
	volatile char room[64] = { 0 };

	return socket(AF_INET, SOCK_DGRAM, 0) + room[0];
}

/* To a listener of its own, after a try at what is not there. */
static NO_FRAME_POINTER int connect_by_name(int *listener)
{
	static const char name[] = "lostsock-attach", nobody[] = "lostsock-nobody";
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + sizeof(name);
	volatile int fd;

	memcpy(to.sun_path + 1, nobody, sizeof(nobody) - 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (!connect(fd, (struct sockaddr *)&to, len))
		_exit(1);
	close(fd);
	memcpy(to.sun_path + 1, name, sizeof(name) - 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	*listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(*listener, (struct sockaddr *)&to, len) || listen(*listener, 1) ||
	    connect(fd, (struct sockaddr *)&to, len))
		_exit(1);
	return fd;
}

/* Two connections, one of them twice, and both ends of a pair. */
static void hold(uint16_t port)
{
	int pair[2], one = connect_to(AF_INET, port), twice = connect_to(AF_INET, port);

	if (one < 0 || dup(twice) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		_exit(1);
}

static void child_main(int in, int out, uint16_t port, const int listeners[2])
{
	int fd = -1, own = -1;
	char what;

	while (read(in, &what, 1) == 1) {
		switch (what) {
		case '1':
			fd = open_one(port);
			break;
		case '2':
			fd = open_another(port);
			break;
		case 'w':
			ask_and_wait(port);
			break;
		case 'c':
			fd = connect_to(AF_INET, port);
			break;
		case 'e':
			poll_for_more(fd);
			break;
		case '4':
		case '6':
			accept_one(listeners[what == '6']);
			break;
		case 'd':
			fd = open_datagram();
			break;
		case 'u':
			fd = connect_by_name(&own);
			break;
		case 'h':
			hold(port);
			break;
		case 'q':
			_exit(0);
		}
		if (write(out, &what, 1) != 1)
			break;
	}
	_exit(1);
}
