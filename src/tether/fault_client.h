/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's faults (fault.h): what a cancelled context does to a response. */
#pragma once

#include <stdbool.h>

struct client_conn;
struct exchange;

#ifdef TETHER_FAULTS

/* cancel-early, cancel-never: the headers have returned, and with them the deadline is gone. */
void fault_at_head(struct exchange *x);
/* True: nobody gives @cc back, ever. */
bool fault_at_end(struct exchange *x, struct client_conn *cc);

#else

static inline void fault_at_head(struct exchange *x)
{
	(void)x;
}

static inline bool fault_at_end(struct exchange *x, struct client_conn *cc)
{
	(void)x;
	(void)cc;
	return false;
}

#endif
