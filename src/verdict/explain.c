/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A finding's evidence in words: what the kernel shows, how long, which descriptor, who waits.
 */
#include "verdict/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"

void say(struct words *w, const char *format, ...)
{
	va_list args;
	int n;

	if (w->at + 1 >= w->len)
		return;
	va_start(args, format);
	n = vsnprintf(w->buf + w->at, w->len - w->at, format, args);
	va_end(args);
	if (n > 0)
		w->at += (size_t)n < w->len - w->at ? (size_t)n : w->len - w->at - 1;
}

void say_age(struct words *w, uint64_t since_ns)
{
	char age[TEXT_LEN];

	say(w, "%s%s", w->f->at_least ? "at least " : "",
	    text_duration(age, sizeof(age), ns_since(w->now_ns, since_ns)));
}

/* "; fd 7 still open" */
static void say_fd(struct words *w, const char *what)
{
	int fd = conn_charged_fd(w->led, w->conn);

	if (fd >= 0)
		say(w, "; fd %d%s", fd, what);
	else
		say(w, "; no descriptor known (io_uring, or in flight)");
}

static void say_bytes(struct words *w, uint64_t n)
{
	char size[TEXT_LEN];

	say(w, "%s", text_bytes(size, sizeof(size), n));
}

static const char *call_name(uint32_t call)
{
	static const char *const names[] = {
		"a call", "recv", "send", "poll", "connect", "accept"
	};

	return call < sizeof(names) / sizeof(names[0]) ? names[call] : names[0];
}

static void say_task(struct words *w, const struct task *t)
{
	char comm[TEXT_LEN];

	say(w, "tid %u (%s) waits in %s%s", t->tid, text_clean(comm, sizeof(comm), t->comm),
	    call_name(t->call), t->forever ? " with no time limit" : "");
}

/* "; tid 812 (worker) waits in recv with no time limit" */
static void say_waiter(struct words *w)
{
	const struct task *t = w->conn->waiter ? ledger_task(w->led, w->conn->waiter) : NULL;

	if (!t)
		return;
	say(w, "; ");
	say_task(w, t);
}

/* ", all input read": of a connection that the peer has closed. The end of input counts as one. */
static void say_input(struct words *w)
{
	if (!w->conn->unread) {
		say(w, ", all input read");
	} else if (w->conn->unread == 1) {
		say(w, ", the end of input not read");
	} else {
		say(w, ", ");
		say_bytes(w, w->conn->unread);
		say(w, " not read");
	}
}

/* Then the remedy comes second. */
static void say_stopped(struct words *w)
{
	const struct proc *p = ledger_proc(w->led, w->f->proc);

	if (p && stopped_now(w->led, w->f->proc))
		say(w, "; process %u is stopped (signal, debugger or freezer): kill -CONT %u first",
		    p->pid, p->pid);
}

/* ---- one a class */

static void explain_close_wait(struct words *w)
{
	say(w, "peer closed ");
	say_age(w, w->f->since_ns);
	say(w, " ago");
	say_fd(w, " still open");
	say_input(w);
	say_waiter(w);
}

static void explain_dead_fd(struct words *w)
{
	const char *why = w->conn->err ? strerrordesc_np(w->conn->err) : NULL;

	say(w, "connection ended ");
	say_age(w, w->f->since_ns);
	say(w, " ago");
	if (why)
		say(w, " (%s)", why);
	say_fd(w, " still open");
	say_waiter(w);
}

static void explain_half_closed(struct words *w)
{
	say(w, "shut down for writing ");
	say_age(w, w->f->since_ns);
	say(w, " ago, %s",
	    w->conn->state == STATE_FIN_WAIT1 ? "which the peer has not acknowledged"
					      : "and the peer has not closed");
	say_fd(w, " still open");
	say_waiter(w);
}

static void explain_silent_peer(struct words *w)
{
	const struct conn *c = w->conn;

	if (c->send_ns > c->recv_ns) {
		say(w, "last sent ");
		say_age(w, c->send_ns);
		say(w, " ago (");
		say_bytes(w, c->bytes_sent);
		say(w, " so far), %s", c->recv_ns ? "no answer" : "and never an answer");
	} else {
		say(w, "nothing moved for ");
		say_age(w, w->f->since_ns);
	}
	if (c->waiter)
		say_waiter(w);
	else
		say(w, "; no timeout or keepalive ends the wait");
}

static void explain_expect_body(struct words *w)
{
	say(w, "25B sent ");
	say_age(w, w->f->since_ns);
	say(w, " ago, the length of a 100 Continue, and no body came");
	say_fd(w, "");
	say_waiter(w);
}

static void explain_unread(struct words *w)
{
	if (conn_kind(w->conn) == KIND_UDP)
		say(w, "datagrams (");
	say_bytes(w, w->conn->unread);
	say(w, "%s unread for ", conn_kind(w->conn) == KIND_UDP ? " of memory)" : "");
	say_age(w, w->f->since_ns);
	say_fd(w, "");
	say_waiter(w);
}

static void explain_unsent(struct words *w)
{
	say_bytes(w, w->conn->unsent);
	say(w, " unsent, no progress for ");
	say_age(w, w->f->since_ns);
	if (w->conn->sock_flags & LS_SOCK_ZERO_WINDOW)
		say(w, ", the peer's window is closed");
	say_fd(w, "");
	say_waiter(w);
}

static void explain_never_used(struct words *w)
{
	say(w, "open for ");
	say_age(w, w->f->since_ns);
	say(w, ", not one byte either way");
	say_fd(w, "");
}

static void explain_connecting(struct words *w)
{
	say(w, "no answer to connect() for ");
	say_age(w, w->f->since_ns);
	say_fd(w, "");
	say_waiter(w);
}

static void explain_not_accepted(struct words *w)
{
	say(w, "%u in the accept queue of %u, none taken for ", w->conn->unread, w->conn->unsent);
	say_age(w, w->f->since_ns);
	say_fd(w, "");
}

static void explain_inherited(struct words *w)
{
	const struct proc *p = ledger_proc(w->led, w->conn->opener);
	char comm[TEXT_LEN] = "?";

	if (p)
		text_clean(comm, sizeof(comm), p->comm);
	say(w, "opened by %s (pid %u), which no longer holds it", comm, p ? p->pid : 0);
	say_fd(w, "");
	say(w, " came by inheritance ");
	say_age(w, w->f->since_ns);
	say(w, " ago, unused since");
}

static void explain_growth(struct words *w)
{
	const struct site *s = ledger_site(w->led, w->f->site);

	say(w, "%u stand idle and never close, while new ones are opened", w->f->count);
	if (s)
		say(w, "; %u open from this site", s->live);
	say(w, ", the oldest for ");
	say_age(w, w->f->since_ns);
}

static void explain_aborted(struct words *w)
{
	const struct site *s = ledger_site(w->led, w->f->site);

	say(w, "%u closed with input unread, so a reset went out", w->f->count);
	if (s && s->closed)
		say(w, ", of %llu closed", (unsigned long long)s->closed);
	say(w, "; the first ");
	say_age(w, w->f->since_ns);
	say(w, " ago");
}

static void explain_died_holding(struct words *w)
{
	const struct proc *p = ledger_proc(w->led, w->f->proc);
	const char *name = p ? sigabbrev_np((int)(p->exit_code & 0x7f)) : NULL;

	say(w, "ended by %s%s ", name ? "SIG" : "a signal", name ? name : "");
	say_age(w, w->f->since_ns);
	say(w, " ago, with %u connection%s that nobody else held", w->f->count,
	    w->f->count == 1 ? "" : "s");
}

static void explain_task_stuck(struct words *w)
{
	const struct task *t = ledger_task(w->led, w->f->task);

	if (!t)
		return;
	say_task(w, t);
	say(w, " on fd %d, for ", t->fd);
	say_age(w, w->f->since_ns);
}

static void explain_task_growth(struct words *w)
{
	const struct proc *p = ledger_proc(w->led, w->f->proc);

	say(w, "%u threads more than ", w->f->count);
	say_age(w, w->f->since_ns);
	say(w, " ago, beyond what its connections explain");
	if (p)
		say(w, "; %u now", p->threads);
}

/* ", 5B unread, the peer had closed" */
static void say_left(struct words *w, const struct conn *c)
{
	bool is_unix = c->family == AF_UNIX;

	if (c->unread) {
		say(w, ", ");
		say_bytes(w, c->unread);
		say(w, " unread");
	}
	if (c->unsent) {
		say(w, ", ");
		say_bytes(w, c->unsent);
		say(w, " unsent");
	}
	if (is_unix ? !ledger_conn_peer(w->led, c) : c->state == STATE_CLOSE_WAIT)
		say(w, ", the peer had closed");
	else if (c->state == STATE_SYN_SENT)
		say(w, ", the peer had not answered connect()");
	else if (conn_kind(c) == KIND_TCP && !c->bytes_sent && !c->bytes_received)
		say(w, ", never used");
}

static void explain_left_open(struct words *w)
{
	const struct left *l = ledger_left(w->led, w->f->left);
	const struct proc *p = l ? ledger_proc(w->led, l->proc) : NULL;
	char age[TEXT_LEN];

	if (!p)
		return;
	if (l->conn.holder.fd >= 0)
		say(w, "fd %d ", l->conn.holder.fd);
	say(w, "open when pid %u exited", p->pid);
	/* What no snapshot and no record had shown until then says nothing of its age. */
	if (!(l->conn.flags & CONN_AT_LEAST) || l->conn.open_ns < l->time_ns)
		say(w, "; opened %s%s before", l->conn.flags & CONN_AT_LEAST ? "at least " : "",
		    text_duration(age, sizeof(age), ns_since(l->time_ns, l->conn.open_ns)));
	say_left(w, &l->conn);
	if (p->asked)
		say(w, "; it had been asked to end (signal %u)", p->asked);
}

static void (*const explainers[VERDICT_MAX])(struct words *w) = {
	[VERDICT_CLOSE_WAIT] = explain_close_wait,
	[VERDICT_DEAD_FD] = explain_dead_fd,
	[VERDICT_HALF_CLOSED] = explain_half_closed,
	[VERDICT_SILENT_PEER] = explain_silent_peer,
	[VERDICT_EXPECT_BODY] = explain_expect_body,
	[VERDICT_UNREAD] = explain_unread,
	[VERDICT_UNSENT] = explain_unsent,
	[VERDICT_NEVER_USED] = explain_never_used,
	[VERDICT_CONNECTING] = explain_connecting,
	[VERDICT_NOT_ACCEPTED] = explain_not_accepted,
	[VERDICT_INHERITED] = explain_inherited,
	[VERDICT_GROWTH] = explain_growth,
	[VERDICT_ABORTED] = explain_aborted,
	[VERDICT_DIED_HOLDING] = explain_died_holding,
	[VERDICT_TASK_STUCK] = explain_task_stuck,
	[VERDICT_TASK_GROWTH] = explain_task_growth,
	[VERDICT_LEFT_OPEN] = explain_left_open,
	[VERDICT_STREAM_HALF_OPEN] = explain_stream_half_open,
	[VERDICT_STREAM_GROWTH] = explain_stream_growth,
	[VERDICT_STREAM_STARVED] = explain_stream_starved,
	[VERDICT_MISCOUNT] = explain_miscount,
};

size_t verdict_explain(const struct verdicts *v, const struct ledger *led, const struct finding *f,
		       uint64_t now_ns, char *buf, size_t len)
{
	const struct verdict_rule *r = verdict_rule(f->class);
	struct words w = {
		.led = led,
		.f = f,
		.conn = f->conn ? ledger_conn(led, f->conn) : NULL,
		.now_ns = now_ns,
		.buf = buf,
		.len = len,
	};

	(void)v;
	if (!len)
		return 0;
	buf[0] = '\0';
	if (!r)
		return 0;
	/* The connection may have ended since the judgement. */
	if (r->about == VERDICT_ABOUT_CONN && !w.conn)
		say(&w, "%s", r->evidence);
	else
		explainers[f->class](&w);
	if (r->about == VERDICT_ABOUT_CONN && w.conn)
		say_stopped(&w);
	return w.at;
}
