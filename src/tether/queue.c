// SPDX-License-Identifier: BSD-2-Clause
/* Bytes in order (queue.h). */
#include "queue.h"

#include <errno.h>
#include <string.h>

#include "core.h"

#define CHUNK_MIN 192
#define CHUNK_MAX 16384

struct chunk {
	struct chunk *next;
	uint32_t len, cap;
	char bytes[];
};

static struct chunk *chunk_new(struct tether_loop *loop, size_t cap)
{
	struct chunk *chunk = mem_resize(loop, NULL, sizeof(*chunk) + cap);

	if (!chunk)
		return NULL;
	chunk->next = NULL;
	chunk->len = 0;
	chunk->cap = cap;
	return chunk;
}

/* Small ones for small streams, then twice as much as there is already. */
static size_t chunk_size(const struct queue *q, size_t len)
{
	uint64_t size = queue_kept(q);

	size = size < CHUNK_MIN ? CHUNK_MIN : size > CHUNK_MAX ? CHUNK_MAX : size;
	return size < len ? len : size;
}

int queue_put(struct tether_loop *loop, struct queue *q, const void *data, size_t len)
{
	struct chunk *last = q->last;
	size_t room = last ? last->cap - last->len : 0;
	const char *from = data;
	struct chunk *chunk;

	if (len > room) {
		chunk = len - room > UINT32_MAX / 2 ? NULL
						    : chunk_new(loop, chunk_size(q, len - room));
		if (!chunk)
			return -ENOMEM;
		if (last)
			last->next = chunk;
		else
			q->first = chunk;
		q->last = chunk;
		memcpy(chunk->bytes, from + room, len - room);
		chunk->len = len - room;
	} else {
		room = len;
	}
	if (room) {
		memcpy(last->bytes + last->len, from, room);
		last->len += room;
	}
	q->end += len;
	return 0;
}

size_t queue_peek(const struct queue *q, struct iovec *pieces, size_t n)
{
	uint64_t skip = q->handed - q->begin + q->gone;
	const struct chunk *chunk;
	size_t i = 0;

	for (chunk = q->first; chunk && i < n; chunk = chunk->next) {
		if (skip >= chunk->len) {
			skip -= chunk->len;
			continue;
		}
		pieces[i].iov_base = (char *)chunk->bytes + skip;
		pieces[i++].iov_len = chunk->len - skip;
		skip = 0;
	}
	return i;
}

size_t queue_front(const struct queue *q, const char **data)
{
	if (!queue_kept(q))
		return 0;
	*data = q->first->bytes + q->gone;
	return q->first->len - q->gone;
}

void queue_drop(struct tether_loop *loop, struct queue *q, uint64_t len)
{
	struct chunk *chunk;

	if (len > queue_kept(q))
		len = queue_kept(q);
	q->begin += len;
	if (q->handed < q->begin)
		q->handed = q->begin;
	len += q->gone;
	while ((chunk = q->first) && len >= chunk->len) {
		len -= chunk->len;
		q->first = chunk->next;
		if (!q->first)
			q->last = NULL;
		mem_free(loop, chunk);
	}
	q->gone = len;
}
