/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A QUIC connection and its streams. It knows nothing of what streams carry, and is embedded by
 * those who do (stream.c: raw streams, h3.c: HTTP/3).
 *
 * Nothing of a program runs inside of ngtcp2: its callbacks note things down and put streams on the
 * `ready` list; quic_conn_work() tells, then sends. A connection ends there too, and only there.
 */
#pragma once

#include <gnutls/gnutls.h>

#include "conn.h"
#include "core.h"
#include "ngtcp2_shim.h"
#include "queue.h"
#include "quic_endpoint.h"

struct quic_stream;
struct tether_tls;

/* What both sides of a connection promise. All finite. */
struct quic_limits {
	struct tether_tls *tls;
	const char *alpn;
	const char *name; /* of the server; NULL on its own side */
	uint64_t handshake_ns, idle_ns;
	uint64_t streams, uni_streams; /* that the peer may have open */
	uint64_t stream_bytes, conn_bytes;
};

struct quic_ops {
	/* These are inside of ngtcp2; <0 ends the connection. The handshake is complete. */
	int (*opened)(struct quic_conn *conn);
	/* The peer has opened a stream. */
	int (*stream)(struct quic_conn *conn, int64_t sid);
	/* @stream is NULL for streams without an object. */
	int (*data)(struct quic_conn *conn, struct quic_stream *stream, int64_t sid,
		    const uint8_t *data, size_t len, bool fin);
	int (*acked)(struct quic_conn *conn, struct quic_stream *stream, int64_t sid, uint64_t len);
	void (*reset)(struct quic_conn *conn, struct quic_stream *stream, int64_t sid);
	/* We have stopped reading it before its end. What the peer stops, sending tells: shut(). */
	void (*stopped)(struct quic_conn *conn, int64_t sid);
	void (*closed)(struct quic_conn *conn, struct quic_stream *stream, int64_t sid,
		       uint64_t code);
	/* More may be sent on it, */
	int (*widened)(struct quic_conn *conn, struct quic_stream *stream, int64_t sid);
	/* more streams may be opened by us, or (the sum of all) by the peer. */
	void (*credit)(struct quic_conn *conn);
	void (*remote_credit)(struct quic_conn *conn, uint64_t total);

	/* Outside. Something has changed: tell its owner. May be called without need. */
	void (*ready)(struct quic_stream *stream);
	/* After the ready ones, before sending. May be NULL. */
	void (*work)(struct quic_conn *conn);
	/* What to send next: pieces of a stream, or -1 for none. <0: ends the connection */
	int (*next)(struct quic_conn *conn, int64_t *sid, bool *fin, ngtcp2_vec *pieces, size_t n);
	int (*wrote)(struct quic_conn *conn, int64_t sid, size_t len, bool fin);
	/* The stream's window is full; or nothing can be sent on it ever. */
	void (*blocked)(struct quic_conn *conn, int64_t sid);
	void (*shut)(struct quic_conn *conn, int64_t sid);
	/* Its writing side has just ended in order (FIN). */
	void (*finish)(struct quic_stream *stream);
	/* A stream object is to be freed, or its deadline has passed. */
	void (*stream_over)(struct quic_stream *stream, int why);
	void (*stream_late)(struct quic_stream *stream);
	/* It is over: the handle is dead, all streams are gone. */
	void (*ended)(struct quic_conn *conn, int why);
	/* Nothing refers to it any more: free it. */
	void (*gone)(struct quic_conn *conn);
	void (*late)(struct quic_conn *conn);
};

struct quic_conn {
	struct quic_endpoint *ep;
	struct tether_loop *loop;
	const struct quic_ops *ops;
	ngtcp2_conn *ng;
	ngtcp2_crypto_conn_ref ref;
	gnutls_session_t session;
	struct tether_tls *tls;
	uint64_t id;
	struct member member;
	struct list link;  /* in ep->conns */
	struct list dirty; /* in ep->dirty */
	struct list cids;
	struct list streams; /* all that have an object */
	struct list ready;
	size_t n_streams;
	struct deadline expiry;	  /* ngtcp2's */
	struct deadline deadline; /* the owner's: ops->late() */
	ngtcp2_ccerr error;
	int why;
	bool server : 1;
	bool opened : 1;   /* the handshake is complete */
	bool ending : 1;   /* ends as soon as it is looked after */
	bool choked : 1;   /* the connection's window is full: no more data in this turn */
	bool silent : 1;   /* without a word to the peer */
	bool sweeping : 1; /* it has ended: streams are only freed now */
};

enum quic_side {
	SIDE_OPEN = 0,
	SIDE_NONE,     /* unidirectional: there is no such side */
	SIDE_FIN,      /* ended in order */
	SIDE_RESET,    /* by the peer; of the writing side: it wants no more */
	SIDE_CANCELED, /* by us */
	SIDE_LOST,     /* with the connection */
};

struct quic_stream {
	struct quic_conn *conn;
	int64_t sid;
	uint64_t id; /* handle; 0 once released */
	struct list link, ready, sending;
	struct queue in, out;
	struct deadline deadline;
	uint64_t code; /* of the peer's reset or stop */
	void *owner;
	uint8_t read;  /* enum quic_side */
	uint8_t write; /* enum quic_side: FIN as soon as it is to be sent */
	bool remote : 1;
	bool uni : 1;
	bool fin_told : 1; /* the program knows that there is no more to read */
	bool fin_sent : 1;
	bool blocked : 1;
	bool released : 1;
	bool closed : 1; /* ngtcp2 has forgotten it */
	bool drains : 1; /* somebody wants to hear when there is room */
	/* Raw streams; HTTP/3 has its own. */
	void *got, *got_arg;
	void *drained, *drained_arg;
	void *over, *over_arg;
};

/* ---- quic_conn.c ----------------------------------------------------------------------------- */

/* Before either of the next two; then it is a member of @scope. */
int quic_conn_init(struct quic_conn *conn, struct quic_endpoint *ep, struct scope *scope,
		   const struct quic_ops *ops);
int quic_conn_accept(struct quic_conn *conn, const struct quic_limits *limits,
		     const ngtcp2_pkt_hd *hd, const ngtcp2_path *path, const ngtcp2_cid *odcid);
int quic_conn_connect(struct quic_conn *conn, const struct quic_limits *limits,
		      const struct quic_address *to);
/* quic_glue.c has made ngtcp2's part. */
void quic_conn_opened(struct quic_conn *conn);
/* Undoes quic_conn_init() of one that never came to be: ended() is not called. */
void quic_conn_fini(struct quic_conn *conn);

void quic_conn_read(struct quic_conn *conn, const ngtcp2_path *path, const uint8_t *data,
		    size_t len);
/* Tells, sends, sets deadlines; false: it has more to send. It may have ended. */
bool quic_conn_work(struct quic_conn *conn);

static inline void quic_conn_dirty(struct quic_conn *conn)
{
	quic_endpoint_dirty(conn->ep, conn);
}

/* Ends it with the application's @code, as soon as the loop goes on. */
void quic_conn_end(struct quic_conn *conn, uint64_t code, int why);
/* By an error of ngtcp2's, or without a word. */
void quic_conn_fail(struct quic_conn *conn, int liberr);
void quic_conn_drop(struct quic_conn *conn, int why);

/* ---- quic_stream.c: one place for credit, sides, the end of streams ---------------------------
 */

struct quic_stream *quic_stream_new(struct quic_conn *conn, int64_t sid, bool handle);
/* Its owner wants to hear of it. */
void quic_stream_ready(struct quic_stream *stream);
/* @len bytes of it are read, or thrown away: the peer may send as many again. */
void quic_stream_credit(struct quic_conn *conn, int64_t sid, uint64_t len);
void quic_stream_consume(struct quic_stream *stream, uint64_t len);
void quic_stream_shut_read(struct quic_stream *stream, enum quic_side how);
void quic_stream_shut_write(struct quic_stream *stream, enum quic_side how);
void quic_stream_cancel_read(struct quic_stream *stream, uint64_t code);
void quic_stream_cancel_write(struct quic_stream *stream, uint64_t code);
/* Settles both sides and gives the handle up. It is freed when the peer has settled too; should it
 * not by @within_ns, the connection ends. */
void quic_stream_release(struct quic_stream *stream, uint64_t code, uint64_t within_ns);
/* ngtcp2 has closed it. */
void quic_stream_closed(struct quic_stream *stream);
/* Frees it if nobody needs it any more. True: it is gone. */
bool quic_stream_reap(struct quic_stream *stream);
/* Whatever its state. */
void quic_stream_free(struct quic_stream *stream, int why);

/* ---- quic_tls.c ------------------------------------------------------------------------------ */

int quic_tls_new(struct quic_conn *conn, const struct quic_limits *limits);
void quic_tls_free(struct quic_conn *conn);
