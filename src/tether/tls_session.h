/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS of one connection: between the socket and the bytes that conn.h speaks of. */
#pragma once

#include <gnutls/gnutls.h>
#include <stddef.h>

#include <tether/tls.h>

struct conn;
struct tether_tls;

struct tether_tls *tls_ref(struct tether_tls *tls);

/* Certificates and whom to trust, for a session that is not over TCP. -EINVAL: the other role's. */
int tls_configure(struct tether_tls *tls, gnutls_session_t session, const char *name);

/* Before the first byte. @name: whom a client wants to speak with, NULL for a server. */
int tls_session_new(struct conn *conn, struct tether_tls *tls, const char *name);
void tls_session_free(struct conn *conn);

/* A client's first word; a server waits. */
void tls_hello(struct conn *conn);
/* Bytes from the socket; plain ones go to ops->bytes(). Ends the connection on errors. */
void tls_input(struct conn *conn, const char *data, size_t len);
void tls_output(struct conn *conn, const char *data, size_t len);
void tls_bye(struct conn *conn);
