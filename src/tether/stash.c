// SPDX-License-Identifier: BSD-2-Clause
/* Bytes that wait (stash.h). */
#include "stash.h"

#include <errno.h>
#include <string.h>

#include "core.h"

int stash_set(struct tether_loop *loop, struct stash *stash, const char *data, size_t len)
{
	char *copy = len ? mem_resize(loop, NULL, len) : NULL;

	if (copy)
		memcpy(copy, data, len);
	mem_free(loop, stash->bytes);
	stash->bytes = copy;
	stash->len = copy ? len : 0;
	return len && !copy ? -ENOMEM : 0;
}

int stash_add(struct tether_loop *loop, struct stash *stash, const char *data, size_t len)
{
	char *both = mem_resize(loop, stash->bytes, stash->len + len);

	if (!both)
		return -ENOMEM;
	memcpy(both + stash->len, data, len);
	stash->bytes = both;
	stash->len += len;
	return 0;
}
