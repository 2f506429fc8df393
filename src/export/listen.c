// SPDX-License-Identifier: BSD-2-Clause
/* Addresses of all kinds, as sockets of a server (listen.h). */
#include "export/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PASSED_FIRST 3 /* SD_LISTEN_FDS_START */
#define PASSED_MAX   16
#define BACKLOG	     4096

unsigned int listen_passed(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	long n = fds ? strtol(fds, NULL, 10) : 0;

	if (!pid || strtol(pid, NULL, 10) != getpid() || n < 1)
		return 0;
	return n > PASSED_MAX ? PASSED_MAX : (unsigned int)n;
}

void listen_close_passed(unsigned int passed)
{
	while (passed)
		close(PASSED_FIRST + (int)--passed);
}

const char *listen_unix_path(const char *address)
{
	return strncmp(address, "unix:", 5) ? NULL : address + 5;
}

/* A socket that nobody listens on any more is in the way. */
static void remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd;

	if (lstat(addr->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return;
	/* Where one listens whose queue is full, it is not waited for. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) && errno == ECONNREFUSED)
		unlink(addr->sun_path);
	close(fd);
}

static int open_unix(struct tether_server *server, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, err;

	if (*path != '/' || strlen(path) >= sizeof(addr.sun_path))
		return -EINVAL;
	strcpy(addr.sun_path, path);
	remove_stale(&addr);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Its owner's and its group's: who else may ask is for the folder's owner to say. */
	mask = umask(0117);
	err = bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(mask);
	if (!err && listen(fd, BACKLOG))
		err = -errno;
	if (!err)
		err = tether_server_adopt(server, fd);
	if (err)
		close(fd);
	return err;
}

/* ":9977" is every address, as other exporters have it. */
static int open_inet(struct tether_server *server, const char *address, uint16_t *port)
{
	char text[80];

	if (!strncmp(address, "localhost:", 10))
		snprintf(text, sizeof(text), "127.0.0.1:%.16s", address + 10);
	else
		snprintf(text, sizeof(text), "%s%.72s", *address == ':' ? "*" : "", address);
	return tether_server_listen(server, text, port);
}

static int adopt_passed(struct tether_server *server, unsigned int passed)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < passed && !err; i++)
		err = tether_server_adopt(server, PASSED_FIRST + (int)i);
	if (err)
		fprintf(stderr,
			"lostsock export: socket %u that systemd passed: %s (a stream socket that "
			"listens is needed)\n",
			i - 1, strerror(-err));
	else
		fprintf(stderr, "lostsock export: serving on %u socket%s of systemd's\n", passed,
			passed == 1 ? "" : "s");
	return err ? 1 : 0;
}

static void say_address(const char *address, uint16_t port, bool tls, const char *metrics_path)
{
	const char *colon = strrchr(address, ':');
	int host = (int)(colon - address);

	if (listen_unix_path(address))
		fprintf(stderr, "lostsock export: serving %s%s on %s\n", tls ? "https " : "",
			metrics_path, address);
	else
		fprintf(stderr, "lostsock export: serving %s://%.*s:%u%s\n", tls ? "https" : "http",
			host ? host : 1, host ? address : "*", port, metrics_path);
}

int listen_open(struct tether_server *server, const char *address, unsigned int passed, bool tls,
		const char *metrics_path)
{
	const char *path = listen_unix_path(address);
	uint16_t port = 0;
	int err;

	if (passed)
		return adopt_passed(server, passed);
	err = path ? open_unix(server, path) : open_inet(server, address, &port);
	if (!err) {
		say_address(address, port, tls, metrics_path);
		return 0;
	}
	if (err == -EINVAL)
		fprintf(stderr,
			"lostsock export: --web.listen-address: '%.80s' is no address: write "
			"127.0.0.1:9977, [::1]:9977, :9977 or unix:/run/lostsock.sock\n",
			address);
	else
		fprintf(stderr, "lostsock export: cannot listen on %.100s: %s%s\n", address,
			strerror(-err),
			err == -EACCES	     ? " (ports below 1024 are for root)"
			: err == -EADDRINUSE ? " (is another exporter running?)"
					     : "");
	return err == -EINVAL ? 2 : 1;
}
