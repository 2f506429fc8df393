// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory of ngtcp2 and nghttp3: from the loop, and counted, so that a test can say that nothing of
 * it is left.
 */
#include <string.h>

#include "quic_conn.h"

/* What stands before each piece. */
union prefix {
	size_t bytes;
	_Alignas(16) char align[16];
};

static void *counted_realloc(void *old, size_t bytes, void *user)
{
	struct tether_loop *loop = user;
	union prefix *prefix = old ? (union prefix *)old - 1 : NULL;
	size_t before = prefix ? prefix->bytes : 0;

	if (!bytes) {
		loop->quic_bytes -= before;
		mem_free(loop, prefix);
		return NULL;
	}
	if (bytes > SIZE_MAX - sizeof(*prefix))
		return NULL;
	prefix = mem_resize(loop, prefix, sizeof(*prefix) + bytes);
	if (!prefix)
		return NULL;
	loop->quic_bytes += bytes - before;
	prefix->bytes = bytes;
	return prefix + 1;
}

static void *counted_malloc(size_t bytes, void *user)
{
	/* Of no bytes too there is a pointer. */
	return counted_realloc(NULL, bytes ? bytes : 1, user);
}

static void *counted_calloc(size_t n, size_t size, void *user)
{
	void *p;

	if (size && n > SIZE_MAX / size)
		return NULL;
	p = counted_malloc(n * size, user);
	return p ? memset(p, 0, n * size) : NULL;
}

static void counted_free(void *p, void *user)
{
	counted_realloc(p, 0, user);
}

ngtcp2_mem quic_mem(struct tether_loop *loop)
{
	return (ngtcp2_mem){ loop, counted_malloc, counted_free, counted_calloc, counted_realloc };
}
