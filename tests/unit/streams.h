/* SPDX-License-Identifier: BSD-2-Clause */
/* What a program tells of its streams, as records. Include it after story.h or records.h. */
#pragma once

#include "unit/records.h"

#define CONN 7 /* the number that most tests give to the only connection */

static inline struct ls_stream stream_rec(uint64_t now_ns, uint32_t pid, uint64_t conn, uint64_t id,
					  uint16_t what, uint8_t how)
{
	return (struct ls_stream){
		.hdr = rec_hdr(LS_STREAM, sizeof(struct ls_stream), now_ns),
		.who = rec_who(pid),
		.conn = conn,
		.id = id,
		.stack = -1,
		.what = what,
		.how = how,
	};
}

static inline struct ls_stream_conn stream_conn_rec(uint64_t now_ns, uint32_t pid, uint64_t conn,
						    uint8_t what, uint64_t value)
{
	return (struct ls_stream_conn){
		.hdr = rec_hdr(LS_STREAM_CONN, sizeof(struct ls_stream_conn), now_ns),
		.who = rec_who(pid),
		.conn = conn,
		.value = value,
		.fd = -1,
		.what = what,
		.role = LS_ROLE_SERVER,
		.proto = 3,
	};
}

static inline struct ls_library library_rec(uint64_t now_ns, uint32_t library, const char *name)
{
	struct ls_library rec = {
		.hdr = rec_hdr(LS_LIBRARY, sizeof(rec), now_ns),
		.library = library,
	};

	memcpy(rec.name, name, strnlen(name, sizeof(rec.name) - 1));
	return rec;
}
