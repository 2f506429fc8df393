/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's part of HTTP/3: between h3_server.c (connections) and h3_call.c (calls). */
#pragma once

#include "h3.h"
#include "server_conn.h"

enum h3_drain {
	H3_OPEN = 0,
	H3_NOTICE, /* it is going to end */
	H3_GOAWAY, /* it takes no more requests */
};

struct h3_server_conn {
	struct h3_conn h3;
	struct server_part *part;
	struct list link; /* in part->h3_conns */
	uint64_t ends_ns; /* lifetime */
	uint64_t requests;
	size_t n_calls;
	uint8_t drain; /* enum h3_drain */
};

void h3_server_conn_settle(struct h3_server_conn *conn);
void h3_server_conn_drain(struct h3_server_conn *conn);

struct h3_message *h3_call_new(struct h3_conn *conn, struct quic_stream *stream);
void h3_call_serve(struct h3_message *m);
void h3_call_late(struct h3_message *m);
void h3_call_lost(struct h3_message *m, int why);
