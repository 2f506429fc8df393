/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop from inside: memory, handles, deadlines, blocks and the mailbox that everything else in
 * this directory stands on.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <tether/loop.h>

#include "deadline.h"
#include "fault.h"
#include "list.h"
#include "scope_tree.h"

#define BLOCK_BYTES   8192
#define SCRATCH_BYTES 65536

enum slot_kind {
	SLOT_FREE = 0,
	SLOT_SCOPE,
	SLOT_TASK,
	SLOT_CONN,
	SLOT_LEASE,
	SLOT_BODY,
	SLOT_CALL,
	SLOT_QUIC,
	SLOT_STREAM,
	SLOT_THREAD,
	SLOT_KINDS,
};

/* A place in the table that ids are looked up in. */
struct slot {
	void *object;
	uint32_t generation;
	uint32_t kind : 8, next_free : 24;
};

/* Something to run on the loop. Embedded by what must not fail to post it. */
struct mail {
	struct mail *next;
	void (*run)(struct mail *mail);
};

struct conn;
struct quic_shared;

#define QUIC_SPARE_STEP 64
#define QUIC_SPARES	20

/* quic_mem.c: pieces that were given back, by size. */
struct quic_spares {
	union prefix *first[QUIC_SPARES];
	size_t bytes;
};

struct tether_loop {
	uv_loop_t uv;
	uv_timer_t timer;   /* for the first deadline */
	uv_async_t wake;    /* for the mailbox and stop */
	uv_prepare_t ready; /* virtual clocks: looks at the deadlines in every turn */
	uv_tcp_t first;	    /* closed at once */
	struct tether_alloc alloc;
	struct tether_clock clock;
	bool virtual_clock;
	atomic_bool stopping;

	struct deadlines deadlines;
	uint64_t armed_ns; /* when the timer goes off */

	struct slot *slots;
	uint32_t n_slots, free_slot; /* index of the first free one; 0 ends the list */
	uint64_t id_base;
	uint64_t live[SLOT_KINDS];

	void *blocks; /* free ones, linked through their first word */
	size_t n_blocks, max_blocks;

	char *read_buf; /* what a read goes into; never held over a turn */
	size_t read_bytes;
	char *scratch; /* output of the connection that is being served */
	size_t scratch_used;
	struct conn *scratch_owner;

	pthread_mutex_t mail_lock;
	struct mail *mail_first, **mail_last;
	unsigned int holds;

	struct scope *root;
	uint64_t date_s; /* the second that date[] is of */
	char date[32];
	struct fault_plan faults;
	struct quic_shared *quic; /* NULL: no QUIC yet */
	uint64_t quic_bytes;	  /* that ngtcp2 and nghttp3 have */
	struct quic_spares quic_spares;
};

void *mem_resize(struct tether_loop *loop, void *old, size_t bytes);
/* Zeroed. */
void *mem_new(struct tether_loop *loop, size_t bytes);
void mem_free(struct tether_loop *loop, void *old);

/* BLOCK_BYTES that are not zeroed, from the loop's store. */
void *block_take(struct tether_loop *loop);
void block_give(struct tether_loop *loop, void *block);

/* A handle's id for @object; 0 if there is no memory. */
uint64_t slot_take(struct tether_loop *loop, enum slot_kind kind, void *object);
void slot_give(struct tether_loop *loop, uint64_t id);
/* NULL: not the id of anything that lives and is of that kind. @loop may be NULL. */
void *slot_find(struct tether_loop *loop, enum slot_kind kind, uint64_t id);

/* Deadlines of the loop: also sees to it that it wakes in time. */
void loop_deadline(struct tether_loop *loop, struct deadline *d, uint64_t at_ns);
void loop_deadline_drop(struct tether_loop *loop, struct deadline *d);

/* now + within, or -ERANGE. */
int loop_due(const struct tether_loop *loop, uint64_t within_ns, uint64_t *at_ns);

/* Mail that is still to come keeps the loop turning; counted. On its thread, or before it runs. */
void loop_hold(struct tether_loop *loop);
void loop_release(struct tether_loop *loop);

/* Any thread, cannot fail. */
void loop_mail(struct tether_loop *loop, struct mail *mail);

/* The value of a Date field, of the current second. */
const char *loop_date(struct tether_loop *loop);
