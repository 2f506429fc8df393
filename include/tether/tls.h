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
