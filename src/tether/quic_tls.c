// SPDX-License-Identifier: BSD-2-Clause
/* TLS 1.3 inside of QUIC: a GnuTLS session that ngtcp2's crypto helper drives. */
#include <errno.h>
#include <string.h>

#include "quic_conn.h"
#include "tls_session.h"

#define PRIORITY                                                               \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:" \
	"+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:"        \
	"+GROUP-SECP384R1:%DISABLE_TLS13_COMPAT_MODE"

static int configure(struct quic_conn *conn, const struct quic_limits *limits)
{
	gnutls_session_t session = conn->session;
	const gnutls_datum_t alpn = { (unsigned char *)limits->alpn, strlen(limits->alpn) };

	if (gnutls_priority_set_direct(session, PRIORITY, NULL) ||
	    gnutls_alpn_set_protocols(session, &alpn, 1, GNUTLS_ALPN_MANDATORY))
		return -EINVAL;
	if (limits->name ? ngtcp2_crypto_gnutls_configure_client_session(session)
			 : ngtcp2_crypto_gnutls_configure_server_session(session))
		return -ENOMEM;
	/* What the helper's callbacks find their connection by. */
	gnutls_session_set_ptr(session, &conn->ref);
	if (limits->name)
		gnutls_server_name_set(session, GNUTLS_NAME_DNS, limits->name,
				       strlen(limits->name));
	return tls_configure(limits->tls, session, limits->name);
}

int quic_tls_new(struct quic_conn *conn, const struct quic_limits *limits)
{
	/* Tickets would be sent from inside the handshake, with nothing there to take them. */
	unsigned int flags = GNUTLS_NO_AUTO_SEND_TICKET | GNUTLS_NO_SIGNAL | GNUTLS_NONBLOCK;
	int err;

	flags |= limits->name ? GNUTLS_CLIENT : GNUTLS_SERVER;
	if (gnutls_init(&conn->session, flags)) {
		conn->session = NULL;
		return -ENOMEM;
	}
	conn->tls = tls_ref(limits->tls);
	err = configure(conn, limits);
	if (err)
		quic_tls_free(conn);
	return err;
}

void quic_tls_free(struct quic_conn *conn)
{
	if (!conn->session)
		return;
	gnutls_deinit(conn->session);
	conn->session = NULL;
	tether_tls_free(conn->tls);
	conn->tls = NULL;
}
