/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as people write them, and UDP sockets on them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* "127.0.0.1:80", "[::1]:80", "*:80". -EINVAL. */
int address_parse(const char *s, struct sockaddr_storage *addr);
/* Of a host that is an address. -EINVAL: it is a name. */
int address_of(const char *host, uint16_t port, struct sockaddr_storage *addr, socklen_t *len);
uint16_t address_port(const struct sockaddr_storage *addr);

/* UDP sockets that do not block: one bound to @addr, which then says the port that was chosen;
 * @shared with others that are, too. */
int address_open(struct sockaddr_storage *addr, bool shared);
/* And a connected one. */
int address_connect(const struct sockaddr *addr, socklen_t len);
