// SPDX-License-Identifier: BSD-2-Clause
/*
 * Static files (files.h). The kernel keeps a path below the directory (openat2 with
 * RESOLVE_BENEATH), so that neither dots nor links lead out of it.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES 65536
#define MEMO_NS	    (100 * TETHER_MS) /* how long a small file is taken for unchanged */
#define MEMO_TARGET 128
#define MEMOS	    64

/* A small file as it was just now. */
struct memo {
	char target[MEMO_TARGET];
	size_t target_len; /* 0: none */
	uint64_t until_ns;
	char tag[64], modified[64];
	const char *type;
	char *bytes;
	size_t size;
};

/* A loop's, used on its thread only. */
struct memos {
	struct tether_loop *loop;
	struct memo memo[MEMOS];
};

struct files {
	int dir;
	unsigned int n;
	struct memos *memos[];
};

/* A file on its way to one client. */
struct sending {
	int fd;
	uint64_t left;
};

static const struct {
	const char *suffix, *type;
} types[] = {
	{ "html", "text/html; charset=utf-8" },
	{ "htm", "text/html; charset=utf-8" },
	{ "css", "text/css; charset=utf-8" },
	{ "js", "text/javascript; charset=utf-8" },
	{ "mjs", "text/javascript; charset=utf-8" },
	{ "json", "application/json" },
	{ "txt", "text/plain; charset=utf-8" },
	{ "md", "text/markdown; charset=utf-8" },
	{ "xml", "application/xml" },
	{ "svg", "image/svg+xml" },
	{ "png", "image/png" },
	{ "jpg", "image/jpeg" },
	{ "jpeg", "image/jpeg" },
	{ "gif", "image/gif" },
	{ "webp", "image/webp" },
	{ "ico", "image/x-icon" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "wasm", "application/wasm" },
	{ "pdf", "application/pdf" },
	{ "mp4", "video/mp4" },
	{ "webm", "video/webm" },
	{ "mp3", "audio/mpeg" },
	{ "gz", "application/gzip" },
	{ "zip", "application/zip" },
};

static const char *type_of(const char *path)
{
	const char *dot = strrchr(path, '.');
	size_t i;

	for (i = 0; dot && i < sizeof(types) / sizeof(*types); i++)
		if (!strcasecmp(dot + 1, types[i].suffix))
			return types[i].type;
	return "application/octet-stream";
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The target's path, decoded, without the slashes it begins with; "." for the root. */
static int decode(struct tether_text target, char *path, size_t cap)
{
	size_t i = 0, n = 0;
	int high, low;
	char c;

	while (i < target.len && target.at[i] == '/')
		i++;
	for (; i < target.len && target.at[i] != '?'; i++) {
		c = target.at[i];
		if (c == '%') {
			high = i + 2 < target.len ? hex(target.at[i + 1]) : -1;
			low = high >= 0 ? hex(target.at[i + 2]) : -1;
			if (low < 0)
				return -EINVAL;
			c = high << 4 | low;
			i += 2;
		}
		if (!c)
			return -EINVAL;
		if (n + 2 > cap)
			return -ENAMETOOLONG;
		path[n++] = c;
	}
	if (!n)
		path[n++] = '.';
	path[n] = '\0';
	return 0;
}

static int open_beneath(int dir, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* A directory stands for its index.html. *@path becomes the file's name. */
static int open_file(struct files *files, char *path, struct stat *st)
{
	int fd = open_beneath(files->dir, path), dir;

	if (fd >= 0 && !fstat(fd, st) && S_ISDIR(st->st_mode)) {
		dir = fd;
		fd = open_beneath(dir, "index.html");
		close(dir);
		strcpy(path, "index.html");
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, st) || !S_ISREG(st->st_mode)) {
		close(fd);
		return -EACCES;
	}
	return fd;
}

static void answer(struct tether_call call, int status, const char *text)
{
	static const struct tether_field type = { "Content-Type", "text/plain" };

	tether_call_reply(call, status, &type, 1, text, strlen(text));
}

/* ---- a file that goes in pieces -------------------------------------------------------------- */

static void stop_sending(int why, void *arg)
{
	struct sending *s = arg;

	(void)why;
	close(s->fd);
	free(s);
}

static void send_piece(struct tether_call call, void *arg)
{
	struct sending *s = arg;
	char piece[PIECE_BYTES];
	ssize_t n = read(s->fd, piece, s->left < sizeof(piece) ? s->left : sizeof(piece));

	/* Shorter than it was: what was promised cannot be kept. */
	if (n <= 0 || tether_call_write(call, piece, n)) {
		tether_call_cancel(call);
		return;
	}
	s->left -= n;
	if (s->left)
		tether_call_drained(call, send_piece, s);
	else
		tether_call_finish(call);
}

static void send_file(struct tether_call call, int fd, uint64_t size,
		      const struct tether_field *fields, size_t n)
{
	struct sending *s = malloc(sizeof(*s));

	if (!s || tether_call_begin(call, 200, fields, n, size)) {
		free(s);
		close(fd);
		tether_call_cancel(call);
		return;
	}
	*s = (struct sending){ fd, size };
	tether_call_on_end(call, stop_sending, s);
	send_piece(call, s);
}

/* ---- what was asked for just now ------------------------------------------------------------- */

/* The place of @target on the call's loop; NULL: it cannot be kept. */
static struct memo *memo_of(struct files *files, struct tether_call call, struct tether_text target)
{
	unsigned int i, hash = 2166136261u;
	size_t j;

	if (!target.len || target.len > MEMO_TARGET)
		return NULL;
	for (j = 0; j < target.len; j++)
		hash = (hash ^ (unsigned char)target.at[j]) * 16777619u;
	for (i = 0; i < files->n; i++)
		if (files->memos[i]->loop == call.loop)
			return &files->memos[i]->memo[hash % MEMOS];
	return NULL;
}

static bool memo_holds(const struct memo *memo, struct tether_call call, struct tether_text target)
{
	return memo->target_len == target.len && !memcmp(memo->target, target.at, target.len) &&
	       tether_loop_now_ns(call.loop) < memo->until_ns;
}

/* Keeps a file that was read. It owns @bytes from now on. */
static void memo_set(struct memo *memo, struct tether_call call, struct tether_text target,
		     const struct memo *file)
{
	free(memo->bytes);
	*memo = *file;
	memcpy(memo->target, target.at, target.len);
	memo->target_len = target.len;
	memo->until_ns = tether_loop_now_ns(call.loop) + MEMO_NS;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* What the client has is what there is. */
static bool is_match(struct tether_call call, const char *tag)
{
	struct tether_text match = tether_call_header(call, "if-none-match");

	return match.at && (!strcmp(match.at, "*") || strstr(match.at, tag));
}

static void describe(struct memo *file, const char *path, const struct stat *st)
{
	struct tm tm;

	snprintf(file->tag, sizeof(file->tag), "\"%" PRIx64 "-%" PRIx64 "\"",
		 (uint64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
		 (uint64_t)st->st_size);
	strftime(file->modified, sizeof(file->modified), "%a, %d %b %Y %H:%M:%S GMT",
		 gmtime_r(&st->st_mtim.tv_sec, &tm));
	file->type = type_of(path);
	file->size = st->st_size;
}

/* @fd is closed in the end, -1: the bytes are there. */
static void answer_file(struct tether_call call, int fd, const struct memo *file)
{
	struct tether_field fields[] = { { "ETag", file->tag },
					 { "Last-Modified", file->modified },
					 { "Content-Type", file->type } };
	bool head = *tether_call_method(call).at == 'H';

	if (is_match(call, file->tag))
		tether_call_reply(call, 304, fields, 2, NULL, 0);
	else if (file->bytes || !file->size)
		tether_call_reply(call, 200, fields, 3, file->bytes, file->size);
	else if (!head) {
		send_file(call, fd, file->size, fields, 3);
		return;
	} else if (!tether_call_begin(call, 200, fields, 3, file->size))
		tether_call_finish(call);
	if (fd >= 0)
		close(fd);
}

/* NULL: it is not what it was when it was opened, or there is no memory. */
static char *read_small(int fd, size_t size)
{
	char *bytes = malloc(size);
	ssize_t got = bytes ? read(fd, bytes, size) : -1;

	if (got == (ssize_t)size)
		return bytes;
	free(bytes);
	return NULL;
}

static void open_and_answer(struct tether_call call, struct files *files, struct memo *memo)
{
	struct tether_text target = tether_call_target(call);
	struct memo file = { 0 };
	char path[4096];
	struct stat st;
	int fd;

	if (decode(target, path, sizeof(path))) {
		answer(call, 400, "Bad Request\n");
		return;
	}
	fd = open_file(files, path, &st);
	if (fd == -EMFILE || fd == -ENFILE) {
		answer(call, 503, "Service Unavailable\n");
		return;
	}
	if (fd < 0) {
		answer(call, 404, "Not Found\n");
		return;
	}
	describe(&file, path, &st);
	if (memo && file.size && file.size <= PIECE_BYTES) {
		file.bytes = read_small(fd, file.size);
		if (file.bytes) {
			memo_set(memo, call, target, &file);
			close(fd);
			fd = -1;
		}
	}
	answer_file(call, fd, &file);
}

void files_serve(struct tether_call call, struct files *files)
{
	static const struct tether_field allow = { "Allow", "GET, HEAD" };
	struct tether_text method = tether_call_method(call), target = tether_call_target(call);
	struct memo *memo = memo_of(files, call, target);

	if (strcmp(method.at, "GET") && strcmp(method.at, "HEAD"))
		tether_call_reply(call, 405, &allow, 1, NULL, 0);
	else if (memo && memo_holds(memo, call, target))
		answer_file(call, -1, memo);
	else
		open_and_answer(call, files, memo);
}

int files_open(const char *dir, struct tether_loop *const *loops, unsigned int n,
	       struct files **out)
{
	struct files *files = calloc(1, sizeof(*files) + n * sizeof(struct memos *));
	int err;

	if (!files)
		return -ENOMEM;
	files->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err = files->dir < 0 ? -errno : 0;
	for (; files->n < n && !err; files->n++) {
		files->memos[files->n] = calloc(1, sizeof(struct memos));
		if (!files->memos[files->n]) {
			err = -ENOMEM;
			break;
		}
		files->memos[files->n]->loop = loops[files->n];
	}
	if (err) {
		files_close(files);
		return err;
	}
	*out = files;
	return 0;
}

void files_close(struct files *files)
{
	unsigned int i, j;

	if (!files)
		return;
	for (i = 0; i < files->n; i++) {
		for (j = 0; j < MEMOS; j++)
			free(files->memos[i]->memo[j].bytes);
		free(files->memos[i]);
	}
	if (files->dir >= 0)
		close(files->dir);
	free(files);
}
