// SPDX-License-Identifier: BSD-2-Clause
/*
 * Stacks, numbered: what the kernel walked or copied becomes a list of addresses with a number of
 * ours and, if asked for, names. Each is told of once, before the first record that names it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "source/live_stack.h"

#define STACKS_MAX 65536u  /* numbers given; beyond that a stack is counted as lost */
#define KEYS_MAX   262144u /* by which copies are known again; then they are forgotten */

/* A list of addresses that may not have a number yet. */
struct walk {
	struct ls_who who;
	uint64_t time_ns;
	uint32_t depth;
	uint64_t ip[LIVE_DEPTH];
};

static Word_t lookup(Pvoid_t array, uint64_t key)
{
	PPvoid_t slot = JudyLGet(array, key, PJE0);

	return slot && slot != PPJERR ? (Word_t)*slot : 0;
}

static void insert(Pvoid_t *array, uint64_t key, Word_t value)
{
	PPvoid_t slot;

	if (JudyLCount(*array, 0, -1, PJE0) >= KEYS_MAX)
		JudyLFreeArray(array, PJE0);
	slot = JudyLIns(array, key, PJE0);
	if (slot && slot != PPJERR)
		*slot = (void *)value;
}

/* Go keeps frame pointers: no need to copy what can be walked. */
static void choose_walk(struct live *live, uint32_t pid)
{
	uint8_t how = LS_HOT_FRAMES;

	if (symbolizer_is_go(live->stacks->sym, pid))
		bpf_map_update_elem(bpf_map__fd(live->skel->maps.hot), &pid, &how, BPF_ANY);
}

int live_stacks_open(struct live *live, uint32_t detail)
{
	struct live_stacks *s = calloc(1, sizeof(*s));
	size_t i;

	if (!s)
		return -ENOMEM;
	live->stacks = s;
	s->detail = detail;
	s->sym = symbolizer_new(NULL);
	if (!s->sym)
		return -ENOMEM;
	/* First told of what comes, then looked at what is there. Without the right to perf events
	 * only those that live for less than a moment are left without names. */
	s->watch = live->pid_count ? symbol_watch_new(live->pids, live->pid_count) : NULL;
	for (i = 0; i < live->pid_count; i++) {
		symbolizer_process(s->sym, live->pids[i], 0);
		choose_walk(live, live->pids[i]);
	}
	return 0;
}

void live_stacks_free(struct live_stacks *s)
{
	Word_t number = 0;
	PPvoid_t slot;

	if (!s)
		return;
	symbol_watch_free(s->watch);
	symbolizer_free(s->sym);
	while ((slot = JudyLNext(s->by_number, &number, PJE0)))
		free(*slot);
	JudyLFreeArray(&s->by_number, PJE0);
	JudyLFreeArray(&s->by_copy, PJE0);
	JudyLFreeArray(&s->by_key, PJE0);
	JudyLFreeArray(&s->by_ips, PJE0);
	JudyLFreeArray(&s->execs, PJE0);
	live_shapes_free(s);
	free(s);
}

void live_stacks_pump(struct live *live)
{
	struct live_stacks *s = live->stacks;

	if (s && s->watch)
		symbol_watch_pump(s->watch, s->sym);
}

void live_stacks_proc(struct live *live, const struct ls_proc *proc)
{
	struct live_stacks *s = live->stacks;
	uint32_t pid = proc->who.pid;

	if (!s)
		return;
	switch (proc->what) {
	case LS_PROC_FORK:
		if (!s->watch)
			symbolizer_fork(s->sym, proc->ppid, pid);
		break;
	case LS_PROC_EXEC:
		if (!s->watch)
			symbolizer_exec(s->sym, pid, 0);
		insert(&s->execs, pid, lookup(s->execs, pid) + 1);
		live_shape_forget(live, pid);
		live_stacks_pump(live);
		if (!symbolizer_process(s->sym, pid, proc->who.start_ns))
			choose_walk(live, pid);
		break;
	case LS_PROC_EXIT:
		if (!s->watch)
			symbolizer_exit(s->sym, pid);
		JudyLDel(&s->execs, pid, PJE0);
		live_shape_forget(live, pid);
		break;
	}
}

/* ---- numbers */

static const struct live_known *known_of(const struct live_stacks *s, int32_t number)
{
	PPvoid_t slot = JudyLGet(s->by_number, number, PJE0);

	return slot && slot != PPJERR ? *slot : NULL;
}

static void remember(struct live_stacks *s, int32_t number, const struct walk *w)
{
	struct live_known *k = malloc(sizeof(*k) + w->depth * sizeof(k->ip[0]));

	if (!k)
		return;
	k->depth = w->depth;
	memcpy(k->ip, w->ip, w->depth * sizeof(k->ip[0]));
	insert(&s->by_number, number, (Word_t)k);
}

/* A process is another program after each exec. */
static uint64_t program_hash(const struct live_stacks *s, const struct ls_who *who)
{
	uint64_t hash = ls_shape_mix(0, who->start_ns);

	return ls_shape_mix(hash, (uint64_t)lookup(s->execs, who->pid) << 32 | who->pid);
}

static int tell_frame(struct live *live, const struct walk *w, int32_t number, uint16_t index,
		      const struct symbol_frame *f)
{
	const char *text[] = { f->function, f->file, f->module, f->build_id };
	union {
		struct ls_frame rec;
		char room[sizeof(struct ls_frame) + 4 * SYMBOL_PATH_LEN];
	} u = { .rec = { .hdr = { .type = LS_FRAME, .time_ns = w->time_ns } } };
	size_t at = sizeof(u.rec), i;

	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		size_t len = strnlen(text[i], SYMBOL_PATH_LEN - 1);

		memcpy(u.room + at, text[i], len); /* the NUL stands there */
		at += len + 1;
	}
	u.rec.hdr.len = (at + 7) & ~7u;
	u.rec.stack = number;
	u.rec.index = index;
	u.rec.line = f->line;
	u.rec.offset = f->offset;
	u.rec.flags = (symbol_frame_is_application(f) ? LS_FRAME_APPLICATION : 0) |
		      (f->inlined ? LS_FRAME_INLINED : 0) |
		      (f->kind == SYMBOL_KIND_JIT ? LS_FRAME_JIT : 0);
	return live->sink(live->sink_ctx, &u.rec.hdr);
}

static int tell_frames(struct live *live, const struct walk *w, int32_t number)
{
	struct live_stacks *s = live->stacks;
	uint16_t index = 0;
	uint32_t i;
	int n, k, err;

	for (i = 0; i < w->depth; i++) {
		n = symbolizer_frames(s->sym, w->who.pid, w->ip[i], i > 0, s->frames, LIVE_INLINED);
		for (k = 0; k < n; k++) {
			err = tell_frame(live, w, number, index++, &s->frames[k]);
			if (err)
				return err;
		}
	}
	return 0;
}

/* A record of the usual length, or longer where there are more frames than it has room for. */
static int tell_stack(struct live *live, const struct walk *w, int32_t number)
{
	struct {
		struct ls_stack rec;
		uint64_t more[LIVE_DEPTH - LS_STACK_DEPTH];
	} u = { .rec = { .hdr = { .type = LS_STACK, .time_ns = w->time_ns }, .who = w->who } };
	size_t extra = w->depth > LS_STACK_DEPTH ? w->depth - LS_STACK_DEPTH : 0;

	u.rec.hdr.len = sizeof(u.rec) + extra * sizeof(u.more[0]);
	u.rec.stack = number;
	u.rec.depth = w->depth;
	memcpy(u.rec.ip, w->ip, sizeof(u.rec.ip));
	memcpy(u.more, w->ip + LS_STACK_DEPTH, sizeof(u.more));
	return live->sink(live->sink_ctx, &u.rec.hdr);
}

/* What a copy has of a stack. */
struct memory {
	const struct ls_copy *copy;
	const void *bytes;
	size_t len;
};

static void teach(struct live *live, const struct memory *m, int32_t number)
{
	const struct live_known *known = known_of(live->stacks, number);

	if (m && known)
		live_shape_teach(live, m->copy, m->bytes, m->len, number, known);
}

/* The number of this list of addresses; told of if it is new. *@number -1: no room for more. */
static int number_of(struct live *live, const struct walk *w, const struct memory *m,
		     int32_t *number)
{
	struct live_stacks *s = live->stacks;
	uint64_t key = program_hash(s, &w->who);
	uint32_t i;
	int err;

	for (i = 0; i < w->depth; i++)
		key = ls_shape_mix(key, w->ip[i]);
	*number = (int32_t)lookup(s->by_ips, key);
	if (*number) {
		teach(live, m, *number);
		return 0;
	}
	*number = -1;
	if (s->given == STACKS_MAX) {
		s->lost++;
		return 0;
	}
	*number = (int32_t)++s->given;
	insert(&s->by_ips, key, s->given);
	remember(s, *number, w);
	/* Before it is named, which may take long: until then each open is copied. */
	teach(live, m, *number);
	err = tell_stack(live, w, *number);
	if (err || !(s->detail & LIVE_NAMES))
		return err;
	return tell_frames(live, w, *number);
}

/* ---- copies */

static void regs_of(struct symbol_regs *regs, const struct ls_copy *copy)
{
	memcpy(regs->reg, copy->regs, sizeof(regs->reg));
#if defined(__x86_64__)
	regs->sp = copy->regs[7];
	regs->ip = copy->regs[16];
#elif defined(__aarch64__)
	regs->sp = copy->regs[31];
	regs->ip = copy->regs[32];
#endif
}

static int unwind_new(struct live *live, const struct memory *m, const struct symbol_regs *regs,
		      int32_t *number)
{
	struct walk w = { .who = m->copy->who, .time_ns = m->copy->hdr.time_ns };
	int n = symbolizer_unwind(live->stacks->sym, w.who.pid, regs, m->bytes, m->len, w.ip,
				  LIVE_DEPTH);

	if (n <= 0) {
		live->stacks->lost++;
		return 0;
	}
	w.depth = n;
	return number_of(live, &w, m, number);
}

int live_stack_unwind(struct live *live, const struct ls_copy *copy, const void *memory, size_t len,
		      int32_t *number)
{
	const struct memory m = { .copy = copy, .bytes = memory, .len = len };
	struct live_stacks *s = live->stacks;
	struct symbol_regs regs;
	uint64_t key;
	int err;

	*number = -1;
	regs_of(&regs, copy);
	if (!regs.ip || symbolizer_process(s->sym, copy->who.pid, copy->who.start_ns))
		return 0;
	key = symbolizer_stack_key(s->sym, copy->who.pid, &regs, memory, len);
	if (key)
		key = ls_shape_mix(program_hash(s, &copy->who), key);
	*number = key ? (int32_t)lookup(s->by_key, key) : 0;
	if (*number) {
		teach(live, &m, *number);
		return 0;
	}
	*number = -1;
	err = unwind_new(live, &m, &regs, number);
	if (key && *number >= 0)
		insert(&s->by_key, key, *number);
	return err;
}

int live_stack_copied(struct live *live, const struct ls_copy *copy)
{
	int32_t number;
	int err;

	/* While the ring is read more comes into it, from programs that are newer than our news. */
	live_stacks_pump(live);
	err = live_stack_unwind(live, copy, copy + 1, copy->bytes, &number);
	insert(&live->stacks->by_copy, copy->stack, number);
	choose_walk(live, copy->who.pid);
	return err;
}

/* ---- what the kernel walked */

static int number_frames(struct live *live, const struct ls_who *who, uint64_t time_ns,
			 int32_t *stack)
{
	struct live_stacks *s = live->stacks;
	uint64_t key = ls_shape_mix(program_hash(s, who), *stack);
	struct walk w = { .who = *who, .time_ns = time_ns };
	uint32_t id = *stack;
	int err;

	*stack = (int32_t)lookup(s->by_key, key);
	if (*stack)
		return 0;
	*stack = -1;
	if (bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.stacks), &id, w.ip))
		return 0;
	while (w.depth < LS_STACK_DEPTH && w.ip[w.depth])
		w.depth++;
	if (symbolizer_process(s->sym, who->pid, who->start_ns))
		return 0;
	err = number_of(live, &w, NULL, stack);
	if (*stack >= 0)
		insert(&s->by_key, key, *stack);
	return err;
}

int live_stack_walked(struct live *live, const struct ls_who *who, uint64_t time_ns,
		      const uint64_t *ips, uint32_t n, int32_t *number)
{
	struct walk w = { .who = *who, .time_ns = time_ns, .depth = n };

	memcpy(w.ip, ips, n * sizeof(*ips));
	return number_of(live, &w, NULL, number);
}

int live_stack_number(struct live *live, const struct ls_who *who, uint64_t time_ns, bool forget,
		      int32_t *stack)
{
	struct live_stacks *s = live->stacks;
	uint32_t copy = *stack;

	if (*stack < 0)
		return 0;
	if (*stack & LS_NUMBER_FRAMES)
		return number_frames(live, who, time_ns, stack);
	if (!(*stack & LS_NUMBER_COPY))
		return 0;
	*stack = (int32_t)lookup(s->by_copy, copy) ?: -1;
	if (forget)
		JudyLDel(&s->by_copy, copy, PJE0);
	return 0;
}
