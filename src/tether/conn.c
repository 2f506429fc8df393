// SPDX-License-Identifier: BSD-2-Clause
/* The transport (conn.h): uv TCP, gathered output, phases. */
#include "conn.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <tether/base.h>

#include "probes.h"
#include "threads.h"
#include "tls_session.h"

#define PHASE_MORE (TETHER_S) /* should a caller forget: a second, not for ever */

static void on_expiry(struct deadline *d)
{
	struct conn *conn = container_of(d, struct conn, deadline);

	if (!conn->closing)
		conn->ops->expired(conn);
}

static void on_poke(struct deadline *d)
{
	struct conn *conn = container_of(d, struct conn, poke);

	if (conn->failed)
		conn_close(conn, conn->failed);
	else if (!conn->closing && !conn->out)
		conn->ops->flushed(conn);
}

void conn_poke(struct conn *conn)
{
	if (!conn->closing)
		loop_deadline(conn->loop, &conn->poke, tether_loop_now_ns(conn->loop));
}

void conn_fail(struct conn *conn, int err)
{
	if (conn->failed)
		return;
	conn->failed = err;
	conn_poke(conn);
}

static void on_scope(struct member *member, int why)
{
	conn_close(container_of(member, struct conn, member), why);
}

int conn_init(struct conn *conn, struct tether_loop *loop, struct scope *scope,
	      const struct conn_ops *ops, enum conn_role role)
{
	int err;

	conn->loop = loop;
	conn->ops = ops;
	conn->role = role;
	deadline_init(&conn->deadline, on_expiry);
	deadline_init(&conn->poke, on_poke);
	conn->id = slot_take(loop, SLOT_CONN, conn);
	if (!conn->id)
		return -ENOMEM;
	err = scope_enter(scope, &conn->member, on_scope);
	if (!err)
		err = uv_tcp_init(&loop->uv, &conn->tcp);
	if (err) {
		scope_leave(&conn->member);
		slot_give(loop, conn->id);
		return err;
	}
	conn->tcp.data = conn;
	return 0;
}

void conn_opened(struct conn *conn)
{
	uv_os_fd_t fd = -1;
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	conn->open = true;
	uv_tcp_nodelay(&conn->tcp, 1);
	if (!PROBE_ON(conn_open))
		return;
	uv_fileno((uv_handle_t *)&conn->tcp, &fd);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	PROBE5(conn_open, conn->id, (uint64_t)fd, cookie, (uint64_t)conn->role, (uint64_t)1);
}

void conn_phase(struct conn *conn, enum conn_phase phase, uint64_t deadline_ns)
{
	uint64_t now;

	if (conn->closing)
		return;
	if (deadline_ns == DEADLINE_NONE)
		deadline_ns = tether_loop_now_ns(conn->loop) + PHASE_MORE;
	if (phase != (enum conn_phase)conn->phase) {
		now = tether_loop_now_ns(conn->loop);
		PROBE4(conn_state, conn->id, (uint64_t)conn->phase, (uint64_t)phase, deadline_ns);
		conn->phase = phase;
		conn->phase_began_ns = now;
	}
	loop_deadline(conn->loop, &conn->deadline, deadline_ns);
	if (conn->threads)
		threads_deadline(conn, deadline_ns);
}

/* ---- input ----------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct conn *conn = handle->data;

	(void)suggested;
	*buf = uv_buf_init(conn->loop->read_buf, conn->loop->read_bytes);
}

void conn_input(struct conn *conn, ssize_t n, const char *data)
{
	if (conn->closing || n == 0)
		return;
	if (n > 0) {
		if (conn->phase == CONN_LINGER)
			return;
		if (conn->tls)
			tls_input(conn, data, n);
		else
			conn->ops->bytes(conn, data, n);
		return;
	}
	conn_read_stop(conn);
	if (n != UV_EOF || conn->phase == CONN_LINGER) {
		conn_close(conn, n == UV_EOF ? 0 : (int)n);
		return;
	}
	conn->eof = true;
	conn->ops->eof(conn);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	conn_input(stream->data, n, buf->base);
}

void conn_read_start(struct conn *conn)
{
	if (conn->reading || conn->closing || conn->eof)
		return;
	conn->reading = true;
	if (conn->threads)
		threads_read(conn, true);
	else
		uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
}

void conn_read_stop(struct conn *conn)
{
	if (!conn->reading)
		return;
	conn->reading = false;
	if (conn->threads)
		threads_read(conn, false);
	else
		uv_read_stop((uv_stream_t *)&conn->tcp);
}

/* ---- output ---------------------------------------------------------------------------------- */

static void on_written(uv_write_t *req, int err);

static struct outbuf *outbuf_add(struct conn *conn, struct outbuf *out, const char *data,
				 size_t len)
{
	size_t used = out ? out->len : 0, cap = out ? out->cap : 0;
	struct outbuf *bigger = out;

	if (used + len > cap) {
		cap = used + len + (out ? cap : 0);
		bigger = mem_resize(conn->loop, out, sizeof(*out) + cap);
		if (!bigger)
			return NULL;
		bigger->conn = conn;
		bigger->cap = cap;
		bigger->len = used;
	}
	memcpy(bigger->bytes + used, data, len);
	bigger->len += len;
	return bigger;
}

static void start_writing(struct conn *conn, struct outbuf *out)
{
	uv_buf_t buf = uv_buf_init(out->bytes, out->len);
	int err;

	conn->out = out;
	if (conn->threads) {
		threads_write(conn, out);
		return;
	}
	err = uv_write(&out->req, (uv_stream_t *)&conn->tcp, &buf, 1, on_written);
	if (err) {
		conn->out = NULL;
		mem_free(conn->loop, out);
		conn_fail(conn, err);
	}
}

void conn_written(struct conn *conn, struct outbuf *out, int err)
{
	struct outbuf *next;

	conn->out = NULL;
	mem_free(conn->loop, out);
	if (conn->closing)
		return;
	if (err) {
		conn_close(conn, err);
		return;
	}
	next = conn->next;
	conn->next = NULL;
	if (next)
		start_writing(conn, next);
	else
		conn->ops->flushed(conn);
}

static void on_written(uv_write_t *req, int err)
{
	struct outbuf *out = container_of(req, struct outbuf, req);

	conn_written(out->conn, out, err);
}

void conn_raw_write(struct conn *conn, const char *data, size_t len)
{
	struct outbuf *out;
	uv_buf_t buf;
	int n = 0;

	if (conn->closing || conn->failed || !len)
		return;
	conn->wrote_bytes += len;
	if (!conn->out && !conn->threads) {
		buf = uv_buf_init((char *)data, len);
		n = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
		if (n < 0 && n != UV_EAGAIN) {
			conn->wrote_bytes -= len;
			conn_fail(conn, n);
			return;
		}
		n = n < 0 ? 0 : n;
		if ((size_t)n == len)
			return;
	}
	out = outbuf_add(conn, conn->next, data + n, len - n);
	if (!out) {
		conn_fail(conn, -ENOMEM);
		return;
	}
	conn->next = out;
	if (!conn->out) {
		conn->next = NULL;
		start_writing(conn, out);
	}
}

static void put(struct conn *conn, const char *data, size_t len)
{
	if (conn->tls)
		tls_output(conn, data, len);
	else
		conn_raw_write(conn, data, len);
}

void conn_flush(struct conn *conn)
{
	struct tether_loop *loop = conn->loop;
	size_t len = loop->scratch_used;

	if (loop->scratch_owner != conn)
		return;
	loop->scratch_owner = NULL;
	loop->scratch_used = 0;
	if (len)
		put(conn, loop->scratch, len);
}

/* The scratch is one connection's at a time; what another has left in it goes out first. */
char *conn_room(struct conn *conn, size_t len)
{
	struct tether_loop *loop = conn->loop;

	if (loop->scratch_owner && loop->scratch_owner != conn)
		conn_flush(loop->scratch_owner);
	if (loop->scratch_used + len > SCRATCH_BYTES)
		conn_flush(conn);
	loop->scratch_owner = conn;
	return loop->scratch + loop->scratch_used;
}

void conn_wrote(struct conn *conn, size_t len)
{
	conn->loop->scratch_used += len;
}

void conn_write(struct conn *conn, const void *data, size_t len)
{
	if (conn->closing || !len)
		return;
	if (len <= SCRATCH_BYTES / 2) {
		memcpy(conn_room(conn, len), data, len);
		conn_wrote(conn, len);
		return;
	}
	conn_flush(conn);
	put(conn, data, len);
}

size_t conn_queued(const struct conn *conn)
{
	size_t queued = 0;

	if (conn->out && conn->threads)
		queued = conn->out->len;
	else if (conn->out)
		queued = uv_stream_get_write_queue_size((uv_stream_t *)&conn->tcp);

	return queued + (conn->next ? conn->next->len : 0);
}

uint64_t conn_sent(const struct conn *conn)
{
	return conn->wrote_bytes - conn_queued(conn);
}

bool conn_readable(const struct conn *conn)
{
	uv_os_fd_t fd;
	int n = 0;

	return !uv_fileno((const uv_handle_t *)&conn->tcp, &fd) && !ioctl(fd, FIONREAD, &n) && n;
}

/* ---- end ------------------------------------------------------------------------------------- */

void conn_linger(struct conn *conn, uint64_t deadline_ns)
{
	uv_os_fd_t fd;

	if (conn->closing)
		return;
	conn_flush(conn);
	if (conn->eof) {
		conn_close(conn, 0);
		return;
	}
	conn_phase(conn, CONN_LINGER, deadline_ns);
	if (conn->tls)
		tls_bye(conn);
	/* Without output left; else flushed() is to come here again. */
	if (!conn->closing && !conn->out && !uv_fileno((uv_handle_t *)&conn->tcp, &fd))
		shutdown(fd, SHUT_WR);
	conn_read_start(conn);
}

static void on_closed(uv_handle_t *handle)
{
	struct conn *conn = handle->data;
	struct tether_loop *loop = conn->loop;

	mem_free(loop, conn->next);
	tls_session_free(conn);
	slot_give(loop, conn->id);
	/* Only now: who joins the scope knows that the descriptor is closed. */
	scope_leave(&conn->member);
	conn->ops->gone(conn);
}

void conn_joined(struct conn *conn)
{
	mem_free(conn->loop, conn->out);
	conn->out = NULL;
	uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

static void on_reopened(uv_handle_t *handle)
{
	struct conn *conn = handle->data;

	conn->reopening = false;
	if (conn->closing) {
		on_closed(handle);
		return;
	}
	uv_tcp_init(&conn->loop->uv, &conn->tcp);
	conn->tcp.data = conn;
	conn->again(conn);
}

void conn_reopen(struct conn *conn, void (*again)(struct conn *conn))
{
	if (conn->closing || conn->reopening)
		return;
	conn->reopening = true;
	conn->again = again;
	uv_close((uv_handle_t *)&conn->tcp, on_reopened);
}

void conn_close(struct conn *conn, int why)
{
	struct tether_loop *loop = conn->loop;

	if (conn->closing)
		return;
	/* What an answer left in the scratch is still owed. */
	if (!why)
		conn_flush(conn);
	if (conn->closing)
		return;
	if (loop->scratch_owner == conn) {
		loop->scratch_owner = NULL;
		loop->scratch_used = 0;
	}
	conn->closing = true;
	loop_deadline_drop(loop, &conn->deadline);
	loop_deadline_drop(loop, &conn->poke);
	conn->phase = CONN_CLOSED;
	if (conn->open)
		PROBE2(conn_close, conn->id, (int64_t)why);
	conn->ops->ending(conn, why);
	if (conn->threads)
		threads_stop(conn);
	else if (!conn->reopening)
		uv_close((uv_handle_t *)&conn->tcp, on_closed);
}
