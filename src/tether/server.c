// SPDX-License-Identifier: BSD-2-Clause
/* The server (tether/server.h): options, listeners, draining. Connections are in server_conn.c. */
#include <errno.h>
#include <string.h>

#include <tether/tls.h>

#include "probes.h"
#include "server_conn.h"
#include "tls_session.h"

enum server_state {
	SERVER_OPEN = 0,
	SERVER_DRAINS,
	SERVER_DONE,
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

/* As probes name it. */
static uint64_t part_number(const struct server_part *part)
{
	return (uint64_t)(part - part->server->parts);
}

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

void server_part_exit(struct server_part *part)
{
	struct tether_server *server = part->server;

	/* What the part has on its loop goes on that loop's thread. */
	if (!--part->inside) {
		loop_deadline_drop(part->loop, &part->grace);
		scope_free(part->scope);
		part->scope = NULL;
	}
	if (gate_leave(&server->gate) && !fault_forget(part->loop))
		loop_mail(server->parts[0].loop, &server->done_mail);
}

bool server_part_enter(struct server_part *part)
{
	if (atomic_load_explicit(&part->open, memory_order_relaxed) >=
		    part->server->options.conns ||
	    !gate_enter(&part->server->gate)) {
		count(&part->refused, 1);
		PROBE1(drain_refused, part_number(part));
		return false;
	}
	part->inside++;
	count(&part->accepted, 1);
	count(&part->open, 1);
	PROBE2(conn_count, atomic_load_explicit(&part->open, memory_order_relaxed),
	       part_number(part));
	return true;
}

void server_part_leave(struct server_part *part)
{
	count(&part->open, -1);
	PROBE2(conn_count, atomic_load_explicit(&part->open, memory_order_relaxed),
	       part_number(part));
	if (part->draining)
		fault_drain(part->loop, part_number(part),
			    atomic_load_explicit(&part->open, memory_order_relaxed));
	listeners_resume(part);
	server_part_exit(part);
}

static void on_grace(struct deadline *d)
{
	struct server_part *part = container_of(d, struct server_part, grace);

	scope_cancel(part->scope, -ETIMEDOUT);
}

/* Each is visited once, whatever the visits do to others. */
static void drain_conns(struct server_part *part)
{
	struct list todo, *item;

	list_init(&todo);
	while (!list_empty(&part->conns)) {
		item = part->conns.next;
		list_remove(item);
		list_append(&todo, item);
	}
	while (!list_empty(&todo)) {
		item = todo.next;
		list_remove(item);
		list_append(&part->conns, item);
		server_conn_drain(container_of(item, struct server_conn, link));
	}
}

static void drain_part(struct mail *mail)
{
	struct server_part *part = container_of(mail, struct server_part, mail);
	struct tether_server *server = part->server;
	bool empty;

	PROBE2(drain_begin, part_number(part),
	       atomic_load_explicit(&part->open, memory_order_relaxed));
	listeners_close(part);
	/* Nobody comes any more. The last part to say so shuts the gate, which is not empty: each
	 * part has a place of its own, given up below. */
	if (atomic_fetch_add(&server->n_stopped, 1) + 1 == server->n_parts)
		gate_drain(&server->gate, &empty);
	part->draining = true;
	drain_conns(part);
	h3_part_drain(part);
	if (!list_empty(&part->conns) || !list_empty(&part->h3_conns))
		loop_deadline(part->loop, &part->grace,
			      tether_loop_now_ns(part->loop) + server->grace_ns);
	if (part != server->parts)
		loop_release(part->loop);
	server_part_exit(part);
}

int tether_server_shutdown(struct tether_server *server, uint64_t grace_ns, void (*done)(void *arg),
			   void *arg)
{
	int open = SERVER_OPEN;
	unsigned int i;

	if (!server)
		return -EINVAL;
	if (!grace_ns || grace_ns > TETHER_WITHIN_MAX_NS)
		return -ERANGE;
	if (!atomic_compare_exchange_strong(&server->state, &open, SERVER_DRAINS))
		return -EALREADY;
	server->grace_ns = grace_ns;
	server->done = done;
	server->arg = arg;
	for (i = 0; i < server->n_parts; i++)
		loop_mail(server->parts[i].loop, &server->parts[i].mail);
	return 0;
}

int tether_server_listen(struct tether_server *server, const char *address, uint16_t *port)
{
	if (!server)
		return -EINVAL;
	if (atomic_load(&server->state) != SERVER_OPEN)
		return -ESHUTDOWN;
	return listeners_open(server, address, port);
}

int tether_server_adopt(struct tether_server *server, int fd)
{
	if (!server)
		return -EINVAL;
	if (atomic_load(&server->state) != SERVER_OPEN)
		return -ESHUTDOWN;
	return listeners_adopt(server, fd);
}

int tether_server_listen_h3(struct tether_server *server, const char *address, uint16_t *port)
{
	if (!server || !server->options.tls)
		return -EINVAL;
	if (atomic_load(&server->state) != SERVER_OPEN)
		return -ESHUTDOWN;
	return h3_listeners_open(server, address, port);
}

/* ---- birth and death ------------------------------------------------------------------------- */

static void free_server(struct tether_server *server, unsigned int parts)
{
	while (parts--) {
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
		listeners_init(part);
		list_init(&part->h3_conns);
		list_init(&part->h3_listeners);
		part->inside = 1;
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
