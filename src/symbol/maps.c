// SPDX-License-Identifier: BSD-2-Clause
/*
 * /proc/PID/maps and status: the mappings of a process that lives.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "symbol/internal.h"

#define AGAIN_NS       (200 * MS_NS) /* no more often are maps read because of an unknown address */
#define LINE_MAX_BYTES 4608	     /* a path is 4096 at most, with escapes it may be cut */
#define PF_KTHREAD     0x00200000

/* "\012" and the like in a path, undone in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to = *s;
		}
	}
	*to = '\0';
}

static int add_line(struct symbolizer *sym, struct process *p, char *line, uint64_t now_ns)
{
	struct symbol_mapping map = { .time_ns = now_ns };
	char perms[5];
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &map.start,
		   &map.end, perms, &map.offset, &map.major, &map.minor, &map.inode, &at) < 7 ||
	    !at || perms[2] != 'x')
		return 0;
	unescape(line + at);
	map.path = line + at;
	return process_add(sym, p, &map);
}

/* Reads and replaces all. 0 or -errno; no mapping at all is -ESRCH: it has just ended. */
static int read_maps(struct symbolizer *sym, struct process *p, uint64_t now_ns)
{
	char name[64], line[LINE_MAX_BYTES];
	struct process fresh = { 0 };
	uint32_t lines = 0;
	int err = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%u/maps", p->pid);
	f = fopen(name, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	fresh.pid = p->pid;
	fresh.ours = p->ours;
	while (err != -ENOMEM && fgets(line, sizeof(line), f)) {
		lines++;
		err = add_line(sym, &fresh, line, now_ns);
	}
	fclose(f);
	if (!lines) {
		process_swap_mappings(sym, &fresh, NULL);
		return -ESRCH;
	}
	process_swap_mappings(sym, p, &fresh);
	return err == -ENOMEM ? err : 0;
}

/* In its own pid namespace it has another number, by which its perf map is called. */
static void read_status(struct process *p)
{
	char buf[4096], *s, *last;
	unsigned int uid;

	if (file_read_proc(p->pid, "status", buf, sizeof(buf)) < 0)
		return;
	s = strstr(buf, "\nUid:");
	if (s && sscanf(s, "\nUid: %*u %u", &uid) == 1)
		p->uid = uid;
	s = strstr(buf, "\nNSpid:");
	if (!s)
		return;
	s += strlen("\nNSpid:");
	s[strcspn(s, "\n")] = '\0';
	last = strrchr(s, '\t');
	if (last)
		p->ns_pid = (uint32_t)strtoul(last + 1, NULL, 10);
}

static bool is_kernel_thread(uint32_t pid)
{
	char buf[1024], *s;
	unsigned int flags;

	if (file_read_proc(pid, "stat", buf, sizeof(buf)) < 0)
		return false;
	s = strrchr(buf, ')');
	return s && sscanf(s + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && flags & PF_KTHREAD;
}

int process_read(struct symbolizer *sym, struct process *p)
{
	const uint64_t now_ns = monotonic_ns();
	int err;

	p->read_ns = now_ns;
	err = read_maps(sym, p, now_ns);
	if (err == -ESRCH && is_kernel_thread(p->pid))
		return -EINVAL;
	if (err)
		return err;
	read_status(p);
	process_open_jit(p);
	return 0;
}

bool process_read_again(struct symbolizer *sym, struct process *p)
{
	if (p->exited || (p->read_ns && monotonic_ns() - p->read_ns < AGAIN_NS))
		return false;
	return process_read(sym, p) == 0;
}

struct mapping *process_cover(struct symbolizer *sym, struct process *p, uint64_t ip)
{
	struct mapping *map = process_mapping(p, ip);

	if (!map && process_read_again(sym, p))
		map = process_mapping(p, ip);
	return map;
}

struct process *process_get(struct symbolizer *sym, uint32_t pid, uint64_t start_ns, int *err)
{
	struct process *p = process_find(sym, pid);

	*err = 0;
	if (p && start_ns && p->start_ns && p->start_ns != start_ns) {
		process_drop(sym, p);
		p = NULL;
	}
	if (p) {
		if (start_ns)
			p->start_ns = start_ns;
		if (!p->read_ns && !p->exited)
			process_read(sym, p); /* it may have ended; then what was told stands */
		return p;
	}
	*err = !pid ? -EINVAL : -ENOMEM;
	p = pid ? process_make(sym, pid) : NULL;
	if (!p)
		return NULL;
	*err = p->ours && !sym->allow_self ? -EPERM : process_read(sym, p);
	if (*err) {
		process_drop(sym, p);
		return NULL;
	}
	p->start_ns = start_ns;
	return p;
}
