/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeping a judgement, and reading it. Knows no rule but whether a class is counted.
 */
#include "verdict/judgement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int array_reserve(void *array, uint32_t *cap, uint32_t need, size_t size)
{
	void **p = array, *grown;
	uint64_t n = *cap ? *cap : 64;

	if (need <= *cap)
		return 0;
	while (n < need)
		n += n / 2;
	if (n > UINT32_MAX)
		return -ENOMEM;
	grown = reallocarray(*p, n, size);
	if (!grown)
		return -ENOMEM;
	*p = grown;
	*cap = (uint32_t)n;
	return 0;
}

int judgement_begin(struct judgement *j, const struct ledger *led)
{
	uint32_t conns = ledger_conn_end(led), procs = ledger_proc_end(led);
	int err;

	j->accused_n = j->many_n = j->charged_n = 0;
	j->conn_end = j->proc_end = 0;
	memset(j->class_count, 0, sizeof(j->class_count));
	err = array_reserve(&j->conns, &j->conn_cap, conns, sizeof(*j->conns));
	if (!err)
		err = array_reserve(&j->charged_of, &j->proc_cap, procs, sizeof(*j->charged_of));
	if (err)
		return err;
	j->conn_end = conns;
	j->proc_end = procs;
	if (conns)
		memset(j->conns, 0, conns * sizeof(*j->conns));
	if (procs)
		memset(j->charged_of, 0, procs * sizeof(*j->charged_of));
	return 0;
}

static struct charged *charged_get(struct judgement *j, uint32_t proc)
{
	if (!j->charged_of[proc]) {
		if (array_reserve(&j->charged, &j->charged_cap, j->charged_n + 1,
				  sizeof(*j->charged)))
			return NULL;
		j->charged[j->charged_n] = (struct charged){ 0 };
		j->charged_of[proc] = ++j->charged_n;
	}
	return &j->charged[j->charged_of[proc] - 1];
}

static int charge(struct judgement *j, uint32_t proc, enum verdict_class class, uint32_t count,
		  uint64_t since_ns)
{
	const struct verdict_rule *r = verdict_rule(class);
	struct charged *ch;

	if (proc && proc < j->proc_end) {
		ch = charged_get(j, proc);
		if (!ch)
			return -ENOMEM;
		ch->by_class[class] += count;
		if (r->counted && r->kind == VERDICT_LEAK)
			ch->sum.leaked += count;
		else if (r->counted)
			ch->sum.stalled += count;
		if (r->about == VERDICT_ABOUT_STREAMS && r->kind == VERDICT_LEAK)
			ch->sum.leaked_streams += count;
		if (!ch->sum.oldest_ns || since_ns < ch->sum.oldest_ns)
			ch->sum.oldest_ns = since_ns;
	}
	j->class_count[class] += count;
	return 0;
}

int judgement_accuse(struct judgement *j, uint32_t conn, enum verdict_class class,
		     const struct match *m, uint32_t proc)
{
	if (array_reserve(&j->accused, &j->accused_cap, j->accused_n + 1, sizeof(*j->accused)))
		return -ENOMEM;
	if (charge(j, proc, class, 1, m->since_ns))
		return -ENOMEM;
	j->accused[j->accused_n++] = (struct accused){ m->since_ns, conn, proc };
	j->conns[conn] = (uint8_t)(class | (m->certain ? CONN_CERTAIN : 0) |
				   (m->at_least ? CONN_AT_LEAST_SINCE : 0));
	return 0;
}

int judgement_add(struct judgement *j, const struct finding *f)
{
	if (array_reserve(&j->many, &j->many_cap, j->many_n + 1, sizeof(*j->many)))
		return -ENOMEM;
	if (charge(j, f->proc, f->class, f->count, f->since_ns))
		return -ENOMEM;
	j->many[j->many_n++] = *f;
	return 0;
}

void judgement_end(struct judgement *j)
{
	uint32_t i;

	for (i = 0; i < j->charged_n; i++) {
		struct charged *ch = &j->charged[i];
		unsigned int class, worst = VERDICT_NONE;

		for (class = 1; class < VERDICT_MAX; class ++)
			if (ch->by_class[class] > ch->by_class[worst])
				worst = class;
		ch->sum.worst = worst;
	}
}

void judgement_fini(struct judgement *j)
{
	free(j->conns);
	free(j->accused);
	free(j->many);
	free(j->charged_of);
	free(j->charged);
	*j = (struct judgement){ 0 };
}

/* ---- reading it */

struct verdicts *verdicts_new(void)
{
	return calloc(1, sizeof(struct verdicts));
}

void verdicts_free(struct verdicts *v)
{
	if (!v)
		return;
	judgement_fini(&v->last);
	judgement_fini(&v->next);
	growth_fini(&v->growth);
	streams_fini(&v->streams);
	free(v);
}

uint32_t verdicts_count(const struct verdicts *v)
{
	return v->last.accused_n + v->last.many_n;
}

void verdicts_get(const struct verdicts *v, uint32_t n, struct finding *f)
{
	const struct judgement *j = &v->last;
	const struct accused *a;
	uint8_t byte;

	*f = (struct finding){ 0 };
	if (n >= j->accused_n) {
		n -= j->accused_n;
		if (n < j->many_n)
			*f = j->many[n];
		return;
	}
	a = &j->accused[n];
	byte = j->conns[a->conn];
	f->class = byte & CONN_CLASS;
	f->certain = byte & CONN_CERTAIN;
	f->at_least = byte & CONN_AT_LEAST_SINCE;
	f->conn = a->conn;
	f->proc = a->proc;
	f->count = 1;
	f->since_ns = a->since_ns;
}

enum verdict_class verdicts_conn(const struct verdicts *v, uint32_t conn, bool *certain)
{
	uint8_t byte = conn < v->last.conn_end ? v->last.conns[conn] : 0;

	if (certain)
		*certain = byte & CONN_CERTAIN;
	return byte & CONN_CLASS;
}

const struct proc_verdict *verdicts_proc(const struct verdicts *v, uint32_t proc)
{
	static const struct proc_verdict none;
	const struct judgement *j = &v->last;

	if (proc >= j->proc_end || !j->charged_of[proc])
		return &none;
	return &j->charged[j->charged_of[proc] - 1].sum;
}

uint32_t verdicts_class_count(const struct verdicts *v, enum verdict_class class)
{
	return (unsigned int)class < VERDICT_MAX ? v->last.class_count[class] : 0;
}
