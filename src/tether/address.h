/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as people write them, and sockets on them. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

/* "127.0.0.1:80", "[::1]:80", "*:80". -EINVAL. */
int address_parse(const char *s, struct sockaddr_storage *addr);
/* Of a host that is an address. -EINVAL: it is a name. */
int address_of(const char *host, uint16_t port, struct sockaddr_storage *addr, socklen_t *len);
uint16_t address_port(const struct sockaddr_storage *addr);

/* A socket bound to @addr, which then says the port that was chosen; SOCK_STREAM listens. */
int address_open(struct sockaddr_storage *addr, int type, int backlog);
/* A connected one that does not block. */
int address_connect(const struct sockaddr *addr, socklen_t len, int type);
