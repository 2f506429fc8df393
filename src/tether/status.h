/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of statuses. */
#pragma once

/* "Not Found"; "Unknown" for what has no name. */
const char *status_name(int status);
