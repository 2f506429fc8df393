/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two processes of the exporter may still do. Whatever is not on their list is answered
 * with ENOSYS, as by a kernel that does not have it: libraries know how to go on from there.
 */
#pragma once

#include <stdbool.h>

#define SANDBOX_ERROR_LEN 160

/* Of the HTTP part, once it listens: another user where it was root, no capability, no way back,
 * and nothing but what serving needs. It cannot open a file, make a socket, or start a program. 0
 * or -errno, with one clear line in @err. */
int sandbox_web(char err[SANDBOX_ERROR_LEN]);
/* Of the collector, once it has attached and has given up its capabilities: it reads. @attaches: to
 * programs that start later (--streams), too. */
int sandbox_collector(bool attaches, char err[SANDBOX_ERROR_LEN]);
