/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server. A request that has come is a *call*: the handler is given it when the head is there
 * (before the body), and answers at once or later, in one piece or as a stream.
 *
 * A call over an HTTP/3 stream is the same handle and the same functions as one over HTTP/1.1.
 * Streams of one's own (QUIC without HTTP) are in stream.h.
 *
 *      static void hello(struct tether_call call, void *arg)
 *      {
 *              (void)arg;
 *              tether_call_reply(call, 200, NULL, 0, "hello\n", 6);
 *      }
 */
#pragma once

#include <tether/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tether_loop;
struct tether_server;
struct tether_tls;
struct sockaddr;

struct tether_call {
	struct tether_loop *loop;
	uint64_t id;
};

typedef void (*tether_handler_fn)(struct tether_call call, void *arg);

/*
 * Deadlines are totals of the time spent in a phase, not gaps between bytes. Time that the handler
 * takes is not taken from the peer, nor the other way round.
 */
struct tether_server_options {
	tether_handler_fn handler; /* required; runs on the loop that has the connection */
	void *arg;
	struct tether_tls *tls; /* NULL: plain. The server keeps a reference. */

	uint64_t handshake_ns; /* 10 s: TLS */
	uint64_t header_ns;    /* 10 s: first byte of a request to its empty line */
	uint64_t body_ns;      /* 300 s: waiting for body bytes, over the whole body */
	uint64_t handler_ns;   /* 60 s: nobody but the handler is waited for; then 503 */
	uint64_t write_ns;     /* 300 s: waiting for the peer to read, over the whole response */
	uint64_t idle_ns;      /* 75 s: between requests */
	uint64_t lifetime_ns;  /* 1 h: of a connection; it closes after the request that it is in */
	uint64_t linger_ns;    /* 2 s: for the peer to take the last response in before a reset */

	uint64_t floor_bytes_per_s; /* 512: a body that comes, or a response that goes, slower... */
	uint64_t floor_grace_ns;    /* 10 s: ...than this on average, after these, ends */

	size_t header_bytes;	/* 16 KiB: request line and fields, at most 60 KiB: else 431 */
	size_t target_bytes;	/* 8 KiB: request target: else 414 */
	size_t fields;		/* 100: header fields, at most 128: else 431 */
	uint64_t body_bytes;	/* 1 GiB: of a body: else 413 */
	uint64_t discard_bytes; /* 64 KiB: of an unread body thrown away to keep the connection */
	size_t queue_bytes;	/* 256 KiB: unsent output of a connection, then -EAGAIN */

	uint64_t requests; /* 1000000: on one connection */
	uint64_t conns;	   /* 1000000: open at a time, on each loop; more are closed at once */
	int backlog;	   /* 4096 */
};

struct tether_server_stats {
	uint64_t accepted;
	uint64_t refused; /* by the limit of connections */
	uint64_t requests;
	uint64_t bad_requests; /* answered 4xx or 5xx by the library itself */
	uint64_t timeouts;     /* connections that a deadline ended, idle ones left out */
	uint64_t open;
};

/* One server on @n loops (at least one). None of them may be running on another thread until
 * tether_server_listen() has returned. -EINVAL: no handler, no loop, a limit out of range. */
TETHER_API int tether_server_new(struct tether_loop *const *loops, unsigned int n,
				 const struct tether_server_options *options,
				 struct tether_server **server);

/* "127.0.0.1:8080", "[::1]:0", "*:80". Once for each address; port 0 takes a free one. Writes the
 * port to *@port unless NULL. -EINVAL, -EADDRINUSE, -EACCES..., and nothing is open then;
 * -ESHUTDOWN: it drains. With no descriptors left, peers wait until one comes free. */
TETHER_API int tether_server_listen(struct tether_server *server, const char *address,
				    uint16_t *port);

/* A stream socket that listens already: a UNIX socket, one that systemd has opened, one that needed
 * privileges which are given up since. The server closes it when it drains; unless this fails, it
 * is the server's from here on. -EINVAL: it does not listen; -EBADF, -ENOTSOCK, -ESHUTDOWN... */
TETHER_API int tether_server_adopt(struct tether_server *server, int fd);

/* The same for HTTP/3, over UDP. Needs options.tls (-EINVAL). A client stays with the loop that its
 * first datagram came to, as long as its address does not change. */
TETHER_API int tether_server_listen_h3(struct tether_server *server, const char *address,
				       uint16_t *port);

/* Drains: what has connected already is taken in, then listening stops; idle connections close;
 * requests in flight, and those that come on connections younger than half a second, are answered
 * with Connection: close. What is left after @grace_ns is cut off. Then done(arg), exactly once, on
 * the first loop. Any thread. -EALREADY: it is draining; -ERANGE. */
TETHER_API int tether_server_shutdown(struct tether_server *server, uint64_t grace_ns,
				      void (*done)(void *arg), void *arg);

/* After done(). -EBUSY before, and nothing freed. NULL is fine. */
TETHER_API int tether_server_free(struct tether_server *server);

/* Sums over all loops. Any thread; the figures are of about the same moment. */
TETHER_API struct tether_server_stats tether_server_stats(const struct tether_server *server);

/* ---- the request. Texts live until the call is over ---------------------------------------- */

TETHER_API struct tether_text tether_call_method(struct tether_call call);

/* As sent, "/a%20b?c=d"; the authority of an absolute target is cut off. */
TETHER_API struct tether_text tether_call_target(struct tether_call call);

/* The value of the first field of that name, in whatever case. */
TETHER_API struct tether_text tether_call_header(struct tether_call call, const char *name);

/* The field number @i, counted from 0. -ENOENT: there are fewer. */
TETHER_API int tether_call_header_at(struct tether_call call, size_t i, struct tether_text *name,
				     struct tether_text *value);

/* Bytes of the body: 0 if there is none, TETHER_LENGTH_UNKNOWN if the sender does not say. */
TETHER_API uint64_t tether_call_length(struct tether_call call);

/* Asks for the next piece of the body: got(call, data, len, arg) once, @len 0 at its end. @data
 * lives during that callback, which may ask for more. As long as nobody asks, nothing is read and
 * the peer is held back. Asking first is also what answers `Expect: 100-continue`; a response
 * that begins without having asked refuses the body. Where the body never comes whole, the call's
 * end says why. -EBADF, -EALREADY: asked already, -ENODATA: the end was reached, or the body
 * refused. */
TETHER_API int tether_call_read(struct tether_call call,
				void (*got)(struct tether_call call, const void *data, size_t len,
					    void *arg),
				void *arg);

/* ---- the response -------------------------------------------------------------------------- */

/* All of it. The call is over when the request has been read to its end. Status 200 to 599.
 * -EBADF, -EINVAL, -EALREADY: a response has begun, -ENOMEM. */
TETHER_API int tether_call_reply(struct tether_call call, int status,
				 const struct tether_field *fields, size_t n, const void *data,
				 size_t len);

/* Head of a streamed response of @length bytes, or TETHER_LENGTH_UNKNOWN. */
TETHER_API int tether_call_begin(struct tether_call call, int status,
				 const struct tether_field *fields, size_t n, uint64_t length);

/* A piece of it, taken whole or not at all. -EAGAIN: too much is unsent; tether_call_drained()
 * tells when to go on. -EMSGSIZE: more than @length. */
TETHER_API int tether_call_write(struct tether_call call, const void *data, size_t len);

/* Calls drained(call, arg) once, when what was written has gone to the kernel. -EALREADY. */
TETHER_API int tether_call_drained(struct tether_call call,
				   void (*drained)(struct tether_call call, void *arg), void *arg);

/* The response is complete. -EPROTO: short of @length, and the connection is cut off. */
TETHER_API int tether_call_finish(struct tether_call call);

/* Cuts the connection off (resets the stream in HTTP/3) without, or in the middle of, a response.
 */
TETHER_API int tether_call_cancel(struct tether_call call);

/* Calls over(why, arg) once, when the call is over: 0 if it was answered, -ETIMEDOUT, -ECONNRESET,
 * -EMSGSIZE: its body passed the limit, -ECANCELED... A handler that answers later needs this to
 * give up what it holds. The handle is dead by then. */
TETHER_API int tether_call_on_end(struct tether_call call, void (*over)(int why, void *arg),
				  void *arg);

/* The peer's address, valid until the call is over. NULL: dead handle. */
TETHER_API const struct sockaddr *tether_call_peer(struct tether_call call);

#ifdef __cplusplus
}
#endif
