// SPDX-License-Identifier: BSD-2-Clause
/*
 * Files that other processes chose: opened in their own root without following them out of it,
 * never one that blocks or does something when it is opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "symbol/internal.h"

/* Takes @path_fd, of an O_PATH open: only what is a regular file is opened in earnest. */
static int open_regular(int path_fd)
{
	char self[64];
	struct stat st;
	int fd;

	if (path_fd < 0)
		return -errno;
	if (fstat(path_fd, &st)) {
		fd = -errno;
	} else if (!S_ISREG(st.st_mode)) {
		fd = -EINVAL;
	} else {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
		fd = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (fd < 0)
			fd = -errno;
	}
	close(path_fd);
	return fd;
}

int file_open(const char *path)
{
	return open_regular(open(path, O_PATH | O_CLOEXEC));
}

static int open_in(uint32_t pid, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	char name[64];
	int root, fd;

	snprintf(name, sizeof(name), "/proc/%u/root", pid);
	root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	fd = open_regular((int)syscall(SYS_openat2, root, path, &how, sizeof(how)));
	close(root);
	return fd;
}

int file_open_in(uint32_t pid, const char *path)
{
	return open_in(pid, path, 0);
}

int file_open_plain(uint32_t pid, const char *path)
{
	return open_in(pid, path, O_NOFOLLOW);
}

int file_open_mapped(uint32_t pid, uint64_t start, uint64_t end)
{
	char name[96];

	snprintf(name, sizeof(name), "/proc/%u/map_files/%llx-%llx", pid, (unsigned long long)start,
		 (unsigned long long)end);
	return file_open(name);
}

ssize_t file_read_proc(uint32_t pid, const char *name, char *buf, size_t len)
{
	char path[64];
	size_t at = 0;
	ssize_t n = 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (at < len - 1 && n > 0) {
		n = read(fd, buf + at, len - 1 - at);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			at += (size_t)n;
	}
	if (n < 0)
		n = -errno;
	close(fd);
	buf[at] = '\0';
	return n < 0 ? n : (ssize_t)at;
}
