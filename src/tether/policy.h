/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parser accepts and a server must refuse. Pure: bytes and heads in, a status out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "head.h"

/* Where in a head the scan stands: it sees every byte of it, in whatever pieces they come. */
struct policy_scan {
	uint8_t state;
	bool cr; /* the last byte was CR */
};

/* -EINVAL: a folded line, a space in or after a field's name, no name, a CR that no LF follows. */
int policy_scan(struct policy_scan *scan, const char *data, size_t len);

struct policy_facts {
	bool chunked; /* Transfer-Encoding: chunked, and nothing else */
	bool expect;  /* 100-continue */
};

/* 0, or the status to refuse the request with: 400, 417, 501, 505. */
int policy_request(const struct head *head, struct policy_facts *facts);
