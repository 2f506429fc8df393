// SPDX-License-Identifier: BSD-2-Clause
/* Starts a command that waits until it is watched. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "verb/command.h"
#include "verb/signals.h"

#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND      127
#define STATUS_SIGNAL	      128

static int parse_id(const char *s, unsigned long *id)
{
	char *end;

	errno = 0;
	*id = strtoul(s, &end, 10);
	return !*s || *end || errno || *s == '-' || *id >= (uid_t)-1 ? -EINVAL : 0;
}

static int named_user(struct command_user *user, const char *name, char err[COMMAND_ERROR_LEN])
{
	unsigned long id;
	struct passwd *pw = getpwnam(name);

	if (!pw && parse_id(name, &id) == 0)
		pw = getpwuid((uid_t)id);
	if (!pw) {
		snprintf(err, COMMAND_ERROR_LEN, "--user: there is no user '%.60s'", name);
		return -EINVAL;
	}
	*user = (struct command_user){ .uid = pw->pw_uid, .gid = pw->pw_gid, .set = true };
	snprintf(user->name, sizeof(user->name), "%s", pw->pw_name);
	return 0;
}

int command_user(struct command_user *user, const char *name, char err[COMMAND_ERROR_LEN])
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");
	unsigned long u, g;
	struct passwd *pw;

	*user = (struct command_user){ .set = false };
	if (name)
		return named_user(user, name, err);
	/* Who is not root has no other user to be, whatever the environment says. */
	if (geteuid() || !uid || !gid)
		return 0;
	if (parse_id(uid, &u) || parse_id(gid, &g)) {
		snprintf(err, COMMAND_ERROR_LEN, "SUDO_UID=%.20s SUDO_GID=%.20s: no numbers", uid,
			 gid);
		return -EINVAL;
	}
	if (!u)
		return 0;
	*user = (struct command_user){ .uid = (uid_t)u, .gid = (gid_t)g, .set = true };
	pw = getpwuid((uid_t)u);
	if (pw)
		snprintf(user->name, sizeof(user->name), "%s", pw->pw_name);
	return 0;
}

char *command_find(const char *name)
{
	const char *dir = getenv("PATH");
	char path[PATH_MAX];
	struct stat st;
	size_t len;

	if (strchr(name, '/'))
		return realpath(name, NULL);
	for (dir = dir ?: "/bin:/usr/bin"; *dir; dir += len + (dir[len] == ':')) {
		len = strcspn(dir, ":");
		snprintf(path, sizeof(path), "%.*s%s%s", (int)len, dir, len ? "/" : "", name);
		if (!stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK))
			return realpath(path, NULL);
	}
	return NULL;
}

/* ---- in the child */

static int become(const struct command_user *user)
{
	if (!user->set)
		return 0;
	if (*user->name ? initgroups(user->name, user->gid) : setgroups(1, &user->gid))
		return -errno;
	if (setresgid(user->gid, user->gid, user->gid) ||
	    setresuid(user->uid, user->uid, user->uid))
		return -errno;
	return 0;
}

__attribute__((noreturn)) static void child(int go, int failed, char **argv,
					    const struct command_user *user)
{
	char word;
	int err;

	/* Nothing comes if we are to end: whoever made us could not attach, or is gone. */
	if (read(go, &word, 1) != 1)
		_exit(STATUS_NOT_EXECUTABLE);
	err = become(user);
	if (!err) {
		execvp(argv[0], argv);
		err = -errno;
	}
	if (write(failed, &err, sizeof(err)) != sizeof(err))
		_exit(STATUS_NOT_FOUND);
	_exit(STATUS_NOT_EXECUTABLE);
}

/* ---- in the parent */

int command_fork(struct command *c, char **argv, const struct command_user *user)
{
	int go[2] = { -1, -1 }, failed[2] = { -1, -1 }, err;

	*c = (struct command){ .pid = -1, .go = -1, .failed = -1 };
	if (pipe2(go, O_CLOEXEC) || pipe2(failed, O_CLOEXEC)) {
		err = -errno;
		goto out;
	}
	c->pid = fork();
	if (c->pid < 0) {
		err = -errno;
		goto out;
	}
	if (!c->pid) {
		close(go[1]);
		close(failed[0]);
		child(go[0], failed[1], argv, user);
	}
	c->go = go[1];
	c->failed = failed[0];
	go[1] = failed[0] = -1;
	err = 0;
out:
	if (go[0] >= 0)
		close(go[0]);
	if (go[1] >= 0)
		close(go[1]);
	if (failed[0] >= 0)
		close(failed[0]);
	if (failed[1] >= 0)
		close(failed[1]);
	return err;
}

static void reap(struct command *c)
{
	if (!c->ended && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->ended = true;
}

int command_release(struct command *c, const char *name)
{
	int err = 0;
	ssize_t n;

	c->released = true;
	/* An end of file is its exec: the descriptor is closed by that. */
	n = write(c->go, "", 1) == 1 ? read(c->failed, &err, sizeof(err)) : -1;
	if (n != sizeof(err)) {
		/* Of one that was killed before signals were waited for, none will come. */
		reap(c);
		return 0;
	}
	fprintf(stderr, "lostsock: %s: %s\n", name,
		err == -ENOENT && !strchr(name, '/') ? "command not found" : strerror(-err));
	return err == -ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

void command_signal(struct command *c, const struct signalfd_siginfo *info)
{
	if (info->ssi_signo == SIGCHLD) {
		reap(c);
		return;
	}
	/* What the terminal sends, it sends to the whole group: COMMAND has it already. */
	if (info->ssi_code == SI_KERNEL || c->ended || !c->released)
		return;
	kill(c->pid, (int)info->ssi_signo);
}

void command_close(struct command *c)
{
	if (c->go >= 0)
		close(c->go);
	if (c->failed >= 0)
		close(c->failed);
	c->go = c->failed = -1;
	/* Without a word it ends by itself. */
	if (c->pid > 0 && !c->released && !c->ended)
		waitpid(c->pid, &c->status, 0);
}

int command_status(const struct command *c)
{
	if (!c->ended)
		return STATUS_NOT_EXECUTABLE;
	return WIFSIGNALED(c->status) ? STATUS_SIGNAL + WTERMSIG(c->status)
				      : WEXITSTATUS(c->status);
}
