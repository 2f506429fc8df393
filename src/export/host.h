/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose name a browser has asked for. A page from anywhere can make a browser on this machine ask
 * 127.0.0.1 by a name of its own (DNS rebinding), and would read the answer as if it were its own.
 */
#pragma once

#include <stdbool.h>

/* Does only this machine reach @address (--web.listen-address)? */
bool host_is_loopback(const char *address);
/* Is @host, a Host field, an address or localhost? None (NULL) is: no browser leaves it out. */
bool host_is_own(const char *host);
