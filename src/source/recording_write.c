// SPDX-License-Identifier: BSD-2-Clause
/* A recording, written: the header says INCOMPLETE until the last record is down. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "source/recording.h"

#define BUF_LEN (256u << 10)

struct recording_writer {
	int fd;
	int err; /* the first that happened */
	uint64_t records, bytes;
	struct recording_header hdr;
	size_t len;
	char buf[BUF_LEN];
};

static int write_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= n;
	}
	return 0;
}

int recording_flush(struct recording_writer *w)
{
	if (!w->err)
		w->err = write_all(w->fd, w->buf, w->len);
	w->len = 0;
	return w->err;
}

static int append(struct recording_writer *w, const void *p, size_t len)
{
	if (w->len + len > BUF_LEN && recording_flush(w))
		return w->err;
	memcpy(w->buf + w->len, p, len);
	w->len += len;
	w->bytes += len;
	return w->err;
}

int recording_write(void *writer, const struct ls_hdr *rec)
{
	struct recording_writer *w = writer;

	if (w->err)
		return w->err;
	w->records++;
	return append(w, rec, rec->len);
}

static void fill_header(struct recording_header *h, const struct source_identity *id)
{
	memcpy(h->magic, "LOSTSOCK", 8);
	h->version = RECORDING_VERSION;
	h->order = 0x0102;
	h->flags = RECORDING_INCOMPLETE;
	h->header_len = sizeof(*h);
	memcpy(h->boot_id, id->boot_id, sizeof(h->boot_id));
	h->realtime_ns = id->realtime_ns;
	h->start_ns = id->start_ns;
	memcpy(h->kernel, id->kernel, sizeof(h->kernel));
	memcpy(h->host, id->host, sizeof(h->host));
}

struct recording_writer *recording_create(const char *path, const struct source_identity *id,
					  char err[RECORDING_ERROR_LEN])
{
	struct recording_writer *w = calloc(1, sizeof(*w));

	if (!w) {
		snprintf(err, RECORDING_ERROR_LEN, "out of memory");
		return NULL;
	}
	/* Peers and paths are nobody else's business. */
	w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	fill_header(&w->hdr, id);
	if (w->fd < 0 || append(w, &w->hdr, sizeof(w->hdr)) || recording_flush(w)) {
		snprintf(err, RECORDING_ERROR_LEN, "%s: %s", path,
			 strerror(w->fd < 0 ? errno : -w->err));
		if (w->fd >= 0)
			close(w->fd);
		free(w);
		return NULL;
	}
	return w;
}

int recording_finish(struct recording_writer *w, uint64_t *records, uint64_t *bytes)
{
	int err = recording_flush(w);

	if (records)
		*records = w->records;
	if (bytes)
		*bytes = w->bytes;
	/* A pipe cannot be rewound: its reader sees a recording that may go on. */
	w->hdr.flags &= ~RECORDING_INCOMPLETE;
	w->hdr.records = w->records;
	if (!err && pwrite(w->fd, &w->hdr, sizeof(w->hdr), 0) < 0 && errno != ESPIPE)
		err = -errno;
	if (close(w->fd) && !err)
		err = -errno;
	free(w);
	return err;
}
