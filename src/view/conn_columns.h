/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The columns of a process's connections.
 */
#pragma once

#include "view/layout.h"
#include "view/view.h"

/* One connection as one process sees it. */
struct conn_cell {
	const struct view_input *in;
	const struct conn *conn;
	uint32_t id;
	uint32_t proc;
};

struct conn_column {
	struct shape shape;
	void (*print)(const struct conn_cell *cell, char *buf, size_t len);
};

const struct conn_column *conn_column_get(unsigned int i);
void conn_columns_fit(unsigned int width, struct layout *out);
/* Red if it is leaked, yellow if it stalls. */
enum severity conn_severity(const struct conn_cell *cell);
