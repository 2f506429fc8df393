// SPDX-License-Identifier: BSD-2-Clause
/* One datagram to $NOTIFY_SOCKET (notify.h). */
#include "verb/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || (*path != '/' && *path != '@') || len >= sizeof(addr.sun_path))
		return -1;
	memcpy(addr.sun_path, path, len);
	if (*path == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&addr,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)))
		return fd;
	close(fd);
	return -1;
}

void notify_ready(int *fd)
{
	static const char ready[] = "READY=1";

	if (*fd < 0)
		return;
	/* Where it is not taken, whoever waits for it says so. */
	if (send(*fd, ready, sizeof(ready) - 1, MSG_NOSIGNAL) < 0 && errno == EINTR)
		return;
	close(*fd);
	*fd = -1;
}
