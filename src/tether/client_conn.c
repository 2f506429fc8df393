// SPDX-License-Identifier: BSD-2-Clause
/* A connection of the client: name, TCP, TLS; then responses in, events out. */
#include <errno.h>
#include <string.h>

#include "client.h"
#include "threads.h"
#include "tls_session.h"

/* Outlives its connection where the resolver cannot be stopped. */
struct lookup {
	uv_getaddrinfo_t req;
	struct tether_loop *loop;
	struct client_conn *cc; /* NULL: nobody wants to know any more */
};

/* ---- input ----------------------------------------------------------------------------------- */

static void on_head(struct client_conn *cc)
{
	struct exchange *x = cc->x;
	int status = x->head.status;

	/* 100 and its like come before the answer; 101 was never asked for. */
	if (status < 200 && status != 101) {
		exchange_begin_head(x);
		return;
	}
	if (status == 101 || status > 999 || x->head.major != 1) {
		exchange_end(x, -EPROTO);
		return;
	}
	if (x->headless)
		http1_skip_body(&cc->codec);
	x->status = status;
	x->keep = http1_keep_alive(&cc->codec);
	x->length = http1_length(&cc->codec);
	fault_at_head(x);
	if (x->events.head)
		x->events.head((struct tether_body){ x->loop, x->id }, status, x->arg);
}

static void give(struct exchange *x, const void *data, size_t len)
{
	void (*got)(struct tether_body body, const void *data, size_t len, void *arg) = x->got;

	x->got = NULL;
	got((struct tether_body){ x->loop, x->id }, data, len, x->got_arg);
}

/* The end waits for a reader as data does: who reads is told before the body is over. */
static void on_end(struct client_conn *cc)
{
	struct exchange *x = cc->x;

	if (!x->status) /* of a 1xx */
		return;
	x->ended = true;
	if (x->got)
		give(x, "", 0);
	/* The callback may have ended it. */
	if (cc->x == x && x->ended)
		exchange_end(x, 0);
}

static bool waits(const struct client_conn *cc)
{
	const struct exchange *x = cc->x;

	if (cc->conn.closing || !x || x->fault)
		return true;
	/* With a body to read, nothing moves until somebody does. */
	return x->status && !x->got && x->length;
}

/* The codec speaks as a server would: with a status. */
static int refusal(const struct http1 *codec)
{
	if (codec->status == 503)
		return -ENOMEM;
	return codec->status == 431 ? -EMSGSIZE : -EPROTO;
}

static size_t parse(struct client_conn *cc, const char *data, size_t len)
{
	enum http1_event event;
	size_t used = 0, n;

	while (!waits(cc)) {
		event = http1_step(&cc->codec, data + used, len - used, &n);
		used += n;
		if (event == HTTP1_MORE)
			break;
		if (event == HTTP1_HEAD)
			on_head(cc);
		else if (event == HTTP1_BODY)
			give(cc->x, cc->codec.body, cc->codec.body_len);
		else if (event == HTTP1_END)
			on_end(cc);
		else
			exchange_end(cc->x, refusal(&cc->codec));
	}
	return used;
}

static void work(struct client_conn *cc, const char *data, size_t len)
{
	bool had = cc->x;
	size_t used;

	/* An idle connection that says something cannot be trusted with a request. */
	if (!had) {
		conn_close(&cc->conn, -EPROTO);
		return;
	}
	cc->x->heard |= len > 0;
	cc->busy = true;
	used = parse(cc, data, len);
	cc->busy = false;
	if (cc->conn.closing)
		return;
	/* Bytes behind the response: not ours. */
	if (!cc->x && used < len) {
		conn_close(&cc->conn, -EPROTO);
		return;
	}
	if ((used < len || cc->stash.bytes) &&
	    stash_set(cc->conn.loop, &cc->stash, data + used, len - used))
		conn_close(&cc->conn, -ENOMEM);
	else if (cc->stash.bytes || (cc->x && cc->x->fault))
		conn_read_stop(&cc->conn);
	else
		conn_read_start(&cc->conn);
}

static void take_eof(struct client_conn *cc)
{
	struct exchange *x = cc->x;

	if (!x) {
		cc->pool->stats.evicted += cc->idle;
		conn_close(&cc->conn, cc->connected ? 0 : -ECONNRESET);
		return;
	}
	if (cc->stash.bytes || (x->status && !x->got) || x->fault)
		return;
	x->keep = false;
	if (x->status && http1_eof(&cc->codec) == HTTP1_END)
		on_end(cc);
	else
		conn_close(&cc->conn, -ECONNRESET);
}

void client_conn_go_on(struct client_conn *cc)
{
	if (cc->busy || cc->conn.closing || !cc->x)
		return;
	work(cc, cc->stash.bytes, cc->stash.len);
	if (cc->conn.eof && !cc->conn.closing)
		take_eof(cc);
}

static void on_bytes(struct conn *conn, const char *data, size_t len)
{
	struct client_conn *cc = container_of(conn, struct client_conn, conn);

	if (!cc->stash.bytes)
		work(cc, data, len);
	else if (stash_add(conn->loop, &cc->stash, data, len))
		conn_close(conn, -ENOMEM);
	else
		client_conn_go_on(cc);
}

static void on_eof(struct conn *conn)
{
	take_eof(container_of(conn, struct client_conn, conn));
}

static void on_flushed(struct conn *conn)
{
	struct client_conn *cc = container_of(conn, struct client_conn, conn);
	struct exchange *x = cc->x;
	void (*drained)(struct tether_body body, void *arg);

	if (!x || !x->drained)
		return;
	drained = x->drained;
	x->drained = NULL;
	drained((struct tether_body){ x->loop, x->id }, x->drained_arg);
}

static bool try_next(struct client_conn *cc);

static void on_expired(struct conn *conn)
{
	struct client_conn *cc = container_of(conn, struct client_conn, conn);

	if (conn->phase == CONN_CONNECT && try_next(cc))
		return;
	if (conn->phase == CONN_IDLE)
		cc->pool->stats.expired++;
	conn_close(conn, conn->phase == CONN_IDLE ? 0 : -ETIMEDOUT);
}

static void on_ending(struct conn *conn, int why)
{
	struct client_conn *cc = container_of(conn, struct client_conn, conn);

	/* Not those that the pool itself has enough of. */
	cc->pool->stats.evicted += cc->idle && why && why != -ETIMEDOUT;
	if (cc->lookup) {
		cc->lookup->cc = NULL;
		uv_cancel((uv_req_t *)&cc->lookup->req);
	}
	if (cc->h3)
		h3_client_leave(cc);
	if (cc->lease)
		lease_drop(cc->lease, why, false, false);
	if (cc->x)
		exchange_lost(cc->x, why ? why : -ECONNRESET);
	pool_lost(cc, why);
}

static void on_gone(struct conn *conn)
{
	struct client_conn *cc = container_of(conn, struct client_conn, conn);
	struct tether_pool *pool = cc->pool;

	stash_set(pool->loop, &cc->stash, NULL, 0);
	uv_freeaddrinfo(cc->addrs);
	mem_free(pool->loop, cc);
	pool_serve_later(pool);
}

static void on_ready(struct conn *conn)
{
	pool_connected(container_of(conn, struct client_conn, conn), 0);
}

static const struct conn_ops ops = {
	.bytes = on_bytes,
	.ready = on_ready,
	.eof = on_eof,
	.flushed = on_flushed,
	.expired = on_expired,
	.ending = on_ending,
	.gone = on_gone,
};

/* ---- connecting ------------------------------------------------------------------------------ */

static void stands(struct client_conn *cc)
{
	struct conn *conn = &cc->conn;
	int err = 0;

	conn_opened(conn);
	if (cc->pool->options.threads)
		err = threads_start(conn);
	if (!err && !cc->place->tls) {
		pool_connected(cc, 0);
		return;
	}
	if (!err)
		err = tls_session_new(conn, cc->place->tls, cc->place->host);
	if (err) {
		conn_close(conn, err);
		return;
	}
	conn_phase(conn, CONN_HANDSHAKE, cc->connect_by_ns);
	conn_read_start(conn);
	tls_hello(conn);
}

static void on_connected(uv_connect_t *req, int err)
{
	struct client_conn *cc = container_of(req, struct client_conn, connect);

	if (cc->conn.closing || cc->conn.reopening)
		return;
	if (!err)
		stands(cc);
	else if (!try_next(cc))
		conn_close(&cc->conn, err);
}

static int start_connect(struct client_conn *cc, const struct sockaddr *addr)
{
	if (cc->place->h3)
		return h3_client_open(cc, addr);
	return uv_tcp_connect(&cc->connect, &cc->conn.tcp, addr, on_connected);
}

/* ---- one address after the other ------------------------------------------------------------- */

/* None of them may take more than its share of the time that is left. */
static void try_addr(struct client_conn *cc)
{
	uint64_t now = tether_loop_now_ns(cc->conn.loop), n = 0;
	const struct addrinfo *addr;
	int err;

	for (addr = cc->addr; addr; addr = addr->ai_next)
		n++;
	conn_phase(&cc->conn, CONN_CONNECT,
		   now + (cc->connect_by_ns > now ? cc->connect_by_ns - now : 0) / n);
	err = start_connect(cc, cc->addr->ai_addr);
	if (err && !try_next(cc))
		conn_close(&cc->conn, err);
}

static void on_reopened(struct conn *conn)
{
	try_addr(container_of(conn, struct client_conn, conn));
}

/* False: there is none. */
static bool try_next(struct client_conn *cc)
{
	if (!cc->addr || !cc->addr->ai_next)
		return false;
	cc->addr = cc->addr->ai_next;
	conn_phase(&cc->conn, CONN_CONNECT, cc->connect_by_ns);
	conn_reopen(&cc->conn, on_reopened);
	return true;
}

static void on_resolved(uv_getaddrinfo_t *req, int err, struct addrinfo *list)
{
	struct lookup *lookup = container_of(req, struct lookup, req);
	struct client_conn *cc = lookup->cc;

	mem_free(lookup->loop, lookup);
	if (!cc) {
		uv_freeaddrinfo(list);
		return;
	}
	cc->lookup = NULL;
	if (err) {
		conn_close(&cc->conn, err == UV_EAI_MEMORY ? -ENOMEM : -EHOSTUNREACH);
		return;
	}
	cc->addrs = cc->addr = list;
	try_addr(cc);
}

static int resolve(struct client_conn *cc)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct tether_loop *loop = cc->conn.loop;
	struct sockaddr_storage addr;
	char service[8];
	int err;

	if (!uv_ip4_addr(cc->place->host, cc->place->port, (struct sockaddr_in *)&addr) ||
	    !uv_ip6_addr(cc->place->host, cc->place->port, (struct sockaddr_in6 *)&addr))
		return start_connect(cc, (struct sockaddr *)&addr);
	cc->lookup = mem_new(loop, sizeof(*cc->lookup));
	if (!cc->lookup)
		return -ENOMEM;
	cc->lookup->loop = loop;
	cc->lookup->cc = cc;
	snprintf(service, sizeof(service), "%u", cc->place->port);
	err = uv_getaddrinfo(&loop->uv, &cc->lookup->req, on_resolved, cc->place->host, service,
			     &hints);
	if (err) {
		mem_free(loop, cc->lookup);
		cc->lookup = NULL;
	}
	return err;
}

int client_conn_open(struct place *place)
{
	struct tether_pool *pool = place->pool;
	struct client_conn *cc = mem_new(pool->loop, sizeof(*cc));
	int err = -ENOMEM;

	if (cc) {
		cc->pool = pool;
		cc->place = place;
		list_init(&cc->link);
		list_init(&cc->oldest);
		held_init(&cc->held);
		http1_init(&cc->codec, HTTP_RESPONSE);
		err = conn_init(&cc->conn, pool->loop, pool->scope, &ops, CONN_CLIENT);
	}
	if (err) {
		mem_free(pool->loop, cc);
		return err;
	}
	list_append(&pool->conns, &cc->link);
	place->n_connecting++;
	pool->stats.connecting++;
	cc->connect_by_ns = tether_loop_now_ns(pool->loop) + pool->options.connect_ns;
	conn_phase(&cc->conn, CONN_CONNECT, cc->connect_by_ns);
	err = resolve(cc);
	if (err)
		conn_close(&cc->conn, err);
	return 0;
}
