/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's part of HTTP/3: between h3_client.c (connections) and h3_exchange.c (exchanges). */
#pragma once

#include "client.h"
#include "h3.h"

struct h3_client_conn {
	struct h3_conn h3;
	struct quic_endpoint ep;
	struct tether_pool *pool;
	struct list link;  /* in place->h3_conns, as long as it takes requests */
	struct list slots; /* the pool's connections that are places on this one */
	size_t n_slots, capacity;
	uint64_t ends_ns; /* no new places from then on */
};

void h3_exchange_serve(struct h3_message *m);
void h3_exchange_lost(struct h3_message *m, int why);
