/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells systemd that a service is ready (sd_notify(3), without its library). */
#pragma once

/* A descriptor to whoever started us and waits, -1: nobody does. */
int notify_open(void);
/* Says so once; *@fd is closed then. */
void notify_ready(int *fd);
