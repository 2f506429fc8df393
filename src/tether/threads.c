// SPDX-License-Identifier: BSD-2-Clause
/* Reader and writer threads (threads.h). */
#include "threads.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "probes.h"

#define STACK_BYTES (64 << 10) /* reserved; a few pages of it are ever touched */
#define PIECE_BYTES (16 << 10)
#define GRACE_NS    TETHER_S /* the loop's own deadline comes first, and knows what it means */

enum side_kind {
	SIDE_READER = 1,
	SIDE_WRITER = 2,
};

enum park_reason {
	PARK_SLOT = 1,
	PARK_SOCKET = 2,
};

struct side {
	struct threads *threads;
	enum side_kind kind;
	uint64_t id;
	int wake; /* an event fd: the slot has changed, or all is done */
	pthread_t thread;
	struct mail full;   /* the slot has something for the loop */
	struct mail exited; /* to be joined */
};

struct threads {
	struct conn *conn; /* NULL: it has none any more */
	struct tether_loop *loop;
	uint64_t conn_id;
	int fd;
	bool real_time;
	_Atomic bool done;
	_Atomic uint64_t deadline_ns;
	struct side reader, writer;
	unsigned int running;

	/* The reader's slot: filled by it while wanted and empty, emptied by the loop. */
	_Atomic bool wanted, taken;
	bool held; /* the loop's: it is full, and the connection does not read */
	ssize_t got;
	char *piece;

	/* The writer's: filled by the loop, emptied by it when the loop has heard. */
	_Atomic(struct outbuf *) out;
	int err;
	bool lost; /* see fault_park() */
};

/* ---- on the threads -------------------------------------------------------------------------- */

/* Milliseconds to sleep, never early. Who turns a clock by hand ends the waits by it as well. */
static int sleep_ms(const struct threads *t)
{
	uint64_t due = atomic_load(&t->deadline_ns), now = uv_hrtime();

	if (!t->real_time)
		return 1000;
	if (due <= now)
		return 0;
	return due - now > 3600 * TETHER_S ? 3600000 : (int)((due - now) / TETHER_MS + 1);
}

/* The one wait: until something about the slot has changed, the socket is ready for @events (none:
 * the slot alone), the connection is done (-ECANCELED) or the deadline has passed (-ETIMEDOUT). */
static int side_wait(struct side *side, short events)
{
	struct threads *t = side->threads;
	struct pollfd fds[] = { { t->fd, events, 0 }, { side->wake, POLLIN, 0 } };
	uint64_t told;
	int n;

	PROBE3(task_park, side->id, (uint64_t)(events ? PARK_SOCKET : PARK_SLOT),
	       atomic_load(&t->deadline_ns));
	if (events)
		n = poll(fds, 2, sleep_ms(t));
	else
		n = poll(fds + 1, 1, sleep_ms(t));
	PROBE1(task_wake, side->id);
	if (n > 0 && fds[1].revents && read(side->wake, &told, sizeof(told)) < 0)
		n = 0;
	if (atomic_load(&t->done))
		return -ECANCELED;
	if (!n && t->real_time && uv_hrtime() >= atomic_load(&t->deadline_ns))
		return -ETIMEDOUT;
	return 0;
}

/* The deadline has passed, and it is the loop's turn to end the connection. */
static void leave_to_loop(void)
{
	usleep(1000);
}

static int reader_slot(struct side *side)
{
	struct threads *t = side->threads;
	int err;

	while (!(atomic_load(&t->wanted) && atomic_load(&t->taken))) {
		err = side_wait(side, 0);
		if (err == -ETIMEDOUT)
			leave_to_loop();
		else if (err)
			return err;
	}
	return 0;
}

static ssize_t receive(struct side *side)
{
	struct threads *t = side->threads;
	ssize_t n;
	int err;

	for (;;) {
		n = recv(t->fd, t->piece, PIECE_BYTES, MSG_DONTWAIT);
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return n < 0 ? -errno : n;
		err = side_wait(side, POLLIN);
		if (err)
			return err;
	}
}

static void reader_run(struct side *side)
{
	struct threads *t = side->threads;
	ssize_t n;

	do {
		n = reader_slot(side);
		if (!n)
			n = receive(side);
		if (n == -ECANCELED)
			break;
		t->got = n;
		atomic_store(&t->taken, false);
		loop_mail(t->loop, &side->full);
	} while (n > 0);
	/* Its last word was heard, or all is done. */
	while (!atomic_load(&t->taken) && !atomic_load(&t->done))
		if (side_wait(side, 0) == -ETIMEDOUT)
			leave_to_loop();
	if (t->lost)
		fault_park();
}

static int send_all(struct side *side, const struct outbuf *out)
{
	size_t at = 0;
	ssize_t n;
	int err;

	while (at < out->len) {
		n = send(side->threads->fd, out->bytes + at, out->len - at,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			at += n;
		} else if (errno != EINTR) {
			err = errno == EAGAIN ? side_wait(side, POLLOUT) : -errno;
			if (err)
				return err;
		}
	}
	return 0;
}

static void writer_run(struct side *side)
{
	struct threads *t = side->threads;
	struct outbuf *out;

	while (!atomic_load(&t->done)) {
		out = atomic_load(&t->out);
		if (!out) {
			if (side_wait(side, 0) == -ETIMEDOUT)
				leave_to_loop();
			continue;
		}
		t->err = send_all(side, out);
		if (t->err == -ECANCELED)
			return;
		atomic_store(&t->out, NULL);
		loop_mail(t->loop, &side->full);
	}
}

static void *side_main(void *arg)
{
	struct side *side = arg;

	PROBE4(task_start, side->id, side->threads->conn_id, (uint64_t)gettid(),
	       (uint64_t)side->kind);
	pthread_setname_np(pthread_self(),
			   side->kind == SIDE_READER ? "tether-reader" : "tether-writer");
	if (side->kind == SIDE_READER)
		reader_run(side);
	else
		writer_run(side);
	PROBE1(task_exit, side->id);
	/* The last that it touches: who gets this joins. */
	loop_mail(side->threads->loop, &side->exited);
	return NULL;
}

/* ---- on the loop ----------------------------------------------------------------------------- */

static void wake(struct side *side)
{
	const uint64_t one = 1;

	/* Full of wakes is awake. */
	if (write(side->wake, &one, sizeof(one)) < 0)
		return;
}

static void reader_full(struct mail *mail)
{
	struct threads *t = container_of(mail, struct threads, reader.full);
	struct conn *conn = t->conn;

	if (!conn->closing && !conn->reading) {
		t->held = true;
		return;
	}
	if (t->got == 0 && !conn->closing)
		t->lost = fault_hit(conn, FAULT_READER);
	conn_input(conn, t->got ? t->got : UV_EOF, t->piece);
	atomic_store(&t->taken, true);
	wake(&t->reader);
}

static void writer_full(struct mail *mail)
{
	struct threads *t = container_of(mail, struct threads, writer.full);

	conn_written(t->conn, t->conn->out, t->err);
}

static void side_fini(struct side *side, struct tether_loop *loop)
{
	if (side->wake >= 0)
		close(side->wake);
	slot_give(loop, side->id);
}

static void threads_free(struct threads *t)
{
	side_fini(&t->reader, t->loop);
	side_fini(&t->writer, t->loop);
	mem_free(t->loop, t->piece);
	mem_free(t->loop, t);
}

static void side_exited(struct side *side)
{
	struct threads *t = side->threads;
	struct tether_loop *loop = t->loop;
	struct conn *conn = t->conn;

	pthread_join(side->thread, NULL);
	if (--t->running)
		return;
	threads_free(t);
	loop_release(loop);
	if (conn) {
		conn->threads = NULL;
		conn_joined(conn);
	}
}

static void reader_exited(struct mail *mail)
{
	side_exited(container_of(mail, struct side, exited));
}

static int side_init(struct side *side, struct threads *t, enum side_kind kind)
{
	side->threads = t;
	side->kind = kind;
	side->full.run = kind == SIDE_READER ? reader_full : writer_full;
	side->exited.run = reader_exited;
	side->id = slot_take(t->loop, SLOT_THREAD, side);
	side->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (side->wake < 0)
		return -errno;
	return side->id ? 0 : -ENOMEM;
}

/* Signals are the program's own threads'. */
static int side_start(struct side *side)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int err;

	err = -pthread_attr_init(&attr);
	if (err)
		return err;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&side->thread, &attr, side_main, side);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	side->threads->running += !err;
	return err;
}

int threads_start(struct conn *conn)
{
	struct threads *t = mem_new(conn->loop, sizeof(*t));
	uv_os_fd_t fd = -1;
	int err;

	if (!t)
		return -ENOMEM;
	uv_fileno((uv_handle_t *)&conn->tcp, &fd);
	t->conn = conn;
	t->loop = conn->loop;
	t->conn_id = conn->id;
	t->fd = fd;
	t->real_time = !conn->loop->virtual_clock;
	t->reader.wake = t->writer.wake = -1;
	t->taken = true;
	atomic_store(&t->deadline_ns, conn->deadline.at_ns + GRACE_NS);
	t->piece = mem_resize(conn->loop, NULL, PIECE_BYTES);
	err = t->piece ? side_init(&t->reader, t, SIDE_READER) : -ENOMEM;
	if (!err)
		err = side_init(&t->writer, t, SIDE_WRITER);
	if (!err)
		err = side_start(&t->reader);
	if (err) {
		threads_free(t);
		return err;
	}
	loop_hold(conn->loop);
	err = side_start(&t->writer);
	if (err) {
		/* It is alone, belongs to no connection, and ends at once. */
		t->conn = NULL;
		atomic_store(&t->done, true);
		wake(&t->reader);
		return err;
	}
	conn->threads = t;
	return 0;
}

void threads_read(struct conn *conn, bool want)
{
	struct threads *t = conn->threads;

	atomic_store(&t->wanted, want);
	if (!want)
		return;
	if (t->held) {
		t->held = false;
		loop_mail(t->loop, &t->reader.full);
	} else {
		wake(&t->reader);
	}
}

void threads_write(struct conn *conn, struct outbuf *out)
{
	atomic_store(&conn->threads->out, out);
	wake(&conn->threads->writer);
}

void threads_deadline(struct conn *conn, uint64_t at_ns)
{
	atomic_store(&conn->threads->deadline_ns, at_ns + GRACE_NS);
}

void threads_stop(struct conn *conn)
{
	struct threads *t = conn->threads;

	atomic_store(&t->done, true);
	wake(&t->reader);
	wake(&t->writer);
}
