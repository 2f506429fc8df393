// SPDX-License-Identifier: BSD-2-Clause
/* A UDP socket and its connections (quic_endpoint.h): demultiplexing, and what strangers get. */
#include <errno.h>
#include <gnutls/crypto.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "probes.h"
#include "quic_conn.h"

#define BUCKETS_MIN	16
#define SIZE_OF(array)	(sizeof(array) / sizeof(*(array)))
#define RETRY_WITHIN_NS (10 * TETHER_S)
#define RESET_MIN	43 /* nothing shorter is answered by a reset, or two ends would play tennis */

uint64_t quic_now_ns(const struct tether_loop *loop)
{
	return loop->virtual_clock ? tether_loop_now_ns(loop) : uv_hrtime();
}

/* ---- connection ids -------------------------------------------------------------------------- */

static uint64_t hash_of(const struct quic_endpoint *ep, const uint8_t *data, size_t len)
{
	uint64_t h = ep->key[0] ^ len, word;

	while (len) {
		size_t n = len < sizeof(word) ? len : sizeof(word);

		word = 0;
		memcpy(&word, data, n);
		h = (h ^ word) * 0x9e3779b97f4a7c15 + ep->key[1];
		h ^= h >> 29;
		h *= 0xbf58476d1ce4e5b9;
		h ^= h >> 32;
		data += n;
		len -= n;
	}
	return h;
}

static struct quic_cid **cid_place(struct quic_endpoint *ep, uint64_t hash, const uint8_t *data,
				   size_t len)
{
	struct quic_cid **at = &ep->table[hash & (ep->n_buckets - 1)];

	while (*at && ((*at)->hash != hash || (*at)->cid.datalen != len ||
		       memcmp((*at)->cid.data, data, len) != 0))
		at = &(*at)->next;
	return at;
}

static struct quic_conn *conn_of(struct quic_endpoint *ep, const uint8_t *data, size_t len)
{
	struct quic_cid *cid = *cid_place(ep, hash_of(ep, data, len), data, len);

	return cid ? cid->conn : NULL;
}

static int table_grow(struct quic_endpoint *ep)
{
	size_t n = ep->n_buckets ? ep->n_buckets * 2 : BUCKETS_MIN, i;
	struct quic_cid **table = mem_new(ep->loop, n * sizeof(struct quic_cid *)), *cid;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < ep->n_buckets; i++) {
		while ((cid = ep->table[i])) {
			ep->table[i] = cid->next;
			cid->next = table[cid->hash & (n - 1)];
			table[cid->hash & (n - 1)] = cid;
		}
	}
	mem_free(ep->loop, ep->table);
	ep->table = table;
	ep->n_buckets = n;
	return 0;
}

int quic_endpoint_add_cid(struct quic_endpoint *ep, struct quic_conn *conn, const ngtcp2_cid *id)
{
	struct quic_cid *cid, **at;
	uint64_t hash = hash_of(ep, id->data, id->datalen);

	if (ep->n_cids >= ep->n_buckets && table_grow(ep))
		return -ENOMEM;
	at = cid_place(ep, hash, id->data, id->datalen);
	if (*at)
		return (*at)->conn == conn ? 0 : -EEXIST;
	cid = mem_new(ep->loop, sizeof(*cid));
	if (!cid)
		return -ENOMEM;
	cid->hash = hash;
	cid->cid = *id;
	cid->conn = conn;
	list_append(&conn->cids, &cid->link);
	*at = cid;
	ep->n_cids++;
	return 0;
}

void quic_cid_free(struct quic_endpoint *ep, struct quic_cid *cid)
{
	struct quic_cid **at = cid_place(ep, cid->hash, cid->cid.data, cid->cid.datalen);

	if (*at == cid) {
		*at = cid->next;
		ep->n_cids--;
	}
	list_remove(&cid->link);
	mem_free(ep->loop, cid);
}

void quic_endpoint_drop_cid(struct quic_endpoint *ep, const ngtcp2_cid *id)
{
	struct quic_cid *cid =
		*cid_place(ep, hash_of(ep, id->data, id->datalen), id->data, id->datalen);

	if (cid)
		quic_cid_free(ep, cid);
}

/* ---- strangers ------------------------------------------------------------------------------- */

static void send_versions(struct quic_endpoint *ep, const struct quic_address *from,
			  const ngtcp2_version_cid *vc, size_t len)
{
	const uint32_t versions[] = { NGTCP2_PROTO_VER_V1 };
	uint8_t out[NGTCP2_MAX_UDP_PAYLOAD_SIZE], random;
	ngtcp2_ssize n;

	ep->counts.versions++;
	/* Nobody is answered with more than was sent. */
	if (len < NGTCP2_MAX_UDP_PAYLOAD_SIZE)
		return;
	gnutls_rnd(GNUTLS_RND_NONCE, &random, 1);
	n = ngtcp2_pkt_write_version_negotiation(out, sizeof(out), random, vc->scid, vc->scidlen,
						 vc->dcid, vc->dcidlen, versions, 1);
	if (n > 0)
		quic_send_one(ep, from, out, n);
}

static void send_reset(struct quic_endpoint *ep, const struct quic_address *from,
		       const ngtcp2_version_cid *vc, size_t len)
{
	uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN], random[64], out[128];
	size_t n_random;
	ngtcp2_cid cid;
	ngtcp2_ssize n;

	if (!ep->server || len < RESET_MIN || vc->dcidlen != QUIC_CID_BYTES)
		return;
	n_random = len - 1 - sizeof(token) < 38 ? len - 1 - sizeof(token) : 38;
	ngtcp2_cid_init(&cid, vc->dcid, vc->dcidlen);
	if (ngtcp2_crypto_generate_stateless_reset_token(token, ep->secret, sizeof(ep->secret),
							 &cid) ||
	    gnutls_rnd(GNUTLS_RND_NONCE, random, n_random))
		return;
	n = ngtcp2_pkt_write_stateless_reset(out, sizeof(out), token, random, n_random);
	if (n > 0) {
		ep->counts.resets++;
		quic_send_one(ep, from, out, n);
	}
}

static void send_retry(struct quic_endpoint *ep, const struct quic_address *from,
		       const ngtcp2_pkt_hd *hd)
{
	uint8_t token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN], out[NGTCP2_MAX_UDP_PAYLOAD_SIZE];
	ngtcp2_ssize n;
	ngtcp2_cid scid = { .datalen = QUIC_CID_BYTES };

	if (gnutls_rnd(GNUTLS_RND_NONCE, scid.data, scid.datalen))
		return;
	n = ngtcp2_crypto_generate_retry_token(token, ep->secret, sizeof(ep->secret), hd->version,
					       &from->u.any, from->len, &scid, &hd->dcid,
					       quic_now_ns(ep->loop));
	if (n < 0)
		return;
	n = ngtcp2_crypto_write_retry(out, sizeof(out), hd->version, &hd->scid, &scid, &hd->dcid,
				      token, n);
	if (n > 0) {
		ep->counts.retries++;
		quic_send_one(ep, from, out, n);
	}
}

static void send_refusal(struct quic_endpoint *ep, const struct quic_address *from,
			 const ngtcp2_pkt_hd *hd, uint64_t code)
{
	uint8_t out[NGTCP2_MAX_UDP_PAYLOAD_SIZE];
	ngtcp2_ssize n = ngtcp2_crypto_write_connection_close(out, sizeof(out), hd->version,
							      &hd->scid, &hd->dcid, code, NULL, 0);

	ep->counts.refused++;
	if (n > 0)
		quic_send_one(ep, from, out, n);
}

/* Has this client shown that its address is its own? Where it must and has not, it is told how.
 * @odcid is filled in with what it first called us. */
static bool check_token(struct quic_endpoint *ep, const struct quic_address *from,
			const ngtcp2_pkt_hd *hd, ngtcp2_cid *odcid)
{
	size_t len = quic_hd_token_len(hd);
	const uint8_t *token = quic_hd_token(hd);

	if (len && token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY) {
		if (!ngtcp2_crypto_verify_retry_token(odcid, token, len, ep->secret,
						      sizeof(ep->secret), hd->version, &from->u.any,
						      from->len, &hd->dcid, RETRY_WITHIN_NS,
						      quic_now_ns(ep->loop)))
			return true;
		/* Ours it was not, or not for this address. */
		send_refusal(ep, from, hd, 0x0b);
		return false;
	}
	if (ep->n_shaking >= ep->retry_above) {
		send_retry(ep, from, hd);
		return false;
	}
	return true;
}

static ngtcp2_path path_to(struct quic_endpoint *ep, const struct quic_address *from)
{
	return (ngtcp2_path){
		.local = { &ep->local.u.any, ep->local.len },
		.remote = { (ngtcp2_sockaddr *)&from->u.any, from->len },
	};
}

static struct quic_conn *accept_conn(struct quic_endpoint *ep, const struct quic_address *from,
				     const ngtcp2_version_cid *vc, const uint8_t *data, size_t len)
{
	ngtcp2_path path = path_to(ep, from);
	ngtcp2_cid odcid = { 0 };
	struct quic_conn *conn;
	ngtcp2_pkt_hd hd;

	if (!ep->server || ngtcp2_accept(&hd, data, len) < 0) {
		ep->counts.unknown++;
		/* Long headers have no reset. */
		if (len && !(data[0] & 0x80))
			send_reset(ep, from, vc, len);
		return NULL;
	}
	if (ep->closing || !check_token(ep, from, &hd, &odcid)) {
		if (ep->closing)
			send_refusal(ep, from, &hd, NGTCP2_CONNECTION_REFUSED);
		return NULL;
	}
	if (ep->ops->accept(ep, &hd, &path, odcid.datalen ? &odcid : NULL, &conn)) {
		send_refusal(ep, from, &hd, NGTCP2_CONNECTION_REFUSED);
		return NULL;
	}
	ep->counts.accepted++;
	return conn;
}

void quic_endpoint_datagram(struct quic_endpoint *ep, const struct quic_address *from,
			    const uint8_t *data, size_t len)
{
	ngtcp2_version_cid vc = { 0 };
	struct quic_conn *conn;
	ngtcp2_path path;
	int err;

	ep->counts.datagrams++;
	err = len ? ngtcp2_pkt_decode_version_cid(&vc, data, len, QUIC_CID_BYTES) : -EINVAL;
	if (err == NGTCP2_ERR_VERSION_NEGOTIATION && ep->server) {
		send_versions(ep, from, &vc, len);
		return;
	}
	if (err) {
		ep->counts.garbage++;
		return;
	}
	conn = conn_of(ep, vc.dcid, vc.dcidlen);
	if (!conn)
		conn = accept_conn(ep, from, &vc, data, len);
	if (!conn || conn->ending)
		return;
	path = path_to(ep, from);
	quic_conn_read(conn, &path, data, len);
	quic_conn_dirty(conn);
}

/* ---- the socket ------------------------------------------------------------------------------ */

static void on_events(uv_poll_t *poll, int status, int events);

static void watch(struct quic_endpoint *ep)
{
	bool waits = !quic_send_ready(ep);

	if (ep->waits == waits)
		return;
	ep->waits = waits;
	uv_poll_start(&ep->poll, UV_READABLE | (waits ? UV_WRITABLE : 0), on_events);
}

static void work(struct quic_endpoint *ep)
{
	struct quic_conn *conn;

	if (ep->working)
		return;
	ep->working = true;
	while (!list_empty(&ep->dirty) && quic_send_ready(ep)) {
		conn = container_of(ep->dirty.next, struct quic_conn, dirty);
		list_remove(&conn->dirty);
		/* Who has more to send comes after all the others. */
		if (!quic_conn_work(conn) && list_empty(&conn->dirty))
			list_append(&ep->dirty, &conn->dirty);
	}
	ep->working = false;
	if (ep->closing)
		return;
	if (list_empty(&ep->dirty) || !quic_send_ready(ep))
		uv_prepare_stop(&ep->work);
	watch(ep);
}

static void on_work(uv_prepare_t *prepare)
{
	work(container_of(prepare, struct quic_endpoint, work));
}

void quic_endpoint_dirty(struct quic_endpoint *ep, struct quic_conn *conn)
{
	if (!list_empty(&conn->dirty))
		return;
	list_append(&ep->dirty, &conn->dirty);
	if (!ep->working && !ep->closing)
		uv_prepare_start(&ep->work, on_work);
}

/* What the network said about a connected socket: nobody is there. */
static void take_error(struct quic_endpoint *ep, int err)
{
	struct quic_conn *conn;

	if (!ep->connected || list_empty(&ep->conns) || err == EAGAIN || err == EINTR)
		return;
	conn = container_of(ep->conns.next, struct quic_conn, link);
	/* Anybody can forge such a message: a connection that stands does not believe it. */
	if (!conn->opened)
		quic_conn_drop(conn, -err);
}

static int receive(struct quic_endpoint *ep)
{
	struct quic_shared *shared = ep->loop->quic;
	struct quic_address from[SIZE_OF(shared->in)];
	struct mmsghdr msgs[SIZE_OF(shared->in)];
	struct iovec iov[SIZE_OF(shared->in)];
	int n, i;

	for (i = 0; i < (int)SIZE_OF(shared->in); i++) {
		iov[i] = (struct iovec){ shared->in[i], sizeof(shared->in[i]) };
		msgs[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &from[i].u,
							 .msg_namelen = sizeof(from[i].u),
							 .msg_iov = &iov[i],
							 .msg_iovlen = 1 } };
	}
	n = recvmmsg(ep->fd, msgs, SIZE_OF(shared->in), MSG_DONTWAIT, NULL);
	if (n < 0) {
		take_error(ep, errno);
		return 0;
	}
	for (i = 0; i < n && !ep->closing; i++) {
		from[i].len = msgs[i].msg_hdr.msg_namelen;
		if (ep->connected && !from[i].len)
			continue;
		if (msgs[i].msg_hdr.msg_flags & MSG_TRUNC)
			ep->counts.garbage++;
		else
			quic_endpoint_datagram(ep, &from[i], (uint8_t *)shared->in[i],
					       msgs[i].msg_len);
	}
	return n;
}

static void on_events(uv_poll_t *poll, int status, int events)
{
	struct quic_endpoint *ep = container_of(poll, struct quic_endpoint, poll);
	int rounds = 4;

	(void)status;
	if (events & UV_WRITABLE)
		quic_send_retry(ep);
	/* Others want their turn too. */
	while (rounds-- && !ep->closing && receive(ep) == (int)SIZE_OF(ep->loop->quic->in))
		;
	work(ep);
}

static struct quic_shared *shared_of(struct tether_loop *loop)
{
	if (!loop->quic) {
		loop->quic = mem_new(loop, sizeof(*loop->quic));
		if (loop->quic)
			loop->quic->mem = quic_mem(loop);
	}
	return loop->quic;
}

static int learn_socket(struct quic_endpoint *ep)
{
	socklen_t len = sizeof(ep->cookie);

	ep->local.len = sizeof(ep->local.u);
	if (getsockname(ep->fd, &ep->local.u.any, &ep->local.len))
		return -errno;
	getsockopt(ep->fd, SOL_SOCKET, SO_COOKIE, &ep->cookie, &len);
	return 0;
}

int quic_endpoint_open(struct quic_endpoint *ep, struct tether_loop *loop, int fd,
		       const struct quic_endpoint_ops *ops)
{
	int err;

	ep->loop = loop;
	ep->ops = ops;
	ep->fd = fd;
	ep->retry_above = 256;
	list_init(&ep->conns);
	list_init(&ep->dirty);
	if (gnutls_rnd(GNUTLS_RND_RANDOM, ep->secret, sizeof(ep->secret)) ||
	    gnutls_rnd(GNUTLS_RND_RANDOM, ep->key, sizeof(ep->key)))
		return -EIO;
	err = shared_of(loop) ? learn_socket(ep) : -ENOMEM;
	if (!err)
		err = table_grow(ep);
	if (!err)
		err = uv_poll_init(&loop->uv, &ep->poll, fd);
	if (err) {
		mem_free(loop, ep->table);
		ep->table = NULL;
		return err;
	}
	uv_prepare_init(&loop->uv, &ep->work);
	ep->open_handles = 2;
	uv_poll_start(&ep->poll, UV_READABLE, on_events);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct quic_endpoint *ep = handle->type == UV_POLL
					   ? container_of(handle, struct quic_endpoint, poll)
					   : container_of(handle, struct quic_endpoint, work);

	if (--ep->open_handles)
		return;
	close(ep->fd);
	mem_free(ep->loop, ep->stuck);
	mem_free(ep->loop, ep->table);
	ep->ops->gone(ep);
}

void quic_endpoint_close(struct quic_endpoint *ep)
{
	if (ep->closing)
		return;
	ep->closing = true;
	uv_close((uv_handle_t *)&ep->poll, on_closed);
	uv_close((uv_handle_t *)&ep->work, on_closed);
}
