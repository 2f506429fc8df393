/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the HTTP part listens. For src/export/ alone. */
#pragma once

#include <stdbool.h>
#include <tether/server.h>

/* Sockets that systemd has opened for us (sd_listen_fds(3)), by their number; 0: none. For the
 * process that was started, before it forks. */
unsigned int listen_passed(void);
/* The path of "unix:PATH", NULL if it is no such. */
const char *listen_unix_path(const char *address);

/* Opens @address, or takes the @passed sockets over; one clear line on stderr, whichever way it
 * goes. 0, 2: the address cannot be read, 1: it cannot be listened on. */
int listen_open(struct tether_server *server, const char *address, unsigned int passed, bool tls,
		const char *metrics_path);
/* Closes what was passed, in a process that does not need it. */
void listen_close_passed(unsigned int passed);
