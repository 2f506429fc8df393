/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of tether-serve. */
#pragma once

#include <tether/server.h>

struct serve_options {
	const char *listen, *h3, *cert, *key, *dir;
	uint64_t threads;
	uint64_t grace_ns;
	struct tether_server_options server;
};

/* 0; or the exit status + 1 where there is nothing to serve, everything said already. */
int serve_options_parse(struct serve_options *o, int argc, char **argv);
