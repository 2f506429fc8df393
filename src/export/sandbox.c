// SPDX-License-Identifier: BSD-2-Clause
/* Users, capabilities and system calls (sandbox.h). */
#include "export/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NOBODY 65534

/* Memory, time, signals, and an end: what any process needs. */
static const int of_all[] = {
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(futex_time64),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
	SCMP_SYS(fstat),
	SCMP_SYS(fstat64),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(ppoll_time64),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(tgkill),
	SCMP_SYS(getrandom),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getrusage),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(sysinfo),
};

/* Connections that it is given, and threads of its own. */
static const int of_web[] = {
	SCMP_SYS(accept4),     SCMP_SYS(shutdown),    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(recvfrom),   SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),      SCMP_SYS(sendmsg),     SCMP_SYS(ioctl),	    SCMP_SYS(fcntl),
	SCMP_SYS(fcntl64),
};

/* /proc, its child, a word to systemd, and a socket of UNIX to be taken away. */
static const int of_collector[] = {
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstatat64),
	SCMP_SYS(statx),
	SCMP_SYS(kill),
	SCMP_SYS(wait4),
	SCMP_SYS(waitid),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(getppid),
	SCMP_SYS(signalfd4),
	SCMP_SYS(sendto),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(timerfd_settime64),
	SCMP_SYS(ioctl),
};

/* Reading maps, and walking what a snapshot is made of. No loading, no attaching. */
static const int bpf_commands[] = {
	BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM,  BPF_MAP_DELETE_ELEM,	   BPF_MAP_GET_NEXT_KEY,
	BPF_ITER_CREATE,     BPF_MAP_LOOKUP_BATCH, BPF_OBJ_GET_INFO_BY_FD,
};

/* Programs that start while it watches are looked into, and attached to by probes that are loaded.
 */
static const int of_attacher[] = {
	SCMP_SYS(openat2),  SCMP_SYS(pread64),	  SCMP_SYS(fcntl),	SCMP_SYS(fcntl64),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(perf_event_open),
	SCMP_SYS(access),   SCMP_SYS(faccessat),  SCMP_SYS(faccessat2),
};
static const int bpf_attaching[] = { BPF_LINK_CREATE };

static int allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int err = 0;
	size_t i;

	for (i = 0; i < n && !err; i++) {
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
		/* One that this architecture does not have. */
		if (err == -EDOM)
			err = 0;
	}
	return err;
}
#define ALLOW(ctx, calls) allow(ctx, calls, sizeof(calls) / sizeof((calls)[0]))

/* Memory is never made to run. */
static int allow_memory(scmp_filter_ctx ctx)
{
	static const int calls[] = { SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect) };
	int err = 0;
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]) && !err; i++) {
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		if (err == -EDOM)
			err = 0;
	}
	return err;
}

static int allow_web(scmp_filter_ctx ctx)
{
	int err = ALLOW(ctx, of_web);

	/* Threads, not processes. clone3() hides its flags, and is not there: libc goes on with
	 * clone(). */
	return err ? err
		   : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

static int allow_bpf(scmp_filter_ctx ctx, const int *commands, size_t n)
{
	int err = 0;
	size_t i;

	for (i = 0; i < n && !err; i++) {
		const struct scmp_arg_cmp is = { .op = SCMP_CMP_EQ, .datum_a = commands[i] };

		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1, is);
	}
	return err;
}
#define ALLOW_BPF(ctx, list) allow_bpf(ctx, list, sizeof(list) / sizeof((list)[0]))

static int allow_collector(scmp_filter_ctx ctx)
{
	const uint64_t writes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
	int err = ALLOW(ctx, of_collector);

	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, writes, 0));
	return err ? err : ALLOW_BPF(ctx, bpf_commands);
}

static int allow_attacher(scmp_filter_ctx ctx)
{
	int err = allow_collector(ctx);

	if (!err)
		err = ALLOW(ctx, of_attacher);
	return err ? err : ALLOW_BPF(ctx, bpf_attaching);
}

static int install(int (*more)(scmp_filter_ctx ctx), char err[SANDBOX_ERROR_LEN])
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int e = ctx ? ALLOW(ctx, of_all) : -ENOMEM;

	if (!e)
		e = allow_memory(ctx);
	if (!e)
		e = more(ctx);
	if (!e)
		e = seccomp_load(ctx);
	seccomp_release(ctx);
	if (e)
		snprintf(err, SANDBOX_ERROR_LEN, "cannot restrict its system calls (seccomp): %s",
			 strerror(-e));
	return e;
}

static int drop_user(void)
{
	const struct passwd *pw;
	uid_t uid = NOBODY;
	gid_t gid = NOBODY;

	if (geteuid())
		return 0;
	pw = getpwnam("nobody");
	if (pw) {
		uid = pw->pw_uid;
		gid = pw->pw_gid;
	}
	return setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid) ? -errno
											  : 0;
}

static int drop_capabilities(void)
{
	cap_t none = cap_init();
	int err;

	if (!none)
		return -ENOMEM;
	err = cap_set_proc(none) ? -errno : 0;
	cap_free(none);
	return err;
}

int sandbox_web(char err[SANDBOX_ERROR_LEN])
{
	int e = drop_user();

	if (!e)
		e = drop_capabilities();
	if (!e && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		e = -errno;
	if (!e)
		return install(allow_web, err);
	snprintf(err, SANDBOX_ERROR_LEN, "cannot give its privileges up: %s", strerror(-e));
	return e;
}

int sandbox_collector(bool attaches, char err[SANDBOX_ERROR_LEN])
{
	return install(attaches ? allow_attacher : allow_collector, err);
}
