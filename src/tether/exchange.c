// SPDX-License-Identifier: BSD-2-Clause
/*
 * An exchange (tether/pool.h): a request sent and its response read. It owns the connection and the
 * deadline from the first byte to the last, and exchange_end() is the only way out.
 */
#include <errno.h>
#include <string.h>

#include "client.h"
#include "probes.h"

#define QUEUE_BYTES (256 << 10)
#define COPY_BYTES  (1 << 20)

static struct exchange *find(struct tether_body handle)
{
	return slot_find(handle.loop, SLOT_BODY, handle.id);
}

static void is_leaving(struct member *member, int why)
{
	(void)member;
	(void)why;
}

void exchange_end(struct exchange *x, int why)
{
	struct tether_loop *loop = x->loop;
	struct client_conn *cc = x->cc;
	struct tether_body handle = { loop, x->id };
	bool clean = x->ended && x->keep && x->sent;

	PROBE2(body_end, x->id, (int64_t)why);
	x->member.cancel = is_leaving;
	loop_deadline_drop(loop, &x->deadline);
	slot_give(loop, x->id);
	if (x->h3)
		h3_exchange_gone(x);
	if (cc) {
		cc->x = NULL;
		x->cc = NULL;
		if (!fault_at_end(x, cc))
			pool_put(cc, clean);
	}
	if (x->lease) {
		x->lease->x = NULL;
		lease_drop(x->lease, why, false, true);
		x->lease = NULL;
	}
	if (x->events.end)
		x->events.end(handle, why, x->arg);
	scope_leave(&x->member);
	head_fini(&x->head);
	stash_set(loop, &x->copy, NULL, 0);
	block_give(loop, x);
}

static void on_deadline(struct deadline *d)
{
	struct exchange *x = container_of(d, struct exchange, deadline);

	exchange_end(x, -ETIMEDOUT);
}

static void on_scope(struct member *member, int why)
{
	exchange_end(container_of(member, struct exchange, member), why);
}

void exchange_begin_head(struct exchange *x)
{
	head_fini(&x->head);
	head_init(&x->head, x->loop, x->text, BLOCK_BYTES - sizeof(*x));
	x->head.limit_bytes = x->cc->pool->options.header_bytes;
	http1_begin(&x->cc->codec, &x->head);
}

/* ---- beginning ------------------------------------------------------------------------------- */

static struct exchange *exchange_new(struct tether_loop *loop, struct scope *scope, int *err)
{
	struct exchange *x = block_take(loop);

	_Static_assert(sizeof(struct exchange) < BLOCK_BYTES / 2, "room for the head's text");
	*err = -ENOMEM;
	if (!x)
		return NULL;
	memset(x, 0, offsetof(struct exchange, head));
	x->head.grown = false;
	x->loop = loop;
	deadline_init(&x->deadline, on_deadline);
	x->id = slot_take(loop, SLOT_BODY, x);
	if (x->id)
		*err = scope_enter(scope, &x->member, on_scope);
	if (*err) {
		slot_give(loop, x->id);
		block_give(loop, x);
		return NULL;
	}
	return x;
}

/* On the connection that it has now: once, or once more after that was lost. */
static void start(struct exchange *x, struct client_conn *cc)
{
	x->cc = cc;
	cc->x = x;
	cc->requests++;
	x->began_bytes = conn_sent(&cc->conn);
	if (!x->h3)
		exchange_begin_head(x);
	conn_phase(&cc->conn, CONN_HEADER, x->deadline.at_ns + TETHER_S);
	PROBE3(body_begin, x->id, cc->conn.id, x->deadline.at_ns);
}

/* It has not begun. */
static void exchange_undo(struct exchange *x)
{
	scope_leave(&x->member);
	slot_give(x->loop, x->id);
	block_give(x->loop, x);
}

int tether_exchange(struct tether_lease handle, const struct tether_request *request,
		    uint64_t within_ns, const struct tether_body_events *events, void *arg,
		    struct tether_body *out)
{
	struct lease *lease = lease_find(handle);
	const char *method = request && request->method ? request->method : "GET";
	struct exchange *x;
	uint64_t at_ns;
	int err;

	if (!lease || !lease->cc)
		return -EBADF;
	err = request_check(request, events);
	if (!err)
		err = loop_due(handle.loop, within_ns, &at_ns);
	if (err)
		return err;
	x = exchange_new(handle.loop, lease->member.scope, &err);
	if (!x)
		return err;
	x->events = *events;
	x->arg = arg;
	x->headless = !strcmp(method, "HEAD");
	x->safe = request_is_safe(request, method);
	x->chunked = request->length == TETHER_LENGTH_UNKNOWN;
	x->left = request->data ? 0 : request->length;
	x->sent = !x->left;
	/* Only an idle connection can have died unseen. Without memory it is just not repeated. */
	if (lease->cc->requests && x->sent && request->length <= COPY_BYTES && !lease->cc->h3)
		request_copy(lease->cc, request, method, &x->copy);
	if (lease->cc->h3) {
		x->cc = lease->cc;
		err = h3_exchange_start(x, request, method);
		if (err) {
			exchange_undo(x);
			return err;
		}
	}
	loop_deadline(x->loop, &x->deadline, at_ns);
	if (out)
		*out = (struct tether_body){ x->loop, x->id };
	start(x, lease_spend(lease));
	if (x->h3)
		return 0;
	if (x->copy.bytes)
		conn_write(&x->cc->conn, x->copy.bytes, x->copy.len);
	else
		request_write(x->cc, request, method);
	conn_flush(&x->cc->conn);
	return 0;
}

/* ---- sending again --------------------------------------------------------------------------- */

static bool may_repeat(const struct exchange *x, int why)
{
	const struct client_conn *cc = x->cc;

	if (!x->copy.bytes || x->heard || cc->pool->draining)
		return false;
	if (why != -ECONNRESET && why != -EPIPE)
		return false;
	return x->safe || conn_sent(&cc->conn) == x->began_bytes;
}

void exchange_lost(struct exchange *x, int why)
{
	struct client_conn *cc = x->cc;
	struct lease *lease;
	int err;

	if (!may_repeat(x, why)) {
		exchange_end(x, why);
		return;
	}
	lease = lease_new(cc->place, x->member.scope, &err);
	if (!lease) {
		exchange_end(x, why);
		return;
	}
	cc->x = NULL;
	x->cc = NULL;
	lease->x = x;
	x->lease = lease;
	lease->depth = cc->held.depth;
	memcpy(lease->stack, cc->held.stack, sizeof(lease->stack));
	cc->pool->stats.replays++;
	place_wait(lease->place, lease, true);
	pool_put(cc, false);
}

void exchange_resume(struct exchange *x, struct lease *lease)
{
	x->lease = NULL;
	start(x, lease_spend(lease));
	conn_write(&x->cc->conn, x->copy.bytes, x->copy.len);
	conn_flush(&x->cc->conn);
	/* Once. */
	stash_set(x->loop, &x->copy, NULL, 0);
}

/* ---- sending --------------------------------------------------------------------------------- */

int tether_body_write(struct tether_body handle, const void *data, size_t len)
{
	struct exchange *x = find(handle);
	char size[24];

	if (!x || !x->cc)
		return -EBADF;
	if (x->sent)
		return -EINVAL;
	if (!x->chunked && len > x->left)
		return -EMSGSIZE;
	if (x->h3)
		return h3_exchange_write(x, data, len);
	if (conn_queued(&x->cc->conn) >= QUEUE_BYTES)
		return -EAGAIN;
	if (!len)
		return 0;
	if (!x->chunked)
		x->left -= len;
	if (x->chunked) {
		snprintf(size, sizeof(size), "%zx\r\n", len);
		conn_write(&x->cc->conn, size, strlen(size));
	}
	conn_write(&x->cc->conn, data, len);
	if (x->chunked)
		conn_write(&x->cc->conn, "\r\n", 2);
	conn_flush(&x->cc->conn);
	return 0;
}

int tether_body_drained(struct tether_body handle,
			void (*drained)(struct tether_body body, void *arg), void *arg)
{
	struct exchange *x = find(handle);

	if (!x || !x->cc)
		return -EBADF;
	if (!drained)
		return -EINVAL;
	if (x->drained)
		return -EALREADY;
	x->drained = drained;
	x->drained_arg = arg;
	if (x->h3)
		h3_exchange_go_on(x);
	else if (!conn_queued(&x->cc->conn))
		conn_poke(&x->cc->conn);
	return 0;
}

int tether_body_finish(struct tether_body handle)
{
	struct exchange *x = find(handle);

	if (!x || !x->cc)
		return -EBADF;
	if (x->sent)
		return -EINVAL;
	if (!x->chunked && x->left) {
		exchange_end(x, -EPROTO);
		return -EPROTO;
	}
	x->sent = true;
	if (x->h3)
		h3_exchange_finish(x);
	else if (x->chunked) {
		conn_write(&x->cc->conn, "0\r\n\r\n", 5);
		conn_flush(&x->cc->conn);
	}
	return 0;
}

/* ---- receiving ------------------------------------------------------------------------------- */

int tether_body_read(struct tether_body handle,
		     void (*got)(struct tether_body body, const void *data, size_t len, void *arg),
		     void *arg)
{
	struct exchange *x = find(handle);

	if (!x || x->ended)
		return -EBADF;
	if (!got)
		return -EINVAL;
	if (x->got)
		return -EALREADY;
	x->got = got;
	x->got_arg = arg;
	if (x->h3)
		h3_exchange_go_on(x);
	else if (x->cc)
		client_conn_go_on(x->cc);
	return 0;
}

int tether_body_end(struct tether_body handle)
{
	struct exchange *x = find(handle);

	if (!x)
		return -EBADF;
	exchange_end(x, -ECANCELED);
	return 0;
}

int tether_body_status(struct tether_body handle)
{
	struct exchange *x = find(handle);

	return x ? x->status : -EBADF;
}

struct tether_text tether_body_header(struct tether_body handle, const char *name)
{
	struct exchange *x = find(handle);

	return x && x->status ? head_find(&x->head, name) : (struct tether_text){ NULL, 0 };
}

int tether_body_header_at(struct tether_body handle, size_t i, struct tether_text *name,
			  struct tether_text *value)
{
	struct exchange *x = find(handle);

	if (!x)
		return -EBADF;
	if (!x->status || i >= x->head.n)
		return -ENOENT;
	*name = head_name(&x->head, i);
	*value = head_value(&x->head, i);
	return 0;
}

uint64_t tether_body_length(struct tether_body handle)
{
	struct exchange *x = find(handle);

	return x ? x->length : 0;
}
