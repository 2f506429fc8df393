// SPDX-License-Identifier: BSD-2-Clause
/* The server (tether/server.h): options, listeners, draining. Connections are in server_conn.c. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tether/tls.h>

#include "address.h"
#include "probes.h"
#include "server_conn.h"
#include "tls_session.h"

enum server_state {
	SERVER_OPEN = 0,
	SERVER_DRAINS,
	SERVER_DONE,
};

struct listener {
	uv_tcp_t tcp;
	struct server_part *part;
	struct list link;
};

/* ---- options --------------------------------------------------------------------------------- */

#define DEFAULT(field, value) (o->field = o->field ? o->field : (value))

static int fill_options(struct tether_server_options *o)
{
	DEFAULT(handshake_ns, 10 * TETHER_S);
	DEFAULT(header_ns, 10 * TETHER_S);
	DEFAULT(body_ns, 300 * TETHER_S);
	DEFAULT(handler_ns, 60 * TETHER_S);
	DEFAULT(write_ns, 300 * TETHER_S);
	DEFAULT(idle_ns, 75 * TETHER_S);
	DEFAULT(lifetime_ns, 3600 * TETHER_S);
	DEFAULT(linger_ns, 2 * TETHER_S);
	DEFAULT(floor_bytes_per_s, 512);
	DEFAULT(floor_grace_ns, 10 * TETHER_S);
	DEFAULT(header_bytes, 16 << 10);
	DEFAULT(target_bytes, 8 << 10);
	DEFAULT(fields, 100);
	DEFAULT(body_bytes, UINT64_C(1) << 30);
	DEFAULT(discard_bytes, 64 << 10);
	DEFAULT(queue_bytes, 256 << 10);
	DEFAULT(requests, 1000000);
	DEFAULT(conns, 1000000);
	DEFAULT(backlog, 4096);
	if (!o->handler || o->header_bytes > HEAD_BYTES_MAX || o->fields > HEAD_FIELDS_MAX)
		return -EINVAL;
	const uint64_t times[] = { o->handshake_ns, o->header_ns, o->body_ns,
				   o->handler_ns,   o->write_ns,  o->idle_ns,
				   o->lifetime_ns,  o->linger_ns, o->floor_grace_ns };
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
		if (times[i] > TETHER_WITHIN_MAX_NS)
			return -ERANGE;
	return 0;
}

/* ---- draining -------------------------------------------------------------------------------- */

static void run_done(struct mail *mail)
{
	struct tether_server *server = container_of(mail, struct tether_server, done_mail);
	unsigned int i;

	for (i = 0; i < server->n_parts; i++)
		PROBE1(drain_done, (uint64_t)i);
	loop_release(server->parts[0].loop);
	atomic_store(&server->state, SERVER_DONE);
	if (server->done)
		server->done(server->arg);
}

void server_leave(struct tether_server *server)
{
	if (gate_leave(&server->gate))
		loop_mail(server->parts[0].loop, &server->done_mail);
}

bool server_part_enter(struct server_part *part)
{
	if (atomic_load_explicit(&part->open, memory_order_relaxed) >=
		    part->server->options.conns ||
	    !gate_enter(&part->server->gate))
		return false;
	count(&part->accepted, 1);
	count(&part->open, 1);
	PROBE1(conn_count, atomic_load_explicit(&part->open, memory_order_relaxed));
	return true;
}

void server_part_leave(struct server_part *part)
{
	/* Counting and telling as two steps, between which somebody else may come: the one who
	 * leaves is lost, and with it the end of the drain. */
	if (fault_hit(part->loop, FAULT_DRAIN_RACE, (uint64_t)(part - part->server->parts),
		      atomic_load_explicit(&part->open, memory_order_relaxed)))
		return;
	count(&part->open, -1);
	PROBE1(conn_count, atomic_load_explicit(&part->open, memory_order_relaxed));
	server_leave(part->server);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *listener = container_of(handle, struct listener, tcp);
	struct tether_server *server = listener->part->server;

	mem_free(listener->part->loop, listener);
	server_leave(server);
}

static void on_grace(struct deadline *d)
{
	struct server_part *part = container_of(d, struct server_part, grace);

	scope_cancel(part->scope, -ETIMEDOUT);
}

static void drain_part(struct mail *mail)
{
	struct server_part *part = container_of(mail, struct server_part, mail);
	struct list *item, *next;
	struct listener *listener;

	part->draining = true;
	PROBE2(drain_begin, (uint64_t)(part - part->server->parts),
	       atomic_load_explicit(&part->open, memory_order_relaxed));
	while (!list_empty(&part->listeners)) {
		listener = container_of(part->listeners.next, struct listener, link);
		list_remove(&listener->link);
		uv_close((uv_handle_t *)&listener->tcp, on_listener_closed);
	}
	for (item = part->conns.next; item != &part->conns; item = next) {
		next = item->next;
		server_conn_drain(container_of(item, struct server_conn, link));
	}
	h3_part_drain(part);
	if (!list_empty(&part->conns) || !list_empty(&part->h3_conns))
		loop_deadline(part->loop, &part->grace,
			      tether_loop_now_ns(part->loop) + part->server->grace_ns);
	/* The part's own place, taken so that it could not be done before this. */
	if (part != part->server->parts)
		loop_release(part->loop);
	server_leave(part->server);
}

int tether_server_shutdown(struct tether_server *server, uint64_t grace_ns, void (*done)(void *arg),
			   void *arg)
{
	int open = SERVER_OPEN;
	unsigned int i;
	bool empty;

	if (!server)
		return -EINVAL;
	if (!grace_ns || grace_ns > TETHER_WITHIN_MAX_NS)
		return -ERANGE;
	if (!atomic_compare_exchange_strong(&server->state, &open, SERVER_DRAINS))
		return -EALREADY;
	server->grace_ns = grace_ns;
	server->done = done;
	server->arg = arg;
	/* Each part is inside, so the gate cannot be empty here. */
	gate_drain(&server->gate, &empty);
	for (i = 0; i < server->n_parts; i++)
		loop_mail(server->parts[i].loop, &server->parts[i].mail);
	return 0;
}

/* ---- listening ------------------------------------------------------------------------------- */

static void on_turned_away(uv_handle_t *handle)
{
	mem_free(handle->data, handle);
}

static void turn_away(struct server_part *part, uv_stream_t *stream)
{
	uv_tcp_t *tcp = mem_new(part->loop, sizeof(*tcp));

	count(&part->refused, 1);
	PROBE1(drain_refused, (uint64_t)(part - part->server->parts));
	if (!tcp)
		return;
	uv_tcp_init(&part->loop->uv, tcp);
	tcp->data = part->loop;
	uv_accept(stream, (uv_stream_t *)tcp);
	uv_close((uv_handle_t *)tcp, on_turned_away);
}

static void on_connection(uv_stream_t *stream, int err)
{
	struct server_part *part = container_of(stream, struct listener, tcp)->part;

	/* No descriptors left: libuv has closed what waited, and goes on listening. */
	if (err)
		return;
	if (server_part_enter(part))
		server_conn_accept(part, stream);
	else
		turn_away(part, stream);
}

static int part_listen(struct server_part *part, struct sockaddr_storage *addr)
{
	struct listener *listener;
	int fd, err;

	fd = address_open(addr, SOCK_STREAM, part->server->options.backlog);
	if (fd < 0)
		return fd;
	listener = mem_new(part->loop, sizeof(*listener));
	if (!listener || !gate_enter(&part->server->gate)) {
		mem_free(part->loop, listener);
		close(fd);
		return listener ? -ESHUTDOWN : -ENOMEM;
	}
	listener->part = part;
	list_append(&part->listeners, &listener->link);
	uv_tcp_init(&part->loop->uv, &listener->tcp);
	err = uv_tcp_open(&listener->tcp, fd);
	if (err)
		close(fd);
	else
		err = uv_listen((uv_stream_t *)&listener->tcp, part->server->options.backlog,
				on_connection);
	if (err) {
		list_remove(&listener->link);
		uv_close((uv_handle_t *)&listener->tcp, on_listener_closed);
	}
	return err;
}

int tether_server_listen(struct tether_server *server, const char *address, uint16_t *port)
{
	struct sockaddr_storage addr = { 0 };
	unsigned int i;
	int err;

	if (!server)
		return -EINVAL;
	err = address_parse(address, &addr);
	/* The first one has the port chosen, the others share it. */
	for (i = 0; i < server->n_parts && !err; i++)
		err = part_listen(&server->parts[i], &addr);
	if (!err && port)
		*port = address_port(&addr);
	return err;
}

int tether_server_listen_h3(struct tether_server *server, const char *address, uint16_t *port)
{
	struct sockaddr_storage addr = { 0 };
	unsigned int i;
	int err;

	if (!server || !server->options.tls)
		return -EINVAL;
	err = address_parse(address, &addr);
	for (i = 0; i < server->n_parts && !err; i++)
		err = h3_part_listen(&server->parts[i], &addr);
	if (!err && port)
		*port = address_port(&addr);
	return err;
}

/* ---- birth and death ------------------------------------------------------------------------- */

static void free_server(struct tether_server *server, unsigned int parts)
{
	while (parts--) {
		loop_deadline_drop(server->parts[parts].loop, &server->parts[parts].grace);
		scope_free(server->parts[parts].scope);
	}
	tether_tls_free(server->options.tls);
	mem_free(server->parts[0].loop, server);
}

int tether_server_new(struct tether_loop *const *loops, unsigned int n,
		      const struct tether_server_options *options, struct tether_server **out)
{
	struct tether_server_options filled;
	struct tether_server *server;
	struct server_part *part;
	unsigned int i;
	int err;

	if (!loops || !n || n > 4096 || !options || !out)
		return -EINVAL;
	filled = *options;
	err = fill_options(&filled);
	if (err)
		return err;
	server = mem_new(loops[0], sizeof(*server) + n * sizeof(*server->parts));
	if (!server)
		return -ENOMEM;
	server->options = filled;
	server->n_parts = n;
	server->done_mail.run = run_done;
	tls_ref(filled.tls);
	for (i = 0; i < n; i++) {
		part = &server->parts[i];
		part->server = server;
		part->loop = loops[i];
		part->mail.run = drain_part;
		list_init(&part->conns);
		list_init(&part->listeners);
		list_init(&part->h3_conns);
		list_init(&part->h3_listeners);
		deadline_init(&part->grace, on_grace);
		part->scope = scope_root(loops[i]);
		if (!part->scope) {
			while (i--)
				loop_release(loops[i]);
			free_server(server, part - server->parts);
			return -ENOMEM;
		}
		gate_enter(&server->gate);
		loop_hold(loops[i]);
	}
	*out = server;
	return 0;
}

int tether_server_free(struct tether_server *server)
{
	if (!server)
		return 0;
	if (atomic_load(&server->state) != SERVER_DONE)
		return -EBUSY;
	free_server(server, server->n_parts);
	return 0;
}

struct tether_server_stats tether_server_stats(const struct tether_server *server)
{
	struct tether_server_stats sum = { 0 };
	const struct server_part *part;

	for (part = server->parts; part < server->parts + server->n_parts; part++) {
		sum.accepted += atomic_load_explicit(&part->accepted, memory_order_relaxed);
		sum.refused += atomic_load_explicit(&part->refused, memory_order_relaxed);
		sum.requests += atomic_load_explicit(&part->requests, memory_order_relaxed);
		sum.bad_requests += atomic_load_explicit(&part->bad_requests, memory_order_relaxed);
		sum.timeouts += atomic_load_explicit(&part->timeouts, memory_order_relaxed);
		sum.open += atomic_load_explicit(&part->open, memory_order_relaxed);
	}
	return sum;
}
