// SPDX-License-Identifier: BSD-2-Clause
/*
 * Descriptors of a process (fds.h). To read /proc/PID/fd needs a capability that the collector has
 * given up; its size, which is how many there are, does not.
 */
#include "verb/fds.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "Max open files            1024                 524288               files", the soft one. */
static uint64_t limit_of(uint32_t pid)
{
	static const char word[] = "\nMax open files";
	char path[32], text[4096], *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/limits", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, word);
	return at ? strtoull(at + sizeof(word) - 1, NULL, 10) : 0;
}

struct tally_fds fds_of(uint32_t pid)
{
	struct tally_fds fds = { .open = 0 };
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	if (stat(path, &st) || st.st_size <= 0)
		return fds;
	fds.open = (uint64_t)st.st_size;
	fds.max = limit_of(pid);
	return fds;
}
