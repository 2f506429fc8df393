// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attaching to one file: its probes of the provider `tether`, and the functions of the table.
 *
 * Each place has a number, by which the kernel's side finds its row in a map. So one small program
 * does for all, a record costs no parsing, and arguments at places of which libbpf's USDT support
 * knows nothing can be had as well. The file is watched in all processes that map it, and who is
 * not wanted goes away in the kernel: so a child is seen from its first instruction.
 *
 * All places of a file make one link (BPF_TRACE_UPROBE_MULTI), where the kernel has that: it comes
 * and goes at once, and needs no right but that to use BPF. perf's uprobes, of older kernels, ask
 * for CAP_SYS_ADMIN in some and wait for all CPUs for each place when they go.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "source/live_stream.h"
#include "symbol/places.h"

#define PLACES_MAX 256 /* in one file */

struct attaching {
	struct live *live;
	struct places *places;
	const char *path;
	bool kills; /* a probe at one of its places would: see place_kills() */
	uint32_t n;
	uint64_t offset[PLACES_MAX], semaphore[PLACES_MAX], cookie[PLACES_MAX];
};

/* As in union bpf_attr from 6.6 on, which this machine's headers need not know. */
struct multi_attr {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, multi_flags, pid, zero;
};

static int link_multi(const struct bpf_program *prog, const struct attaching *a, const char *path,
		      uint32_t from, uint32_t n)
{
	struct multi_attr attr = {
		.prog_fd = (uint32_t)bpf_program__fd(prog),
		.attach_type = LIVE_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)(a->offset + from),
		.ref_ctr_offsets = (uintptr_t)(a->semaphore + from),
		.cookies = (uintptr_t)(a->cookie + from),
		.cnt = n,
	};
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

static int keep(struct live_streams *s, int fd, struct bpf_link *link)
{
	if (s->links == LS_PROBES_MAX) {
		if (link)
			bpf_link__destroy(link);
		else
			close(fd);
		return -ENOSPC;
	}
	s->link[s->links].fd = fd;
	s->link[s->links++].perf = link;
	return 0;
}

static int link_perf(const struct attaching *a, const char *path, uint32_t at)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .ref_ctr_offset = a->semaphore[at],
		    .bpf_cookie = a->cookie[at]);
	struct bpf_link *link = bpf_program__attach_uprobe_opts(a->live->skel->progs.stream_told,
								-1, path, a->offset[at], &opts);

	return link ? keep(a->live->streams, -1, link) : -errno;
}

/* One by one: who cannot be attached to is left out. Returns how many can. */
static uint32_t link_each(const struct attaching *a, const char *path, bool multi, int *err)
{
	uint32_t i, n = 0;
	int fd, e;

	for (i = 0; i < a->n; i++) {
		if (multi) {
			fd = link_multi(a->live->skel->progs.stream_told, a, path, i, 1);
			e = fd < 0 ? fd : keep(a->live->streams, fd, NULL);
		} else {
			e = link_perf(a, path, i);
		}
		n += !e;
		*err = e ? e : *err;
	}
	return n;
}

/* Once is enough: where one is refused, so are the others. */
static void say_failed(const struct attaching *a, int err)
{
	struct live_streams *s = a->live->streams;

	if (!s->verbose && (s->mute || s->failed))
		return;
	s->failed = true;
	fprintf(stderr, "lostsock: not all streams of %s: a probe cannot be attached (%s): %s\n",
		a->path, strerror(-err),
		err == -EMFILE ? "raise the limit of open files (ulimit -n)"
		: err == -EPERM || err == -EACCES
			? "run as root, on a kernel from 6.6 on"
			: "a kernel with CONFIG_UPROBE_EVENTS is needed, best from 6.6 on");
}

static uint32_t attach_all(const struct attaching *a)
{
	char path[64];
	int fd, err = 0;
	uint32_t n = a->n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", places_fd(a->places));
	fd = link_multi(a->live->skel->progs.stream_told, a, path, 0, a->n);
	if (fd >= 0)
		err = keep(a->live->streams, fd, NULL);
	else
		n = link_each(a, path, true, &err) ?: link_each(a, path, false, &err);
	if (err)
		say_failed(a, err);
	return n;
}

/* Kernels from 6.18 on make a call of a probe that stands on a nop of five bytes, on x86-64. The
 * first of them give a forked child the call and not what it leads to, and write below the stack
 * pointer: the child dies, even if we are gone by then, and a leaf function loses what it kept
 * there. Later ones do so with longer nops alone, and name what they keep otherwise. */
static bool place_kills(const struct attaching *a, uint64_t offset)
{
	static const uint8_t nop5[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
	uint8_t code[sizeof(nop5)];

#ifndef __x86_64__
	return false;
#endif
	return pread(places_fd(a->places), code, sizeof(code), (off_t)offset) == sizeof(code) &&
	       !memcmp(code, nop5, sizeof(nop5)) && live_has_type("head_tramps");
}

static void say_kills(const struct attaching *a)
{
	struct live_streams *s = a->live->streams;

	if (!s->verbose && (s->mute || s->failed))
		return;
	s->failed = true;
	fprintf(stderr,
		"lostsock: no streams of %s: on this kernel a probe at one of its nops of five "
		"bytes would kill the children that it forks\n",
		a->path);
}

static void add_place(struct attaching *a, const struct ls_probe *probe, uint64_t offset,
		      uint64_t semaphore)
{
	struct live_streams *s = a->live->streams;
	uint32_t at = s->probes;

	if (place_kills(a, offset)) {
		a->kills = true;
		return;
	}
	if (at == LS_PROBES_MAX || a->n == PLACES_MAX) {
		s->full = true;
		return;
	}
	if (bpf_map_update_elem(bpf_map__fd(a->live->skel->maps.stream_probes), &at, probe, 0))
		return;
	a->offset[a->n] = offset;
	a->semaphore[a->n] = semaphore;
	a->cookie[a->n++] = at;
	s->probes++;
}

static int on_note(void *ctx, const struct places_note *note)
{
	struct attaching *a = ctx;
	struct ls_probe probe;
	int err;

	if (strcmp(note->provider, "tether") != 0)
		return 0;
	err = stream_probe_usdt(note->name, note->args, &probe);
	if (err == -EINVAL && a->live->streams->verbose)
		fprintf(stderr, "lostsock: streams: %s: the arguments of %s cannot be read: %s\n",
			a->path, note->name, note->args);
	if (err)
		return 0;
	add_place(a, &probe, note->offset, note->semaphore);
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* All functions of the rows that this file has to do with; a linker may have left out some. */
static void find_rows(struct attaching *a, const struct stream_row *const *row,
		      const char *const *name, uint64_t *offset, size_t n)
{
	const struct live_streams *s = a->live->streams;
	size_t i, missing = 0;

	if (!n)
		return;
	places_functions(a->places, name, n, offset);
	for (i = 0; i < n; i++)
		missing += !offset[i];
	for (i = 0; i < n && missing < n; i++) {
		if (offset[i])
			add_place(a, &row[i]->probe, offset[i], 0);
		else if (s->verbose)
			fprintf(stderr, "lostsock: streams: %s has no %s\n", a->path, name[i]);
	}
}

static void find_table(struct attaching *a)
{
	const struct stream_table *t = a->live->streams->table;
	const struct stream_row **row = calloc(t->n, sizeof(*row));
	const char **name = calloc(t->n, sizeof(*name));
	uint64_t *offset = calloc(t->n, sizeof(*offset));
	bool program = places_is_program(a->places), go = places_is_go(a->places);
	size_t i, n = 0;

	for (i = 0; row && name && offset && i < t->n; i++)
		if (stream_row_matches(&t->rows[i], base_name(a->path), program, go)) {
			row[n] = &t->rows[i];
			name[n++] = t->rows[i].function;
		}
	find_rows(a, row, name, offset, n);
	free(row);
	free(name);
	free(offset);
}

uint32_t live_probe_file(struct live *live, struct places *p, const char *path)
{
	struct attaching *a = calloc(1, sizeof(*a));
	uint32_t n = 0;

	if (!a)
		return 0;
	a->live = live;
	a->places = p;
	a->path = path;
	places_notes(p, on_note, a);
	find_table(a);
	/* Streams that open and are never heard to end would be taken for leaks. */
	if (a->kills)
		say_kills(a);
	else if (a->n)
		n = attach_all(a);
	if (a->n && !a->kills && live->streams->verbose)
		fprintf(stderr, "lostsock: streams: %u of %u probes in %s\n", n, a->n, path);
	free(a);
	return n;
}

/* Where in its file the code of ours at @addr is. 0: not found. */
static uint64_t own_offset(uintptr_t addr)
{
	unsigned long long start, end, offset;
	uint64_t found = 0;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx-%llx %*s %llx", &start, &end, &offset) == 3 &&
		    addr >= start && addr < end)
			found = addr - start + offset;
	if (f)
		fclose(f);
	return found;
}

int live_probe_try(const struct bpf_program *prog)
{
	struct attaching *a = calloc(1, sizeof(*a));
	int fd;

	if (!a)
		return -ENOMEM;
	a->offset[0] = own_offset((uintptr_t)live_probe_try);
	fd = link_multi(prog, a, "/proc/self/exe", 0, 1);
	free(a);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}
