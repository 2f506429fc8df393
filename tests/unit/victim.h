/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that the tests of src/symbol look into: compiled, started, and stopped to copy their
 * registers and stack, as the kernel's side does at the open of a connection.
 */
#pragma once

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbol/symbol.h"

#define VICTIM_IPS 64

struct victim {
	pid_t pid;
	FILE *out; /* its standard output */
	struct symbol_regs regs;
	size_t len;
	uint8_t stack[65536];
};

/* Runs a command of the shell; true if it ends well. */
__attribute__((format(printf, 1, 2))) static inline bool shell(const char *format, ...)
{
	char command[2048];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	return n > 0 && (size_t)n < sizeof(command) && system(command) == 0;
}

static inline void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

/* Starts @argv and waits for the first line that it writes, into @line. */
static inline bool victim_start(struct victim *v, char *const argv[], char *line, size_t len)
{
	int fds[2];

	memset(v, 0, sizeof(*v));
	if (pipe(fds))
		return false;
	v->pid = fork();
	if (!v->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execv(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	v->out = fdopen(fds[0], "r");
	return v->pid > 0 && v->out && fgets(line, (int)len, v->out);
}

static inline void victim_end(struct victim *v)
{
	if (v->pid > 0) {
		kill(v->pid, SIGKILL);
		waitpid(v->pid, NULL, 0);
	}
	if (v->out)
		fclose(v->out);
	v->pid = 0;
	v->out = NULL;
}

/* Copies its registers and its stack while it sleeps. */
static inline bool victim_look(struct victim *v)
{
	struct user_regs_struct pt;
	struct iovec regs = { &pt, sizeof(pt) }, to = { v->stack, sizeof(v->stack) }, from;
	ssize_t n;
	int status;

	usleep(20000); /* from the line it wrote into the system call it sleeps in */
	if (ptrace(PTRACE_SEIZE, v->pid, 0, 0) || ptrace(PTRACE_INTERRUPT, v->pid, 0, 0) ||
	    waitpid(v->pid, &status, __WALL) != v->pid ||
	    ptrace(PTRACE_GETREGSET, v->pid, (void *)1 /* NT_PRSTATUS */, &regs))
		return false;
	if (symbol_regs_from_pt_regs(&v->regs, &pt, sizeof(pt)))
		return false;
	from.iov_base = (void *)(uintptr_t)v->regs.sp; // NOLINT: of another process
	/* In steps, as a read beyond the stack's end brings nothing at all. */
	for (v->len = 0; v->len < sizeof(v->stack); v->len += (size_t)n) {
		to.iov_base = v->stack + v->len;
		from.iov_base = (void *)(uintptr_t)(v->regs.sp + v->len); // NOLINT
		to.iov_len = from.iov_len = 16;
		n = process_vm_readv(v->pid, &to, 1, &from, 1, 0);
		if (n <= 0)
			break;
	}
	ptrace(PTRACE_DETACH, v->pid, 0, 0);
	return v->len > 0;
}

/* All frames of its stack, inlined ones too, one a line. Returns how many. */
static inline int victim_text(struct victim *v, struct symbolizer *sym, char *buf, size_t len)
{
	uint64_t ips[VICTIM_IPS];
	struct symbol_frame f[8];
	char text[SYMBOL_TEXT_LEN];
	size_t at = 0;
	int i, j, n, m, all = 0;

	*buf = '\0';
	n = symbolizer_unwind(sym, (uint32_t)v->pid, &v->regs, v->stack, v->len, ips, VICTIM_IPS);
	for (i = 0; i < n; i++) {
		m = symbolizer_frames(sym, (uint32_t)v->pid, ips[i], i > 0, f, 8);
		for (j = 0; j < m && at < len; j++, all++) {
			symbol_frame_text(&f[j], text, sizeof(text));
			at += (size_t)snprintf(buf + at, len - at, "%s%s\n", text,
					       symbol_frame_is_application(&f[j]) ? " *" : "");
		}
	}
	return n < 0 ? n : all;
}
