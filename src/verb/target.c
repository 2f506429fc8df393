// SPDX-License-Identifier: BSD-2-Clause
/* Looks at a process through /proc. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "verb/target.h"

#define PID_INIT_INO 0xeffffffc /* PROC_PID_INIT_INO: the initial pid namespace */
#define KTHREAD	     0x00200000 /* PF_KTHREAD */

static ssize_t read_file(uint32_t pid, const char *name, char *buf, size_t len)
{
	char path[48];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, len - 1);
	n = n < 0 ? -errno : n;
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

/* /proc/TID is there for threads too, though ls does not show it. */
static uint32_t thread_group(uint32_t pid)
{
	char status[2048];
	unsigned int tgid = 0;
	const char *line;

	if (read_file(pid, "status", status, sizeof(status)) <= 0)
		return 0;
	line = strstr(status, "\nTgid:");
	return line && sscanf(line, "\nTgid:%u", &tgid) == 1 ? tgid : 0;
}

bool target_known(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) || st.st_ino == PID_INIT_INO;
}

int target_check(uint32_t pid, char err[TARGET_ERROR_LEN])
{
	uint32_t group = thread_group(pid);
	char stat[1024], *end, state = 0;
	unsigned int flags = 0;

	if (!group || read_file(pid, "stat", stat, sizeof(stat)) <= 0) {
		snprintf(err, TARGET_ERROR_LEN, "no process %u", pid);
		return -ESRCH;
	}
	/* "4242 (any) (name) S ppid pgrp session tty tpgid flags" */
	end = strrchr(stat, ')');
	if (end)
		sscanf(end + 1, " %c %*d %*d %*d %*d %*d %u", &state, &flags);
	if (pid == (uint32_t)getpid())
		snprintf(err, TARGET_ERROR_LEN, "process %u is lostsock itself", pid);
	else if (group != pid)
		snprintf(err, TARGET_ERROR_LEN, "%u is a thread of process %u: name that", pid,
			 group);
	else if (flags & KTHREAD)
		snprintf(err, TARGET_ERROR_LEN,
			 "process %u is a kernel thread, which has no descriptors", pid);
	else if (state == 'Z' || state == 'X')
		snprintf(err, TARGET_ERROR_LEN, "process %u has ended already", pid);
	else
		return 0;
	return -EINVAL;
}

char *target_command(char *buf, size_t len, uint32_t pid)
{
	ssize_t n = read_file(pid, "cmdline", buf, len), i;

	for (i = 0; i + 1 < n; i++)
		if (!buf[i])
			buf[i] = ' ';
	return buf;
}
