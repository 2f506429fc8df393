// SPDX-License-Identifier: BSD-2-Clause
/* A recording, read: trusts nothing in the file, and stops at the first thing that is wrong. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "source/recording.h"

#define BUF_LEN (1u << 20)
#define BATCH	65536 /* records in one pump: a view redraws in between */

struct recording {
	int fd;
	double speed;
	struct recording_header hdr;
	struct source_identity id;
	uint64_t now_ns;	/* time of the newest record */
	uint64_t first_ns;	/* time of the oldest */
	uint64_t real_start_ns; /* CLOCK_MONOTONIC when the oldest was read */
	uint64_t records;	/* delivered so far */
	uint64_t offset;	/* of buf[at] in the file */
	size_t at, have;
	bool eof, truncated;
	char damage[96];
	_Alignas(8) char buf[BUF_LEN];
};

static int damaged(struct recording *r, const char *why)
{
	snprintf(r->damage, sizeof(r->damage), "damaged at byte %llu: %s",
		 (unsigned long long)r->offset, why);
	return -EBADMSG;
}

/* Moves what is left to the front and reads on. Records are at most 64 KiB, the buffer is more. */
static int fill(struct recording *r)
{
	ssize_t n;

	memmove(r->buf, r->buf + r->at, r->have - r->at);
	r->have -= r->at;
	r->at = 0;
	do
		n = read(r->fd, r->buf + r->have, BUF_LEN - r->have);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	r->eof = n == 0;
	r->have += n;
	return 0;
}

/* The next record, which stays valid until the next call; *rec is NULL at the end. */
static int next(struct recording *r, const struct ls_hdr **rec)
{
	const struct ls_hdr *hdr;
	int err;

	*rec = NULL;
	for (;;) {
		hdr = (const void *)(r->buf + r->at);
		if (r->have - r->at >= sizeof(*hdr)) {
			if (hdr->len < sizeof(*hdr) || hdr->len % 8)
				return damaged(r, "a record of impossible length");
			if (hdr->type == LS_INVALID)
				return damaged(r, "a record without a type");
			if (hdr->len <= r->have - r->at)
				break;
		}
		if (r->eof) {
			r->truncated = r->have > r->at || r->records < r->hdr.records;
			return 0;
		}
		err = fill(r);
		if (err)
			return err;
	}
	*rec = hdr;
	return 0;
}

static void taken(struct recording *r, const struct ls_hdr *rec)
{
	r->at += rec->len;
	r->offset += rec->len;
	r->records++;
	if (rec->time_ns > r->now_ns)
		r->now_ns = rec->time_ns;
}

/* Is it time for @rec, at the speed asked for? */
static bool due(struct recording *r, const struct ls_hdr *rec)
{
	uint64_t real_ns;

	if (!r->speed)
		return true;
	real_ns = monotonic_ns();
	if (!r->first_ns) {
		r->first_ns = rec->time_ns;
		r->real_start_ns = real_ns;
	}
	return rec->time_ns <= r->first_ns + (real_ns - r->real_start_ns) * r->speed;
}

static int recording_fd(void *arg)
{
	(void)arg;
	return -1;
}

static int recording_pump(void *arg, source_sink_fn sink, void *ctx)
{
	struct recording *r = arg;
	const struct ls_hdr *rec;
	int n, err;

	for (n = 0; n < BATCH; n++) {
		err = next(r, &rec);
		if (err)
			return err;
		if (!rec)
			return -ENODATA;
		if (!due(r, rec))
			return 0;
		taken(r, rec);
		err = sink(ctx, rec);
		if (err)
			return err;
	}
	return 0;
}

static int recording_snapshot(void *arg, uint32_t passes, source_sink_fn sink, void *ctx)
{
	(void)arg, (void)passes, (void)sink, (void)ctx;
	return -EOPNOTSUPP;
}

static uint64_t recording_now(void *arg)
{
	return ((struct recording *)arg)->now_ns;
}

static const struct source_identity *recording_identity(void *arg)
{
	return &((struct recording *)arg)->id;
}

static void recording_close(void *arg)
{
	struct recording *r = arg;

	if (r->fd > STDIN_FILENO)
		close(r->fd);
	free(r);
}

static const struct source_ops recording_ops = {
	.fd = recording_fd,
	.pump = recording_pump,
	.snapshot = recording_snapshot,
	.now_ns = recording_now,
	.identity = recording_identity,
	.close = recording_close,
};

bool recording_incomplete(const struct source *src)
{
	const struct recording *r = src->arg;

	return src->ops == &recording_ops &&
	       ((r->hdr.flags & RECORDING_INCOMPLETE) || r->truncated || r->damage[0]);
}

const char *recording_damage(const struct source *src)
{
	const struct recording *r = src->arg;

	return src->ops == &recording_ops ? r->damage : "";
}

static int refuse(char err[RECORDING_ERROR_LEN], const char *path, const char *why, int code)
{
	snprintf(err, RECORDING_ERROR_LEN, "%s: %s", path, why);
	return code;
}

static int check_header(struct recording *r, const char *path, char err[RECORDING_ERROR_LEN])
{
	const struct recording_header *h = &r->hdr;
	struct source_identity *id = &r->id;

	if (r->have < sizeof(*h) && !(r->have >= 8 && memcmp(r->buf, "LOSTSOCK", 8)))
		return refuse(
			err, path,
			r->have ? "cut short before its first record: no recording can be read"
				: "empty: `lostsock record` makes a recording",
			-EBADMSG);
	memcpy(&r->hdr, r->buf, r->have < sizeof(*h) ? r->have : sizeof(*h));
	if (memcmp(h->magic, "LOSTSOCK", 8))
		return refuse(err, path, "not a lostsock recording (`lostsock record` makes one)",
			      -EBADMSG);
	if (h->order == 0x0201)
		return refuse(err, path,
			      "recorded on a machine of the other byte order: replay it there",
			      -EBADMSG);
	if (h->order != 0x0102 || h->version != RECORDING_VERSION)
		return refuse(err, path,
			      "made by another version of lostsock: replay it with that one",
			      -EBADMSG);
	if (h->header_len < sizeof(*h) || h->header_len > r->have || h->header_len % 8)
		return refuse(err, path, "its header is damaged", -EBADMSG);
	r->at = h->header_len;
	r->offset = h->header_len;
	memcpy(id->boot_id, h->boot_id, sizeof(id->boot_id));
	id->realtime_ns = h->realtime_ns;
	id->start_ns = h->start_ns;
	snprintf(id->kernel, sizeof(id->kernel), "%.63s", h->kernel);
	snprintf(id->host, sizeof(id->host), "%.63s", h->host);
	return 0;
}

static int read_header(struct recording *r)
{
	int err = 0;

	while (!err && !r->eof && r->have < sizeof(r->hdr))
		err = fill(r);
	return err;
}

int recording_open(struct source *src, const char *path, double speed,
		   char err[RECORDING_ERROR_LEN])
{
	struct recording *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return refuse(err, path, "out of memory", -ENOMEM);
	r->speed = speed;
	r->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (r->fd < 0) {
		e = -errno;
		refuse(err, path, strerror(errno), e);
		free(r);
		return e;
	}
	e = read_header(r);
	if (e)
		refuse(err, path, strerror(-e), e);
	else
		e = check_header(r, path, err);
	if (e) {
		recording_close(r);
		return e;
	}
	src->ops = &recording_ops;
	src->arg = r;
	return 0;
}
