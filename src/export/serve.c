// SPDX-License-Identifier: BSD-2-Clause
/* Paths, and what is behind them (serve.h). */
#include "export/serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/metric.h"
#include "export/host.h"
#include "export/page.h"

/* Findings are as fresh as that at least, and asking costs the collector a tenth of its time. */
#define FRESH_NS   TETHER_S
#define FRESH_COST 10
/* A look may be late by its own cost, and by others' on a busy machine. */
#define STALE_NS    (180 * TETHER_S)
#define STALE_TIMES 20

/* ---- is it ready? */

/* NULL if so, else why not. */
static const char *not_ready(struct serve *s)
{
	uint64_t age_ns = tether_loop_now_ns(s->loop) - s->look_ns;

	if (s->state != SERVE_READY)
		return s->says;
	if (age_ns < STALE_NS || age_ns < STALE_TIMES * s->gap_ns ||
	    age_ns < STALE_TIMES * s->opt->interval_ns)
		return NULL;
	snprintf(s->says, sizeof(s->says), "the collector has not looked for %llu seconds",
		 (unsigned long long)(age_ns / TETHER_S));
	return s->says;
}

/* True: answered already. */
static bool refused(struct serve *s, struct tether_call call)
{
	const char *why = not_ready(s);

	if (why)
		reply_line_with(call, 503, why, "Retry-After", "1");
	return why;
}

/* ---- paths */

static void get_metrics(struct serve *s, struct tether_call call)
{
	enum accept_format f = accept_format(tether_call_header(call, "accept").at);

	if (refused(s, call))
		return;
	if (!s->metrics[f].text)
		f = ACCEPT_TEXT;
	reply_shared(call, accept_content_type(f), &s->metrics[f]);
}

static void get_health(struct serve *s, struct tether_call call)
{
	if (s->state == SERVE_ORPHAN)
		reply_line(call, 503, s->says);
	else
		reply_line(call, 200, "ok");
}

static void get_ready(struct serve *s, struct tether_call call)
{
	if (!refused(s, call))
		reply_line(call, 200, "ready");
}

static void ask(struct serve *s)
{
	if (s->asked_ns)
		return;
	/* The pipe cannot be full: one byte is in it at most. Its end is told by the other one. */
	if (write(s->ask_fd, "?", 1) == 1)
		s->asked_ns = tether_loop_now_ns(s->loop);
}

static void get_findings(struct serve *s, struct tether_call call)
{
	if (refused(s, call))
		return;
	if (s->findings.text && tether_loop_now_ns(s->loop) < s->fresh_ns) {
		reply_shared(call, "application/json", &s->findings);
		return;
	}
	if (s->waiters == SERVE_WAITERS_MAX) {
		reply_line_with(call, 503, "too many ask for findings", "Retry-After", "1");
		return;
	}
	s->waiter[s->waiters++] = call;
	ask(s);
}

static void get_page(struct serve *s, struct tether_call call)
{
	page_reply(call, s->opt->metrics_path);
}

static void route(struct serve *s, struct tether_call call)
{
	const struct {
		const char *path;
		void (*get)(struct serve *s, struct tether_call call);
	} paths[] = {
		{ s->opt->metrics_path, get_metrics },
		{ "/healthz", get_health },
		{ "/readyz", get_ready },
		{ "/findings", get_findings },
		{ "/", get_page },
	};
	struct tether_text method = tether_call_method(call), target = tether_call_target(call);
	size_t len, i;

	if (!method.at || !target.at)
		return;
	if (strcmp(method.at, "GET") && strcmp(method.at, "HEAD")) {
		reply_line_with(call, 405, "GET and HEAD are answered", "Allow", "GET, HEAD");
		return;
	}
	len = strcspn(target.at, "?");
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strlen(paths[i].path) == len && !memcmp(paths[i].path, target.at, len)) {
			paths[i].get(s, call);
			return;
		}
	reply_line(call, 404, "there is nothing here; / has a page");
}

/* ---- who asks? */

struct asked {
	struct serve *s;
	struct tether_call call;
};

static void answered(void *arg, enum auth_answer answer)
{
	struct asked *a = arg;

	switch (answer) {
	case AUTH_YES:
		route(a->s, a->call);
		break;
	case AUTH_BUSY:
		reply_line_with(a->call, 503, "too many ask for entry", "Retry-After", "1");
		break;
	default:
		a->s->unauthorized++;
		reply_line_with(a->call, 401, "who are you?", "WWW-Authenticate",
				"Basic realm=\"lostsock\", charset=\"UTF-8\"");
	}
	free(a);
}

void serve_handle(struct tether_call call, void *arg)
{
	struct serve *s = arg;
	struct asked *a;

	if (s->own_names && !host_is_own(tether_call_header(call, "host").at)) {
		reply_line(call, 403,
			   "by this name nobody asks who is on this machine: use 127.0.0.1 or "
			   "localhost (or set a password, with --web.config.file)");
		return;
	}
	if (!s->auth) {
		route(s, call);
		return;
	}
	a = malloc(sizeof(*a));
	if (!a) {
		tether_call_cancel(call);
		return;
	}
	*a = (struct asked){ s, call };
	auth_ask(s->auth, tether_call_header(call, "authorization").at, answered, a);
}

/* ---- frames */

static void put_own(struct metric_out *out, const struct serve *s)
{
	const struct tether_server_stats st = tether_server_stats(s->server);
	const struct {
		struct metric m;
		uint64_t value;
	} rows[] = {
		{ { "lostsock_http_requests", METRIC_COUNTER, NULL, "Requests of any kind." },
		  st.requests },
		{ { "lostsock_http_bad_requests", METRIC_COUNTER, NULL,
		    "Requests that were no HTTP, too large or too slow." },
		  st.bad_requests },
		{ { "lostsock_http_unauthorized", METRIC_COUNTER, NULL,
		    "Requests with no or a wrong password." },
		  s->unauthorized },
		{ { "lostsock_http_timeouts", METRIC_COUNTER, NULL,
		    "Connections that a deadline ended." },
		  st.timeouts },
		{ { "lostsock_http_refused_connections", METRIC_COUNTER, NULL,
		    "Connections closed at once, as there were too many." },
		  st.refused },
		{ { "lostsock_http_connections", METRIC_GAUGE, NULL,
		    "Connections to this exporter." },
		  st.open },
		{ { "lostsock_http_certificate_end_timestamp_seconds", METRIC_GAUGE, "seconds",
		    "When its certificate ends, since 1970; 0 without TLS." },
		  (uint64_t)s->cert_end },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		metric_one(out, &rows[i].m, rows[i].value);
	metric_finish(out);
}

/* What the collector has said, and what only this process knows. */
static struct channel_text *with_own(const struct serve *s, const struct channel_text *text,
				     bool openmetrics)
{
	struct metric_out out = { .openmetrics = openmetrics };
	struct channel_text *all = NULL;
	char *own = NULL;
	size_t len = 0;

	out.file = open_memstream(&own, &len);
	if (!out.file)
		return NULL;
	put_own(&out, s);
	if (!fclose(out.file))
		all = channel_text_new(text->len + len);
	if (all) {
		memcpy(all->at, text->at, text->len);
		memcpy(all->at + text->len, own, len);
	}
	free(own);
	return all;
}

static void take_metrics(struct serve *s, enum accept_format f, const struct channel_text *text)
{
	struct channel_text *all = with_own(s, text, f == ACCEPT_OPENMETRICS);
	uint64_t now_ns = tether_loop_now_ns(s->loop);

	if (!all) /* the last ones are better than none, and grow old */
		return;
	reply_body_set(&s->metrics[f], all);
	if (f != ACCEPT_TEXT)
		return;
	s->gap_ns = s->look_ns ? now_ns - s->look_ns : 0;
	s->look_ns = now_ns;
	s->state = SERVE_READY;
}

static void answer_waiters(struct serve *s, const char *why_not)
{
	size_t i, n = s->waiters;

	/* Answering may let a handler run that waits again. */
	struct tether_call waiter[SERVE_WAITERS_MAX];

	memcpy(waiter, s->waiter, n * sizeof(waiter[0]));
	s->waiters = 0;
	s->asked_ns = 0;
	for (i = 0; i < n; i++)
		if (why_not)
			reply_line(waiter[i], 503, why_not);
		else
			reply_shared(waiter[i], "application/json", &s->findings);
}

/* Takes @text over. */
static void take_findings(struct serve *s, struct channel_text *text)
{
	uint64_t now_ns = tether_loop_now_ns(s->loop), cost_ns = now_ns - s->asked_ns;

	reply_body_set(&s->findings, text);
	s->fresh_ns = now_ns + FRESH_NS;
	if (FRESH_COST * cost_ns > FRESH_NS)
		s->fresh_ns = now_ns + FRESH_COST * cost_ns;
	answer_waiters(s, NULL);
}

void serve_frame(struct serve *s, enum channel_kind kind, struct channel_text *text)
{
	switch (kind) {
	case CHANNEL_SAYS:
		if (s->state == SERVE_STARTS)
			snprintf(s->says, sizeof(s->says), "%s", text->at);
		break;
	case CHANNEL_METRICS:
		take_metrics(s, ACCEPT_TEXT, text);
		break;
	case CHANNEL_OPENMETRICS:
		take_metrics(s, ACCEPT_OPENMETRICS, text);
		break;
	case CHANNEL_FINDINGS:
		take_findings(s, text);
		return;
	case CHANNEL_FINDINGS_NO:
		answer_waiters(s, text->at);
		break;
	default:
		break;
	}
	channel_text_drop(text);
}

void serve_orphan(struct serve *s)
{
	s->state = SERVE_ORPHAN;
	snprintf(s->says, sizeof(s->says),
		 "the collector has ended unexpectedly; nothing is watched any more");
	answer_waiters(s, s->says);
}
