// SPDX-License-Identifier: BSD-2-Clause
/* Metrics of the program that watches: what it costs, what it holds, and what it could not keep. */
#include "view/metrics_part.h"
#include "view/rows.h"

#define NS_PER_S 1e9

static void put_lost(struct metric_out *out, const struct ledger_totals *t)
{
	static const struct metric m = {
		"lostsock_records_lost", METRIC_COUNTER, NULL,
		"Records that could not be delivered or kept, by reason."
	};
	unsigned int why;

	metric_begin(out, &m);
	for (why = 0; why < LS_LOST_MAX; why++) {
		if (!lost_name(why))
			continue;
		metric_sample(out, "");
		metric_label(out, "reason", lost_name(why));
		metric_number(out, t->lost[why]);
	}
}

static void put_tables(struct metric_out *out, const struct ledger *led)
{
	static const struct metric families[] = {
		{ "lostsock_ledger_entries", METRIC_GAUGE, NULL,
		  "What the ledger holds in memory, by table." },
		{ "lostsock_ledger_capacity", METRIC_GAUGE, NULL, "... and what it has room for." },
	};
	const struct ledger_totals *t = ledger_totals(led);
	struct ledger_limits max = ledger_capacity(led);
	const struct {
		const char *table;
		uint64_t n[2];
	} tables[] = {
		{ "connections", { t->conns, max.conns } },
		{ "processes", { t->procs, max.procs } },
		{ "sites", { t->sites, max.sites } },
		{ "tasks", { t->tasks, max.tasks } },
	};
	size_t f, i;

	for (f = 0; f < 2; f++) {
		metric_begin(out, &families[f]);
		for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
			metric_sample(out, "");
			metric_label(out, "table", tables[i].table);
			metric_number(out, tables[i].n[f]);
		}
	}
}

static void put_build(struct metric_out *out, const struct metrics_self *self, const char *kernel)
{
	static const struct metric m = { "lostsock_build", METRIC_INFO, NULL,
					 "The program's version, and the kernel that it runs on." };

	metric_begin(out, &m);
	metric_sample(out, "");
	metric_label(out, "version", self->version);
	metric_label(out, "kernel", kernel ? kernel : "");
	metric_number(out, 1);
}

static void put_numbers(struct metric_out *out, const struct ledger_totals *t,
			const struct metrics_self *self)
{
	const struct {
		struct metric m;
		uint64_t value;
	} rows[] = {
		{ { "lostsock_records", METRIC_COUNTER, NULL, "Records taken in." }, t->records },
		{ { "lostsock_snapshots", METRIC_COUNTER, NULL, "Snapshots of what is open." },
		  t->snapshots },
		{ { "lostsock_ticks", METRIC_COUNTER, NULL, "Looks: snapshot and judgement." },
		  self->ticks },
		{ { "lostsock_resident_memory_bytes", METRIC_GAUGE, "bytes",
		    "Memory of the collector." },
		  self->resident_bytes },
		{ { "lostsock_connections_dropped", METRIC_GAUGE, NULL,
		    "Descriptors of connections that the last look had no room for." },
		  self->dropped },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		metric_one(out, &rows[i].m, rows[i].value);
}

static void put_times(struct metric_out *out, const struct view_input *in,
		      const struct metrics_self *self)
{
	static const struct metric snapshot = { "lostsock_snapshot_seconds", METRIC_GAUGE,
						"seconds", "What the last snapshot took." };
	static const struct metric tick = { "lostsock_tick_seconds", METRIC_GAUGE, "seconds",
					    "What the last look took." };
	static const struct metric interval = { "lostsock_interval_seconds", METRIC_GAUGE,
						"seconds", "Time from the last look to the next." };
	static const struct metric cpu = { "lostsock_cpu_seconds", METRIC_COUNTER, "seconds",
					   "Processor time of the collector." };
	static const struct metric look = { "lostsock_last_look_timestamp_seconds", METRIC_GAUGE,
					    "seconds", "When it last looked, since 1970." };
	static const struct metric start = { "lostsock_start_time_seconds", METRIC_GAUGE, "seconds",
					     "When it started, since 1970." };

	metric_one_value(out, &snapshot, (double)ledger_totals(in->ledger)->snapshot_ns / NS_PER_S);
	metric_one_value(out, &tick, (double)self->tick_ns / NS_PER_S);
	metric_one_value(out, &interval, in->interval_s);
	metric_one_value(out, &cpu, (double)self->cpu_ns / NS_PER_S);
	metric_one_value(out, &look, (double)self->look_ns / NS_PER_S);
	metric_one_value(out, &start, (double)self->start_ns / NS_PER_S);
}

/* The kernel keeps time and number where kernel.bpf_stats_enabled says so; what it left out it
 * always counts. */
static void put_programs(struct metric_out *out, const struct metrics_self *self)
{
	static const struct metric families[] = {
		{ "lostsock_bpf_run_seconds", METRIC_COUNTER, "seconds",
		  "Time in BPF programs, while kernel.bpf_stats_enabled is set." },
		{ "lostsock_bpf_runs", METRIC_COUNTER, NULL,
		  "How often they ran, while kernel.bpf_stats_enabled is set." },
		{ "lostsock_bpf_missed_runs", METRIC_COUNTER, NULL,
		  "Runs that the kernel left out, as the program was running already." },
	};
	const struct metrics_program *p;
	size_t f, i;

	for (f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		metric_begin(out, &families[f]);
		for (i = 0; i < self->programs; i++) {
			p = &self->program[i];
			if (f < 2 && !p->runs)
				continue;
			metric_sample(out, "");
			metric_label(out, "program", p->name);
			if (f)
				metric_number(out, f == 1 ? p->runs : p->missed);
			else
				metric_value(out, (double)p->run_ns / NS_PER_S);
		}
	}
}

void metrics_put_self(struct metric_out *out, const struct view_input *in,
		      const struct metrics_self *self)
{
	const struct ledger_totals *t = ledger_totals(in->ledger);

	put_numbers(out, t, self);
	put_lost(out, t);
	put_tables(out, in->ledger);
	put_times(out, in, self);
	put_programs(out, self);
	put_build(out, self, in->kernel);
}
