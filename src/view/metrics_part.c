// SPDX-License-Identifier: BSD-2-Clause
/* Metrics by name of process and container, and by pid where that is asked for. */
#include "view/metrics_part.h"

#include "view/rows.h"

static void put_names(struct metric_out *out, const struct tally_row *r, bool by_pid)
{
	char pid[16] = "";

	metric_label(out, "comm", r->comm);
	metric_label(out, "container", r->container);
	if (!by_pid)
		return;
	if (r->pid)
		snprintf(pid, sizeof(pid), "%u", r->pid);
	metric_label(out, "pid", pid);
}

/* The rows that are told apart, then all the others. */
static const struct tally_row *next_row(const struct tally *t, uint32_t *i, bool *last)
{
	const struct tally_row *r = *last ? NULL : tally_next(t, i);

	if (r || *last)
		return r;
	*last = true;
	return tally_other(t);
}

static uint64_t opened(const struct tally_row *r)
{
	return r->opened;
}

static uint64_t closed(const struct tally_row *r)
{
	return r->closed;
}

static uint64_t aborted(const struct tally_row *r)
{
	return r->aborted;
}

static uint64_t processes(const struct tally_row *r)
{
	return r->processes;
}

static uint64_t live(const struct tally_row *r)
{
	return r->live;
}

static uint64_t leaked(const struct tally_row *r)
{
	return r->leaked;
}

static uint64_t stalled(const struct tally_row *r)
{
	return r->stalled;
}

static const struct {
	struct metric m;
	uint64_t (*value)(const struct tally_row *r);
} families[] = {
	{ { "lostsock_process_instances", METRIC_GAUGE, NULL,
	    "Processes of this name that have connections, or had." },
	  processes },
	{ { "lostsock_process_connections", METRIC_GAUGE, NULL,
	    "Connections that they hold, listeners left out." },
	  live },
	{ { "lostsock_process_leaked_connections", METRIC_GAUGE, NULL, "Of these, leaked." },
	  leaked },
	{ { "lostsock_process_stalled_connections", METRIC_GAUGE, NULL, "Of these, stalled." },
	  stalled },
	{ { "lostsock_process_connections_opened", METRIC_COUNTER, NULL,
	    "Connections that they have opened, those included who have ended since." },
	  opened },
	{ { "lostsock_process_connections_closed", METRIC_COUNTER, NULL,
	    "Of the connections that they have opened, those that have ended." },
	  closed },
	{ { "lostsock_process_connections_aborted", METRIC_COUNTER, NULL,
	    "... that were closed with unread bytes." },
	  aborted },
};

static void put_oldest(struct metric_out *out, const struct tally *t, bool by_pid, uint64_t now_ns)
{
	static const struct metric m = {
		"lostsock_process_oldest_finding_seconds", METRIC_GAUGE, "seconds",
		"How long the oldest of their findings has lasted, 0 if there is none."
	};
	const struct tally_row *r;
	bool last = false;
	uint32_t i = 0;

	metric_begin(out, &m);
	while ((r = next_row(t, &i, &last))) {
		metric_sample(out, "");
		put_names(out, r, by_pid);
		metric_value(out, r->oldest_ns ? (double)ns_since(now_ns, r->oldest_ns) / 1e9 : 0);
	}
}

/* One who is close to the limit says more than a sum in which many are far from it. */
static void put_fds(struct metric_out *out, const struct tally *t, bool by_pid)
{
	static const struct metric m[] = {
		{ "lostsock_process_open_fds", METRIC_GAUGE, NULL,
		  "Open descriptors of the one among them that is closest to its limit." },
		{ "lostsock_process_max_fds", METRIC_GAUGE, NULL, "... and how many it may have." },
	};
	const struct tally_row *r;
	uint32_t i;
	bool last;
	int f;

	for (f = 0; f < 2; f++) {
		i = 0;
		last = false;
		metric_begin(out, &m[f]);
		while ((r = next_row(t, &i, &last))) {
			if (!r->fds.max)
				continue;
			metric_sample(out, "");
			put_names(out, r, by_pid);
			metric_number(out, f ? r->fds.max : r->fds.open);
		}
	}
}

/* All classes of all names would be a series too many for most: a class is written from its first
 * finding on. */
static void put_found(struct metric_out *out, const struct tally *t, bool by_pid)
{
	static const struct metric m = {
		"lostsock_process_findings", METRIC_GAUGE, NULL,
		"Their findings, of the classes that they have had any of."
	};
	const struct tally_row *r;
	bool last = false;
	uint32_t i = 0;
	int c;

	metric_begin(out, &m);
	while ((r = next_row(t, &i, &last)))
		for (c = 1; c < VERDICT_MAX; c++) {
			if (!(r->classes >> c & 1))
				continue;
			metric_sample(out, "");
			put_names(out, r, by_pid);
			metric_label(out, "class", class_name(c));
			metric_number(out, r->found[c]);
		}
}

void metrics_put_rows(struct metric_out *out, const struct tally *t, uint64_t now_ns)
{
	bool by_pid = tally_by_pid(t), last;
	const struct tally_row *r;
	uint32_t i;
	size_t f;

	for (f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		i = 0;
		last = false;
		metric_begin(out, &families[f].m);
		while ((r = next_row(t, &i, &last))) {
			metric_sample(out, "");
			put_names(out, r, by_pid);
			metric_number(out, families[f].value(r));
		}
	}
	put_oldest(out, t, by_pid, now_ns);
	put_fds(out, t, by_pid);
	put_found(out, t, by_pid);
}
