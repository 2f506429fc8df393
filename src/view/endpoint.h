/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections in words: their ends, roles and holders.
 */
#pragma once

#include "view/view.h"

#define ENDPOINT_LEN 128 /* one end */
#define PAIR_LEN     320 /* both, with an arrow */

/* "tcp", "udp", "unix"; "inet", "inet6", "unix"; "client", "server", "listen", "peer". */
const char *proto_name(uint8_t family, uint8_t proto);
const char *family_name(uint8_t family);
const char *role_name(uint8_t role);
/* text_tcp_state(), but for what has no connection to close: "unconnected". */
const char *conn_state(const struct conn *c);
/* "read", "write", "poll" ... */
const char *call_name(uint32_t call);

char *conn_local(char *buf, size_t len, const struct ledger *led, const struct conn *c);
char *conn_remote(char *buf, size_t len, const struct ledger *led, const struct conn *c);
/* "10.0.0.5:41234 → 10.0.0.9:443": the arrow points from who connected. */
char *conn_pair(char *buf, size_t len, const struct ledger *led, const struct conn *c);

/* The first descriptor by which @proc holds @c, -1 if it does not; *@more: how many further. */
int32_t conn_fd(const struct ledger *led, const struct conn *c, uint32_t proc, uint32_t *more);

/* The connection that shows what @f means, NULL if none. */
const struct conn *finding_conn(const struct ledger *led, const struct finding *f);
/* The connections' site where what @f accuses was opened, 0 if unknown, and for streams. */
uint32_t finding_site(const struct ledger *led, const struct finding *f);
/* The task that waits on what @f accuses, 0 if none. */
uint32_t finding_task(const struct ledger *led, const struct finding *f);
/* The goroutine that waits on it, NULL if none is known. */
const struct parked *finding_parked(const struct ledger *led, const struct finding *f);
/* Who last read from what @f accuses and found nothing, NULL if that was not seen. */
const struct empty *finding_empty(const struct ledger *led, const struct finding *f);
/* What carries streams: both its ends, else "connection 2a of tether"; NULL is "". */
char *carrier_text(char *buf, size_t len, const struct ledger *led, const struct carrier *c);
/* Both ends, or the site's one, or "": whatever is known. */
char *finding_endpoint(char *buf, size_t len, const struct ledger *led, const struct finding *f);
