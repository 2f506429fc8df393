// SPDX-License-Identifier: BSD-2-Clause
/*
 * The children that the given processes have already. Those that they start later are followed in
 * the kernel; between the two looks none may slip through, so it is looked until nobody is new.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "source/live_internal.h"

#define LOOKS_MAX 100 /* of something that forks faster than we look; the kernel has it by then */

/* 0 if it has gone. */
static uint32_t parent_of(const char *pid)
{
	char path[64], line[512], *end;
	unsigned int ppid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	/* The name in parentheses may have any character in it. */
	end = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (end && sscanf(end + 1, " %*c %u", &ppid) != 1)
		ppid = 0;
	fclose(f);
	return ppid;
}

static int add(struct live *live, Pvoid_t *known, uint32_t pid)
{
	uint32_t *more;

	if (Judy1Set(known, pid, PJE0) != 1)
		return 0;
	more = realloc(live->pids, (live->pid_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	live->pids = more;
	more[live->pid_count++] = pid;
	return live_watch_pid(live, pid);
}

static int is_process(const struct dirent *e)
{
	return isdigit((unsigned char)e->d_name[0]);
}

/* One walk over all processes. */
static int look(struct live *live, Pvoid_t *known)
{
	struct dirent **list;
	int n = scandir("/proc", &list, is_process, alphasort), i, err = 0;
	uint32_t ppid;

	if (n < 0)
		return -errno;
	for (i = 0; i < n; i++) {
		ppid = err ? 0 : parent_of(list[i]->d_name);
		if (ppid && Judy1Test(*known, ppid, PJE0))
			err = add(live, known, strtoul(list[i]->d_name, NULL, 10));
		free(list[i]);
	}
	free(list);
	return err;
}

int live_children(struct live *live, const uint32_t *pids, size_t n)
{
	Pvoid_t known = NULL;
	size_t i, before;
	int looks, err = 0;

	for (i = 0; i < n && !err; i++)
		err = add(live, &known, pids[i]);
	for (looks = 0; looks < LOOKS_MAX && !err; looks++) {
		before = live->pid_count;
		err = look(live, &known);
		if (live->pid_count == before)
			break;
	}
	Judy1FreeArray(&known, PJE0);
	return err;
}
