// SPDX-License-Identifier: BSD-2-Clause
/*
 * The probes' semaphores: counters that the kernel raises while somebody watches. The section is
 * what the notes of sys/sdt.h point at.
 */
#include "probes.h"

#define PROBE_DEFINE(name) \
	volatile unsigned short tether_##name##_semaphore __attribute__((section(".probes")));
PROBE_LIST(PROBE_DEFINE)
