/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where each thread of a watched process is blocked: wait.bpf.c fills it, an exit clears it. */
#pragma once

#include "lostsock.bpf.h"

/* What the thread sits in, or last sat in. */
struct sitting {
	struct ls_wait_key key;
	__u64 since_ns; /* 0: it runs */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct sitting);
} blocked SEC(".maps") __weak;
