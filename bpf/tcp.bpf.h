/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What TCP's counters tell about a socket that nobody watched from its start. */
#pragma once

#include "lostsock.bpf.h"

/* Has our FIN got its sequence number in @state? */
static __always_inline __u32 fin_sent(__u8 state)
{
	return state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT && state != TCP_CLOSE;
}

/* Who called connect()? Its SYN is acknowledged and counted in bytes_acked; a child of a listener
 * starts its count at zero. So what is acknowledged or in flight exceeds what was sent by one for
 * the first, by none for the second, and by one more once our FIN has a sequence number. */
static __always_inline __u8 tcp_role(struct tcp_sock *tp, __u32 fin)
{
	__u64 sent = GET(tp, bytes_sent) - GET(tp, bytes_retrans);
	__u64 seen = GET(tp, bytes_acked) + (GET(tp, write_seq) - GET(tp, snd_una));
	__u64 queued = GET(tp, write_seq) - GET(tp, snd_nxt); /* the program's, not sent yet */

	switch (seen - queued - sent - fin) {
	case 0:
		return LS_ROLE_SERVER;
	case 1:
		return LS_ROLE_CLIENT;
	}
	return LS_ROLE_UNKNOWN;
}
