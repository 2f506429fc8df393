// SPDX-License-Identifier: BSD-2-Clause
/* TLS by GnuTLS: configuration (tether/tls.h) and sessions (tls_session.h). */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <tether/tls.h>

#include "conn.h"
#include "tls_session.h"

#define PRIORITY      "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define PRIORITY_ONLY "NORMAL:-VERS-ALL:+VERS-TLS1.3"

struct tether_tls {
	_Atomic unsigned int refs;
	bool server, insecure;
	enum tether_tls_clients clients;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
};

struct tls_session {
	gnutls_session_t session;
	struct tether_tls *tls;
	const char *in; /* what has come and is not decrypted yet */
	size_t in_len;
	bool ready, ended, said_bye;
};

/* ---- configuration --------------------------------------------------------------------------- */

struct tether_tls *tls_ref(struct tether_tls *tls)
{
	if (tls)
		atomic_fetch_add(&tls->refs, 1);
	return tls;
}

void tether_tls_free(struct tether_tls *tls)
{
	if (!tls || atomic_fetch_sub(&tls->refs, 1) != 1)
		return;
	if (tls->priority)
		gnutls_priority_deinit(tls->priority);
	if (tls->credentials)
		gnutls_certificate_free_credentials(tls->credentials);
	free(tls);
}

static int new_tls(const char *priority, struct tether_tls **out)
{
	struct tether_tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return -ENOMEM;
	atomic_init(&tls->refs, 1);
	if (gnutls_certificate_allocate_credentials(&tls->credentials) ||
	    gnutls_priority_init(&tls->priority, priority, NULL)) {
		tether_tls_free(tls);
		return -ENOMEM;
	}
	*out = tls;
	return 0;
}

static int tls_errno(int code)
{
	switch (code) {
	case GNUTLS_E_FILE_ERROR:
		return -ENOENT;
	case GNUTLS_E_MEMORY_ERROR:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
}

/* What a client is told, who would guess otherwise. */
static gnutls_alert_description_t alert_for(unsigned int status)
{
	if (status & GNUTLS_CERT_EXPIRED)
		return GNUTLS_A_CERTIFICATE_EXPIRED;
	if (status & GNUTLS_CERT_REVOKED)
		return GNUTLS_A_CERTIFICATE_REVOKED;
	if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
		return GNUTLS_A_UNKNOWN_CA;
	return GNUTLS_A_BAD_CERTIFICATE;
}

/* What a client shows has to lead to an authority that is trusted. Whether it has to show anything
 * is GnuTLS's to check. */
static int verify_client(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT,
	};
	unsigned int n = 0, status = 0;

	if (!gnutls_certificate_get_peers(session, &n) || !n)
		return 0;
	if (!gnutls_certificate_verify_peers(session, &purpose, 1, &status) && !status)
		return 0;
	gnutls_alert_send(session, GNUTLS_AL_FATAL, alert_for(status));
	return -1;
}

static bool verifies(enum tether_tls_clients clients)
{
	return clients == TETHER_TLS_CLIENTS_VERIFY_GIVEN ||
	       clients == TETHER_TLS_CLIENTS_VERIFY_REQUIRED;
}

static int load_server(struct tether_tls *tls, const struct tether_tls_server_options *o)
{
	int n;

	tls->server = true;
	tls->clients = o->clients;
	n = gnutls_certificate_set_x509_key_file(tls->credentials, o->cert_path, o->key_path,
						 GNUTLS_X509_FMT_PEM);
	if (n < 0)
		return tls_errno(n);
	if (!verifies(o->clients))
		return 0;
	n = gnutls_certificate_set_x509_trust_file(tls->credentials, o->client_ca_path,
						   GNUTLS_X509_FMT_PEM);
	gnutls_certificate_set_verify_function(tls->credentials, verify_client);
	return n < 0 ? tls_errno(n) : n ? 0 : -EINVAL;
}

int tether_tls_server_with(const struct tether_tls_server_options *o, struct tether_tls **out)
{
	struct tether_tls *tls;
	int err;

	if (!o || !o->cert_path || !o->key_path || !out ||
	    o->clients > TETHER_TLS_CLIENTS_VERIFY_REQUIRED ||
	    o->min_version > TETHER_TLS_VERSION_1_3 || (verifies(o->clients) && !o->client_ca_path))
		return -EINVAL;
	err = new_tls(o->min_version == TETHER_TLS_VERSION_1_3 ? PRIORITY_ONLY : PRIORITY, &tls);
	if (err)
		return err;
	err = load_server(tls, o);
	if (err)
		tether_tls_free(tls);
	else
		*out = tls;
	return err;
}

int tether_tls_server(const char *cert_path, const char *key_path, struct tether_tls **out)
{
	return tether_tls_server_with(
		&(struct tether_tls_server_options){ .cert_path = cert_path, .key_path = key_path },
		out);
}

int tether_tls_client(const char *ca_path, struct tether_tls **out)
{
	struct tether_tls *tls;
	int err;

	if (!out)
		return -EINVAL;
	err = new_tls(PRIORITY, &tls);
	if (err)
		return err;
	if (ca_path)
		err = gnutls_certificate_set_x509_trust_file(tls->credentials, ca_path,
							     GNUTLS_X509_FMT_PEM);
	else
		err = gnutls_certificate_set_x509_system_trust(tls->credentials);
	if (err < 0) {
		tether_tls_free(tls);
		return tls_errno(err);
	}
	*out = tls;
	return 0;
}

int tether_tls_client_insecure(struct tether_tls **out)
{
	int err = out ? new_tls(PRIORITY, out) : -EINVAL;

	if (!err)
		(*out)->insecure = true;
	return err;
}

/* Asks the peer for a certificate, where the configuration says so. */
static void ask_client(const struct tether_tls *config, gnutls_session_t session)
{
	static const gnutls_certificate_request_t requests[] = {
		[TETHER_TLS_CLIENTS_NOT_ASKED] = GNUTLS_CERT_IGNORE,
		[TETHER_TLS_CLIENTS_ASKED] = GNUTLS_CERT_REQUEST,
		[TETHER_TLS_CLIENTS_REQUIRED] = GNUTLS_CERT_REQUIRE,
		[TETHER_TLS_CLIENTS_VERIFY_GIVEN] = GNUTLS_CERT_REQUEST,
		[TETHER_TLS_CLIENTS_VERIFY_REQUIRED] = GNUTLS_CERT_REQUIRE,
	};

	if (config->server)
		gnutls_certificate_server_set_request(session, requests[config->clients]);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static ssize_t pull(gnutls_transport_ptr_t ptr, void *buf, size_t len)
{
	struct conn *conn = ptr;
	struct tls_session *tls = conn->tls;

	if (!tls->in_len) {
		gnutls_transport_set_errno(tls->session, EAGAIN);
		return -1;
	}
	if (len > tls->in_len)
		len = tls->in_len;
	memcpy(buf, tls->in, len);
	tls->in += len;
	tls->in_len -= len;
	return len;
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned int ms)
{
	struct conn *conn = ptr;

	(void)ms;
	return conn->tls->in_len > 0;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t len)
{
	conn_raw_write(ptr, data, len);
	return len;
}

static bool is_address(const char *name)
{
	unsigned char addr[16];

	return inet_pton(AF_INET, name, addr) == 1 || inet_pton(AF_INET6, name, addr) == 1;
}

int tls_session_new(struct conn *conn, struct tether_tls *config, const char *name)
{
	static const gnutls_datum_t alpn = { (unsigned char *)"http/1.1", 8 };
	struct tls_session *tls;
	unsigned int flags = config->server ? GNUTLS_SERVER : GNUTLS_CLIENT;

	if (config->server != !name)
		return -EINVAL;
	tls = mem_new(conn->loop, sizeof(*tls));
	if (!tls)
		return -ENOMEM;
	if (gnutls_init(&tls->session, flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL)) {
		mem_free(conn->loop, tls);
		return -ENOMEM;
	}
	tls->tls = tls_ref(config);
	conn->tls = tls;
	gnutls_priority_set(tls->session, config->priority);
	gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, config->credentials);
	ask_client(config, tls->session);
	gnutls_alpn_set_protocols(tls->session, &alpn, 1, 0);
	gnutls_handshake_set_timeout(tls->session, GNUTLS_INDEFINITE_TIMEOUT);
	gnutls_transport_set_ptr(tls->session, conn);
	gnutls_transport_set_pull_function(tls->session, pull);
	gnutls_transport_set_pull_timeout_function(tls->session, pull_timeout);
	gnutls_transport_set_push_function(tls->session, push);
	if (name) {
		/* Addresses are no server names (RFC 6066, 3). */
		if (!is_address(name))
			gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, name, strlen(name));
		if (!config->insecure)
			gnutls_session_set_verify_cert(tls->session, name, 0);
	}
	return 0;
}

int tls_configure(struct tether_tls *config, gnutls_session_t session, const char *name)
{
	if (config->server != !name)
		return -EINVAL;
	if (gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, config->credentials))
		return -ENOMEM;
	ask_client(config, session);
	if (name && !config->insecure)
		gnutls_session_set_verify_cert(session, name, 0);
	return 0;
}

void tls_session_free(struct conn *conn)
{
	struct tls_session *tls = conn->tls;

	if (!tls)
		return;
	conn->tls = NULL;
	gnutls_deinit(tls->session);
	tether_tls_free(tls->tls);
	mem_free(conn->loop, tls);
}

/* True once the handshake is over; ends the connection where it fails. */
static bool shake(struct conn *conn)
{
	struct tls_session *tls = conn->tls;
	int n;

	if (tls->ready)
		return true;
	do
		n = gnutls_handshake(tls->session);
	while (n == GNUTLS_E_INTERRUPTED ||
	       (n < 0 && n != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(n)));
	if (n == GNUTLS_E_AGAIN)
		return false;
	if (n) {
		gnutls_alert_send_appropriate(tls->session, n);
		conn_close(conn, -EPROTO);
		return false;
	}
	tls->ready = true;
	if (conn->ops->ready)
		conn->ops->ready(conn);
	return !conn->closing;
}

void tls_hello(struct conn *conn)
{
	shake(conn);
}

void tls_input(struct conn *conn, const char *data, size_t len)
{
	struct tls_session *tls = conn->tls;
	char plain[16384];
	ssize_t n;

	tls->in = data;
	tls->in_len = len;
	if (!shake(conn))
		return;
	while (!conn->closing && !tls->ended) {
		n = gnutls_record_recv(tls->session, plain, sizeof(plain));
		if (n == GNUTLS_E_AGAIN)
			return;
		if (n == GNUTLS_E_INTERRUPTED || (n < 0 && !gnutls_error_is_fatal(n)))
			continue;
		if (n < 0) {
			conn_close(conn, -EPROTO);
			return;
		}
		if (n == 0) {
			tls->ended = conn->eof = true;
			conn_read_stop(conn);
			conn->ops->eof(conn);
			return;
		}
		if (conn->phase != CONN_LINGER)
			conn->ops->bytes(conn, plain, n);
	}
}

void tls_output(struct conn *conn, const char *data, size_t len)
{
	struct tls_session *tls = conn->tls;
	ssize_t n;

	/* push() takes everything, so a record never stays behind. */
	gnutls_record_cork(tls->session);
	while (len && !conn->closing) {
		n = gnutls_record_send(tls->session, data, len);
		if (n < 0) {
			conn_fail(conn, -EPROTO);
			return;
		}
		data += n;
		len -= n;
	}
	if (!conn->closing)
		gnutls_record_uncork(tls->session, GNUTLS_RECORD_WAIT);
}

void tls_bye(struct conn *conn)
{
	struct tls_session *tls = conn->tls;

	if (tls->ready && !tls->said_bye)
		gnutls_bye(tls->session, GNUTLS_SHUT_WR);
	tls->said_bye = true;
}
