// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory of ngtcp2 and nghttp3: from the loop, and counted, so that a test can say that nothing of
 * it is left. A request takes a dozen small pieces and gives them back, a hundred requests at a
 * time: more than malloc() keeps at hand, so they are kept here.
 */
#include <string.h>

#include "quic_conn.h"

/* What stands before each piece. */
union prefix {
	size_t bytes;
	union prefix *next; /* of those that are spare */
	_Alignas(16) char align[16];
};

#define SPARE_BYTES (256u << 10) /* the pieces of some hundred requests */

#ifndef __has_feature
#define __has_feature(x) 0
#endif

/* Which list of spares has pieces for @bytes; QUIC_SPARES: none. */
static size_t spare_class(size_t bytes)
{
	size_t class = bytes / QUIC_SPARE_STEP;

/* Where uses after free shall be found, none is used again. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer)
	class = QUIC_SPARES;
#endif
	return class < QUIC_SPARES ? class : QUIC_SPARES;
}

static union prefix *piece_take(struct tether_loop *loop, size_t bytes)
{
	struct quic_spares *s = &loop->quic_spares;
	size_t class = spare_class(bytes);
	union prefix *p;

	if (class == QUIC_SPARES)
		return mem_resize(loop, NULL, sizeof(*p) + bytes);
	p = s->first[class];
	if (!p)
		return mem_resize(loop, NULL, sizeof(*p) + (class + 1) * QUIC_SPARE_STEP);
	s->first[class] = p->next;
	s->bytes -= (class + 1) * QUIC_SPARE_STEP;
	return p;
}

static void piece_give(struct tether_loop *loop, union prefix *p, size_t bytes)
{
	struct quic_spares *s = &loop->quic_spares;
	size_t class = spare_class(bytes);

	if (class == QUIC_SPARES || s->bytes + bytes > SPARE_BYTES) {
		mem_free(loop, p);
		return;
	}
	p->next = s->first[class];
	s->first[class] = p;
	s->bytes += (class + 1) * QUIC_SPARE_STEP;
}

void quic_spares_free(struct tether_loop *loop)
{
	union prefix *p;
	int class;

	for (class = 0; class < QUIC_SPARES; class ++)
		while ((p = loop->quic_spares.first[class])) {
			loop->quic_spares.first[class] = p->next;
			mem_free(loop, p);
		}
}

static void *counted(struct tether_loop *loop, union prefix *p, size_t bytes)
{
	if (!p)
		return NULL;
	loop->quic_bytes += bytes;
	p->bytes = bytes;
	return p + 1;
}

static void *counted_malloc(size_t bytes, void *user)
{
	/* Of no bytes too there is a pointer. */
	bytes = bytes ? bytes : 1;
	if (bytes > SIZE_MAX / 2)
		return NULL;
	return counted(user, piece_take(user, bytes), bytes);
}

static void counted_free(void *old, void *user)
{
	union prefix *p = old ? (union prefix *)old - 1 : NULL;
	struct tether_loop *loop = user;

	if (!p)
		return;
	loop->quic_bytes -= p->bytes;
	piece_give(loop, p, p->bytes);
}

/* In place where it is of that size already. */
static void *counted_realloc(void *old, size_t bytes, void *user)
{
	union prefix *p = old ? (union prefix *)old - 1 : NULL;
	struct tether_loop *loop = user;
	size_t before = p ? p->bytes : 0;
	void *copy;

	if (!old)
		return counted_malloc(bytes, user);
	if (bytes && spare_class(bytes) == spare_class(before) &&
	    spare_class(bytes) < QUIC_SPARES) {
		loop->quic_bytes -= before;
		return counted(loop, p, bytes);
	}
	copy = bytes ? counted_malloc(bytes, user) : NULL;
	if (bytes && !copy)
		return NULL;
	if (copy)
		memcpy(copy, old, before < bytes ? before : bytes);
	counted_free(old, user);
	return copy;
}

static void *counted_calloc(size_t n, size_t size, void *user)
{
	void *p;

	if (size && n > SIZE_MAX / size)
		return NULL;
	p = counted_malloc(n * size, user);
	return p ? memset(p, 0, n * size) : NULL;
}

ngtcp2_mem quic_mem(struct tether_loop *loop)
{
	return (ngtcp2_mem){ loop, counted_malloc, counted_free, counted_calloc, counted_realloc };
}
