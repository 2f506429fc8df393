/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --web.config.file: TLS and basic authentication, in the format that Prometheus' exporters share.
 *
 *      tls_server_config:
 *        cert_file: lostsock.pem
 *        key_file: lostsock.key
 *      basic_auth_users:
 *        prometheus: $2y$10$...
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_ERROR_LEN 512
#define CONFIG_USERS_MAX 64

/* As crypto/tls in Go calls them, and in its order. */
enum config_clients {
	CONFIG_CLIENTS_NONE = 0, /* NoClientCert */
	CONFIG_CLIENTS_REQUEST,
	CONFIG_CLIENTS_REQUIRE_ANY,
	CONFIG_CLIENTS_VERIFY_GIVEN,
	CONFIG_CLIENTS_REQUIRE_VERIFY,
};

struct config_user {
	char *name;
	char *hash; /* bcrypt */
};

/* All of it is its own. */
struct config {
	char *cert, *key, *client_ca; /* paths, NULL: not given */
	enum config_clients clients;
	bool tls13; /* no version before that */
	struct config_user *user;
	size_t users;
};

/* An empty file is no configuration: plain HTTP for all. -errno: @say has one clear line, of the
 * form "FILE:LINE: KEY: what is wrong". 0: @say may have a word of warning, else it is "". */
int config_read(struct config *c, const char *path, char say[CONFIG_ERROR_LEN]);
void config_fini(struct config *c);
