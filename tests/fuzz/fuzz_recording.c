/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a recording: read, told to a ledger, judged, and explained. The ledger is small, so
 * that its limits are met, too.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/recording.h"
#include "verdict/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct ledger *led;
	struct verdicts *v;
	struct verdict_thresholds t;
};

static void explain_all(struct run *run, uint64_t now_ns)
{
	char words[256];
	uint32_t i;

	for (i = 0; i < verdicts_count(run->v); i++) {
		struct finding f;

		verdicts_get(run->v, i, &f);
		verdict_explain(run->v, run->led, &f, now_ns, words, sizeof(words));
	}
}

static int take(void *ctx, const struct ls_hdr *rec)
{
	struct run *run = ctx;

	ledger_apply(run->led, rec);
	if (rec->type != LS_SNAP)
		return 0;
	if (verdicts_judge(run->v, run->led, &run->t, ledger_totals(run->led)->time_ns))
		abort();
	explain_all(run, ledger_totals(run->led)->time_ns);
	return 0;
}

/* What readers may rely on. */
static void check(const struct ledger *led)
{
	uint32_t id, conns = 0;

	for (id = 1; id < ledger_conn_end(led); id++) {
		const struct conn *c = ledger_conn(led, id);

		if (!c)
			continue;
		conns++;
		if (ledger_find_conn(led, c->cookie) != id ||
		    (c->opener && !ledger_proc(led, c->opener)) ||
		    (c->site && !ledger_site(led, c->site)) ||
		    (c->holder.proc && !ledger_proc(led, c->holder.proc)))
			abort();
		if (!ledger_conn_local(led, c) || !ledger_conn_remote(led, c))
			abort();
	}
	if (conns != ledger_totals(led)->conns)
		abort();
}

static void check_details(const struct ledger *led)
{
	const struct frame *f;
	uint32_t id, n;

	for (id = 1; id < ledger_conn_end(led); id++)
		if (ledger_empty(led, id) &&
		    (!ledger_conn(led, id) || !ledger_proc(led, ledger_empty(led, id)->proc)))
			abort();
	for (id = 1; id < ledger_wait_end(led); id++)
		if (ledger_wait(led, id) && !ledger_proc(led, ledger_wait(led, id)->proc))
			abort();
	for (id = 1; id < ledger_left_end(led); id++) {
		const struct left *l = ledger_left(led, id);

		if (l && (!ledger_proc(led, l->proc) || !ledger_proc(led, l->conn.opener) ||
			  (l->conn.site && !ledger_site(led, l->conn.site)) ||
			  !ledger_conn_local(led, &l->conn) || !ledger_conn_remote(led, &l->conn)))
			abort();
	}
	for (id = 0; id < 64; id++)
		for (n = 0; (f = ledger_frame(led, (int32_t)id, n)); n++)
			if (!f->function || !f->file || !f->module || !f->build_id)
				abort();
}

/* Streams: each list whole, each count right. */
static void check_carrier(const struct ledger *led, uint32_t id, const struct carrier *c)
{
	uint32_t at = c->first, prev = 0, n = 0, half = 0;
	const struct stream *s;

	if (!ledger_proc(led, c->proc) || !ledger_proc_streams(led, c->proc))
		abort();
	for (; at; prev = at, at = s->next, n++) {
		s = ledger_stream(led, at);
		if (!s || s->carrier != id || s->prev != prev ||
		    (s->site && !ledger_stream_site(led, s->site)))
			abort();
		half += stream_half_open(s);
	}
	if (prev != c->last || n != c->live || half != c->half_open || c->own > n)
		abort();
}

static void check_streams(const struct ledger *led)
{
	uint32_t id, live = 0, in_procs = 0, at_sites = 0, half = 0, half_procs = 0, sited = 0;

	for (id = 1; id < ledger_carrier_end(led); id++) {
		const struct carrier *c = ledger_carrier(led, id);

		if (!c)
			continue;
		check_carrier(led, id, c);
		live += c->live;
		half += c->half_open;
	}
	for (id = 1; id < ledger_proc_end(led); id++) {
		const struct proc_streams *p = ledger_proc_streams(led, id);

		if (!p)
			continue;
		in_procs += p->live;
		half_procs += p->half_open;
	}
	for (id = 1; id < ledger_stream_site_end(led); id++)
		if (ledger_stream_site(led, id))
			at_sites += ledger_stream_site(led, id)->live;
	for (id = 1; id < ledger_stream_end(led); id++)
		sited += ledger_stream(led, id) && ledger_stream(led, id)->site;
	if (live != ledger_streams_live(led) || live != in_procs || half != half_procs ||
	    sited != at_sites)
		abort();
}

static void replay(const char *path)
{
	struct ledger_limits limits = { .conns = 32, .procs = 16, .sites = 8, .streams = 24 };
	struct run run = { .led = ledger_new(&limits), .v = verdicts_new() };
	char err[RECORDING_ERROR_LEN];
	struct source src;
	int rc;

	verdict_thresholds_init(&run.t);
	verdict_thresholds_parse(&run.t, "2s", err, sizeof(err));
	if (recording_open(&src, path, 0, err) == 0) {
		do
			rc = src.ops->pump(src.arg, take, &run);
		while (!rc);
		if (recording_incomplete(&src) && recording_damage(&src)[0] && rc == -ENODATA)
			abort();
		src.ops->close(src.arg);
		check(run.led);
		check_details(run.led);
		check_streams(run.led);
	}
	verdicts_free(run.v);
	ledger_free(run.led);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	int fd = memfd_create("recording", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	replay(path);
	close(fd);
	return 0;
}
