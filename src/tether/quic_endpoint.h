/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A UDP socket and the QUIC connections on it: which datagram is whose, and how datagrams go out.
 * A server has one on each loop; a client's connection has one to itself, connected, so that the
 * kernel tells it what the network says.
 */
#pragma once

#include <sys/socket.h>
#include <uv.h>

#include "core.h"
#include "ngtcp2_shim.h"

#define QUIC_CID_BYTES	  16
#define QUIC_SECRET_BYTES 32

struct quic_conn;
struct quic_endpoint;

struct quic_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage storage;
	} u;
	socklen_t len;
};

/* A connection id that leads here. */
struct quic_cid {
	struct quic_cid *next; /* in its bucket */
	struct list link;      /* of its connection */
	struct quic_conn *conn;
	uint64_t hash;
	ngtcp2_cid cid;
};

struct quic_counts {
	uint64_t datagrams;
	uint64_t garbage;  /* no QUIC, or too long */
	uint64_t unknown;  /* of no connection that is known here */
	uint64_t versions; /* answered by version negotiation */
	uint64_t resets;   /* stateless resets sent */
	uint64_t retries;
	uint64_t accepted, refused;
};

struct quic_endpoint_ops {
	/* A client wants in: makes a connection, with quic_conn_accept() done; or -errno. */
	int (*accept)(struct quic_endpoint *ep, const ngtcp2_pkt_hd *hd, const ngtcp2_path *path,
		      const ngtcp2_cid *odcid, struct quic_conn **conn);
	/* It is closed, and its memory is the owner's. */
	void (*gone)(struct quic_endpoint *ep);
};

struct quic_endpoint {
	uv_poll_t poll;
	uv_prepare_t work;
	struct tether_loop *loop;
	const struct quic_endpoint_ops *ops;
	int fd;
	uint64_t cookie;
	struct quic_address local;
	bool connected;
	bool server;
	bool closing;
	bool working;
	bool waits; /* for the kernel to take output again */
	uint8_t open_handles;
	struct quic_cid **table;
	size_t n_buckets, n_cids;
	uint64_t key[2]; /* of the hash: clients choose the first id themselves */
	uint8_t secret[QUIC_SECRET_BYTES];
	struct list conns;
	struct list dirty; /* have something to tell, or to send */
	size_t n_conns, n_shaking;
	size_t retry_above; /* so many handshakes at a time go without Retry */
	struct quic_counts counts;
	/* What the kernel did not take: a batch of datagrams to one address. */
	char *stuck;
	size_t stuck_len, stuck_segment;
	struct quic_address stuck_to;
};

/* What the endpoints of a loop share, none of it over a turn. */
struct quic_shared {
	ngtcp2_mem mem; /* pointed at by everything that ngtcp2 has made */
	char out[65536];
	size_t out_len, segment;
	struct quic_address to; /* whom `out` is for */
	char in[16][2048];
};

/* Takes @fd over, bound or connected. -ENOMEM and what the kernel says; @fd stays the caller's
 * then.
 */
int quic_endpoint_open(struct quic_endpoint *ep, struct tether_loop *loop, int fd,
		       const struct quic_endpoint_ops *ops);
/* When no connection is left on it. gone() comes later. */
void quic_endpoint_close(struct quic_endpoint *ep);

/* A datagram that has come. The fuzzer's way in. */
void quic_endpoint_datagram(struct quic_endpoint *ep, const struct quic_address *from,
			    const uint8_t *data, size_t len);

int quic_endpoint_add_cid(struct quic_endpoint *ep, struct quic_conn *conn, const ngtcp2_cid *cid);
void quic_endpoint_drop_cid(struct quic_endpoint *ep, const ngtcp2_cid *cid);
void quic_cid_free(struct quic_endpoint *ep, struct quic_cid *cid);

/* @conn is looked after before the loop sleeps. */
void quic_endpoint_dirty(struct quic_endpoint *ep, struct quic_conn *conn);

/* quic_send.c: output is gathered in the shared buffer, and goes out in one call where it can.
 * False: the kernel takes no more for now. */
bool quic_send_ready(struct quic_endpoint *ep);
/* Always enough for one datagram of at most 1500 bytes. */
uint8_t *quic_send_room(struct quic_endpoint *ep);
void quic_send_add(struct quic_endpoint *ep, const ngtcp2_addr *to, size_t len);
void quic_send_flush(struct quic_endpoint *ep);
/* One that is not part of a connection's output. */
void quic_send_one(struct quic_endpoint *ep, const struct quic_address *to, const void *data,
		   size_t len);
void quic_send_retry(struct quic_endpoint *ep);

/* quic_mem.c: memory that is counted, in tether_loop_counts */
ngtcp2_mem quic_mem(struct tether_loop *loop);
/* The loop ends. */
void quic_spares_free(struct tether_loop *loop);

/* The clock that QUIC needs, finer than the loop's. */
uint64_t quic_now_ns(const struct tether_loop *loop);
