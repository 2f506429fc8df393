/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QUIC without HTTP: connections, and streams of one's own on them.
 *
 *      listener ── connection ── stream, each with a reading and a writing side
 *
 * There is no close. A side is settled in the way that is meant:
 *
 *      tether_stream_finish        all is written: the peer reads it, then the end (FIN)
 *      tether_stream_cancel_write  the rest will not come (RESET_STREAM)
 *      tether_stream_cancel_read   the rest is not wanted (STOP_SENDING)
 *      tether_stream_release       the program is done with it: whatever side is open is cancelled
 *
 * A stream whose sides are both settled ends by itself. A released one whose peer does not settle
 * its own in linger_ns ends the connection: there is no other way to be rid of it, and a peer that
 * withholds has no claim to the memory. As long as a stream lives the peer cannot open another in
 * its place.
 *
 * A stream is the program's until it is over (tether_stream_on_end) or released, and no longer than
 * stream_ns. Nothing is called from inside another call.
 */
#pragma once

#include <sys/types.h>

#include <tether/base.h>
#include <tether/pool.h>
#include <tether/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tether_loop;
struct tether_quic; /* a listener */
struct tether_tls;

struct tether_quic_conn {
	struct tether_loop *loop;
	uint64_t id;
};

struct tether_stream {
	struct tether_loop *loop;
	uint64_t id;
};

/* All may be NULL. */
struct tether_quic_events {
	/* The handshake is complete: streams may be opened. */
	void (*opened)(struct tether_quic_conn conn, void *arg);
	/* The peer has opened a stream. NULL: streams are refused, as with release. */
	void (*stream)(struct tether_stream stream, void *arg);
	/* tether_stream_open() said -EAGAIN, and would not now. */
	void (*credit)(struct tether_quic_conn conn, void *arg);
	/* It is over, once and last, after the end of each of its streams: 0 if either side ended
	 * it with code 0, -ECONNRESET by the peer with another, -ECONNREFUSED, -ETIMEDOUT: the
	 * handshake, idleness, lifetime, or a stream that the peer withholds, -ECANCELED: by
	 * us or the scope, -EPROTO. The handle is dead by then. */
	void (*ended)(struct tether_quic_conn conn, int why, void *arg);
};

struct tether_quic_options {
	struct tether_quic_events events;
	void *arg;
	const char *alpn; /* protocol, required: both sides must name the same */

	uint64_t handshake_ns; /* 10 s */
	uint64_t idle_ns;      /* 30 s: nothing heard of the peer */
	uint64_t lifetime_ns;  /* 1 h: of a connection */
	uint64_t stream_ns;    /* 300 s: of a stream */
	uint64_t linger_ns;    /* 5 s: for the peer to settle a released stream */

	uint64_t streams;     /* 100: bidirectional ones that the peer may have at a time */
	uint64_t uni_streams; /* 100: the same, unidirectional */
	size_t stream_bytes;  /* 256 KiB: unread input of a stream */
	size_t conn_bytes;    /* 1 MiB: unread input of a connection */
	size_t queue_bytes;   /* 256 KiB: output that is not acknowledged, a stream; then -EAGAIN */
	size_t conns;	      /* 10000: of a listener; more are refused */
	size_t unproven;      /* 256: handshakes at a time before clients have to show that their
			       * address is their own (Retry) */
};

struct tether_quic_stats {
	uint64_t accepted, refused;
	uint64_t datagrams;
	uint64_t garbage;  /* no QUIC */
	uint64_t unknown;  /* of no connection that is known */
	uint64_t versions; /* of a version that is not spoken */
	uint64_t resets, retries;
	uint64_t open;
};

/* @address as with tether_server_listen(); writes the port to *@port unless NULL. @tls: a server's.
 * Ends by tether_quic_shutdown() only. -EINVAL, -ERANGE, -ENOMEM, -EADDRINUSE, -EACCES... */
TETHER_API int tether_quic_listen(struct tether_loop *loop, const char *address,
				  struct tether_tls *tls, const struct tether_quic_options *options,
				  struct tether_quic **quic, uint16_t *port);

/* Refuses new connections, waits until those that are open have ended or @grace_ns has passed, then
 * ends them; then done(arg), and the listener is freed. -EALREADY, -ERANGE. */
TETHER_API int tether_quic_shutdown(struct tether_quic *quic, uint64_t grace_ns,
				    void (*done)(void *arg), void *arg);

TETHER_API struct tether_quic_stats tether_quic_stats(const struct tether_quic *quic);

/* A connection to @dest (an address; names are not looked up), whose TLS must be a client's. It
 * lives no longer than @scope. What becomes of it its events tell, never before this has returned.
 * -EINVAL, -EBADF: @scope, -ERANGE, -ENOMEM, -ENETUNREACH... */
TETHER_API int tether_quic_connect(struct tether_scope scope, const struct tether_dest *dest,
				   const struct tether_quic_options *options,
				   struct tether_quic_conn *conn);

/* Ends it and all its streams with @code, which the peer is told. -EBADF. */
TETHER_API int tether_quic_conn_end(struct tether_quic_conn conn, uint64_t code);

/* ---- streams --------------------------------------------------------------------------------- */

enum tether_stream_kind {
	TETHER_STREAM_BIDI = 0,
	TETHER_STREAM_UNI, /* who opens it writes */
};

/* -EAGAIN: the peer allows no more for now, events.credit tells when; -ENOTCONN: before opened. */
TETHER_API int tether_stream_open(struct tether_quic_conn conn, enum tether_stream_kind kind,
				  struct tether_stream *stream);

/* Number of the stream in its connection, as QUIC has it. -EBADF. */
TETHER_API int64_t tether_stream_number(struct tether_stream stream);

TETHER_API int tether_stream_conn(struct tether_stream stream, struct tether_quic_conn *conn);

/* Asks for the next piece: got(stream, data, n, arg) once. @n > 0: bytes, living during the
 * callback, which may ask for more; 0: the end; -ECONNRESET: the peer has cancelled, with
 * tether_stream_code(). As long as nobody asks the peer may send stream_bytes and no more. -EBADF,
 * -EALREADY, -ENODATA: the end was told, or reading is cancelled. */
TETHER_API int tether_stream_read(struct tether_stream stream,
				  void (*got)(struct tether_stream stream, const void *data,
					      ssize_t n, void *arg),
				  void *arg);

/* Taken whole or not at all. -EAGAIN: too much is not acknowledged. -EPIPE: the writing side is
 * settled, by us or by the peer: that it wants no more is learned by trying to send. */
TETHER_API int tether_stream_write(struct tether_stream stream, const void *data, size_t len);

/* Calls drained(stream, arg) once, when tether_stream_write() has room again, or has become -EPIPE.
 * -EALREADY. */
TETHER_API int tether_stream_drained(struct tether_stream stream,
				     void (*drained)(struct tether_stream stream, void *arg),
				     void *arg);

/* Sides, see above. -EBADF; -EPIPE: that side is settled already (finish). Cancelling a side that
 * is settled does nothing, but for a write that is finished and not acknowledged. */
TETHER_API int tether_stream_finish(struct tether_stream stream);
TETHER_API int tether_stream_cancel_write(struct tether_stream stream, uint64_t code);
TETHER_API int tether_stream_cancel_read(struct tether_stream stream, uint64_t code);

/* The handle is dead with this; the end is not told. */
TETHER_API int tether_stream_release(struct tether_stream stream, uint64_t code);

/* What the peer said when it cancelled what is read. 0: it has not. */
TETHER_API uint64_t tether_stream_code(struct tether_stream stream);

/* Calls over(why, arg) once, when the stream is over without having been released: 0, -ECONNRESET:
 * the peer cancelled a side, or the reason of the connection's end. -ETIMEDOUT: stream_ns have
 * passed, and it has been released. The handle is dead by then. -EALREADY. */
TETHER_API int tether_stream_on_end(struct tether_stream stream, void (*over)(int why, void *arg),
				    void *arg);

#ifdef __cplusplus
}
#endif
