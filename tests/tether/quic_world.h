/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of QUIC share: a certificate, a server and a client on one loop under a clock that
 * is turned by hand, and a network between them that loses things.
 */
#pragma once

#include "world.h"

#include <uv.h>

/* A key and a self-signed certificate for localhost, in files that quic_cert_drop() removes. */
struct quic_cert {
	char cert[64], key[64];
};
void quic_cert_make(struct quic_cert *cert);
void quic_cert_drop(struct quic_cert *cert);

/* Datagrams between one client and a server: some are lost, doubled, or come late. */
struct quic_proxy {
	uv_udp_t front, back, spare;
	bool moved;
	struct sockaddr_in client, server;
	uint16_t port;
	uint64_t random;
	unsigned int drop, twice, late; /* in 1000 */
	bool deaf;			/* nothing of the client's goes through */
	bool mute;			/* nothing of the server's */
	struct quic_parcel *parcels;
	uint64_t passed, dropped, doubled, delayed;
	int closed;
};
void quic_proxy_open(struct quic_proxy *proxy, struct tether_loop *loop, uint16_t server_port,
		     uint64_t seed);
void quic_proxy_close(struct quic_proxy *proxy);
/* To the server it comes from another port from now on. */
void quic_proxy_move(struct quic_proxy *proxy, struct tether_loop *loop);
/* Delivers what was late. */
void quic_proxy_turn(struct quic_proxy *proxy);

struct quic_trip {
	struct fake_clock fake;
	struct tether_loop *loop;
	struct quic_cert cert;
	struct tether_tls *server_tls, *client_tls;
	struct tether_quic *quic;
	struct tether_scope scope;
	struct tether_dest dest;
	struct tether_quic_options server, client;
	struct quic_proxy proxy;
	bool proxied;
	int stopped;
};

/* server and client options are to be filled in before; their arg is the test's. */
void quic_trip_begin(struct quic_trip *t);
void quic_trip_end(struct quic_trip *t);
/* From now on clients go through the proxy. */
void quic_trip_proxy(struct quic_trip *t, uint64_t seed);
/* Turns, a millisecond at a time, until *@flag or (fails) @ms have passed. */
void quic_until(struct quic_trip *t, const int *flag, unsigned int ms);
void quic_pass(struct quic_trip *t, unsigned int ms);
