/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections in words. Reads the ledger; knows nothing of where the words go. */
#include "view/endpoint.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include "base/text.h"
#include "view/cell.h"

#define FRAMES_SHOWN 6 /* on one line */

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
	const struct conn *c = f->site ? NULL : finding_conn(led, f);

	return f->site ? f->site : c ? c->site : 0;
}

uint32_t finding_task(const struct ledger *led, const struct finding *f)
{
	const struct conn *c = f->task ? NULL : finding_conn(led, f);
	uint32_t id = f->task ? f->task : c ? c->waiter : 0;

	return id && ledger_task(led, id) ? id : 0;
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

char *finding_endpoint(char *buf, size_t len, const struct ledger *led, const struct finding *f)
{
	const struct conn *c = finding_conn(led, f);
	const struct site *s = f->site ? ledger_site(led, f->site) : NULL;

	if (c)
		return conn_pair(buf, len, led, c);
	if (s)
		return site_endpoint(buf, len, s);
	buf[0] = '\0';
	return buf;
}

typedef bool (*frame_fn)(const struct view_input *in, uint32_t id, uint32_t n, char *buf,
			 size_t len);

bool site_frame(const struct view_input *in, uint32_t site, uint32_t n, char *buf, size_t len)
{
	char raw[FRAME_LEN] = "";

	if (!site || !in->frames || !in->frames->site ||
	    !in->frames->site(in->frames->arg, site, n, raw, sizeof(raw)))
		return false;
	text_clean(buf, len, raw);
	return true;
}

bool task_frame(const struct view_input *in, uint32_t task, uint32_t n, char *buf, size_t len)
{
	char raw[FRAME_LEN] = "";

	if (!task || !in->frames || !in->frames->task ||
	    !in->frames->task(in->frames->arg, task, n, raw, sizeof(raw)))
		return false;
	text_clean(buf, len, raw);
	return true;
}

static char *join_frames(char *buf, size_t len, const struct view_input *in, uint32_t id,
			 frame_fn frame)
{
	char one[FRAME_LEN];
	size_t at = 0;
	uint32_t n;

	buf[0] = '\0';
	for (n = 0; n < FRAMES_SHOWN && frame(in, id, n, one, sizeof(one)); n++) {
		if (at + strlen(one) + 4 > len)
			break;
		at += (size_t)snprintf(buf + at, len - at, "%s%s", at ? " < " : "", one);
	}
	return buf;
}

char *site_frames(char *buf, size_t len, const struct view_input *in, uint32_t site)
{
	return join_frames(buf, len, in, site, site_frame);
}

char *task_frames(char *buf, size_t len, const struct view_input *in, uint32_t task)
{
	return join_frames(buf, len, in, task, task_frame);
}
