/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command that `run` runs: a child that is there, and so can be attached to, before it becomes
 * COMMAND. Its standard streams, environment, group and signals are what ours were.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct signalfd_siginfo;

#define COMMAND_ERROR_LEN 160

/* As whom it runs. */
struct command_user {
	uid_t uid;
	gid_t gid;
	char name[64]; /* for its further groups; "": none are known */
	bool set;      /* false: as ourselves */
};

struct command {
	pid_t pid;
	int go;	    /* written to: become COMMAND */
	int failed; /* read from: errno of its exec, or its end */
	bool released;
	bool ended;
	int status; /* as wait() gives it, once it has ended */
};

/* @name, or where that is NULL who called sudo. -EINVAL: @err has one clear line. */
int command_user(struct command_user *user, const char *name, char err[COMMAND_ERROR_LEN]);
/* Which file execvp() would take for @name, an absolute path for the caller to free(). NULL: none.
 */
char *command_find(const char *name);
/* Makes the child, which waits. Call it before anything is open that it shall not have, and before
 * signals are blocked. 0 or -errno. */
int command_fork(struct command *c, char **argv, const struct command_user *user);
/* Lets it become COMMAND: 0, or the exit status that a shell would give (126, 127), with a line on
 * stderr. */
int command_release(struct command *c, const char *name);
/* A signal that we got: passes it on, or takes note of the child's end. */
void command_signal(struct command *c, const struct signalfd_siginfo *info);
/* Ends a child that was never released; closes all. */
void command_close(struct command *c);
/* What a shell would say: its status, or 128 and the signal. */
int command_status(const struct command *c);
