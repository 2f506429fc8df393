/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals that end a watch in good order: read from a descriptor, never handled in the middle. */
#pragma once

/* SIGINT and SIGTERM wait for signals_open() from here on; before a terminal is opened. 0 or
 * -errno. */
int signals_block(void);
/* A descriptor that can be read when one of them has come; -errno. */
int signals_open(void);
