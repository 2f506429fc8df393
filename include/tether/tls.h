/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS configuration for servers and for destinations of a pool. Immutable once made, so that one
 * may be shared by all loops; reference counted by what uses it.
 */
#pragma once

#include <tether/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tether_tls;

/* A server's certificate chain and key, PEM files. -ENOENT, -EINVAL: unreadable, or they do not
 * belong together. -ENOMEM. */
TETHER_API int tether_tls_server(const char *cert_path, const char *key_path,
				 struct tether_tls **tls);

/* What a server asks of its clients: a certificate that is not verified proves only that its holder
 * has the key. */
enum tether_tls_clients {
	TETHER_TLS_CLIENTS_NOT_ASKED = 0,
	TETHER_TLS_CLIENTS_ASKED,
	TETHER_TLS_CLIENTS_REQUIRED,
	TETHER_TLS_CLIENTS_VERIFY_GIVEN,
	TETHER_TLS_CLIENTS_VERIFY_REQUIRED,
};

enum tether_tls_version {
	TETHER_TLS_VERSION_DEFAULT = 0, /* 1.2 */
	TETHER_TLS_VERSION_1_2,
	TETHER_TLS_VERSION_1_3,
};

struct tether_tls_server_options {
	const char *cert_path; /* chain and key, PEM files; required */
	const char *key_path;
	const char *client_ca_path; /* PEM file of the authorities that clients are verified by */
	enum tether_tls_clients clients;
	enum tether_tls_version min_version;
};

/* The same with more to say. -ENOENT, -EINVAL: as above, no or an empty @client_ca_path where
 * clients are verified. */
TETHER_API int tether_tls_server_with(const struct tether_tls_server_options *options,
				      struct tether_tls **tls);

/* A client's. @ca_path: PEM file of the authorities to trust, NULL for the system's. The peer's
 * name is always checked. */
TETHER_API int tether_tls_client(const char *ca_path, struct tether_tls **tls);

/* As tether_tls_client(), but trusts any peer: for tests, and tools that are told to. */
TETHER_API int tether_tls_client_insecure(struct tether_tls **tls);

/* Gives the caller's reference up. NULL is fine. */
TETHER_API void tether_tls_free(struct tether_tls *tls);

#ifdef __cplusplus
}
#endif
