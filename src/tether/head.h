/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The head of a message as it was parsed: texts in one piece of memory, found by offsets so that it
 * may move when it grows. Small ones fit in the block that they come with.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tether/base.h>

#define HEAD_FIELDS_MAX 128
#define HEAD_BYTES_MAX	(60 * 1024)

struct tether_loop;

struct head_field {
	uint16_t name, name_len, value, value_len;
};

struct head {
	struct tether_loop *loop;
	char *text;
	uint32_t used, cap;
	uint32_t limit_bytes, limit_fields;
	bool grown; /* text is no longer the block's */
	uint8_t major, minor;
	uint8_t method; /* llhttp_method_t */
	uint16_t status;
	uint32_t n;
	uint32_t target_len; /* it stands at the beginning */
	struct head_field fields[HEAD_FIELDS_MAX];
};

void head_init(struct head *head, struct tether_loop *loop, char *text, size_t cap);
void head_fini(struct head *head);

/* -EMSGSIZE: past the limit, -ENOMEM. */
int head_put(struct head *head, const char *data, size_t len);

struct tether_text head_target(const struct head *head);
struct tether_text head_name(const struct head *head, size_t i);
struct tether_text head_value(const struct head *head, size_t i);
/* By name, in any case; at NULL if there is none. */
struct tether_text head_find(const struct head *head, const char *name);

/* -EINVAL: a name that is no token, or a value with control characters. */
int field_check(const struct tether_field *field);
