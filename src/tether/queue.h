/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes in order that stay where they are: what is in a chunk never moves until it is dropped, so
 * that output may be pointed at until the peer has acknowledged it.
 *
 *      begin ─── handed ─── end
 *      (dropped)  kept      not handed over yet
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct tether_loop;
struct chunk;

struct queue {
	struct chunk *first, *last;
	uint32_t gone;	 /* bytes of the first chunk that are dropped */
	uint64_t begin;	 /* offset in the stream of the first byte that is kept */
	uint64_t handed; /* ...of the first byte that is not handed over */
	uint64_t end;
};

/* Copies. -ENOMEM: nothing of it was taken. */
int queue_put(struct tether_loop *loop, struct queue *q, const void *data, size_t len);

/* At most @n pieces of what is not handed over. How many. */
size_t queue_peek(const struct queue *q, struct iovec *pieces, size_t n);

/* The first piece that is kept; its length, 0 if there is none. */
size_t queue_front(const struct queue *q, const char **data);

/* @len bytes from the beginning are not needed any more. */
void queue_drop(struct tether_loop *loop, struct queue *q, uint64_t len);

static inline uint64_t queue_kept(const struct queue *q)
{
	return q->end - q->begin;
}

static inline uint64_t queue_left(const struct queue *q)
{
	return q->end - q->handed;
}
