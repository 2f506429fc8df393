// SPDX-License-Identifier: BSD-2-Clause
/* Which connections the kernel's side is asked to tell empty readers of. */
#include <stdlib.h>
#include <string.h>
#include "source/live.h"
#include "verb/suspects.h"

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void suspects_tell(struct suspects *s, struct source *src, const struct view_input *in)
{
	uint32_t all = verdicts_count(in->verdicts), i;
	struct suspects now = { .n = 0 };
	const struct conn *c;
	struct finding f;

	for (i = 0; i < all && now.n < SUSPECTS_MAX; i++) {
		verdicts_get(in->verdicts, i, &f);
		c = f.conn ? ledger_conn(in->ledger, f.conn) : NULL;
		if (c)
			now.cookie[now.n++] = c->cookie;
	}
	qsort(now.cookie, now.n, sizeof(now.cookie[0]), by_value);
	if (now.n == s->n && memcmp(now.cookie, s->cookie, now.n * sizeof(now.cookie[0])) == 0)
		return;
	/* Where it cannot be done, the rest goes on without. */
	live_suspect(src, now.cookie, now.n);
	*s = now;
}
