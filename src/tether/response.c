// SPDX-License-Identifier: BSD-2-Clause
/* The response's half of a call (tether/server.h), as HTTP/1.1 writes it. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "server_conn.h"
#include "status.h"

#define TEXT(s) s, sizeof(s) - 1

static char *add(char *p, const char *text, size_t len)
{
	memcpy(p, text, len);
	return p + len;
}

static char *add_number(char *p, uint64_t n)
{
	char digits[20];
	int i = sizeof(digits);

	do
		digits[--i] = '0' + n % 10;
	while (n /= 10);
	return add(p, digits + i, sizeof(digits) - i);
}

static int check(const struct call *call, int status, const struct tether_field *fields, size_t n)
{
	size_t i;

	if (call->response != RESPONSE_NONE)
		return -EALREADY;
	if (status < 200 || status > 599 || (n && !fields))
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (field_check(&fields[i]))
			return -EINVAL;
	return 0;
}

/* The request's body is not wanted: is it thrown away, or the connection? */
static void drop_body(struct call *call)
{
	uint64_t discard_bytes = call->sc->part->server->options.discard_bytes;

	if (call->request == REQUEST_READ || call->got || !call->length)
		return;
	if (call->refused || (call->length != TETHER_LENGTH_UNKNOWN &&
			      call->length - call->received > discard_bytes)) {
		call->keep = false;
		call->abandoned = true;
	} else {
		call->discard = true;
	}
}

/* A final status is a no to Expect: the client may or may not send its body now, so that the next
 * request could not be told from it. */
static void refuse_body(struct call *call)
{
	if (!call->expect)
		return;
	call->expect = false;
	call->refused = true;
	call->keep = false;
}

static bool has_body(int status)
{
	return status != 204 && status != 304;
}

static void write_fields(struct conn *conn, const struct tether_field *fields, size_t n)
{
	size_t i, name, value;
	char *p;

	for (i = 0; i < n; i++) {
		name = strlen(fields[i].name);
		value = strlen(fields[i].value);
		if (name + value > 4000) {
			conn_write(conn, fields[i].name, name);
			conn_write(conn, TEXT(": "));
			conn_write(conn, fields[i].value, value);
			conn_write(conn, TEXT("\r\n"));
			continue;
		}
		p = conn_room(conn, name + value + 4);
		p = add(p, fields[i].name, name);
		p = add(p, TEXT(": "));
		p = add(p, fields[i].value, value);
		add(p, TEXT("\r\n"));
		conn_wrote(conn, name + value + 4);
	}
}

static void write_head(struct call *call, int status, const struct tether_field *fields, size_t n,
		       uint64_t length)
{
	struct conn *conn = &call->sc->conn;
	const char *name = status_name(status);
	char *start = conn_room(conn, 512), *p = start;

	p = add(p, TEXT("HTTP/1.1 "));
	p = add_number(p, status);
	p = add(p, TEXT(" "));
	p = add(p, name, strlen(name));
	p = add(p, TEXT("\r\nDate: "));
	p = add(p, loop_date(conn->loop), 29);
	if (call->chunked)
		p = add(p, TEXT("\r\nTransfer-Encoding: chunked"));
	else if (has_body(status) && length != TETHER_LENGTH_UNKNOWN) {
		p = add(p, TEXT("\r\nContent-Length: "));
		p = add_number(p, length);
	}
	if (!call->keep)
		p = add(p, TEXT("\r\nConnection: close"));
	else if (!call->head.minor)
		p = add(p, TEXT("\r\nConnection: keep-alive"));
	p = add(p, TEXT("\r\n"));
	conn_wrote(conn, p - start);
	write_fields(conn, fields, n);
	conn_write(conn, TEXT("\r\n"));
}

int tether_call_reply(struct tether_call handle, int status, const struct tether_field *fields,
		      size_t n, const void *data, size_t len)
{
	struct call *call = call_find(handle);
	int err;

	if (!call)
		return -EBADF;
	err = check(call, status, fields, n);
	if (err)
		return err;
	if (call->h3)
		return h3_call_reply(call, status, fields, n, data, len);
	refuse_body(call);
	drop_body(call);
	write_head(call, status, fields, n, len);
	if (!call->head_only && has_body(status))
		conn_write(&call->sc->conn, data, len);
	call->response = RESPONSE_DONE;
	server_conn_go_on(call->sc);
	return 0;
}

int tether_call_begin(struct tether_call handle, int status, const struct tether_field *fields,
		      size_t n, uint64_t length)
{
	struct call *call = call_find(handle);
	int err;

	if (!call)
		return -EBADF;
	err = check(call, status, fields, n);
	if (err)
		return err;
	if (!has_body(status))
		length = 0;
	if (call->h3)
		return h3_call_begin(call, status, fields, n, length);
	refuse_body(call);
	if (length == TETHER_LENGTH_UNKNOWN) {
		call->chunked = call->head.minor;
		/* HTTP/1.0 has no chunks: the end of the connection is the end of the body. */
		if (!call->chunked)
			call->keep = false;
	}
	call->left = length;
	write_head(call, status, fields, n, length);
	call->response = RESPONSE_BODY;
	server_conn_go_on(call->sc);
	return 0;
}

static void write_chunk(struct conn *conn, const void *data, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	char size[18];
	int i = sizeof(size);
	size_t n = len;

	size[--i] = '\n';
	size[--i] = '\r';
	do
		size[--i] = hex[n & 15];
	while (n >>= 4);
	conn_write(conn, size + i, sizeof(size) - i);
	conn_write(conn, data, len);
	conn_write(conn, TEXT("\r\n"));
}

int tether_call_write(struct tether_call handle, const void *data, size_t len)
{
	struct call *call = call_find(handle);
	struct conn *conn;

	if (!call)
		return -EBADF;
	if (call->response != RESPONSE_BODY)
		return -EINVAL;
	if (call->left != TETHER_LENGTH_UNKNOWN && len > call->left)
		return -EMSGSIZE;
	if (call->h3)
		return h3_call_write(call, data, len);
	conn = &call->sc->conn;
	if (conn_queued(conn) >= call->sc->part->server->options.queue_bytes)
		return -EAGAIN;
	if (call->left != TETHER_LENGTH_UNKNOWN)
		call->left -= len;
	if (call->head_only || !len)
		return 0;
	if (call->chunked)
		write_chunk(conn, data, len);
	else
		conn_write(conn, data, len);
	server_conn_go_on(call->sc);
	return 0;
}

int tether_call_drained(struct tether_call handle,
			void (*drained)(struct tether_call call, void *arg), void *arg)
{
	struct call *call = call_find(handle);

	if (!call)
		return -EBADF;
	if (!drained)
		return -EINVAL;
	if (call->drained)
		return -EALREADY;
	call->drained = drained;
	call->drained_arg = arg;
	if (call->h3) {
		h3_call_go_on(call);
		return 0;
	}
	/* Empty already: in the next turn all the same, or callers would recurse. */
	conn_flush(&call->sc->conn);
	if (!conn_queued(&call->sc->conn))
		conn_poke(&call->sc->conn);
	return 0;
}

int tether_call_finish(struct tether_call handle)
{
	struct call *call = call_find(handle);

	if (!call)
		return -EBADF;
	if (call->response != RESPONSE_BODY)
		return -EINVAL;
	if (call->h3)
		return h3_call_finish(call);
	if (call->left && call->left != TETHER_LENGTH_UNKNOWN && !call->head_only) {
		conn_close(&call->sc->conn, -EPROTO);
		return -EPROTO;
	}
	if (call->chunked && !call->head_only)
		conn_write(&call->sc->conn, TEXT("0\r\n\r\n"));
	drop_body(call);
	call->response = RESPONSE_DONE;
	server_conn_go_on(call->sc);
	return 0;
}

void call_continue(struct call *call)
{
	call->expect = false;
	if (call->h3) {
		h3_call_continue(call);
		return;
	}
	call->expected = true;
	conn_write(&call->sc->conn, TEXT("HTTP/1.1 100 Continue\r\n\r\n"));
}

void call_refuse(struct server_conn *sc, int status, int why)
{
	static const struct tether_field type = { "Content-Type", "text/plain" };
	const char *name = status_name(status);
	struct conn *conn = &sc->conn;
	struct call *call = sc->call;

	if (call && call->response == RESPONSE_NONE) {
		count(&sc->part->bad_requests, 1);
		call->keep = false;
		write_head(call, status, &type, 1, strlen(name) + 1);
		if (!call->head_only) {
			conn_write(conn, name, strlen(name));
			conn_write(conn, "\n", 1);
		}
	}
	if (call)
		call_free(call, why);
	server_conn_linger(sc);
}

const struct sockaddr *tether_call_peer(struct tether_call handle)
{
	struct call *call = call_find(handle);
	int len = sizeof(call->peer);

	if (call && call->h3)
		return h3_call_peer(call);
	if (!call || uv_tcp_getpeername(&call->sc->conn.tcp, &call->peer.any, &len))
		return NULL;
	return &call->peer.any;
}
