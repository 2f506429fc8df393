// SPDX-License-Identifier: BSD-2-Clause
/* Scopes and tasks (tether/scope.h). */
#include <errno.h>

#include "core.h"
#include "probes.h"

#include <tether/scope.h>

/* ---- membership ------------------------------------------------------------------------------ */

int scope_enter(struct scope *scope, struct member *member,
		void (*cancel)(struct member *member, int why))
{
	member->scope = NULL;
	if (scope->why)
		return scope->why;
	member->scope = scope;
	member->cancel = cancel;
	list_append(&scope->members, &member->link);
	scope->count++;
	return 0;
}

static void finish(struct scope *scope)
{
	void (*done)(int why, void *arg) = scope->done;
	void *arg = scope->arg;
	int why = scope->why;

	scope_free(scope);
	if (done)
		done(why, arg);
}

/* An empty scope that is over holds its parent no longer; the handle stays until it is joined. */
static void look(struct scope *scope)
{
	if (scope->count)
		return;
	if (scope->why)
		scope_leave(&scope->self);
	if (scope->joined)
		finish(scope);
}

void scope_leave(struct member *member)
{
	struct scope *scope = member->scope;

	if (!scope)
		return;
	member->scope = NULL;
	list_remove(&member->link);
	scope->count--;
	look(scope);
}

void scope_cancel(struct scope *scope, int why)
{
	struct member *member;

	if (scope->why)
		return;
	scope->why = why;
	loop_deadline_drop(scope->loop, &scope->deadline);
	PROBE2(scope_cancel, scope->id, (int64_t)why);
	/* What the members do must not free the scope under our feet. */
	scope->count++;
	while (!list_empty(&scope->members)) {
		member = container_of(scope->members.next, struct member, link);
		list_remove(&member->link);
		list_append(&scope->told, &member->link);
		member->cancel(member, why);
	}
	scope->count--;
	look(scope);
}

/* ---- scopes ---------------------------------------------------------------------------------- */

static void on_deadline(struct deadline *d)
{
	scope_cancel(container_of(d, struct scope, deadline), -ETIMEDOUT);
}

static void on_parent(struct member *member, int why)
{
	scope_cancel(container_of(member, struct scope, self), why);
}

struct scope *scope_root(struct tether_loop *loop)
{
	struct scope *scope = mem_new(loop, sizeof(*scope));

	if (!scope)
		return NULL;
	scope->loop = loop;
	list_init(&scope->members);
	list_init(&scope->told);
	deadline_init(&scope->deadline, on_deadline);
	return scope;
}

void scope_free(struct scope *scope)
{
	if (!scope)
		return;
	if (scope->id)
		PROBE1(scope_close, scope->id);
	scope_leave(&scope->self);
	loop_deadline_drop(scope->loop, &scope->deadline);
	slot_give(scope->loop, scope->id);
	mem_free(scope->loop, scope);
}

static int open_scope(struct tether_loop *loop, struct scope *parent, uint64_t within_ns,
		      struct tether_scope *out)
{
	struct scope *scope;
	uint64_t at_ns;
	int err;

	err = loop_due(loop, within_ns, &at_ns);
	if (err)
		return err;
	if (parent->deadline.at_ns < at_ns)
		at_ns = parent->deadline.at_ns;
	scope = scope_root(loop);
	if (!scope)
		return -ENOMEM;
	scope->id = slot_take(loop, SLOT_SCOPE, scope);
	err = scope->id ? scope_enter(parent, &scope->self, on_parent) : -ENOMEM;
	if (err) {
		scope_free(scope);
		return err;
	}
	loop_deadline(loop, &scope->deadline, at_ns);
	PROBE3(scope_open, scope->id, parent->id, at_ns);
	*out = (struct tether_scope){ loop, scope->id };
	return 0;
}

struct scope *scope_find(struct tether_scope handle)
{
	return slot_find(handle.loop, SLOT_SCOPE, handle.id);
}

int tether_scope_new(struct tether_loop *loop, uint64_t within_ns, struct tether_scope *out)
{
	if (!loop || !out)
		return -EINVAL;
	return open_scope(loop, loop->root, within_ns, out);
}

int tether_scope_child(struct tether_scope handle, uint64_t within_ns, struct tether_scope *out)
{
	struct scope *parent = scope_find(handle);

	if (!parent)
		return -EBADF;
	return out ? open_scope(parent->loop, parent, within_ns, out) : -EINVAL;
}

int tether_scope_cancel(struct tether_scope handle)
{
	struct scope *scope = scope_find(handle);

	if (!scope)
		return -EBADF;
	scope_cancel(scope, -ECANCELED);
	return 0;
}

int tether_scope_join(struct tether_scope handle, void (*done)(int why, void *arg), void *arg)
{
	struct scope *scope = scope_find(handle);

	if (!scope)
		return -EBADF;
	if (scope->joined)
		return -EALREADY;
	scope->joined = true;
	scope->done = done;
	scope->arg = arg;
	look(scope);
	return 0;
}

int tether_scope_left_ns(struct tether_scope handle, uint64_t *left_ns)
{
	struct scope *scope = scope_find(handle);
	uint64_t now;

	if (!scope)
		return -EBADF;
	now = tether_loop_now_ns(scope->loop);
	*left_ns = scope->why || scope->deadline.at_ns < now ? 0 : scope->deadline.at_ns - now;
	return 0;
}

int tether_scope_members(struct tether_scope handle)
{
	struct scope *scope = scope_find(handle);

	return scope ? (int)scope->count : -EBADF;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

struct task {
	struct tether_loop *loop;
	uint64_t id;
	struct member member;
	struct deadline deadline;
	void (*fn)(int status, void *arg);
	void *arg;
};

static void task_is_leaving(struct member *member, int why)
{
	(void)member;
	(void)why;
}

/* The one way out, called or not: @call says whether its function hears of it. It leaves its scope
 * only after that, so that whoever joins knows that the function has returned. */
static void task_exit(struct task *task, int status, bool call)
{
	if (call)
		PROBE1(task_wake, task->id);
	PROBE1(task_exit, task->id);
	loop_deadline_drop(task->loop, &task->deadline);
	slot_give(task->loop, task->id);
	task->member.cancel = task_is_leaving;
	if (call)
		task->fn(status, task->arg);
	scope_leave(&task->member);
	mem_free(task->loop, task);
}

static void task_due(struct deadline *d)
{
	task_exit(container_of(d, struct task, deadline), 0, true);
}

static void task_canceled(struct member *member, int why)
{
	task_exit(container_of(member, struct task, member), why, true);
}

int tether_task_after(struct tether_scope handle, uint64_t delay_ns,
		      void (*fn)(int status, void *arg), void *arg, struct tether_task *out)
{
	struct scope *scope = scope_find(handle);
	struct task *task;
	uint64_t at_ns;
	int err;

	if (!scope)
		return -EBADF;
	if (!fn)
		return -EINVAL;
	err = loop_due(scope->loop, delay_ns, &at_ns);
	if (err)
		return err;
	task = mem_new(scope->loop, sizeof(*task));
	if (!task)
		return -ENOMEM;
	*task = (struct task){ .loop = scope->loop, .fn = fn, .arg = arg };
	task->id = slot_take(scope->loop, SLOT_TASK, task);
	err = task->id ? scope_enter(scope, &task->member, task_canceled) : -ENOMEM;
	if (err) {
		slot_give(scope->loop, task->id);
		mem_free(scope->loop, task);
		return err;
	}
	deadline_init(&task->deadline, task_due);
	loop_deadline(scope->loop, &task->deadline, at_ns);
	PROBE4(task_start, task->id, (uint64_t)0, (uint64_t)0, (uint64_t)0);
	PROBE3(task_park, task->id, (uint64_t)0, at_ns);
	if (out)
		*out = (struct tether_task){ scope->loop, task->id };
	return 0;
}

int tether_task_end(struct tether_task handle)
{
	struct task *task = slot_find(handle.loop, SLOT_TASK, handle.id);

	if (!task)
		return -EBADF;
	task_exit(task, -ECANCELED, false);
	return 0;
}
