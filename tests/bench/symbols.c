// SPDX-License-Identifier: BSD-2-Clause
/*
 * symbols SITES [COMMAND...]  what it takes to name so many addresses of a process: of COMMAND,
 * which must write a line when it is ready, or of this one. The addresses lie evenly in all of its
 * code, so hardly two are of one compilation unit: no program is worse. Then our own stack is
 * unwound.
 *
 * Prints JSON: seconds for the names when nothing is known yet (and warm_s when all is), how many
 * got a function and a line, microseconds a stack the first time and from then on, and its frames.
 */
#include <inttypes.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "symbol/symbol.h"

#define SITES_MAX 100000
#define ROUNDS	  2000

struct stack {
	struct symbol_regs regs;
	size_t len;
	uint8_t bytes[16384];
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint32_t start(char **argv)
{
	int fds[2];
	pid_t pid;
	char byte;

	if (pipe(fds) || (pid = fork()) < 0)
		return 0;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fds[1], 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	return read(fds[0], &byte, 1) == 1 ? (uint32_t)pid : 0;
}

/* Ranges of code that has a file, at most @max. */
static size_t read_code(uint32_t pid, uint64_t (*range)[2], size_t max)
{
	char line[4608], perms[5], path[64];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = fopen(path, "re");
	while (f && n < max && fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &range[n][0], &range[n][1],
			   perms) == 3 &&
		    perms[2] == 'x' && strchr(line, '/'))
			n++;
	if (f)
		fclose(f);
	return n;
}

static void spread(uint32_t pid, uint64_t *site, uint32_t sites)
{
	static uint64_t range[4096][2];
	size_t n = read_code(pid, range, 4096), i;
	uint64_t sum = 0, at;
	uint32_t k;

	for (i = 0; i < n; i++)
		sum += range[i][1] - range[i][0];
	for (k = 0; k < sites; k++) {
		at = sum / sites * k;
		for (i = 0; i < n && at >= range[i][1] - range[i][0]; i++)
			at -= range[i][1] - range[i][0];
		site[k] = i < n ? range[i][0] + at : 0;
	}
}

static void name_all(struct symbolizer *sym, uint32_t pid, const uint64_t *site, uint32_t sites,
		     uint32_t *named, uint32_t *lines)
{
	struct symbol_frame f[8];
	uint32_t i;

	*named = *lines = 0;
	for (i = 0; i < sites; i++) {
		if (symbolizer_frames(sym, pid, site[i], true, f, 8) <= 0)
			continue;
		*named += f[0].function[0] != '\0';
		*lines += f[0].line != 0;
	}
}

static int take(const void *a, const void *b)
{
	struct stack *s = *(struct stack *const *)a;
	uint64_t pt[21] = { 0 };
	ucontext_t u;

	(void)b;
	getcontext(&u); // cppcheck-suppress getcontextCalled ; there is nothing else
#ifdef __x86_64__
	pt[0] = (uint64_t)u.uc_mcontext.gregs[REG_R15];
	pt[1] = (uint64_t)u.uc_mcontext.gregs[REG_R14];
	pt[2] = (uint64_t)u.uc_mcontext.gregs[REG_R13];
	pt[3] = (uint64_t)u.uc_mcontext.gregs[REG_R12];
	pt[4] = (uint64_t)u.uc_mcontext.gregs[REG_RBP];
	pt[5] = (uint64_t)u.uc_mcontext.gregs[REG_RBX];
	pt[16] = (uint64_t)u.uc_mcontext.gregs[REG_RIP];
	pt[19] = (uint64_t)u.uc_mcontext.gregs[REG_RSP];
#endif
	symbol_regs_from_pt_regs(&s->regs, pt, sizeof(pt));
	s->len = (uint64_t)(uintptr_t)environ - s->regs.sp;
	s->len = s->len < sizeof(s->bytes) ? s->len : sizeof(s->bytes);
	memcpy(s->bytes, (void *)(uintptr_t)s->regs.sp, s->len); // NOLINT: our own stack
	return 0;
}

/* A frame more each time, half of them libc's. */
static void deepen(struct stack *s, unsigned int depth)
{
	size_t n = 1;

	if (depth)
		deepen(s, depth - 1);
	else
		lfind(&s, &s, &n, sizeof(s), take);
	__asm__ volatile("" ::: "memory");
}

static void unwind(struct symbolizer *sym, double *first_us, double *next_us, int *frames)
{
	static struct stack s;
	uint64_t ips[64];
	double begin;
	int i;

	deepen(&s, 12);
	begin = now();
	*frames = symbolizer_unwind(sym, (uint32_t)getpid(), &s.regs, s.bytes, s.len, ips, 64);
	*first_us = (now() - begin) * 1e6;
	begin = now();
	for (i = 0; i < ROUNDS; i++)
		symbolizer_unwind(sym, (uint32_t)getpid(), &s.regs, s.bytes, s.len, ips, 64);
	*next_us = (now() - begin) * 1e6 / ROUNDS;
}

int main(int argc, char **argv)
{
	uint32_t sites = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0, pid, named, lines;
	static uint64_t site[SITES_MAX];
	struct symbolizer_stats stats;
	double begin, cold, warm, first, next;
	struct symbolizer *sym;
	int frames;

	if (!sites || sites > SITES_MAX)
		return 2;
	pid = argc > 2 ? start(argv + 2) : (uint32_t)getpid();
	sym = symbolizer_new(NULL);
	if (!pid || !sym)
		return 1;
	symbolizer_allow_self(sym);
	spread(pid, site, sites);
	begin = now();
	if (symbolizer_process(sym, pid, 0))
		return 1;
	name_all(sym, pid, site, sites, &named, &lines);
	cold = now() - begin;
	begin = now();
	name_all(sym, pid, site, sites, &named, &lines);
	warm = now() - begin;
	unwind(sym, &first, &next, &frames);
	symbolizer_stats(sym, &stats);
	printf("{\"sites\":%u,\"seconds\":%.3f,\"warm_s\":%.4f,\"named\":%u,\"lines\":%u,"
	       "\"first_us\":%.0f,\"unwind_us\":%.2f,\"frames\":%d,\"elf_mib\":%.0f}\n",
	       sites, cold, warm, named, lines, first, next, frames,
	       (double)stats.elf_bytes / 1048576);
	symbolizer_free(sym);
	if (pid != (uint32_t)getpid()) {
		kill((pid_t)pid, SIGKILL);
		waitpid((pid_t)pid, NULL, 0);
	}
	return 0;
}
