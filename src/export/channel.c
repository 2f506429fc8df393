// SPDX-License-Identifier: BSD-2-Clause
/* Frames over a pipe (channel.h). Both ends are one program, so the head is in its own byte order.
 */
#include "export/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- writing */

static int wait_for_room(int fd, int patience_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int n = poll(&p, 1, patience_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n ? 0 : -ETIMEDOUT;
}

/* Moves @iov on by @n bytes. */
static void advance(struct iovec *iov, size_t n)
{
	size_t head = n < iov[0].iov_len ? n : iov[0].iov_len;

	iov[0].iov_base = (char *)iov[0].iov_base + head;
	iov[0].iov_len -= head;
	iov[1].iov_base = (char *)iov[1].iov_base + (n - head);
	iov[1].iov_len -= n - head;
}

int channel_send(int fd, enum channel_kind kind, const void *text, size_t len, int patience_ms)
{
	uint32_t head[2] = { kind, (uint32_t)len };
	struct iovec iov[2] = {
		{ head, sizeof(head) },
		{ (void *)(uintptr_t)text, len },
	};
	ssize_t n;
	int err = 0;

	if (len > CHANNEL_TEXT_MAX)
		return -EMSGSIZE;
	while (!err && iov[0].iov_len + iov[1].iov_len) {
		n = writev(fd, iov, 2);
		if (n >= 0)
			advance(iov, (size_t)n);
		else if (errno == EAGAIN)
			err = wait_for_room(fd, patience_ms);
		else if (errno != EINTR)
			err = -errno;
	}
	return err;
}

/* ---- texts */

struct channel_text *channel_text_new(size_t len)
{
	struct channel_text *t = malloc(sizeof(*t) + len + 1);

	if (!t)
		return NULL;
	t->refs = 1;
	t->len = len;
	t->at[len] = '\0';
	return t;
}

struct channel_text *channel_text_ref(struct channel_text *t)
{
	t->refs++;
	return t;
}

void channel_text_drop(struct channel_text *t)
{
	if (t && !--t->refs)
		free(t);
}

/* ---- reading */

static int begin_text(struct channel_reader *r)
{
	if (r->head[0] == CHANNEL_NONE || r->head[0] >= CHANNEL_MAX ||
	    r->head[1] > CHANNEL_TEXT_MAX)
		return -EBADMSG;
	r->text = channel_text_new(r->head[1]);
	r->text_len = 0;
	return r->text ? 0 : -ENOMEM;
}

/* 1: it moved on. */
static int read_some(struct channel_reader *r, void *to, size_t *have, size_t want)
{
	ssize_t n = read(r->fd, (char *)to + *have, want - *have);

	if (n < 0)
		return errno == EAGAIN ? 0 : errno == EINTR ? 1 : -errno;
	*have += (size_t)n;
	return n ? 1 : -EPIPE;
}

int channel_read(struct channel_reader *r, enum channel_kind *kind, struct channel_text **text)
{
	int n = 1;

	while (n == 1) {
		if (r->head_len < sizeof(r->head)) {
			n = read_some(r, r->head, &r->head_len, sizeof(r->head));
			if (n == 1 && r->head_len == sizeof(r->head) && begin_text(r))
				return -EBADMSG;
			continue;
		}
		if (r->text_len < r->text->len) {
			n = read_some(r, r->text->at, &r->text_len, r->text->len);
			continue;
		}
		*kind = r->head[0];
		*text = r->text;
		r->text = NULL;
		r->head_len = 0;
		return 1;
	}
	return n;
}

void channel_reader_fini(struct channel_reader *r)
{
	channel_text_drop(r->text);
	r->text = NULL;
}
