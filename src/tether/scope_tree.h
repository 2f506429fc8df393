/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scopes from inside: what takes time embeds a `struct member` and enters a scope with it.
 */
#pragma once

#include <stdint.h>

#include <tether/scope.h>

#include "deadline.h"
#include "list.h"

struct tether_loop;
struct scope;

struct member {
	struct list link;
	struct scope *scope; /* NULL: it has left, or never entered */
	/* The scope is over. It has to see to it that it leaves, now or soon. */
	void (*cancel)(struct member *member, int why);
};

struct scope {
	struct tether_loop *loop;
	uint64_t id;
	struct list members; /* not told yet */
	struct list told;    /* cancelled, and not gone yet */
	uint32_t count;
	int why; /* 0: it lives */
	struct deadline deadline;
	struct member self; /* in its parent */
	void (*done)(int why, void *arg);
	void *arg;
	bool joined;
};

/* A scope without a deadline: only the loop has one, and each server; they end by shutdown. */
struct scope *scope_root(struct tether_loop *loop);
void scope_free(struct scope *scope);

/* NULL: no such scope. */
struct scope *scope_find(struct tether_scope handle);

/* -ECANCELED, -ETIMEDOUT: it is over. */
int scope_enter(struct scope *scope, struct member *member,
		void (*cancel)(struct member *member, int why));
/* Harmless when it is in none. */
void scope_leave(struct member *member);
void scope_cancel(struct scope *scope, int why);
