/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals that end a watch in good order: read from a descriptor, never handled in the middle. */
#pragma once

/* SIGINT and SIGTERM wait for signals_open() from here on; before a terminal is opened. 0 or
 * -errno. */
int signals_block(void);
/* The same for all that is passed on to a command, and for its end. */
int signals_block_all(void);
/* A descriptor that can be read when a signal has come that is blocked by the above; -errno. */
int signals_open(void);
