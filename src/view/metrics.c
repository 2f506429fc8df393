// SPDX-License-Identifier: BSD-2-Clause
/* Metrics of the machine as a whole, and of this program (metrics.h). Adding one is adding a row.
 */
#include "view/metrics.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include "base/text.h"
#include "view/endpoint.h"
#include "view/metrics_part.h"
#include "view/rows.h"

#define NS_PER_S       1e9
#define AGE_BUCKETS_LE 10

/* Steps of four from a second, and the day. */
static const uint32_t age_le_s[AGE_BUCKETS_LE] = { 1,	 4,    16,    64,    256,
						   1024, 4096, 16384, 65536, 86400 };

enum {
	SOCK_TCP,
	SOCK_UDP,
	SOCK_UNIX,
	SOCK_KINDS
};
#define STATES 16

struct sums {
	uint64_t state[SOCK_KINDS][STATES];
	uint64_t age[SOCK_KINDS][AGE_BUCKETS_LE + 1];
	double age_s[SOCK_KINDS];
	uint64_t ages[SOCK_KINDS];
	uint64_t found[VERDICT_MAX][2]; /* suspected, certain */
	uint64_t since_ns[VERDICT_MAX];
	uint64_t leaked, stalled;
	uint64_t streams, half_open;
};

static const char *const kind_names[] = { "tcp", "udp", "unix" };

/* What each kind can be in; zeros are written too. SYN_RECV of a request has no socket. */
static const uint16_t kind_states[] = {
	[SOCK_TCP] = 0xffe,
	[SOCK_UDP] = 1 << TCP_ESTABLISHED | 1 << TCP_CLOSE,
	[SOCK_UNIX] = 1 << TCP_ESTABLISHED | 1 << TCP_CLOSE | 1 << TCP_LISTEN,
};

static unsigned int kind_of(const struct conn *c)
{
	if (c->family == AF_UNIX)
		return SOCK_UNIX;
	return c->proto == IPPROTO_UDP ? SOCK_UDP : SOCK_TCP;
}

static void sum_conn(struct sums *s, const struct conn *c, uint64_t now_ns)
{
	unsigned int kind = kind_of(c), state = c->state, i = 0;
	double age_s = (double)ns_since(now_ns, c->open_ns) / NS_PER_S;

	if (state == 12) /* a request: as any that has not finished its handshake */
		state = TCP_SYN_RECV;
	s->state[kind][state < STATES && kind_states[kind] >> state & 1 ? state : 0]++;
	if (c->role == LS_ROLE_LISTEN)
		return;
	while (i < AGE_BUCKETS_LE && age_s > age_le_s[i])
		i++;
	s->age[kind][i]++;
	s->age_s[kind] += age_s;
	s->ages[kind]++;
}

static void sum_findings(struct sums *s, const struct view_input *in,
			 const struct view_filter *filter)
{
	uint32_t n = verdicts_count(in->verdicts), i;
	struct finding f;

	for (i = 0; i < n; i++) {
		verdicts_get(in->verdicts, i, &f);
		if (!filter_class(filter, f.class) || !filter_owner(filter, in, f.proc))
			continue;
		s->found[f.class][f.certain] += f.count;
		if (f.since_ns && (!s->since_ns[f.class] || f.since_ns < s->since_ns[f.class]))
			s->since_ns[f.class] = f.since_ns;
	}
}

static void sum_all(struct sums *s, const struct view_input *in, const struct view_filter *filter)
{
	uint32_t end = ledger_conn_end(in->ledger), id;
	const struct proc_streams *p;
	const struct proc_verdict *v;
	const struct conn *c;

	for (id = 1; id < end; id++) {
		c = ledger_conn(in->ledger, id);
		if (c)
			sum_conn(s, c, in->now_ns);
	}
	end = ledger_proc_end(in->ledger);
	for (id = 1; id < end; id++) {
		v = verdicts_proc(in->verdicts, id);
		s->leaked += v->leaked - v->leaked_streams;
		s->stalled += v->stalled;
		p = ledger_proc_streams(in->ledger, id);
		s->streams += p ? p->live : 0;
		s->half_open += p ? p->half_open : 0;
	}
	sum_findings(s, in, filter);
}

/* ---- families with labels -------------------------------------------------------------------- */

static const char *state_name(unsigned int kind, unsigned int state)
{
	return kind != SOCK_TCP && state == TCP_CLOSE ? "unconnected" : text_tcp_state(state);
}

static void put_states(struct metric_out *out, const struct sums *s)
{
	static const struct metric m = {
		"lostsock_connections", METRIC_GAUGE, NULL,
		"Open sockets by protocol and state, listeners included."
	};
	unsigned int kind, state;

	metric_begin(out, &m);
	for (kind = 0; kind < SOCK_KINDS; kind++)
		for (state = 0; state < STATES; state++) {
			if (state ? !(kind_states[kind] >> state & 1) : !s->state[kind][0])
				continue;
			metric_sample(out, "");
			metric_label(out, "proto", kind_names[kind]);
			metric_label(out, "state", state_name(kind, state));
			metric_number(out, s->state[kind][state]);
		}
}

static void put_ages(struct metric_out *out, const struct sums *s)
{
	static const struct metric m = { "lostsock_connection_age_seconds", METRIC_BUCKETS,
					 "seconds",
					 "How long connections that are open now have been." };
	unsigned int kind, i;
	uint64_t sum;
	char le[16];

	metric_begin(out, &m);
	for (kind = 0; kind < SOCK_KINDS; kind++) {
		sum = 0;
		for (i = 0; i <= AGE_BUCKETS_LE; i++) {
			sum += s->age[kind][i];
			snprintf(le, sizeof(le), i < AGE_BUCKETS_LE ? "%u.0" : "+Inf",
				 i < AGE_BUCKETS_LE ? age_le_s[i] : 0);
			metric_sample(out, "_bucket");
			metric_label(out, "proto", kind_names[kind]);
			metric_label(out, "le", le);
			metric_number(out, sum);
		}
		metric_sample(out, "_sum");
		metric_label(out, "proto", kind_names[kind]);
		metric_value(out, s->age_s[kind]);
		metric_sample(out, "_count");
		metric_label(out, "proto", kind_names[kind]);
		metric_number(out, s->ages[kind]);
	}
}

static void put_found(struct metric_out *out, const struct sums *s)
{
	static const struct metric m = {
		"lostsock_findings", METRIC_GAUGE, NULL,
		"What is leaked or stalled: connections, threads, processes, by class."
	};
	const struct verdict_rule *rule;
	int c, certain;

	metric_begin(out, &m);
	for (c = 1; c < VERDICT_MAX; c++)
		for (certain = 1; certain >= 0; certain--) {
			rule = verdict_rule(c);
			if (!rule)
				continue;
			metric_sample(out, "");
			metric_label(out, "class", rule->name);
			metric_label(out, "kind", rule->kind == VERDICT_LEAK ? "leak" : "stall");
			metric_label(out, "certainty", certain ? "certain" : "suspected");
			metric_number(out, s->found[c][certain]);
		}
}

static void put_oldest(struct metric_out *out, const struct sums *s, uint64_t now_ns)
{
	static const struct metric m = {
		"lostsock_oldest_finding_seconds", METRIC_GAUGE, "seconds",
		"How long the oldest finding of a class has lasted, 0 if there is none."
	};
	int c;

	metric_begin(out, &m);
	for (c = 1; c < VERDICT_MAX; c++) {
		if (!verdict_rule(c))
			continue;
		metric_sample(out, "");
		metric_label(out, "class", class_name(c));
		metric_value(out, s->since_ns[c]
					  ? (double)ns_since(now_ns, s->since_ns[c]) / NS_PER_S
					  : 0);
	}
}

/* ---- families of one number ------------------------------------------------------------------ */

static void put_numbers(struct metric_out *out, const struct sums *s, const struct view_input *in,
			const struct metrics_options *opt)
{
	const struct ledger_totals *t = ledger_totals(in->ledger);
	const struct {
		struct metric m;
		uint64_t value;
	} rows[] = {
		{ { "lostsock_connections_opened", METRIC_COUNTER, NULL,
		    "Connections opened since the start." },
		  t->opened },
		{ { "lostsock_connections_closed", METRIC_COUNTER, NULL,
		    "Connections ended since the start." },
		  t->closed },
		{ { "lostsock_connections_aborted", METRIC_COUNTER, NULL,
		    "Connections closed with unread bytes, so that a reset went out." },
		  t->aborted },
		{ { "lostsock_connections_healed", METRIC_COUNTER, NULL,
		    "Ends whose record was lost, and that a snapshot found." },
		  t->healed },
		{ { "lostsock_leaked_connections", METRIC_GAUGE, NULL,
		    "Open connections that nobody will use again." },
		  s->leaked },
		{ { "lostsock_stalled_connections", METRIC_GAUGE, NULL,
		    "Open connections on which somebody waits for what may never come." },
		  s->stalled },
		{ { "lostsock_tasks_blocked", METRIC_GAUGE, NULL,
		    "Threads blocked in a socket call." },
		  t->tasks },
		{ { "lostsock_tasks_stuck", METRIC_GAUGE, NULL,
		    "... for too long, with nothing to end it." },
		  s->found[VERDICT_TASK_STUCK][0] + s->found[VERDICT_TASK_STUCK][1] },
		{ { "lostsock_streams", METRIC_GAUGE, NULL,
		    "Streams within connections that programs tell of, open now (--streams)." },
		  s->streams },
		{ { "lostsock_streams_half_open", METRIC_GAUGE, NULL,
		    "... with one side closed and the other one open." },
		  s->half_open },
		{ { "lostsock_names_others", METRIC_GAUGE, NULL,
		    "Names of processes that have no series of their own, and are in \"other\"." },
		  tally_others(opt->tally) },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		metric_one(out, &rows[i].m, rows[i].value);
}

int view_metrics(FILE *file, const struct view_input *in, const struct metrics_options *opt,
		 uint64_t *dropped)
{
	static const struct metric cut = {
		"lostsock_series_dropped", METRIC_GAUGE, NULL,
		"Series that were left out of this answer, as there were too many."
	};
	struct metric_out out = {
		.file = file,
		.openmetrics = opt->openmetrics,
		.limit = opt->series_max ? opt->series_max : METRICS_SERIES_MAX,
	};
	struct sums s = { .leaked = 0 };

	sum_all(&s, in, opt->filter);
	put_states(&out, &s);
	put_ages(&out, &s);
	put_found(&out, &s);
	put_oldest(&out, &s, in->now_ns);
	put_numbers(&out, &s, in, opt);
	metrics_put_self(&out, in, opt->self);
	metrics_put_rows(&out, opt->tally, in->now_ns);
	/* This one is always there. */
	out.limit = 0;
	metric_one(&out, &cut, out.dropped);
	*dropped = out.dropped;
	return fflush(file) ? -errno : 0;
}
