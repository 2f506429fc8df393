// SPDX-License-Identifier: BSD-2-Clause
/*
 * uring: healthy. A server (pid) accepts, reads and answers over io_uring. --mode fd: ordinary
 * descriptors; direct: the connections live in the ring's own table and have no descriptor, so that
 * /proc/PID/fd does not show them. The clients are an idle pool.
 * ss -p: fd: 8 x ESTAB of the server; direct: 8 x ESTAB with no user at all.
 */
#include "load.h"
#include <liburing.h>

static int submit(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int res;

	io_uring_submit(ring);
	errno = -io_uring_wait_cqe(ring, &cqe);
	if (errno)
		die("io_uring_wait_cqe");
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	errno = -res;
	if (res < 0)
		die("io_uring");
	return res;
}

static int accept_one(struct io_uring *ring, int listener, bool direct, int slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!direct) {
		io_uring_prep_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
		return submit(ring);
	}
	io_uring_prep_accept_direct(sqe, listener, NULL, NULL, 0, slot);
	submit(ring);
	return slot;
}

static void answer_one(struct io_uring *ring, int fd, bool direct)
{
	static char buf[4096];
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	int flags = direct ? IOSQE_FIXED_FILE : 0;

	io_uring_prep_recv(sqe, fd, buf, sizeof(buf), 0);
	io_uring_sqe_set_flags(sqe, flags);
	submit(ring);
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_send(sqe, fd, LOAD_ANSWER, strlen(LOAD_ANSWER), 0);
	io_uring_sqe_set_flags(sqe, flags);
	submit(ring);
}

static void peer(struct load *l)
{
	load_learn(l);
	load_pool_open(l);
	load_tell(l);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct load l = { 0 };
	struct io_uring ring;
	int listener, *fds;
	bool direct;

	load_options(&l, argc, argv);
	direct = !load_mode(&l, "fd");
	fds = load_calloc(l.count, sizeof(*fds));
	load_fork(&l, peer);
	listener = load_listen(&l, 512);
	errno = -io_uring_queue_init(64, &ring, 0);
	if (errno)
		die("io_uring_queue_init");
	errno = direct ? -io_uring_register_files_sparse(&ring, l.count) : 0;
	if (errno)
		die("io_uring_register_files_sparse");
	load_tell(&l);
	for (int i = 0; i < l.count; i++)
		fds[i] = accept_one(&ring, listener, direct, i);
	for (int i = 0; i < l.count; i++)
		answer_one(&ring, fds[i], direct);
	load_learn(&l);
	load_ready(&l, NULL, fds, l.count, "%s", "");
	load_hold(&l);
	return load_end(&l);
}
