/* SPDX-License-Identifier: BSD-2-Clause */
/* The live source's streams: which files are watched, and where (live_stream.c, live_probe.c). */
#pragma once

#include "source/live_internal.h"
#include "source/stream_table.h"

struct places;

/* enum bpf_attach_type from 6.6 on. */
#define LIVE_UPROBE_MULTI 48

struct live_streams {
	struct stream_table *table;
	struct {
		int fd; /* -1: it is perf's */
		struct bpf_link *perf;
	} link[LS_PROBES_MAX];
	uint32_t links;
	uint32_t probes; /* rows of the map that are in use */
	uint32_t files;	 /* with probes */
	Pvoid_t looked;	 /* Judy1: files that were looked at, as mappings name them */
	Pvoid_t opened;	 /* Judy1: ... and as they are when they are open */
	Pvoid_t procs;	 /* JudyL: pid → struct live_scanned */
	Pvoid_t fresh;	 /* Judy1: pids that have just become another program */
	uint32_t stage;	 /* how often those were looked at */
	int timer_fd;
	uint64_t told[4];   /* a bit for each library */
	uint64_t budget_ns; /* left of this snapshot */
	bool listens;	    /* to mappings, too */
	bool verbose, mute, full, failed;
};

/* live->streams. -ENOMEM, or -EINVAL with one line in @err: live_streams_free() it still. */
int live_streams_open(struct live *live, const struct live_options *opt, char err[LIVE_ERROR_LEN]);
void live_streams_free(struct live_streams *s);
/* @pid is going to become @program, an absolute path in its own root: what that will map is watched
 * from now on. */
void live_streams_expect(struct live *live, uint32_t pid, const char *program);
/* Before anything else is read: who has just started, or mapped something, is looked at again. */
void live_streams_pump(struct live *live);
void live_streams_snapshot(struct live *live);
/* A process is there, in a snapshot; or it became another program, or ended. */
void live_streams_seen(struct live *live, const struct ls_who *who);
void live_streams_proc(struct live *live, const struct ls_proc *proc);
/* On its way to the sink: the library that it names is told of before. -errno of the sink. */
int live_stream_told(struct live *live, const struct ls_stream *rec);
int live_stream_conn_told(struct live *live, const struct ls_stream_conn *rec);

/* ---- live_probe.c */
/* Attaches to what @p has of streams; @path names it to people. Returns how many probes. */
uint32_t live_probe_file(struct live *live, struct places *p, const char *path);
/* Attaches stream_told, as loaded for LIVE_UPROBE_MULTI, to ourselves for a moment. 0 or -errno. */
int live_probe_try(const struct bpf_program *prog);
