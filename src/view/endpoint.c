/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections in words. Reads the ledger; knows nothing of where the words go. */
#include "view/endpoint.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include "base/text.h"
#include "view/cell.h"

const char *proto_name(uint8_t family, uint8_t proto)
{
	if (family == AF_UNIX)
		return "unix";
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "unknown";
}

const char *family_name(uint8_t family)
{
	switch (family) {
	case AF_INET:
		return "inet";
	case AF_INET6:
		return "inet6";
	case AF_UNIX:
		return "unix";
	default:
		return "unknown";
	}
}

const char *role_name(uint8_t role)
{
	static const char *const names[] = {
		[LS_ROLE_UNKNOWN] = "unknown", [LS_ROLE_CLIENT] = "client",
		[LS_ROLE_SERVER] = "server",   [LS_ROLE_LISTEN] = "listen",
		[LS_ROLE_PEER] = "peer",
	};

	return role < sizeof(names) / sizeof(names[0]) ? names[role] : names[0];
}

const char *call_name(uint32_t call)
{
	static const char *const names[] = {
		[LS_CALL_NONE] = "unknown",    [LS_CALL_READ] = "read",
		[LS_CALL_WRITE] = "write",     [LS_CALL_POLL] = "poll",
		[LS_CALL_CONNECT] = "connect", [LS_CALL_ACCEPT] = "accept",
	};

	return call < sizeof(names) / sizeof(names[0]) ? names[call] : names[0];
}

const char *conn_state(const struct conn *c)
{
	if (c->state == TCP_CLOSE && (c->family == AF_UNIX || c->proto == IPPROTO_UDP))
		return "unconnected";
	return text_tcp_state(c->state);
}

char *conn_local(char *buf, size_t len, const struct ledger *led, const struct conn *c)
{
	return text_endpoint(buf, len, c->family, ledger_conn_local(led, c), c->lport);
}

char *conn_remote(char *buf, size_t len, const struct ledger *led, const struct conn *c)
{
	return text_endpoint(buf, len, c->family, ledger_conn_remote(led, c), c->rport);
}

char *conn_pair(char *buf, size_t len, const struct ledger *led, const struct conn *c)
{
	char local[ENDPOINT_LEN], remote[ENDPOINT_LEN];

	conn_local(local, sizeof(local), led, c);
	conn_remote(remote, sizeof(remote), led, c);
	if (c->role == LS_ROLE_LISTEN)
		snprintf(buf, len, "listening on %s", local);
	else if (c->family == AF_UNIX && strcmp(local, "*") == 0 && strcmp(remote, "*") == 0)
		snprintf(buf, len, "unix socket without a name");
	else if (c->family == AF_UNIX)
		snprintf(buf, len, "unix %s", strcmp(local, "*") == 0 ? remote : local);
	else if (c->role == LS_ROLE_SERVER)
		snprintf(buf, len, "%s %s %s", remote, cell_arrow(), local);
	else
		snprintf(buf, len, "%s %s %s", local, cell_arrow(), remote);
	return buf;
}

int32_t conn_fd(const struct ledger *led, const struct conn *c, uint32_t proc, uint32_t *more)
{
	const struct holder *h;
	int32_t fd = -1;

	*more = 0;
	for (h = &c->holder; h; h = ledger_holder_next(led, h)) {
		if (!h->proc || h->proc != proc)
			continue;
		if (fd >= 0)
			(*more)++;
		else
			fd = h->fd;
	}
	return fd;
}

const struct conn *finding_conn(const struct ledger *led, const struct finding *f)
{
	const struct left *left = f->left ? ledger_left(led, f->left) : NULL;
	const struct task *t = f->task ? ledger_task(led, f->task) : NULL;
	uint32_t id = f->conn ? f->conn : t ? t->conn : 0;

	if (left)
		return &left->conn;
	return id ? ledger_conn(led, id) : NULL;
}

uint32_t finding_site(const struct ledger *led, const struct finding *f)
{
	const struct conn *c = f->site || f->carrier ? NULL : finding_conn(led, f);

	return f->site ? f->site : c ? c->site : 0;
}

uint32_t finding_task(const struct ledger *led, const struct finding *f)
{
	const struct conn *c = f->task || f->carrier ? NULL : finding_conn(led, f);
	uint32_t id = f->task ? f->task : c ? c->waiter : 0;

	return id && ledger_task(led, id) ? id : 0;
}

const struct empty *finding_empty(const struct ledger *led, const struct finding *f)
{
	const struct task *t = f->task ? ledger_task(led, f->task) : NULL;
	uint32_t id = f->conn ? f->conn : t ? t->conn : 0;

	return id && !f->left && !f->carrier ? ledger_empty(led, id) : NULL;
}

const struct parked *finding_parked(const struct ledger *led, const struct finding *f)
{
	return f->conn && !f->task && !f->left && !f->carrier ? ledger_parked(led, f->conn) : NULL;
}

static char *site_endpoint(char *buf, size_t len, const struct site *s)
{
	char end[ENDPOINT_LEN];

	if (s->family == AF_UNIX)
		snprintf(buf, len, "unix");
	else if (s->role == LS_ROLE_CLIENT)
		snprintf(buf, len, "%s %s", cell_arrow(),
			 text_endpoint(end, sizeof(end), s->family, s->addr, s->port));
	else
		snprintf(buf, len, "port %u", s->port);
	return buf;
}

char *carrier_text(char *buf, size_t len, const struct ledger *led, const struct carrier *c)
{
	uint32_t id = c ? ledger_carrier_conn(led, c) : 0;
	char library[TEXT_LEN];

	if (id)
		return conn_pair(buf, len, led, ledger_conn(led, id));
	if (c)
		snprintf(buf, len, "connection %llx of %s", (unsigned long long)c->conn,
			 text_clean(library, sizeof(library), ledger_library(led, c->library)));
	else
		buf[0] = '\0';
	return buf;
}

char *finding_endpoint(char *buf, size_t len, const struct ledger *led, const struct finding *f)
{
	const struct conn *c = finding_conn(led, f);
	const struct site *s = f->site ? ledger_site(led, f->site) : NULL;

	if (c)
		return conn_pair(buf, len, led, c);
	if (f->carrier)
		return carrier_text(buf, len, led, ledger_carrier(led, f->carrier));
	if (s)
		return site_endpoint(buf, len, s);
	buf[0] = '\0';
	return buf;
}
