/* SPDX-License-Identifier: BSD-2-Clause */
/* The page at "/": one file, with everything that it needs in it. */
#pragma once

#include <tether/server.h>

/* @metrics_path: what it links to. */
void page_reply(struct tether_call call, const char *metrics_path);
