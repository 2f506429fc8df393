/* SPDX-License-Identifier: BSD-2-Clause */
/* Records that only attach and run ask for: named stacks, waits, empty readers, what was left. */
#pragma once

#include "unit/story.h"

/* A frame with its strings behind it. */
union frame_rec {
	struct ls_frame rec;
	uint64_t words[64];
};

/* @texts: "function\0file\0module\0build id", as long as @bytes, with its last NUL. */
static inline union frame_rec frame_rec(int32_t stack, uint16_t index, const char *texts,
					size_t bytes)
{
	union frame_rec f = { .rec = {
				      .hdr = rec_hdr(LS_FRAME, 0, 0),
				      .stack = stack,
				      .index = index,
				      .line = 10u + index,
				      .offset = 0x40,
			      } };

	assert(sizeof(f.rec) + bytes <= sizeof(f));
	memcpy((char *)&f + sizeof(f.rec), texts, bytes);
	f.rec.hdr.len = (uint16_t)((sizeof(f.rec) + bytes + 7) / 8 * 8);
	return f;
}

/* Names function @index of @stack. */
static inline int tell_frame(struct story *s, int32_t stack, uint16_t index, const char *function)
{
	char texts[256];
	int n = snprintf(texts, sizeof(texts), "%s%cpool.c%c/usr/lib/libpool.so%cc0ffee", function,
			 0, 0, 0);
	union frame_rec f = frame_rec(stack, index, texts, (size_t)n + 1);

	return tell(s, &f);
}

static inline struct ls_wait wait_rec(const struct story *s, uint32_t pid, uint32_t tid,
				      int32_t stack, uint64_t count)
{
	struct ls_wait rec = {
		.hdr = rec_hdr(LS_WAIT, sizeof(rec), s->now_ns),
		.who = rec_who(pid),
		.stack = stack,
		.call = LS_CALL_READ,
		.nr = 45,
		.count = count,
		.total_ns = count * 3 * S_NS,
		.max_ns = 4 * S_NS,
		.bucket = { [LS_WAIT_BUCKETS - 1] = (uint32_t)count },
	};

	rec.who.tid = tid;
	return rec;
}

static inline int tell_blocked(struct story *s, uint32_t pid, uint32_t tid, int32_t stack,
			       uint64_t count)
{
	struct ls_wait rec = wait_rec(s, pid, tid, stack, count);

	return tell(s, &rec);
}

static inline int tell_waiter_stack(struct story *s, uint32_t pid, uint32_t tid, int32_t stack)
{
	struct ls_waiter rec = {
		.hdr = rec_hdr(LS_WAITER, sizeof(rec), s->now_ns),
		.who = rec_who(pid),
		.stack = stack,
	};

	rec.who.tid = tid;
	return tell(s, &rec);
}

static inline int tell_empty(struct story *s, uint32_t pid, uint32_t tid, uint64_t cookie,
			     int32_t stack)
{
	struct ls_empty rec = {
		.hdr = rec_hdr(LS_EMPTY, sizeof(rec), s->now_ns),
		.who = rec_who(pid),
		.cookie = cookie,
		.stack = stack,
	};

	rec.who.tid = tid;
	return tell(s, &rec);
}

static inline int tell_parked(struct story *s, uint32_t pid, uint64_t cookie, int32_t stack,
			      uint32_t call)
{
	struct ls_parked rec = {
		.hdr = rec_hdr(LS_PARKED, sizeof(rec), s->now_ns),
		.who = rec_who(pid),
		.cookie = cookie,
		.stack = stack,
		.call = call,
	};

	rec.who.tid = 0;
	return tell(s, &rec);
}

/* The end of @pid shows a socket that nobody else holds. */
static inline struct ls_sock held_rec(const struct story *s, uint64_t cookie, uint32_t pid,
				      int32_t fd, uint8_t role)
{
	struct ls_sock row = row_rec(s, cookie, pid, fd, role);

	row.hdr.type = LS_HELD;
	return row;
}

static inline int tell_held(struct story *s, uint64_t cookie, uint32_t pid, int32_t fd,
			    uint8_t role)
{
	struct ls_sock row = held_rec(s, cookie, pid, fd, role);

	return tell(s, &row);
}

/* The entry of @cookie among those that were left, NULL if there is none. */
static inline const struct left *left_of(const struct story *s, uint64_t cookie)
{
	uint32_t id;

	for (id = 0; id < ledger_left_end(s->led); id++) {
		const struct left *l = ledger_left(s->led, id);

		if (l && l->conn.cookie == cookie)
			return l;
	}
	return NULL;
}
