// SPDX-License-Identifier: BSD-2-Clause
/* A group of findings in plain text. */
#include "view/report.h"

#include <errno.h>
#include <string.h>
#include "base/text.h"
#include "view/endpoint.h"
#include "view/frames.h"

#define HOLDERS_SHOWN 4
#define LINE_LEN      (FRAMES_LEN + 160)

/* ---- writing */

void report_put(struct report *r, enum severity severity, const char *s)
{
	static const char *const codes[SEVERITY_MAX] = {
		[SEVERITY_GOOD] = "\033[32m",	   [SEVERITY_DIM] = "\033[2m",
		[SEVERITY_SUSPECT] = "\033[33m",   [SEVERITY_LEAK] = "\033[1;31m",
		[SEVERITY_LOUD] = "\033[1;37;41m",
	};
	const char *code = r->color ? codes[severity] : NULL;

	fprintf(r->out, "%s%s%s", code ? code : "", s, code ? "\033[0m" : "");
}

void report_end(struct report *r)
{
	fputc('\n', r->out);
	if (fflush(r->out) && !r->err)
		r->err = -errno;
}

void report_field(struct report *r, const char *name, const char *value)
{
	char cell[CELL_LEN];

	if (!*value)
		return;
	fputs("    ", r->out);
	report_put(r, SEVERITY_DIM, cell_fit(cell, sizeof(cell), name, 10, ALIGN_LEFT));
	fputs(value, r->out);
	report_end(r);
}

/* ---- the findings */

static void put_where(struct report *r, const struct finding *f)
{
	const struct conn *c = finding_conn(r->in->ledger, f);
	char pair[PAIR_LEN], line[PAIR_LEN + 64];
	uint32_t more;
	int32_t fd;

	finding_endpoint(pair, sizeof(pair), r->in->ledger, f);
	snprintf(line, sizeof(line), "%s", pair);
	if (c) {
		fd = conn_fd(r->in->ledger, c, f->proc, &more);
		snprintf(line, sizeof(line), "%s  %s %s %s", pair, proto_name(c->family, c->proto),
			 role_name(c->role), conn_state(c));
		if (fd >= 0)
			snprintf(line + strlen(line), sizeof(line) - strlen(line), " fd %d", fd);
	}
	report_field(r, "where", line);
}

/* Who holds it, where that is not simply the process that is named already. */
static void put_holders(struct report *r, const struct finding *f)
{
	const struct ledger *led = r->in->ledger;
	const struct conn *c = finding_conn(led, f);
	const struct holder *h = c && c->holder.proc ? &c->holder : NULL;
	char line[HOLDERS_SHOWN * 64] = "", comm[LS_COMM_LEN + 1];
	unsigned int n = 0;
	size_t at = 0;

	if (!h || f->carrier || (h->proc == f->proc && !ledger_holder_next(led, h)))
		return;
	for (; h && n < HOLDERS_SHOWN; h = ledger_holder_next(led, h), n++) {
		const struct proc *p = ledger_proc(led, h->proc);

		if (p)
			at += (size_t)snprintf(
				line + at, sizeof(line) - at, "%s%s (pid %u) fd %d", at ? ", " : "",
				text_clean(comm, sizeof(comm), p->comm), p->pid, h->fd);
	}
	if (h)
		snprintf(line + at, sizeof(line) - at, " ...");
	report_field(r, "held by", line);
}

/*
 *     opened by fetch (shop.c:31) < main (shop.c:90)  [via curl_easy_perform, connect]
 *               #0 connect  libc.so.6
 *               #1 Curl_connecthost  libcurl.so.4
 */
static void put_stack(struct report *r, int32_t stack)
{
	char one[FRAME_LEN], module[TEXT_LEN];
	const struct frame *f;
	uint32_t n;

	for (n = 0; r->stacks && stack >= 0 && n < FRAMES_MAX &&
		    (f = ledger_frame(r->in->ledger, stack, n));
	     n++) {
		const char *slash = strrchr(f->module, '/');

		fprintf(r->out, "              #%-2u %s", n, frame_text(one, sizeof(one), f));
		if (*f->function && *f->module)
			fprintf(r->out, "  %s",
				text_clean(module, sizeof(module), slash ? slash + 1 : f->module));
		report_end(r);
	}
}

static void put_waiter(struct report *r, const struct finding *f)
{
	uint32_t id = finding_task(r->in->ledger, f);
	const struct task *t = id ? ledger_task(r->in->ledger, id) : NULL;
	char line[LINE_LEN], frames[FRAMES_LEN], comm[LS_COMM_LEN + 1];

	if (!t)
		return;
	stack_text(frames, sizeof(frames), r->in->ledger, t->stack);
	snprintf(line, sizeof(line), "thread %u %s in %s()%s%s", t->tid,
		 text_clean(comm, sizeof(comm), t->comm), call_name(t->call), *frames ? ": " : "",
		 frames);
	report_field(r, "waits", line);
	put_stack(r, t->stack);
}

/* No thread does: it is Go's runtime that waits, for all of its goroutines. */
static void put_goroutine(struct report *r, const struct finding *f)
{
	const struct parked *p = finding_parked(r->in->ledger, f);
	char line[LINE_LEN], frames[FRAMES_LEN];

	if (!p)
		return;
	stack_text(frames, sizeof(frames), r->in->ledger, p->stack);
	snprintf(line, sizeof(line), "goroutine parked in %s()%s%s", call_name(p->call),
		 *frames ? ": " : "", frames);
	report_field(r, "waits", line);
	put_stack(r, p->stack);
}

/* An event loop waits on no connection in particular: who last looked at this one, in vain. */
static void put_empty_reader(struct report *r, const struct finding *f)
{
	const struct ledger *led = r->in->ledger;
	const struct empty *e = finding_empty(led, f);
	char line[LINE_LEN], frames[FRAMES_LEN], ago[TEXT_LEN];

	if (!e)
		return;
	stack_text(frames, sizeof(frames), led, e->stack);
	snprintf(line, sizeof(line), "%s%sthread %u, which found nothing %s ago", frames,
		 *frames ? ", " : "", e->tid,
		 text_duration(ago, sizeof(ago), ns_since(r->in->now_ns, e->time_ns)));
	report_field(r, "last read", line);
	put_stack(r, e->stack);
}

static void put_opener(struct report *r, const struct finding *f)
{
	int32_t stack = finding_stack(r->in->ledger, f);
	char line[FRAMES_LEN];

	report_field(r, "opened by", stack_text(line, sizeof(line), r->in->ledger, stack));
	put_stack(r, stack);
}

/*
 * close-wait: 80 leaked by api-gw (pid 4123, nginx.service), oldest ≥2h 14m
 *     opened by pool_dial (pool.c:31) < pool_get (pool.c:88) < main (main.c:12)
 *     where     10.0.0.5:41234 → 10.0.0.9:443  tcp client close_wait fd 7
 *     waits     thread 4130 worker-3 in read()
 *     evidence  peer closed 2h 14m ago, fd 7 still open, Recv-Q 0
 *     remedy    close it: the reader must see EOF or a done signal
 */
void report_group(struct report *r, const struct group *g)
{
	const struct verdict_rule *rule = verdict_rule(g->oldest.class);
	char count[TEXT_LEN], age[TEXT_LEN], line[FRAMES_LEN];
	struct proc_row row;

	report_end(r);
	report_put(r,
		   g->suspected == g->count || !class_is_leak(g->oldest.class) ? SEVERITY_SUSPECT
									       : SEVERITY_LEAK,
		   class_name(g->oldest.class));
	fprintf(r->out, ": %s", group_count_text(count, sizeof(count), g));
	if (row_fill(&row, r->in, g->oldest.proc))
		fprintf(r->out, " by %s (pid %u%s%s)", row.comm, row.pid,
			row.container[0] ? ", " : "", row.container);
	group_doubt_text(count, sizeof(count), g);
	fprintf(r->out, "%s%s", *count ? ", " : "", count);
	/* Of what is over, no age grows. */
	if (!rule || rule->about != VERDICT_ABOUT_LEFT)
		fprintf(r->out, ", oldest %s", group_age_text(age, sizeof(age), r->in, g));
	report_end(r);
	put_opener(r, &g->oldest);
	put_where(r, &g->oldest);
	put_holders(r, &g->oldest);
	put_waiter(r, &g->oldest);
	put_goroutine(r, &g->oldest);
	put_empty_reader(r, &g->oldest);
	line[0] = '\0';
	verdict_explain(r->in->verdicts, r->in->ledger, &g->oldest, r->in->now_ns, line,
			sizeof(line));
	report_field(r, "evidence", line);
	report_field(r, "remedy", rule && rule->remedy ? rule->remedy : "");
}
