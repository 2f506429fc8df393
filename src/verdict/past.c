/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is over, but was wrong: resets sent at close, processes that died holding connections, and
 * connections that ended because their process did.
 * Events alone tell of it, so it is judged as of now.
 */
#include "verdict/judgement.h"

#include <signal.h>

#define ABORTED_MIN	5
#define ABORTED_CERTAIN 20

static bool site_aborts(const struct rule_ctx *x, const struct site *s)
{
	if (s->aborted < ABORTED_MIN || s->aborted * 10 < s->closed)
		return false;
	return ns_since(x->now_ns, s->abort_last_ns) < x->t->after_ns[VERDICT_ABORTED];
}

int past_aborts(const struct rule_ctx *x, struct judgement *j)
{
	uint32_t end = ledger_site_end(x->led), id;
	const struct site *s;
	struct finding f;
	int err;

	for (id = 0; id < end; id++) {
		s = ledger_site(x->led, id);
		if (!s || !s->aborted || !site_aborts(x, s))
			continue;
		f = (struct finding){
			.class = VERDICT_ABORTED,
			.certain = s->aborted >= ABORTED_CERTAIN,
			.site = id,
			.proc = s->proc,
			.count = s->aborted > UINT32_MAX ? UINT32_MAX : (uint32_t)s->aborted,
			.since_ns = s->abort_first_ns,
		};
		err = judgement_add(j, &f);
		if (err)
			return err;
	}
	return 0;
}

/* Signals that ask a program to end, or that its own reader's end brings. */
static bool asks(uint32_t signal)
{
	switch (signal) {
	case SIGTERM:
	case SIGINT:
	case SIGHUP:
	case SIGPIPE:
		return true;
	default:
		return false;
	}
}

static bool was_asked(uint32_t exit_code)
{
	return !(exit_code & 0x7f) || asks(exit_code & 0x7f);
}

int past_deaths(const struct rule_ctx *x, struct judgement *j)
{
	const struct death *d;
	const struct proc *p;
	struct finding f;
	uint32_t n;
	int err;

	for (n = 0; (d = ledger_death(x->led, n)); n++) {
		p = ledger_proc(x->led, d->proc);
		if (!d->live || !p || was_asked(p->exit_code))
			continue;
		if (ns_since(x->now_ns, d->time_ns) >= x->t->after_ns[VERDICT_DIED_HOLDING])
			continue;
		f = (struct finding){
			.class = VERDICT_DIED_HOLDING,
			.certain = true,
			.proc = d->proc,
			.count = d->live,
			.since_ns = d->time_ns,
		};
		err = judgement_add(j, &f);
		if (err)
			return err;
	}
	return 0;
}

/* Virtual machines that are asked end by themselves, with the status that a shell would give: 128
 * and the signal. */
bool past_by_itself(uint32_t exit_code)
{
	uint32_t status = exit_code >> 8 & 0xff;

	if (exit_code & 0x7f)
		return false; /* died-holding says so */
	return status <= 128 || !asks(status - 128);
}

/* A server that is told to stop, and ends in good order, may leave the closing to its end: then it
 * is only suspected. */
int past_left(const struct rule_ctx *x, struct judgement *j)
{
	uint32_t end = ledger_left_end(x->led), id;
	const struct left *l;
	const struct proc *p;
	int err;

	for (id = 0; id < end; id++) {
		l = ledger_left(x->led, id);
		p = l ? ledger_proc(x->led, l->proc) : NULL;
		if (!p || !p->exit_ns || !past_by_itself(p->exit_code))
			continue; /* it is to be told how it ended */
		if (ns_since(l->time_ns, l->conn.open_ns) < x->t->after_ns[VERDICT_LEFT_OPEN])
			continue;
		err = judgement_add(j, &(struct finding){
					       .class = VERDICT_LEFT_OPEN,
					       .certain = !p->asked,
					       .left = id,
					       .proc = l->proc,
					       .count = 1,
					       .since_ns = l->time_ns,
				       });
		if (err)
			return err;
	}
	return 0;
}
