/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes that came before their turn. At most what one read takes: who has some does not read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tether_loop;

struct stash {
	char *bytes;
	size_t len;
};

/* Becomes @data, which may lie in it. -ENOMEM. */
int stash_set(struct tether_loop *loop, struct stash *stash, const char *data, size_t len);
/* -ENOMEM. */
int stash_add(struct tether_loop *loop, struct stash *stash, const char *data, size_t len);
