/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scopes: who may still be waiting, and until when.
 *
 *      scope ──┬── scope ──┬── lease, waiting for a connection
 *              │           └── body, being read
 *              └── task
 *
 * All that takes time belongs to a scope, and every scope has an end. Cancelling, or the deadline
 * passing, reaches every member and every scope below; each member then ends in its own way (a body
 * gives its connection up, a task is told -ECANCELED) and leaves. Joining is how its owner learns
 * that none is left: only after that may what they used be freed.
 */
#pragma once

#include <tether/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tether_loop;

struct tether_scope {
	struct tether_loop *loop;
	uint64_t id;
};

struct tether_task {
	struct tether_loop *loop;
	uint64_t id;
};

/* A scope on @loop that ends @within_ns from now at the latest. -ERANGE, -ENOMEM. */
TETHER_API int tether_scope_new(struct tether_loop *loop, uint64_t within_ns,
				struct tether_scope *scope);

/* The same below @parent, whose deadline it cannot outlive. -EBADF; -ECANCELED or -ETIMEDOUT: the
 * parent is over already. */
TETHER_API int tether_scope_child(struct tether_scope parent, uint64_t within_ns,
				  struct tether_scope *scope);

/* Tells every member and child; nothing can join it from now on. Again: 0, and nothing happens. */
TETHER_API int tether_scope_cancel(struct tether_scope scope);

/* Calls done(@why, arg) once, when no member and no child is left: at once if that is so now. The
 * handle is over with that call, so every scope is joined by its owner, once (-EALREADY). It does
 * not cancel: the deadline does. @why: 0, -ECANCELED or -ETIMEDOUT. @done may be NULL. */
TETHER_API int tether_scope_join(struct tether_scope scope, void (*done)(int why, void *arg),
				 void *arg);

/* How long it has left; 0 if it is cancelled. -EBADF. */
TETHER_API int tether_scope_left_ns(struct tether_scope scope, uint64_t *left_ns);

/* Members and children. -EBADF. */
TETHER_API int tether_scope_members(struct tether_scope scope);

/* Calls fn(0, arg) once, @delay_ns from now, or fn(-ECANCELED or -ETIMEDOUT, arg) when @scope ends
 * before. @task may be NULL. -ERANGE, -EBADF, -ECANCELED, -ENOMEM. */
TETHER_API int tether_task_after(struct tether_scope scope, uint64_t delay_ns,
				 void (*fn)(int status, void *arg), void *arg,
				 struct tether_task *task);

/* Ends a task without calling it. -EBADF: it has run. */
TETHER_API int tether_task_end(struct tether_task task);

#ifdef __cplusplus
}
#endif
