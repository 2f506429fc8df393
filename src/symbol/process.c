// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is known of each process: its executable mappings, read from /proc or told one by one. It
 * stays when the process ends, until room is needed: then ended ones go first, oldest use first.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbol/internal.h"

static struct process **bucket_of(struct symbolizer *sym, uint32_t pid)
{
	return &sym->bucket[pid * 2654435761u >> 22 & (PROCESS_BUCKETS - 1)];
}

/* ---- the order of use */

static void unlink_use(struct symbolizer *sym, struct process *p)
{
	*(p->newer ? &p->newer->older : &sym->newest) = p->older;
	*(p->older ? &p->older->newer : &sym->oldest) = p->newer;
	p->newer = p->older = NULL;
}

static void link_newest(struct symbolizer *sym, struct process *p)
{
	p->older = sym->newest;
	*(sym->newest ? &sym->newest->newer : &sym->oldest) = p;
	sym->newest = p;
}

struct process *process_find(struct symbolizer *sym, uint32_t pid)
{
	struct process *p = *bucket_of(sym, pid);

	while (p && p->pid != pid)
		p = p->hash_next;
	if (p && p != sym->newest) {
		unlink_use(sym, p);
		link_newest(sym, p);
	}
	return p;
}

/* ---- mappings */

static void free_mappings(struct symbolizer *sym, struct process *p)
{
	uint32_t i;

	for (i = 0; i < p->n; i++)
		free(p->map[i].path);
	free(p->map);
	sym->mappings -= p->n;
	p->map = NULL;
	p->n = p->room = 0;
}

void process_drop(struct symbolizer *sym, struct process *p)
{
	struct process **at = bucket_of(sym, p->pid);

	while (*at != p)
		at = &(*at)->hash_next;
	*at = p->hash_next;
	unlink_use(sym, p);
	free_mappings(sym, p);
	perfmap_fini(&p->jit);
	if (p->jit_fd >= 0)
		close(p->jit_fd);
	free(p);
	sym->stats.processes--;
}

/* The same, or what is read to take its place. */
static bool is_kept(const struct process *p, const struct process *keep)
{
	return keep && p->pid == keep->pid;
}

/* Lets one go: the ended one that was used longest ago, or else any. */
static bool evict(struct symbolizer *sym, const struct process *keep)
{
	struct process *p = sym->oldest;
	unsigned int looked;

	for (looked = 0; p && looked < 64 && (!p->exited || is_kept(p, keep)); looked++)
		p = p->newer;
	if (!p || !p->exited || is_kept(p, keep))
		p = sym->oldest;
	if (!p || is_kept(p, keep))
		return false;
	process_drop(sym, p);
	sym->stats.evicted_processes++;
	return true;
}

static struct process *process_new(struct symbolizer *sym, uint32_t pid)
{
	struct process **at = bucket_of(sym, pid), *p;

	if (sym->stats.processes >= sym->limits.processes)
		evict(sym, NULL);
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->pid = p->ns_pid = pid;
	p->jit_fd = -1;
	p->uid = UINT32_MAX;
	p->ours = pid == (uint32_t)getpid();
	p->hash_next = *at;
	*at = p;
	link_newest(sym, p);
	sym->stats.processes++;
	return p;
}

struct process *process_make(struct symbolizer *sym, uint32_t pid)
{
	struct process *p = process_find(sym, pid);

	return p ? p : process_new(sym, pid);
}

/* Index of the first mapping that ends above @addr. */
static uint32_t first_above(const struct process *p, uint64_t addr)
{
	uint32_t low = 0, high = p->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (p->map[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct mapping *process_mapping(const struct process *p, uint64_t ip)
{
	uint32_t i = first_above(p, ip);

	return i < p->n && p->map[i].start <= ip ? &p->map[i] : NULL;
}

/* Room for one more at @at. */
static int open_gap(struct symbolizer *sym, struct process *p, uint32_t at)
{
	struct mapping *map;

	while (sym->mappings >= sym->limits.mappings)
		if (!evict(sym, p))
			return -ENOSPC;
	if (p->n >= sym->limits.mappings / 8)
		return -ENOSPC;
	if (p->n == p->room) {
		uint32_t room = p->room ? 2 * p->room : 16;

		map = realloc(p->map, room * sizeof(*map));
		if (!map)
			return -ENOMEM;
		p->map = map;
		p->room = room;
	}
	memmove(&p->map[at + 1], &p->map[at], (p->n - at) * sizeof(*p->map));
	memset(&p->map[at], 0, sizeof(*p->map));
	p->n++;
	sym->mappings++;
	return 0;
}

static void remove_mapping(struct symbolizer *sym, struct process *p, uint32_t at)
{
	free(p->map[at].path);
	memmove(&p->map[at], &p->map[at + 1], (p->n - at - 1) * sizeof(*p->map));
	p->n--;
	sym->mappings--;
}

/* Takes [start, end) out of what is there: mappings are cut, split, or removed. */
static int clear_range(struct symbolizer *sym, struct process *p, uint64_t start, uint64_t end)
{
	uint32_t i = first_above(p, start);

	while (i < p->n && p->map[i].start < end) {
		struct mapping *m = &p->map[i];

		if (m->start < start && m->end > end) {
			char *path = m->path ? strdup(m->path) : NULL;
			int err = m->path && !path ? -ENOMEM : open_gap(sym, p, i);

			if (err) {
				free(path);
				return err;
			}
			m = &p->map[i];
			*m = m[1];
			m->path = path;
			m->end = start;
			m[1].offset += end - m[1].start;
			m[1].start = end;
			return 0;
		}
		if (m->start >= start && m->end <= end) {
			remove_mapping(sym, p, i);
			continue;
		}
		if (m->start < start) {
			m->end = start;
			i++;
		} else {
			m->offset += end - m->start;
			m->start = end;
		}
	}
	return 0;
}

static void set_path(struct mapping *m, const char *path)
{
	static const char gone[] = " (deleted)";
	size_t len = strlen(path);

	if (!*path || strncmp(path, "//", 2) == 0 || strncmp(path, "[anon", 5) == 0)
		return;
	if (len > sizeof(gone) && strcmp(path + len - (sizeof(gone) - 1), gone) == 0) {
		len -= sizeof(gone) - 1;
		m->deleted = true;
	}
	m->path = strndup(path, len);
}

int process_add(struct symbolizer *sym, struct process *p, const struct symbol_mapping *map)
{
	struct mapping *m;
	uint32_t at;
	int err;

	if (map->start >= map->end || map->build_id_len > SYMBOL_BUILD_ID_LEN)
		return -EINVAL;
	err = clear_range(sym, p, map->start, map->end);
	at = first_above(p, map->start);
	if (!err)
		err = open_gap(sym, p, at);
	if (err) {
		sym->stats.mappings_lost++;
		return err;
	}
	m = &p->map[at];
	m->start = map->start;
	m->end = map->end;
	m->offset = map->offset;
	m->time_ns = map->time_ns;
	m->file = (struct file_id){ map->major, map->minor, map->inode };
	m->build_id_len = map->build_id_len;
	memcpy(m->build_id, map->build_id, sizeof(m->build_id));
	set_path(m, map->path ? map->path : "");
	/* Opened now: later its process may be gone, and with it the way to the file. */
	modules_get(sym, p, m);
	return 0;
}

void process_swap_mappings(struct symbolizer *sym, struct process *p, struct process *fresh)
{
	free_mappings(sym, p);
	if (!fresh)
		return;
	p->map = fresh->map;
	p->n = fresh->n;
	p->room = fresh->room;
}

/* ---- what happens to processes */

int symbolizer_mapping(struct symbolizer *sym, uint32_t pid, const struct symbol_mapping *map)
{
	struct process *p = process_make(sym, pid);

	/* It may have ended already: that is told faster than its mappings. */
	return p ? process_add(sym, p, map) : -ENOMEM;
}

static int copy_mapping(struct symbolizer *sym, struct process *to, const struct mapping *m)
{
	int err = open_gap(sym, to, to->n);
	struct mapping *copy;

	if (err)
		return err;
	copy = &to->map[to->n - 1];
	*copy = *m;
	copy->path = m->path ? strdup(m->path) : NULL;
	return 0;
}

void symbolizer_fork(struct symbolizer *sym, uint32_t parent, uint32_t child)
{
	struct process *from = process_find(sym, parent), *to;
	uint32_t i;

	if (parent == child)
		return;
	to = process_find(sym, child);
	if (to)
		process_drop(sym, to);
	if (!from)
		return;
	to = process_new(sym, child);
	/* Making room may have taken the parent. */
	from = process_find(sym, parent);
	if (!to || !from)
		return;
	to->uid = from->uid;
	for (i = 0; i < from->n; i++)
		if (copy_mapping(sym, to, &from->map[i]))
			return;
}

void symbolizer_exec(struct symbolizer *sym, uint32_t pid, uint64_t time_ns)
{
	struct process *p = process_find(sym, pid);
	uint32_t i, kept = 0;

	if (!p)
		return;
	for (i = 0; i < p->n; i++) {
		if (time_ns && p->map[i].time_ns >= time_ns)
			p->map[kept++] = p->map[i];
		else
			free(p->map[i].path);
	}
	sym->mappings -= p->n - kept;
	p->n = kept;
	p->read_ns = 0;
	perfmap_fini(&p->jit);
	p->jit_size = p->jit_ns = 0;
	if (p->jit_fd >= 0)
		close(p->jit_fd);
	p->jit_fd = -1;
}

void symbolizer_exit(struct symbolizer *sym, uint32_t pid)
{
	struct process *p = process_find(sym, pid);

	if (p)
		p->exited = true;
}
