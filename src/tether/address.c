// SPDX-License-Identifier: BSD-2-Clause
/* Addresses and sockets (address.h). */
#include "address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/* "HOST:PORT" */
int address_parse(const char *s, struct sockaddr_storage *addr)
{
	const char *colon = s ? strrchr(s, ':') : NULL;
	char host[64], *end;
	unsigned long port;
	size_t len;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	len = colon - s;
	if (*end || port > 65535 || len >= sizeof(host))
		return -EINVAL;
	memcpy(host, s, len);
	host[len] = '\0';
	if (!strcmp(host, "*"))
		return uv_ip6_addr("::", port, (struct sockaddr_in6 *)addr);
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		return uv_ip6_addr(host + 1, port, (struct sockaddr_in6 *)addr);
	}
	return uv_ip4_addr(host, port, (struct sockaddr_in *)addr);
}

int address_open(struct sockaddr_storage *addr, bool shared)
{
	const int one = 1, zero = 0;
	socklen_t len = sizeof(*addr);
	int fd, err;

	/* No SO_REUSEADDR: for UDP it would let strangers in. */
	fd = socket(addr->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (addr->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (!bind(fd, (struct sockaddr *)addr, len) &&
	    !getsockname(fd, (struct sockaddr *)addr, &len))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int address_of(const char *host, uint16_t port, struct sockaddr_storage *addr, socklen_t *len)
{
	if (!uv_ip4_addr(host, port, (struct sockaddr_in *)addr)) {
		*len = sizeof(struct sockaddr_in);
		return 0;
	}
	*len = sizeof(struct sockaddr_in6);
	return uv_ip6_addr(host, port, (struct sockaddr_in6 *)addr) ? -EINVAL : 0;
}

uint16_t address_port(const struct sockaddr_storage *addr)
{
	/* At the same place in both families. */
	return ntohs(((const struct sockaddr_in *)addr)->sin_port);
}

int address_connect(const struct sockaddr *addr, socklen_t len)
{
	int fd = socket(addr->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	if (connect(fd, addr, len)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}
