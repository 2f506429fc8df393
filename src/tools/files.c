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

struct files {
	int dir;
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

static void send_small(struct tether_call call, int fd, uint64_t size,
		       const struct tether_field *fields, size_t n)
{
	char bytes[PIECE_BYTES];
	ssize_t got = read(fd, bytes, size);

	close(fd);
	if (got == (ssize_t)size)
		tether_call_reply(call, 200, fields, n, bytes, size);
	else
		tether_call_cancel(call);
}

void files_serve(struct tether_call call, struct files *files)
{
	struct tether_text method = tether_call_method(call), match;
	char path[4096], tag[64], modified[64];
	struct tether_field fields[3];
	struct stat st;
	struct tm tm;
	int fd;

	if (strcmp(method.at, "GET") && strcmp(method.at, "HEAD")) {
		fields[0] = (struct tether_field){ "Allow", "GET, HEAD" };
		tether_call_reply(call, 405, fields, 1, NULL, 0);
		return;
	}
	if (decode(tether_call_target(call), path, sizeof(path))) {
		answer(call, 400, "Bad Request\n");
		return;
	}
	fd = open_file(files, path, &st);
	if (fd < 0) {
		if (fd == -EMFILE || fd == -ENFILE)
			answer(call, 503, "Service Unavailable\n");
		else
			answer(call, 404, "Not Found\n");
		return;
	}
	snprintf(tag, sizeof(tag), "\"%" PRIx64 "-%" PRIx64 "\"",
		 (uint64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
		 (uint64_t)st.st_size);
	strftime(modified, sizeof(modified), "%a, %d %b %Y %H:%M:%S GMT",
		 gmtime_r(&st.st_mtim.tv_sec, &tm));
	fields[0] = (struct tether_field){ "ETag", tag };
	fields[1] = (struct tether_field){ "Last-Modified", modified };
	fields[2] = (struct tether_field){ "Content-Type", type_of(path) };
	match = tether_call_header(call, "if-none-match");
	if (match.at && (!strcmp(match.at, "*") || strstr(match.at, tag))) {
		close(fd);
		tether_call_reply(call, 304, fields, 2, NULL, 0);
	} else if (st.st_size <= PIECE_BYTES) {
		send_small(call, fd, st.st_size, fields, 3);
	} else if (!strcmp(method.at, "HEAD")) {
		close(fd);
		if (!tether_call_begin(call, 200, fields, 3, st.st_size))
			tether_call_finish(call);
	} else {
		send_file(call, fd, st.st_size, fields, 3);
	}
}

int files_open(const char *dir, struct files **out)
{
	struct files *files = malloc(sizeof(*files));
	int err;

	if (!files)
		return -ENOMEM;
	files->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (files->dir < 0) {
		err = -errno;
		free(files);
		return err;
	}
	*out = files;
	return 0;
}

void files_close(struct files *files)
{
	if (!files)
		return;
	close(files->dir);
	free(files);
}
