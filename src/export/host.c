// SPDX-License-Identifier: BSD-2-Clause
/* Names that no page from elsewhere can have (host.h). */
#include "export/host.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

bool host_is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strncmp(address, "localhost:", 10) ||
	       !strncmp(address, "[::1]:", 6);
}

static bool is_address(const char *name)
{
	unsigned char addr[16];

	return inet_pton(AF_INET, name, addr) == 1 || inet_pton(AF_INET6, name, addr) == 1;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && !strcasecmp(name + n - m, end);
}

bool host_is_own(const char *host)
{
	char name[64];
	size_t len;

	if (!host)
		return true;
	/* "[::1]:9977", "127.0.0.1:9977", "localhost" */
	len = *host == '[' ? strcspn(host, "]") : strcspn(host, ":");
	if (*host == '[' && host[len]) {
		host++;
		len--;
	}
	if (len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = 0;
	return is_address(name) || !strcasecmp(name, "localhost") || ends_with(name, ".localhost");
}
