/* SPDX-License-Identifier: BSD-2-Clause */
/* A process that is to be watched: whether it can be, and what it runs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET_ERROR_LEN 160

/* False in a pid namespace of its own, where our numbers of processes are not the kernel's. */
bool target_known(void);
#define TARGET_UNKNOWN                                                                  \
	"numbers of processes mean others in this pid namespace: run it in the host's " \
	"(docker run --pid=host, hostPID: true)"

/* 0, or -errno and one clear line in @err: it is not there, has ended, is a thread, a kernel
 * thread, or we ourselves. */
int target_check(uint32_t pid, char err[TARGET_ERROR_LEN]);
/* Its command line, words parted by blanks; "" if it cannot be read. */
char *target_command(char *buf, size_t len, uint32_t pid);
