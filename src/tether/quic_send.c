// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams out. Those of one connection that are of one size go to the kernel in one piece
 * (UDP_SEGMENT, Linux 4.18); where that is refused they go one by one.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "quic_endpoint.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* Of one piece: as many as the kernel takes, and less than a UDP datagram could be. */
#define SEGMENTS_MAX 60
#define BATCH_MAX    64000

static int send_batch(struct quic_endpoint *ep, const struct sockaddr *to, socklen_t to_len,
		      const char *data, size_t len, size_t segment)
{
	char control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	struct iovec iov = { (char *)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint16_t size = segment;
	struct cmsghdr *cmsg;

	if (!ep->connected) {
		msg.msg_name = (void *)to;
		msg.msg_namelen = to_len;
	}
	if (len > segment) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_UDP;
		cmsg->cmsg_type = UDP_SEGMENT;
		cmsg->cmsg_len = CMSG_LEN(sizeof(size));
		memcpy(CMSG_DATA(cmsg), &size, sizeof(size));
	}
	return sendmsg(ep->fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* -EAGAIN: nothing has gone. Other errors are as if the network had lost it: QUIC sends it again,
 * or gives up in its own time. */
static int send_all(struct quic_endpoint *ep, const struct sockaddr *to, socklen_t to_len,
		    const char *data, size_t len, size_t segment)
{
	int err = send_batch(ep, to, to_len, data, len, segment);
	size_t n;

	if (!err || err == -EAGAIN || len <= segment)
		return err;
	for (; len; data += n, len -= n) {
		n = len < segment ? len : segment;
		send_batch(ep, to, to_len, data, n, n);
	}
	return 0;
}

bool quic_send_ready(struct quic_endpoint *ep)
{
	return !ep->stuck_len;
}

uint8_t *quic_send_room(struct quic_endpoint *ep)
{
	struct quic_shared *shared = ep->loop->quic;

	return (uint8_t *)shared->out + shared->out_len;
}

/* The batch that waits for the kernel is copied: the shared buffer is everybody's. */
static void keep(struct quic_endpoint *ep)
{
	struct quic_shared *shared = ep->loop->quic;

	ep->stuck = mem_resize(ep->loop, NULL, shared->out_len);
	if (!ep->stuck)
		return;
	memcpy(ep->stuck, shared->out, shared->out_len);
	ep->stuck_len = shared->out_len;
	ep->stuck_segment = shared->segment;
	ep->stuck_to = shared->to;
}

void quic_send_flush(struct quic_endpoint *ep)
{
	struct quic_shared *shared = ep->loop->quic;

	if (!shared->out_len)
		return;
	if (send_all(ep, &shared->to.u.any, shared->to.len, shared->out, shared->out_len,
		     shared->segment) == -EAGAIN)
		keep(ep);
	shared->out_len = 0;
	shared->segment = 0;
}

static bool fits(const struct quic_shared *shared, const ngtcp2_addr *to, size_t len)
{
	return len <= shared->segment && to->addrlen == shared->to.len &&
	       !memcmp(to->addr, &shared->to.u, to->addrlen);
}

void quic_send_add(struct quic_endpoint *ep, const ngtcp2_addr *to, size_t len)
{
	struct quic_shared *shared = ep->loop->quic;
	size_t before = shared->out_len;

	if (before && !fits(shared, to, len)) {
		quic_send_flush(ep);
		memmove(shared->out, shared->out + before, len);
	}
	if (!shared->out_len) {
		shared->segment = len;
		memcpy(&shared->to.u, to->addr, to->addrlen);
		shared->to.len = to->addrlen;
	}
	shared->out_len += len;
	if (len < shared->segment || shared->out_len >= SEGMENTS_MAX * shared->segment ||
	    shared->out_len + shared->segment > BATCH_MAX)
		quic_send_flush(ep);
}

void quic_send_one(struct quic_endpoint *ep, const struct quic_address *to, const void *data,
		   size_t len)
{
	send_batch(ep, &to->u.any, to->len, data, len, len);
}

void quic_send_retry(struct quic_endpoint *ep)
{
	if (!ep->stuck_len || send_all(ep, &ep->stuck_to.u.any, ep->stuck_to.len, ep->stuck,
				       ep->stuck_len, ep->stuck_segment) == -EAGAIN)
		return;
	mem_free(ep->loop, ep->stuck);
	ep->stuck = NULL;
	ep->stuck_len = 0;
}
