/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection: bytes in, bytes out, one deadline. It knows nothing of HTTP, and is embedded by
 * those who do (server.c, client.c). What a byte means and when it may come is theirs; that no wait
 * is without an end is decided here: conn_phase() is the only way from one phase to the next.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core.h"

enum conn_phase {
	CONN_NONE = 0,
	CONN_CONNECT,
	CONN_HANDSHAKE,
	CONN_IDLE,
	CONN_HEADER,
	CONN_BODY,
	CONN_HANDLER,
	CONN_WRITE,
	CONN_LINGER,
	CONN_LEASED, /* client: nothing is asked yet */
	CONN_CLOSED,
	CONN_PHASES,
};

enum conn_role {
	CONN_SERVER = 1,
	CONN_CLIENT = 2,
};

struct conn_ops {
	void (*bytes)(struct conn *conn, const char *data, size_t len);
	/* TLS stands. May be NULL. */
	void (*ready)(struct conn *conn);
	void (*eof)(struct conn *conn);
	/* All output is with the kernel, after some was not. */
	void (*flushed)(struct conn *conn);
	/* The deadline of the phase has passed; conn_close(-ETIMEDOUT) unless there is better. */
	void (*expired)(struct conn *conn);
	/* It is ending: give up what hangs on it. Once. */
	void (*ending)(struct conn *conn, int why);
	/* Nothing refers to it any more: free it. Once. */
	void (*gone)(struct conn *conn);
};

/* Output that the kernel did not take. */
struct outbuf {
	uv_write_t req;
	struct conn *conn;
	size_t len, cap;
	char bytes[];
};

struct tls_session;
struct threads;

struct conn {
	uv_tcp_t tcp;
	struct tether_loop *loop;
	const struct conn_ops *ops;
	uint64_t id;
	struct member member;
	struct deadline deadline;
	struct outbuf *out;  /* being written */
	struct outbuf *next; /* to be written after it */
	struct tls_session *tls;
	struct threads *threads; /* NULL: the loop reads and writes */
	void (*again)(struct conn *conn);
	uint64_t phase_began_ns;
	uint64_t wrote_bytes; /* of output in all, taken by the kernel or not */
	struct deadline poke;
	int failed;    /* -errno of a write: it ends with that in the next turn */
	uint8_t phase; /* enum conn_phase */
	uint8_t role;  /* enum conn_role */
	bool reading : 1;
	bool closing : 1;
	bool open : 1; /* has a descriptor */
	bool eof : 1;
	bool reopening : 1;
};

/* Makes it a member of @scope. -ENOMEM, or the scope's end. */
int conn_init(struct conn *conn, struct tether_loop *loop, struct scope *scope,
	      const struct conn_ops *ops, enum conn_role role);

/* Another socket in its place, for another try to connect: then again(). */
void conn_reopen(struct conn *conn, void (*again)(struct conn *conn));

/* There is a socket behind conn->tcp now. */
void conn_opened(struct conn *conn);

/* The only way between phases. @deadline_ns: absolute, and never DEADLINE_NONE. */
void conn_phase(struct conn *conn, enum conn_phase phase, uint64_t deadline_ns);

void conn_read_start(struct conn *conn);
void conn_read_stop(struct conn *conn);

/* Output is gathered in the loop's scratch and goes out by conn_flush(), in one write. Errors end
 * the connection, but in the next turn: never under the feet of whoever writes. Bytes are copied.
 */
void conn_write(struct conn *conn, const void *data, size_t len);
/* Room for at most @len (<= 4 KiB) bytes right in the scratch; conn_wrote() says how many were
 * used. */
char *conn_room(struct conn *conn, size_t len);
void conn_wrote(struct conn *conn, size_t len);
void conn_flush(struct conn *conn);

/* Bytes that the kernel has not taken, and that it has. */
size_t conn_queued(const struct conn *conn);
uint64_t conn_sent(const struct conn *conn);
/* Bytes wait in the kernel to be read. */
bool conn_readable(const struct conn *conn);

/* flushed() in this turn or the next, though nothing is queued. */
void conn_poke(struct conn *conn);

/* FIN, and everything that still comes is thrown away until EOF or the deadline. */
void conn_linger(struct conn *conn, uint64_t deadline_ns);

/* Ends it; @why 0 or -errno. Further calls do nothing. @conn lives until gone(). */
void conn_close(struct conn *conn, int why);

/* For tls.c: bytes to the socket, and that there can be no more of them. */
void conn_raw_write(struct conn *conn, const char *data, size_t len);
void conn_fail(struct conn *conn, int err);

/* For threads.c: what came (as of uv_read_cb), that output is out, that nobody uses it any more. */
void conn_input(struct conn *conn, ssize_t n, const char *data);
void conn_written(struct conn *conn, struct outbuf *out, int err);
void conn_joined(struct conn *conn);
