// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a program needs, found as ld.so(8) says that the dynamic loader finds it: the directories
 * that the files themselves name, those of the environment, the loader's cache, and the usual ones.
 * A file too many costs a look at it; one too few is seen once it is mapped.
 */
#include <errno.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbol/internal.h"
#include "symbol/needed.h"

#define FILES_MAX	256
#define ENVIRON_MAX	(256 << 10)
#define CACHE_MAX_BYTES (16 << 20)
#define DYNAMIC_MAX	4096 /* entries */
#define CACHE		"/etc/ld.so.cache"

static const char usual[] = "/lib64:/usr/lib64:/lib:/usr/lib:/usr/local/lib";

struct file {
	char *path;
	char *rpath, *runpath; /* NULL: none */
	uint32_t asked_by;     /* 0: it is the program */
};

struct needed {
	uint32_t pid;
	void (*fn)(void *ctx, const char *path);
	void *ctx;
	struct file file[FILES_MAX];
	uint32_t n;
	uint8_t ident[EI_NIDENT]; /* the program's */
	uint16_t machine;
	char *environ;
	size_t environ_len;
	char *cache;
	size_t cache_len;
};

/* Where the dynamic section and its strings are in the file. */
struct dynamic {
	int fd;
	uint64_t strings;
	const char *origin; /* the file's path */
};

/* ---- files */

static bool same_kind(const struct needed *x, int fd)
{
	Elf64_Ehdr eh;

	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) || memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	return !x->n || (eh.e_machine == x->machine && eh.e_ident[EI_CLASS] == x->ident[EI_CLASS]);
}

/* True if it is one, and known from now on. */
static bool add(struct needed *x, const char *path, uint32_t asked_by)
{
	uint32_t i;
	int fd;

	for (i = 0; i < x->n; i++)
		if (!strcmp(x->file[i].path, path))
			return true;
	if (x->n == FILES_MAX)
		return false;
	fd = file_open_in(x->pid, path);
	if (fd < 0)
		return false;
	if (same_kind(x, fd))
		x->file[x->n].path = strdup(path);
	close(fd);
	if (!x->file[x->n].path)
		return false;
	x->file[x->n++].asked_by = asked_by;
	return true;
}

/* ---- where to look */

static const char *from_environ(const struct needed *x, const char *name)
{
	size_t len = strlen(name), at = 0;

	while (x->environ && at < x->environ_len) {
		const char *s = x->environ + at;

		if (!strncmp(s, name, len) && s[len] == '=')
			return s + len + 1;
		at += strlen(s) + 1;
	}
	return NULL;
}

/* One directory of a list, with what stands for the file's own directory put in. False: it is too
 * long, or names what is not known here. */
static bool directory(const char *s, size_t len, const char *origin, char out[PATH_MAX])
{
	static const char *const words[] = { "${ORIGIN}", "$ORIGIN" };
	const char *slash = strrchr(origin, '/');
	size_t i, word = 0;

	for (i = 0; i < 2 && !word; i++)
		if (len >= strlen(words[i]) && !strncmp(s, words[i], strlen(words[i])))
			word = strlen(words[i]);
	if (!len || memchr(s + word, '$', len - word) || (!word && *s != '/'))
		return false;
	return snprintf(out, PATH_MAX, "%.*s%.*s", word && slash ? (int)(slash - origin) : 0,
			origin, (int)(len - word), s + word) < PATH_MAX;
}

static bool in_list(struct needed *x, const char *list, const char *name, uint32_t by,
		    const char *origin)
{
	char dir[PATH_MAX], path[PATH_MAX];
	size_t len;

	for (; list && *list; list += len + !!list[len]) {
		len = strcspn(list, ":;");
		if (directory(list, len, origin, dir) &&
		    snprintf(path, sizeof(path), "%s/%s", dir, name) < PATH_MAX && add(x, path, by))
			return true;
	}
	return false;
}

/* The cache as glibc writes it: a head, entries, strings; offsets count from the head. */
struct cache_head {
	char magic[20];
	uint32_t entries, strings;
	uint32_t more[5];
};

struct cache_entry {
	uint32_t flags, name, path, os;
	uint64_t hwcap;
};

static const char *cache_string(const struct needed *x, const char *head, uint32_t at)
{
	size_t left = x->cache_len - (size_t)(head - x->cache);

	return at < left && memchr(head + at, '\0', left - at) ? head + at : NULL;
}

static bool in_cache(struct needed *x, const char *name, uint32_t by)
{
	const char *head =
		x->cache ? memmem(x->cache, x->cache_len, "glibc-ld.so.cache1.1", 20) : NULL;
	struct cache_entry entry;
	struct cache_head h;
	bool any = false;
	size_t left, i;

	left = head ? x->cache_len - (size_t)(head - x->cache) : 0;
	if (left < sizeof(h))
		return false;
	memcpy(&h, head, sizeof(h));
	for (i = 0; i < h.entries && sizeof(h) + (i + 1) * sizeof(entry) <= left; i++) {
		const char *has, *path;

		memcpy(&entry, head + sizeof(h) + i * sizeof(entry), sizeof(entry));
		has = cache_string(x, head, entry.name);
		path = cache_string(x, head, entry.path);
		if (has && path && !strcmp(has, name))
			any |= add(x, path, by);
	}
	return any;
}

static void resolve(struct needed *x, const char *name, uint32_t by)
{
	const struct file *f = &x->file[by], *up = f;

	if (strchr(name, '/')) {
		add(x, name, by);
		return;
	}
	/* Who asks for who asks counts as well, unless it has the newer kind. */
	while (!f->runpath) {
		if (in_list(x, up->rpath, name, by, up->path))
			return;
		if (up == x->file)
			break;
		up = &x->file[up->asked_by];
	}
	if (in_list(x, from_environ(x, "LD_LIBRARY_PATH"), name, by, x->file->path) ||
	    in_list(x, f->runpath, name, by, f->path) || in_cache(x, name, by))
		return;
	in_list(x, usual, name, by, f->path);
}

/* ---- what a file says */

/* "" if it cannot be had. */
static void string_at(const struct dynamic *d, uint64_t at, char out[PATH_MAX])
{
	ssize_t n = pread(d->fd, out, PATH_MAX - 1, (off_t)(d->strings + at));

	out[n > 0 ? n : 0] = '\0';
}

/* The strings' address is one of memory. 0: they are nowhere. */
static uint64_t strings_offset(Elf *elf, uint64_t vaddr, size_t n)
{
	GElf_Phdr ph;
	size_t i;

	for (i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD && vaddr >= ph.p_vaddr &&
		    vaddr - ph.p_vaddr < ph.p_filesz)
			return vaddr - ph.p_vaddr + ph.p_offset;
	return 0;
}

static void read_entries(struct needed *x, uint32_t at, Elf_Data *data, const struct dynamic *d)
{
	char text[PATH_MAX];
	GElf_Dyn dyn;
	int i, pass;

	/* The directories first: they may stand behind what is to be found in them. */
	for (pass = 0; pass < 2; pass++)
		for (i = 0; gelf_getdyn(data, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
			bool needs = dyn.d_tag == DT_NEEDED;

			if (needs != pass ||
			    (!needs && dyn.d_tag != DT_RPATH && dyn.d_tag != DT_RUNPATH))
				continue;
			string_at(d, dyn.d_un.d_val, text);
			if (needs && *text)
				resolve(x, text, at);
			else if (dyn.d_tag == DT_RPATH && !x->file[at].rpath)
				x->file[at].rpath = strdup(text);
			else if (dyn.d_tag == DT_RUNPATH && !x->file[at].runpath)
				x->file[at].runpath = strdup(text);
		}
}

static void read_dynamic(struct needed *x, uint32_t at, int fd, Elf *elf)
{
	struct dynamic d = { .fd = fd };
	Elf_Data *data = NULL;
	GElf_Phdr ph;
	GElf_Dyn dyn;
	size_t n, i;
	int k;

	if (elf_getphdrnum(elf, &n))
		return;
	for (i = 0; i < n && !data; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_DYNAMIC &&
		    ph.p_filesz <= DYNAMIC_MAX * sizeof(Elf64_Dyn))
			data = elf_getdata_rawchunk(elf, (int64_t)ph.p_offset, ph.p_filesz,
						    ELF_T_DYN);
	for (k = 0; data && gelf_getdyn(data, k, &dyn) && dyn.d_tag != DT_NULL; k++)
		if (dyn.d_tag == DT_STRTAB)
			d.strings = strings_offset(elf, dyn.d_un.d_ptr, n);
	if (d.strings)
		read_entries(x, at, data, &d);
}

static void read_file(struct needed *x, uint32_t at)
{
	int fd = file_open_in(x->pid, x->file[at].path);
	Elf *elf = fd < 0 ? NULL : elf_open(fd);

	if (elf)
		read_dynamic(x, at, fd, elf);
	elf_end(elf);
	if (fd >= 0)
		close(fd);
}

/* ---- all of it */

/* The interpreter, if @path is a script. False if it is none. */
static bool interpreter(struct needed *x, const char *path, char out[PATH_MAX])
{
	char line[PATH_MAX];
	int fd = file_open_in(x->pid, path);
	ssize_t n = fd < 0 ? -1 : pread(fd, line, sizeof(line) - 1, 0);
	const char *at = line + 2;

	if (fd >= 0)
		close(fd);
	if (n < 2 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = '\0';
	at += strspn(at, " \t");
	snprintf(out, PATH_MAX, "%.*s", (int)strcspn(at, " \t\n"), at);
	return *out == '/';
}

static char *read_whole(int fd, size_t max, size_t *len)
{
	char *buf = fd < 0 ? NULL : malloc(max);
	ssize_t n = 1;

	*len = 0;
	while (buf && n > 0 && *len < max - 1) {
		n = read(fd, buf + *len, max - 1 - *len);
		*len += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	if (buf)
		buf[*len] = '\0';
	return buf;
}

static void read_environ(struct needed *x)
{
	ssize_t n;

	x->environ = malloc(ENVIRON_MAX);
	n = x->environ ? file_read_proc(x->pid, "environ", x->environ, ENVIRON_MAX) : 0;
	x->environ_len = n > 0 ? (size_t)n : 0;
}

static void add_preloaded(struct needed *x)
{
	const char *list = from_environ(x, "LD_PRELOAD");
	char name[PATH_MAX];
	size_t len;

	for (; list && *list; list += len + !!list[len]) {
		len = strcspn(list, ": ");
		if (len && snprintf(name, sizeof(name), "%.*s", (int)len, list) < PATH_MAX)
			resolve(x, name, 0);
	}
}

static void find_all(struct needed *x, const char *program)
{
	char path[PATH_MAX], next[PATH_MAX];
	Elf64_Ehdr eh;
	uint32_t i;
	int fd, scripts = 0;

	snprintf(path, sizeof(path), "%s", program);
	while (scripts++ < 4 && interpreter(x, path, next))
		memcpy(path, next, sizeof(path));
	if (!add(x, path, 0))
		return;
	fd = file_open_in(x->pid, path);
	if (fd >= 0 && pread(fd, &eh, sizeof(eh), 0) == sizeof(eh)) {
		memcpy(x->ident, eh.e_ident, sizeof(x->ident));
		x->machine = eh.e_machine;
	}
	if (fd >= 0)
		close(fd);
	read_environ(x);
	x->cache = read_whole(file_open_in(x->pid, CACHE), CACHE_MAX_BYTES, &x->cache_len);
	add_preloaded(x);
	for (i = 0; i < x->n; i++)
		read_file(x, i);
}

int needed_files(uint32_t pid, const char *program, void (*fn)(void *ctx, const char *path),
		 void *ctx)
{
	struct needed *x = calloc(1, sizeof(*x));
	uint32_t i;

	if (!x)
		return -ENOMEM;
	x->pid = pid;
	elf_version(EV_CURRENT);
	find_all(x, program);
	for (i = 0; i < x->n; i++) {
		fn(ctx, x->file[i].path);
		free(x->file[i].path);
		free(x->file[i].rpath);
		free(x->file[i].runpath);
	}
	free(x->environ);
	free(x->cache);
	free(x);
	return 0;
}
