// SPDX-License-Identifier: BSD-2-Clause
/* Where cgroup2 is mounted, and which cgroup a process is in. */
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "source/live_internal.h"

int live_cgroup2_mount(char *buf, size_t len)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	int err = -ENOENT;

	if (!f)
		return -errno;
	while (err == -ENOENT && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, "cgroup2"))
			err = (size_t)snprintf(buf, len, "%s", m->mnt_dir) < len ? 0
										 : -ENAMETOOLONG;
	endmntent(f);
	return err;
}

int live_cgroup_id(const char *path, uint64_t *id, uint32_t *level)
{
	char mount[256], real[4096];
	struct stat st;
	const char *p;

	if (live_cgroup2_mount(mount, sizeof(mount)))
		return -EOPNOTSUPP;
	if (!realpath(path, real) || stat(real, &st))
		return -errno;
	p = real + strlen(mount);
	if (!S_ISDIR(st.st_mode) || strncmp(real, mount, strlen(mount)) || (*p && *p != '/'))
		return -ENOTDIR;
	/* On cgroup2 the id is the inode number (kernfs, 64-bit). */
	*id = st.st_ino;
	*level = 0;
	for (; *p; p++)
		*level += *p == '/' && p[1] && p[1] != '/';
	return 0;
}

#define KNOWN_MAX (1 << 16) /* pids; then all are told again */

void live_cgroups_forget(struct live *live)
{
	JudyLFreeArray(&live->cgroup_known, PJE0);
	JudyLFreeArray(&live->cgroup_of, PJE0);
}

void live_cgroup_exec(struct live *live, const struct ls_proc *proc)
{
	if (proc->what == LS_PROC_EXEC)
		JudyLDel(&live->cgroup_known, proc->who.pid, PJE0);
}

bool live_cgroup_due(struct live *live, const struct ls_who *who)
{
	PPvoid_t slot;

	if (JudyLCount(live->cgroup_known, 0, -1, PJE0) > KNOWN_MAX)
		live_cgroups_forget(live);
	slot = JudyLIns(&live->cgroup_known, who->pid, PJE0);
	if (!slot || slot == PPJERR || *slot == (void *)(uintptr_t)who->start_ns)
		return false;
	*slot = (void *)(uintptr_t)who->start_ns;
	return true;
}

bool live_cgroup_moved(struct live *live, const struct ls_who *who, uint64_t id)
{
	PPvoid_t known = JudyLGet(live->cgroup_known, who->pid, PJE0);
	PPvoid_t slot = known ? JudyLIns(&live->cgroup_of, who->pid, PJE0) : NULL;

	if (!slot || slot == PPJERR || *slot == (void *)(uintptr_t)id)
		return false;
	*slot = (void *)(uintptr_t)id;
	*known = NULL;
	return true;
}

/* The line that says most: cgroup2's unless it is the root, else the longest of the others. */
static void pick_path(char *lines, char *path, size_t len)
{
	char *line, *save = NULL, *p;
	size_t best = 0;

	memset(path, 0, len);
	for (line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		p = strchr(line, ':');
		p = p ? strchr(p + 1, ':') : NULL;
		if (!p)
			continue;
		p++;
		if (!strncmp(line, "0::", 3) && p[1]) {
			memset(path, 0, len); /* it goes into recordings: no rest of a longer one */
			snprintf(path, len, "%s", p);
			return;
		}
		if (strlen(p) > best) {
			best = strlen(p);
			snprintf(path, len, "%s", p);
		}
	}
}

int live_cgroup_path(uint32_t pid, char *path, size_t len)
{
	char name[64], buf[8192];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "/proc/%u/cgroup", pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return n ? -errno : -ENODATA;
	buf[n] = 0;
	pick_path(buf, path, len);
	return 0;
}
