// SPDX-License-Identifier: BSD-2-Clause
/*
 * scm: healthy. A process opens --count connections and passes them to another by SCM_RIGHTS, then
 * closes its own; receiver_pid holds and uses them from then on. The UNIX socket pair that they
 * went over is closed on both sides.
 * ss -p: 8 x ESTAB of the receiver alone; no UNIX socket.
 */
#include "load.h"

static void peer(struct load *l)
{
	int listener = load_listen(l, 512);

	load_tell(l);
	load_serve(listener, LOAD_ANSWERS);
}

union control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static void pass(int via, int fd)
{
	char c = 'f';
	union control control = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	if (sendmsg(via, &msg, 0) != 1)
		die("sendmsg");
}

static int take(int via)
{
	char c;
	int fd;
	union control control = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };

	if (recvmsg(via, &msg, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&msg))
		die("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

static void receiver(struct load *l, int via)
{
	int *fds = load_calloc(l->count, sizeof(*fds));

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NAME, "receiver");
	signal(SIGTERM, load_on_term_peer);
	for (int i = 0; i < l->count; i++)
		fds[i] = take(via);
	close(via);
	for (;;) {
		for (int i = 0; i < l->count; i++)
			load_ask(fds[i]);
		load_sleep(1);
	}
}

int main(int argc, char **argv)
{
	struct load l = { 0 };
	int pair[2], *fds;
	pid_t pid;

	load_options(&l, argc, argv);
	load_fork(&l, peer);
	load_learn(&l);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		close(pair[0]);
		receiver(&l, pair[1]);
	}
	close(pair[1]);
	fds = load_pool_open(&l);
	for (int i = 0; i < l.count; i++) {
		pass(pair[0], fds[i]);
		close(fds[i]);
	}
	close(pair[0]);
	load_sleep(0.2);
	load_ready(&l, NULL, fds, l.count, ",\"receiver_pid\":%d", pid);
	load_hold(&l);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return load_end(&l);
}
