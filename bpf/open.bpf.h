/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The records of a socket's birth and death: what all who write one have to say alike. */
#pragma once

#include "lostsock.bpf.h"

/* The record of a socket that @task opens, filled but for the tuple, of which only the network
 * namespace is set; NULL if the ring is full. @sock: by which this kind of program knows the
 * socket.
 * @stack is taken before, as a copy stands in the ring before the record that names it. */
static __always_inline struct ls_open *open_reserve(struct task_struct *task, void *sock,
						    __s32 stack, __u32 netns)
{
	struct ls_open *rec = ring_reserve(LS_OPEN, sizeof(*rec));

	if (!rec)
		return NULL;
	rec->cookie = bpf_get_socket_cookie(sock);
	who_is(&rec->who, task);
	rec->stack = stack;
	rec->fd = -1; /* accepted: taken already, but not in the table yet */
	rec->zero = 0;
	__builtin_memset(&rec->tuple, 0, sizeof(rec->tuple));
	rec->tuple.netns = netns;
	return rec;
}

static __always_inline void tell_end(__u64 cookie)
{
	struct ls_end *rec = ring_reserve(LS_END, sizeof(*rec));

	if (!rec)
		return;
	rec->cookie = cookie;
	ring_submit(rec, cookie);
}
