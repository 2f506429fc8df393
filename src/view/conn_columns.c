/* SPDX-License-Identifier: BSD-2-Clause */
/* The columns of a process's connections. Knows connections, and nothing of where they are shown.
 */
#include "view/conn_columns.h"

#include <netinet/tcp.h>
#include "base/text.h"
#include "view/endpoint.h"
#include "view/rows.h"

static void print_fd(const struct conn_cell *cell, char *buf, size_t len)
{
	uint32_t more;
	int32_t fd = conn_fd(cell->in->ledger, cell->conn, cell->proc, &more);

	if (fd < 0)
		snprintf(buf, len, "-");
	else if (more)
		snprintf(buf, len, "%d+%u", fd, more);
	else
		snprintf(buf, len, "%d", fd);
}

static void print_role(const struct conn_cell *cell, char *buf, size_t len)
{
	snprintf(buf, len, "%s", role_name(cell->conn->role));
}

static void print_local(const struct conn_cell *cell, char *buf, size_t len)
{
	conn_local(buf, len, cell->in->ledger, cell->conn);
}

static void print_remote(const struct conn_cell *cell, char *buf, size_t len)
{
	conn_remote(buf, len, cell->in->ledger, cell->conn);
}

static void print_state(const struct conn_cell *cell, char *buf, size_t len)
{
	snprintf(buf, len, "%s", conn_state(cell->conn));
}

static void print_age(const struct conn_cell *cell, char *buf, size_t len)
{
	char age[TEXT_LEN];
	bool least = cell->conn->flags & CONN_AT_LEAST;

	text_duration_short(age, sizeof(age), ns_since(cell->in->now_ns, cell->conn->open_ns));
	snprintf(buf, len, "%s%s", !least ? "" : cell_utf8() ? "≥" : ">", age);
}

static void print_idle(const struct conn_cell *cell, char *buf, size_t len)
{
	text_duration_short(buf, len, ns_since(cell->in->now_ns, conn_active_ns(cell->conn)));
}

static void print_recv_q(const struct conn_cell *cell, char *buf, size_t len)
{
	text_count(buf, len, cell->conn->unread);
}

static void print_send_q(const struct conn_cell *cell, char *buf, size_t len)
{
	text_count(buf, len, cell->conn->unsent);
}

static void print_class(const struct conn_cell *cell, char *buf, size_t len)
{
	bool certain;
	enum verdict_class class = verdicts_conn(cell->in->verdicts, cell->id, &certain);

	snprintf(buf, len, "%s%s", class_name(class), class && !certain ? "?" : "");
}

/* clang-format off */
static const struct conn_column columns[] = {
	{ { "fd", "FD", "descriptor, and how many more", 5, 7, 1, ALIGN_RIGHT }, print_fd },
	{ { "role", "ROLE", "who connected", 6, 6, 9, ALIGN_LEFT }, print_role },
	{ { "local", "LOCAL", "this end", 15, 47, 10, ALIGN_LEFT }, print_local },
	{ { "remote", "REMOTE", "the peer", 21, 47, 2, ALIGN_LEFT }, print_remote },
	{ { "state", "STATE", "the kernel's", 11, 11, 4, ALIGN_LEFT }, print_state },
	{ { "age", "AGE", "since it was opened", 6, 6, 3, ALIGN_RIGHT }, print_age },
	{ { "idle", "IDLE", "since bytes moved", 5, 5, 6, ALIGN_RIGHT }, print_idle },
	{ { "recv-q", "RECVQ", "bytes nobody has read", 5, 6, 7, ALIGN_RIGHT }, print_recv_q },
	{ { "send-q", "SENDQ", "bytes not acknowledged", 5, 6, 8, ALIGN_RIGHT }, print_send_q },
	{ { "class", "CLASS", "what it is accused of", 12, 14, 5, ALIGN_LEFT }, print_class },
};
/* clang-format on */

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

const struct conn_column *conn_column_get(unsigned int i)
{
	return i < COLUMNS ? &columns[i] : NULL;
}

void conn_columns_fit(unsigned int width, struct layout *out)
{
	const struct shape *shapes[COLUMNS];
	unsigned int i;

	for (i = 0; i < COLUMNS; i++)
		shapes[i] = &columns[i].shape;
	layout_fit(out, shapes, COLUMNS, width);
}

enum severity conn_severity(const struct conn_cell *cell)
{
	bool certain;
	enum verdict_class class = verdicts_conn(cell->in->verdicts, cell->id, &certain);

	if (!class)
		return SEVERITY_NONE;
	return class_is_leak(class) && certain ? SEVERITY_LEAK : SEVERITY_SUSPECT;
}
