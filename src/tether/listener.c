// SPDX-License-Identifier: BSD-2-Clause
/*
 * Listening. The sockets are polled and accepted from here rather than by libuv, for three reasons:
 * a connection that there is no memory for is closed at once instead of stopping the listener; with
 * no descriptors left the others wait in the queue for one to come free instead of being cut; and
 * when a drain begins what has come already is still taken in.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "server_conn.h"

#define TURN_MAX 64 /* accepted in one turn of the loop */
#define PAUSE_NS                                                                        \
	(100 * TETHER_MS) /* without descriptors: look again, if none comes free before \
			   */

struct listener {
	uv_poll_t poll;
	int fd;
	struct server_part *part;
	struct list link;
};

/* ---- accepting ------------------------------------------------------------------------------- */

static void take_in(struct server_part *part, int fd)
{
	if (!server_part_enter(part)) {
		close(fd);
		return;
	}
	server_conn_accept(part, fd);
}

/* 0, -EAGAIN: none waits, or why there can be none. */
static int accept_one(struct listener *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		take_in(listener->part, fd);
		return 0;
	}
	switch (errno) {
	case EAGAIN:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return -errno;
	default: /* that one has gone already */
		return 0;
	}
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void pause_part(struct server_part *part)
{
	struct listener *listener;
	struct list *item;

	part->paused = true;
	for (item = part->listeners.next; item != &part->listeners; item = item->next) {
		listener = container_of(item, struct listener, link);
		uv_poll_stop(&listener->poll);
	}
	loop_deadline(part->loop, &part->resume, tether_loop_now_ns(part->loop) + PAUSE_NS);
}

void listeners_resume(struct server_part *part)
{
	struct listener *listener;
	struct list *item;

	if (!part->paused)
		return;
	part->paused = false;
	loop_deadline_drop(part->loop, &part->resume);
	for (item = part->listeners.next; item != &part->listeners; item = item->next) {
		listener = container_of(item, struct listener, link);
		uv_poll_start(&listener->poll, UV_READABLE, on_readable);
	}
}

static void on_resume(struct deadline *d)
{
	listeners_resume(container_of(d, struct server_part, resume));
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct listener *listener = container_of(poll, struct listener, poll);
	int i, err = 0;

	(void)status;
	(void)events;
	for (i = 0; i < TURN_MAX && !err; i++)
		err = accept_one(listener);
	if (err && err != -EAGAIN)
		pause_part(listener->part);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int bound_socket(struct sockaddr_storage *addr, bool shared)
{
	const int one = 1, zero = 0;
	socklen_t len = sizeof(*addr);
	int fd, err;

	fd = socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (addr->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (!bind(fd, (struct sockaddr *)addr, len))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* The parts share the port with each other, and with nobody else. */
static int open_socket(struct server_part *part, struct sockaddr_storage *addr)
{
	int backlog = part->server->options.backlog, fd, err;
	socklen_t len = sizeof(*addr);

	if (part == part->server->parts) {
		fd = bound_socket(addr, false);
		if (fd < 0)
			return fd;
		close(fd);
	}
	fd = bound_socket(addr, part->server->n_parts > 1);
	if (fd < 0)
		return fd;
	if (!listen(fd, backlog) && !getsockname(fd, (struct sockaddr *)addr, &len))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void on_closed(uv_handle_t *handle)
{
	struct listener *listener = container_of(handle, struct listener, poll);
	struct server_part *part = listener->part;

	mem_free(part->loop, listener);
	server_part_exit(part);
}

static void close_listener(struct listener *listener)
{
	list_remove(&listener->link);
	uv_close((uv_handle_t *)&listener->poll, on_closed);
	close(listener->fd);
}

/* Takes @fd over where it succeeds. */
static int start_listener(struct server_part *part, int fd)
{
	struct listener *listener = mem_new(part->loop, sizeof(*listener));
	int err = -ESHUTDOWN;

	if (!listener)
		return -ENOMEM;
	listener->part = part;
	listener->fd = fd;
	if (!gate_enter(&part->server->gate))
		goto free_it;
	part->inside++;
	err = uv_poll_init(&part->loop->uv, &listener->poll, fd);
	if (err) {
		server_part_exit(part);
		goto free_it;
	}
	list_prepend(&part->listeners, &listener->link);
	uv_poll_start(&listener->poll, UV_READABLE, on_readable);
	return 0;

free_it:
	mem_free(part->loop, listener);
	return err;
}

static int open_listener(struct server_part *part, struct sockaddr_storage *addr)
{
	int fd = open_socket(part, addr), err;

	if (fd < 0)
		return fd;
	err = start_listener(part, fd);
	if (err)
		close(fd);
	return err;
}

/* All or none: those of the first @n parts, which were the last to come. */
static void take_back(struct tether_server *server, unsigned int n)
{
	while (n--)
		close_listener(
			container_of(server->parts[n].listeners.next, struct listener, link));
}

int listeners_open(struct tether_server *server, const char *address, uint16_t *port)
{
	struct sockaddr_storage addr = { 0 };
	int err = address_parse(address, &addr);
	unsigned int i;

	if (err)
		return err;
	/* The first one has the port chosen. */
	for (i = 0; i < server->n_parts; i++) {
		err = open_listener(&server->parts[i], &addr);
		if (err) {
			take_back(server, i);
			return err;
		}
	}
	if (port)
		*port = address_port(&addr);
	return 0;
}

int listeners_adopt(struct tether_server *server, int fd)
{
	int err = 0, listens = 0, own;
	socklen_t len = sizeof(listens);
	unsigned int i;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len))
		return -errno;
	if (!listens)
		return -EINVAL;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	/* One queue for all: whoever is free takes the next. The first part has @fd itself, and is
	 * the last to be opened, as it alone is not to be closed should another fail. */
	for (i = server->n_parts; i > 0 && !err; i--) {
		own = i > 1 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : fd;
		err = own < 0 ? -errno : start_listener(&server->parts[i - 1], own);
		if (err && own >= 0 && own != fd)
			close(own);
	}
	if (!err)
		return 0;
	for (i++; i < server->n_parts; i++)
		close_listener(
			container_of(server->parts[i].listeners.next, struct listener, link));
	return err;
}

void listeners_close(struct server_part *part)
{
	struct listener *listener;

	while (!list_empty(&part->listeners)) {
		listener = container_of(part->listeners.next, struct listener, link);
		while (!accept_one(listener))
			;
		close_listener(listener);
	}
	loop_deadline_drop(part->loop, &part->resume);
}

void listeners_init(struct server_part *part)
{
	list_init(&part->listeners);
	deadline_init(&part->resume, on_resume);
}
