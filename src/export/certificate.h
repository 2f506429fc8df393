/* SPDX-License-Identifier: BSD-2-Clause */
/* How long the server's certificate is good for. */
#pragma once

#include <time.h>

/* When the certificate in this PEM file ends, 0 if it cannot be read. One that is over, or has not
 * begun, is told of on stderr: only those who scrape would be, else, each in words of their own. */
time_t certificate_end(const char *path);
