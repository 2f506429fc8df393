/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The USDT provider `tether`: ids first and as u64, arguments in an order that never changes. A
 * semaphore beside each probe lets nothing be computed for probes that nobody watches.
 */
#pragma once

#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#ifdef TETHER_FAULTS
#define PROBE_LIST_FAULTS(X) X(fault_injected)
#else
#define PROBE_LIST_FAULTS(X)
#endif

#define PROBE_LIST(X)          \
	X(conn_open)           \
	X(conn_state)          \
	X(conn_close)          \
	X(lease_acquire)       \
	X(lease_end)           \
	X(stream_open)         \
	X(stream_read_closed)  \
	X(stream_write_closed) \
	X(stream_release)      \
	X(stream_free)         \
	X(stream_blocked)      \
	X(task_start)          \
	X(task_park)           \
	X(task_wake)           \
	X(task_exit)           \
	X(scope_open)          \
	X(scope_cancel)        \
	X(scope_close)         \
	X(body_begin)          \
	X(body_end)            \
	X(drain_begin)         \
	X(drain_refused)       \
	X(drain_done)          \
	X(conn_count)          \
	PROBE_LIST_FAULTS(X)

#define PROBE_DECLARE(name) extern volatile unsigned short tether_##name##_semaphore;
PROBE_LIST(PROBE_DECLARE)
#undef PROBE_DECLARE

/* TETHER_NO_PROBES: to measure what they cost when nobody watches. */
#ifdef TETHER_NO_PROBES
#define PROBE_ON(name) 0
#else
#define PROBE_ON(name) __builtin_expect(tether_##name##_semaphore, 0)
#endif

#define PROBE1(name, a)                                 \
	do {                                            \
		if (PROBE_ON(name))                     \
			DTRACE_PROBE1(tether, name, a); \
	} while (0)
#define PROBE2(name, a, b)                                 \
	do {                                               \
		if (PROBE_ON(name))                        \
			DTRACE_PROBE2(tether, name, a, b); \
	} while (0)
#define PROBE3(name, a, b, c)                                 \
	do {                                                  \
		if (PROBE_ON(name))                           \
			DTRACE_PROBE3(tether, name, a, b, c); \
	} while (0)
#define PROBE4(name, a, b, c, d)                                 \
	do {                                                     \
		if (PROBE_ON(name))                              \
			DTRACE_PROBE4(tether, name, a, b, c, d); \
	} while (0)
#define PROBE5(name, a, b, c, d, e)                                 \
	do {                                                        \
		if (PROBE_ON(name))                                 \
			DTRACE_PROBE5(tether, name, a, b, c, d, e); \
	} while (0)
