/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/3 over a QUIC connection: nghttp3 between streams and messages. What a message means is the
 * server's (h3_server.c) and the client's (h3_client.c).
 */
#pragma once

#include <nghttp3/nghttp3.h>

#include "head.h"
#include "quic_conn.h"

struct h3_conn;
struct h3_message;
struct call;
struct exchange;

/* What the two roles do differently. */
struct h3_role {
	/* The peer has opened a stream: what will hang on it? NULL: no memory. */
	struct h3_message *(*message)(struct h3_conn *conn, struct quic_stream *stream);
	/* Something has come, or may go on. */
	void (*serve)(struct h3_message *m);
	/* The deadline of a stream that is not released. */
	void (*late)(struct h3_message *m);
	/* The stream is gone, its message is not. */
	void (*lost)(struct h3_message *m, int why);
	void (*conn_opened)(struct h3_conn *conn);
	void (*conn_late)(struct h3_conn *conn);
	void (*conn_work)(struct h3_conn *conn);
	void (*conn_ended)(struct h3_conn *conn, int why);
	void (*conn_gone)(struct h3_conn *conn);
};

struct h3_conn {
	struct quic_conn q;
	nghttp3_conn *h3;
	const struct h3_role *role;
	struct quic_stream *reading; /* whose bytes nghttp3 has at the moment */
	bool goaway;		     /* the peer will take no more requests */
	bool opened_told;
};

/* One side of an exchange of HTTP, on one stream. */
struct h3_message {
	struct h3_conn *conn;
	struct quic_stream *stream;
	struct head *head;
	struct call *call;  /* the server's */
	struct exchange *x; /* the client's */
	struct tether_text method;
	char method_text[24];
	nghttp3_rcbuf *authority; /* until there is a place for it */
	uint64_t phase_began_ns;
	uint64_t spent_ns[CONN_PHASES];
	uint8_t phase;
	uint16_t status; /* of a response; or what a request is to be refused with */
	bool has_head : 1;
	bool interim : 1; /* the head that comes is of a 1xx */
	bool ended : 1;	  /* the peer's message is complete */
};

/* Before quic_conn_accept() or quic_conn_connect(). */
int h3_conn_init(struct h3_conn *conn, const struct h3_role *role, bool server,
		 uint64_t header_bytes);
void h3_conn_fini(struct h3_conn *conn);
extern const struct quic_ops h3_ops;
/* h3_events.c */
extern const nghttp3_callbacks h3_callbacks;

/* Ties a message to its stream, both ways; and unties them. */
void h3_message_bind(struct h3_message *m, struct quic_stream *stream);
void h3_message_free(struct h3_message *m);

/* Fields as nghttp3 wants them, names in small letters; freed by mem_free(). */
struct h3_fields {
	nghttp3_nv *nv;
	size_t n;
	char *text; /* room for the names, and for numbers */
};
int h3_fields_new(struct tether_loop *loop, size_t n, const struct tether_field *fields,
		  struct h3_fields *out);
void h3_fields_add(struct h3_fields *f, const char *name, const char *value, size_t value_len);
void h3_fields_add_number(struct h3_fields *f, const char *name, uint64_t n);
void h3_fields_add_all(struct h3_fields *f, const struct tether_field *fields, size_t n);

/* Body bytes from the stream's queue. */
extern const nghttp3_data_reader h3_reader;

/* A piece of body, copied. -ENOMEM. */
int h3_write(struct quic_stream *stream, const void *data, size_t len);
void h3_finish(struct quic_stream *stream);
/* Both sides, with an error code of HTTP/3. */
void h3_abort(struct quic_stream *stream, uint64_t code);
