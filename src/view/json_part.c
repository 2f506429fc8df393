/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The elements of the JSON output. Every element has all its members: what does not apply, or is
 * not known, is null. Knows nothing of files.
 */
#include "view/json_part.h"

#include "base/text.h"
#include "view/endpoint.h"
#include "view/frames.h"
#include "view/rows.h"
#include "view/streams.h"

#define TEXT_MAX     512
#define EVIDENCE_LEN 256
#define NS_PER_MS    1000000ull
#define PLACES	     1000 /* three of them */

json_t *json_text(const char *s)
{
	char buf[TEXT_MAX];

	return json_string(text_clean(buf, sizeof(buf), s));
}

json_t *json_seconds(uint64_t ns)
{
	return json_real((double)(ns / NS_PER_MS) / PLACES);
}

json_t *json_rate(double per_s)
{
	return json_real((double)(uint64_t)(per_s * PLACES + 0.5) / PLACES);
}

struct element element_new(void)
{
	return (struct element){ .object = json_object() };
}

void element_set(struct element *e, const char *name, json_t *value)
{
	if (json_object_set_new(e->object, name, value))
		e->failed = true;
}

json_t *element_end(struct element *e)
{
	if (!e->failed)
		return e->object;
	json_decref(e->object);
	return NULL;
}

/* Takes both references; an array that lacks an item is none. */
static json_t *append(json_t *array, json_t *value)
{
	if (!json_array_append_new(array, value))
		return array;
	json_decref(array);
	return NULL;
}

static json_t *proc_pid(const struct proc *p)
{
	return p ? json_integer(p->pid) : json_null();
}

static json_t *proc_comm(const struct proc *p)
{
	return p ? json_text(p->comm) : json_null();
}

static json_t *proc_container(const struct proc *p)
{
	char buf[VIEW_CONTAINER_LEN];

	return p ? json_text(view_container(buf, sizeof(buf), p->cgroup_path)) : json_null();
}

static const struct proc *proc_of(const struct view_input *in, uint32_t id)
{
	return id ? ledger_proc(in->ledger, id) : NULL;
}

static json_t *opener_object(const struct view_input *in, const struct conn *c)
{
	const struct proc *p = proc_of(in, c->opener);
	struct element e;

	if (!p || !(c->flags & CONN_OPENER_KNOWN))
		return json_null();
	e = element_new();
	element_set(&e, "pid", proc_pid(p));
	element_set(&e, "tid", json_integer(c->opener_tid));
	element_set(&e, "comm", proc_comm(p));
	return element_end(&e);
}

static json_t *holders_array(const struct view_input *in, const struct conn *c)
{
	const struct holder *h = c->holder.proc ? &c->holder : NULL;
	json_t *all = json_array();

	for (; h; h = ledger_holder_next(in->ledger, h)) {
		const struct proc *p = proc_of(in, h->proc);
		struct element e = element_new();

		element_set(&e, "pid", proc_pid(p));
		element_set(&e, "comm", proc_comm(p));
		element_set(&e, "fd", json_integer(h->fd));
		all = append(all, element_end(&e));
	}
	return all;
}

static json_t *frames_array(const struct view_input *in, int32_t stack)
{
	json_t *frames = json_array();
	char text[FRAME_LEN];
	const struct frame *f;
	uint32_t n;

	for (n = 0; stack >= 0 && n < FRAMES_MAX && (f = ledger_frame(in->ledger, stack, n)); n++)
		frames = append(frames, json_text(frame_text(text, sizeof(text), f)));
	return frames;
}

void json_set_stack(struct element *e, const struct view_input *in, int32_t stack)
{
	const struct frame *guilty = stack_guilty(in->ledger, stack);
	char text[FRAME_LEN];

	element_set(e, "function",
		    guilty ? json_text(frame_text(text, sizeof(text), guilty)) : json_null());
	element_set(e, "frames", frames_array(in, stack));
}

static json_t *site_object(const struct view_input *in, uint32_t site, int32_t stack)
{
	struct element e;

	if (!site)
		return json_null();
	e = element_new();
	element_set(&e, "id", json_integer(site));
	json_set_stack(&e, in, stack);
	return element_end(&e);
}

json_t *json_stream_site(const struct view_input *in, uint32_t site)
{
	const struct stream_site *s = site ? ledger_stream_site(in->ledger, site) : NULL;

	return site_object(in, s ? site : 0, s ? s->stack : -1);
}

/* What a task and a connection's waiter have in common. */
static void set_task(struct element *e, const struct view_input *in, const struct task *t)
{
	element_set(e, "tid", json_integer(t->tid));
	element_set(e, "comm", json_text(t->comm));
	element_set(e, "syscall", json_string(call_name(t->call)));
	element_set(e, "blocked_s", json_seconds(ns_since(in->now_ns, t->since_ns)));
	element_set(e, "forever", json_boolean(t->forever));
	json_set_stack(e, in, t->stack);
}

/* The members of a thread; those that a goroutine has not are null. */
static json_t *goroutine_object(const struct view_input *in, const struct parked *p)
{
	struct element e = element_new();

	element_set(&e, "tid", json_null());
	element_set(&e, "comm", proc_comm(proc_of(in, p->proc)));
	element_set(&e, "syscall", json_string(call_name(p->call)));
	element_set(&e, "blocked_s", json_null());
	element_set(&e, "forever", json_null());
	json_set_stack(&e, in, p->stack);
	return element_end(&e);
}

static json_t *waiter_object(const struct view_input *in, uint32_t id, const struct parked *p)
{
	const struct task *t = id ? ledger_task(in->ledger, id) : NULL;
	struct element e;

	if (!t)
		return p ? goroutine_object(in, p) : json_null();
	e = element_new();
	set_task(&e, in, t);
	return element_end(&e);
}

static json_t *empty_reader_object(const struct view_input *in, const struct empty *reader)
{
	const struct proc *p = reader ? proc_of(in, reader->proc) : NULL;
	struct element e;

	if (!reader)
		return json_null();
	e = element_new();
	element_set(&e, "pid", proc_pid(p));
	element_set(&e, "tid", json_integer(reader->tid));
	element_set(&e, "comm", proc_comm(p));
	element_set(&e, "since_s", json_seconds(ns_since(in->now_ns, reader->time_ns)));
	json_set_stack(&e, in, reader->stack);
	return element_end(&e);
}

/* The process that a connection is shown under, and its descriptor there. */
static void set_owner(struct element *e, const struct view_input *in, const struct conn *c,
		      uint32_t proc)
{
	const struct proc *p = proc_of(in, proc);
	uint32_t more;
	int32_t fd = c ? conn_fd(in->ledger, c, proc, &more) : -1;

	element_set(e, "pid", proc_pid(p));
	element_set(e, "comm", proc_comm(p));
	element_set(e, "container", proc_container(p));
	element_set(e, "fd", fd >= 0 ? json_integer(fd) : json_null());
}

static void set_tuple(struct element *e, const struct view_input *in, const struct conn *c)
{
	char end[ENDPOINT_LEN];

	element_set(e, "proto", json_string(proto_name(c->family, c->proto)));
	element_set(e, "family", json_string(family_name(c->family)));
	element_set(e, "role", json_string(role_name(c->role)));
	element_set(e, "local", json_text(conn_local(end, sizeof(end), in->ledger, c)));
	element_set(e, "remote", json_text(conn_remote(end, sizeof(end), in->ledger, c)));
	element_set(e, "state", json_string(conn_state(c)));
}

static void set_ages(struct element *e, const struct view_input *in, const struct conn *c)
{
	uint64_t now = in->now_ns;

	element_set(e, "age_s", json_seconds(ns_since(now, c->open_ns)));
	element_set(e, "at_least", json_boolean(c->flags & CONN_AT_LEAST));
	element_set(e, "in_state_s", json_seconds(ns_since(now, c->state_ns)));
	element_set(e, "in_state_at_least", json_boolean(c->flags & CONN_STATE_AT_LEAST));
	element_set(e, "idle_s", json_seconds(ns_since(now, conn_active_ns(c))));
	element_set(e, "unread", json_integer(c->unread));
	element_set(e, "unsent", json_integer(c->unsent));
	element_set(e, "bytes_sent", json_integer((json_int_t)c->bytes_sent));
	/* A listener keeps a name there. */
	element_set(e, "bytes_received",
		    json_integer(c->role == LS_ROLE_LISTEN ? 0 : (json_int_t)c->bytes_received));
}

/* The same members where no connection stands for the finding. */
static void set_no_conn(struct element *e)
{
	static const char *const names[] = {
		"proto",  "family", "role",	"local",      "remote",
		"state",  "age_s",  "at_least", "in_state_s", "in_state_at_least",
		"idle_s", "unread", "unsent",	"bytes_sent", "bytes_received",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		element_set(e, names[i], json_null());
}

json_t *json_finding(const struct view_input *in, const struct finding *f)
{
	const struct verdict_rule *rule = verdict_rule(f->class);
	const struct conn *c = finding_conn(in->ledger, f);
	char evidence[EVIDENCE_LEN] = "";
	struct element e = element_new();

	verdict_explain(in->verdicts, in->ledger, f, in->now_ns, evidence, sizeof(evidence));
	element_set(&e, "class", json_string(class_name(f->class)));
	element_set(&e, "kind", json_string(class_is_leak(f->class) ? "leak" : "stall"));
	element_set(&e, "certain", json_boolean(f->certain));
	element_set(&e, "count", json_integer(f->count));
	element_set(&e, "since_s", json_seconds(ns_since(in->now_ns, f->since_ns)));
	element_set(&e, "since_at_least", json_boolean(f->at_least));
	set_owner(&e, in, c, f->proc);
	if (c) {
		set_tuple(&e, in, c);
		set_ages(&e, in, c);
	} else {
		set_no_conn(&e);
	}
	element_set(&e, "opener", c ? opener_object(in, c) : json_null());
	element_set(&e, "holders", c ? holders_array(in, c) : json_array());
	element_set(&e, "site",
		    site_object(in, f->carrier ? f->stream_site : finding_site(in->ledger, f),
				finding_stack(in->ledger, f)));
	element_set(&e, "waiter",
		    waiter_object(in, finding_task(in->ledger, f), finding_parked(in->ledger, f)));
	element_set(&e, "empty_reader", empty_reader_object(in, finding_empty(in->ledger, f)));
	element_set(&e, "stream", json_finding_stream(in, f));
	element_set(&e, "evidence", json_text(evidence));
	element_set(&e, "remedy", json_text(rule && rule->remedy ? rule->remedy : ""));
	return element_end(&e);
}

json_t *json_connection(const struct view_input *in, const struct conn *c)
{
	struct element e = element_new();

	set_owner(&e, in, c, c->holder.proc ? c->holder.proc : c->opener);
	set_tuple(&e, in, c);
	set_ages(&e, in, c);
	element_set(&e, "opener", opener_object(in, c));
	element_set(&e, "holders", holders_array(in, c));
	element_set(&e, "site", site_object(in, c->site, site_stack(in->ledger, c->site)));
	element_set(&e, "waiter", waiter_object(in, c->waiter, NULL));
	return element_end(&e);
}

json_t *json_task(const struct view_input *in, const struct task *t)
{
	const struct conn *c = t->conn ? ledger_conn(in->ledger, t->conn) : NULL;
	const struct proc *p = proc_of(in, t->proc);
	char end[ENDPOINT_LEN];
	struct element e = element_new();

	element_set(&e, "pid", proc_pid(p));
	element_set(&e, "container", proc_container(p));
	set_task(&e, in, t);
	element_set(&e, "fd", t->fd >= 0 ? json_integer(t->fd) : json_null());
	element_set(&e, "local",
		    c ? json_text(conn_local(end, sizeof(end), in->ledger, c)) : json_null());
	element_set(&e, "remote",
		    c ? json_text(conn_remote(end, sizeof(end), in->ledger, c)) : json_null());
	return element_end(&e);
}

static bool proc_exited(const struct proc_row *r)
{
	return r->ended && !(r->exit_code & 0x7f);
}

json_t *json_process(const struct view_input *in, const struct proc_row *r)
{
	uint64_t started_ns = in->realtime_ns - ns_since(in->now_ns, r->start_ns);
	struct element e = element_new();

	element_set(&e, "pid", json_integer(r->pid));
	element_set(&e, "comm", json_text(r->comm));
	element_set(&e, "container", json_text(r->container));
	element_set(&e, "netns", json_integer(r->netns));
	element_set(&e, "start_s", json_seconds(started_ns));
	element_set(&e, "ended", json_boolean(r->ended));
	element_set(&e, "exit_status",
		    proc_exited(r) ? json_integer(r->exit_code >> 8 & 0xff) : json_null());
	element_set(&e, "exit_signal",
		    r->ended && (r->exit_code & 0x7f) ? json_integer(r->exit_code & 0x7f)
						      : json_null());
	element_set(&e, "live", json_integer(r->live));
	element_set(&e, "leaked", json_integer(r->leaked));
	element_set(&e, "leaked_streams", json_integer(r->leaked_streams));
	element_set(&e, "stalled", json_integer(r->stalled));
	element_set(&e, "opened", json_integer((json_int_t)r->opened));
	element_set(&e, "closed", json_integer((json_int_t)r->closed));
	element_set(&e, "aborted", json_integer((json_int_t)r->aborted));
	element_set(&e, "opened_per_s", json_rate(r->opened_per_s));
	element_set(&e, "closed_per_s", json_rate(r->closed_per_s));
	element_set(&e, "oldest_s", r->has_oldest ? json_seconds(r->oldest_ns) : json_null());
	element_set(&e, "threads", json_integer(r->threads));
	element_set(&e, "streams", json_streams_of(r));
	element_set(&e, "class", r->worst ? json_string(class_name(r->worst)) : json_null());
	return element_end(&e);
}
