/* SPDX-License-Identifier: BSD-2-Clause */
/* The live source's rooms, for each other: load (live.c), snapshot, cgroups, features. */
#pragma once

#include <Judy.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/socket.h>
#include "source/live.h"
#include "lostsock.skel.h"

#define LIVE_BUF    (256 << 10) /* more than the 32 KiB that bpf's seq_file hands out at once */

#define LIVE_PERCPU sizeof(struct ls_ending) /* bytes a CPU at most of a map that is read */

struct live_stacks;
struct live_waits;
struct live_streams;
struct live_local;
struct live_parked;

/* The kernel's types as it gives them, read when the first is asked for. */
struct live_types {
	char *text;
	size_t bytes;
};

struct live {
	struct lostsock_bpf *skel;
	struct live_types types; /* while it is loaded */
	/* NULL: numbers are the kernel's, nothing is unwound or named */
	struct live_stacks *stacks;
	struct live_waits *waits;     /* NULL: blocked time is not asked for */
	struct live_streams *streams; /* NULL: nor are streams */
	struct live_local *local;     /* NULL: who opens AF_UNIX is not known */
	struct live_parked *parked;   /* NULL: goroutines are not looked for */
	struct ring_buffer *ring;
	struct source_identity id;
	source_sink_fn sink; /* while the ring is drained */
	void *sink_ctx;
	uint32_t drained; /* records in this call */
	uint32_t *pids;	  /* those that are given, and their children at the start */
	size_t pid_count;
	int cgroup_fd;
	int cpus;
	uint64_t seq;
	uint16_t ends;
	bool given;	      /* only some processes are watched */
	Pvoid_t cgroup_known; /* JudyL: pid → low bits of its start time */
	Pvoid_t cgroup_of;    /* JudyL: pid → cgroup2 id when that was last told */
	Pvoid_t stacks_known; /* Judy1: stack numbers whose frames have been told */
	void *percpu;	      /* room for the values of a per-CPU map */
	char buf[LIVE_BUF];
};

/* With these, stacks have numbers of the source's own. */
#define LIVE_NUMBERED	  (LIVE_COPY | LIVE_NAMES | LIVE_WAITS | LIVE_EMPTY)

#define LIVE_MEND_ROOT	  "run as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"
#define LIVE_MEND_CGROUP2 "mount -t cgroup2 none /sys/fs/cgroup/unified"
#define LIVE_MEND_BTF \
	"a kernel built with CONFIG_DEBUG_INFO_BTF=y is needed, as Debian 11 and later have"

/* ---- live.c */
/* NULL if it is another kind of source. */
struct live *live_of(const struct source *src);
int live_pump(void *arg, source_sink_fn sink, void *ctx);

/* ---- live_types.c */
#define LIVE_TYPE_EMPTY "btf_trace_sock_recv_length" /* it tells of reads that find nothing */
bool live_has_btf(void);
/* Does this kernel have a type, or an enum's constant, of this name? What is read for that stays in
 * @t, zeroed at first, for the next question. */
bool live_types_have(struct live_types *t, const char *name);
void live_types_free(struct live_types *t);
/* For one question only. */
bool live_has_type(const char *name);

/* ---- live_load.c */
int live_load(struct live *live, const struct live_options *opt, char err[LIVE_ERROR_LEN]);
void live_unload(struct live *live);
/* Lets the kernel's side look at one more process. -errno. */
int live_watch_pid(struct live *live, uint32_t pid);
/* Makes local_open what it is: its section says another hook. */
void live_set_local(struct lostsock_bpf *skel);
/* Whether libbpf may speak, on stderr. */
void live_set_verbose(bool verbose);

/* ---- live_children.c */
/* Puts all descendants of @pids into the map `pids`, and the list of all into live->pids. -errno.
 */
int live_children(struct live *live, const uint32_t *pids, size_t n);

/* ---- live_snapshot.c */
int live_snapshot(void *arg, uint32_t passes, source_sink_fn sink, void *ctx);

/* ---- live_parked.c */
/* NULL: no memory. */
struct live_parked *live_parked_new(void);
void live_parked_free(struct live_parked *p);
/* Whose goroutines are looked for from now on; replaces those of the last call. */
void live_parked_suspect(struct live_parked *p, const uint64_t *cookies, size_t n);
/* A snapshot's row: the process and its descriptor, if it is a suspect. */
void live_parked_row(struct live *live, const struct ls_sock *row);
/* Tells who waits for those whose rows this snapshot had. -errno of the sink. */
int live_parked_tell(struct live *live, uint64_t time_ns);

/* ---- live_local.c */
/* NULL: no memory. */
struct live_local *live_local_new(void);
void live_local_free(struct live_local *l);
/* Keeps @open, whose stack has its number, until its connection is shown. */
void live_local_told(struct live *live, const struct ls_open *open);
/* Tells who opened what @row shows, if that is not told yet. -errno of the sink. */
int live_local_shown(struct live *live, const struct ls_sock *row);
/* A snapshot that began at @begin_ns has shown all that is open. */
void live_local_sweep(struct live *live, uint64_t begin_ns);

/* ---- live_cgroup.c */
int live_cgroup2_mount(char *buf, size_t len);
int live_cgroup_id(const char *path, uint64_t *id, uint32_t *level);
/* What is known of who is where; it is told anew. */
void live_cgroups_forget(struct live *live);
/* A runtime moves who is to run a container into its group, and then comes the exec. */
void live_cgroup_exec(struct live *live, const struct ls_proc *proc);
/* Whether @who has not been told of yet, nor since it was last moved. */
bool live_cgroup_due(struct live *live, const struct ls_who *who);
/* It is in the group @id now; if that is another one, it is due again: true. */
bool live_cgroup_moved(struct live *live, const struct ls_who *who, uint64_t id);
/* The path in /proc/PID/cgroup that says most about where a process belongs. */
int live_cgroup_path(uint32_t pid, char *path, size_t len);
