/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one table of rules. A new class is a row here and, if it is about single connections, a
 * match function and a place in rule_order. docs/RULES.md has the reasons.
 */
#include "verdict/rules.h"

#include <string.h>

#define BIT(n)	   (1u << (n))
#define EST	   BIT(STATE_ESTABLISHED)
#define NOT_LISTEN ((uint16_t)~BIT(STATE_LISTEN))

/* clang-format off */
const struct rule rules[VERDICT_MAX] = {
[VERDICT_CLOSE_WAIT] = {
	.text = {
		.name = "close-wait", .kind = VERDICT_LEAK, .counted = true,
		.after_ns = NS_M, .bare_after = true,
		.evidence = "the peer has closed, and the descriptor is still open",
		.remedy = "close it: make its reader see end of file, or a done signal, and return",
	},
	.match = match_close_wait,
	.states = { [KIND_TCP] = BIT(STATE_CLOSE_WAIT), [KIND_UNIX] = EST },
},
[VERDICT_DEAD_FD] = {
	.text = {
		.name = "dead-fd", .kind = VERDICT_LEAK, .counted = true,
		.after_ns = 30 * NS_S, .bare_after = true,
		.evidence = "the connection was reset, timed out or ended, "
			"and its descriptor is still open",
		.remedy = "close the descriptor on the error path too: "
			"look for a return between open and close",
	},
	.match = match_dead_fd,
	.states = { [KIND_TCP] = BIT(STATE_CLOSE) },
},
[VERDICT_HALF_CLOSED] = {
	.text = {
		.name = "half-closed", .kind = VERDICT_LEAK, .counted = true,
		.after_ns = NS_M, .bare_after = true,
		.evidence = "we shut down writing, the peer has not closed, "
			"and the descriptor is still open",
		.remedy = "close after shutdown(), or read to the end under a time limit",
	},
	.match = match_half_closed,
	.states = { [KIND_TCP] = BIT(STATE_FIN_WAIT1) | BIT(STATE_FIN_WAIT2) },
},
[VERDICT_SILENT_PEER] = {
	.text = {
		.name = "silent-peer", .kind = VERDICT_STALL, .counted = true,
		.after_ns = NS_M, .bare_after = true,
		.evidence = "the peer owes the next byte, and no timeout or keepalive would end "
			"the wait",
		.remedy = "set a read deadline on the whole exchange, "
			"or cancel the reader when its caller goes",
	},
	.match = match_silent_peer,
	.states = { [KIND_TCP] = EST, [KIND_UNIX] = EST },
},
[VERDICT_EXPECT_BODY] = {
	.text = {
		.name = "expect-body", .kind = VERDICT_STALL, .counted = true,
		.after_ns = NS_M, .bare_after = true,
		.evidence = "the last it sent was as long as a bare 100 Continue, "
			"and no body has come",
		.remedy = "set a read timeout for the request's body (ReadTimeout), "
			"not for its head alone",
	},
	.match = match_expect_body,
	.states = { [KIND_TCP] = EST },
},
[VERDICT_UNREAD] = {
	.text = {
		.name = "unread", .kind = VERDICT_STALL, .counted = true,
		.after_ns = NS_M, .bare_after = true,
		.evidence = "input waits in the receive queue, and nobody reads it",
		.remedy = "drain and close the response's body; else find what keeps its reader "
			"elsewhere",
	},
	.match = match_unread,
	.states = { [KIND_TCP] = EST, [KIND_UDP] = NOT_LISTEN, [KIND_UNIX] = NOT_LISTEN },
},
[VERDICT_UNSENT] = {
	.text = {
		.name = "unsent", .kind = VERDICT_STALL, .counted = true,
		.after_ns = NS_M, .bare_after = true,
		.evidence = "output waits in the send queue, and the peer takes none of it",
		.remedy = "set a write timeout (SO_SNDTIMEO, TCP_USER_TIMEOUT, a write deadline)",
	},
	.match = match_unsent,
	.states = { [KIND_TCP] = EST | BIT(STATE_CLOSE_WAIT), [KIND_UNIX] = EST },
},
[VERDICT_NEVER_USED] = {
	.text = {
		.name = "never-used", .kind = VERDICT_LEAK, .counted = true,
		.after_ns = 10 * NS_M, .bare_after = true,
		.evidence = "open for long, and not one byte has moved either way",
		.remedy = "open it when it is needed, and close it where its user gives up",
	},
	.match = match_never_used,
	.states = { [KIND_TCP] = EST },
},
[VERDICT_CONNECTING] = {
	.text = {
		.name = "connecting", .kind = VERDICT_STALL, .counted = true,
		.after_ns = 30 * NS_S, .bare_after = true,
		.evidence = "the peer has not answered connect()",
		.remedy = "set a connect timeout (dial timeout, SO_SNDTIMEO) of seconds",
	},
	.match = match_connecting,
	.states = { [KIND_TCP] = BIT(STATE_SYN_SENT) },
},
[VERDICT_NOT_ACCEPTED] = {
	.text = {
		.name = "not-accepted", .kind = VERDICT_STALL, .counted = true,
		.after_ns = 10 * NS_S, .bare_after = true,
		.evidence = "connections wait in the accept queue, and nobody takes them",
		.remedy = "find what blocks the accept loop: a full worker pool, a lock, "
			"a descriptor limit",
	},
	.match = match_not_accepted,
	.states = { [KIND_TCP] = BIT(STATE_LISTEN), [KIND_UNIX] = BIT(STATE_LISTEN) },
},
[VERDICT_INHERITED] = {
	.text = {
		.name = "inherited", .kind = VERDICT_LEAK, .counted = true,
		.after_ns = NS_M, .bare_after = true,
		.evidence = "its opener has let go; only processes that inherited it hold it, "
			"and none uses it",
		.remedy = "open with SOCK_CLOEXEC (accept4 too), "
			"or close it in the child after fork",
	},
	.match = match_inherited,
	.states = { [KIND_TCP] = EST },
},
[VERDICT_GROWTH] = {
	.text = {
		.name = "growth", .kind = VERDICT_LEAK, .about = VERDICT_ABOUT_SITE,
		.counted = true,
		.after_ns = 5 * NS_M, .bare_after = true, .bare_min_ns = 30 * NS_S, .window = true,
		.evidence = "one site opens more and more, its oldest stand idle and never go",
		.remedy = "find the path from that site on which close is missing, "
			"or reuse what is open",
	},
},
[VERDICT_ABORTED] = {
	.text = {
		.name = "aborted", .kind = VERDICT_LEAK, .about = VERDICT_ABOUT_SITE,
		.after_ns = 5 * NS_M, .bare_after = false,
		.evidence = "closed with input unread, so the peer was sent a reset",
		.remedy = "read the body to its end before close or cancel: "
			"let the body own the deadline",
	},
},
[VERDICT_DIED_HOLDING] = {
	.text = {
		.name = "died-holding", .kind = VERDICT_LEAK, .about = VERDICT_ABOUT_PROC,
		.after_ns = 10 * NS_M, .bare_after = false,
		.evidence = "a signal ended the process while it alone held live connections",
		.remedy = "look for the crash in shutdown or accounting: a double close, "
			"a second notification",
	},
},
[VERDICT_TASK_STUCK] = {
	.text = {
		.name = "task-stuck", .kind = VERDICT_STALL, .about = VERDICT_ABOUT_TASK,
		.counted = true,
		.after_ns = NS_M, .bare_after = true,
		.evidence = "a thread is blocked in a socket call that nothing would end",
		.remedy = "give the call a time limit (SO_RCVTIMEO, poll) "
			"or a done signal that wakes it",
	},
},
[VERDICT_TASK_GROWTH] = {
	.text = {
		.name = "task-growth", .kind = VERDICT_LEAK, .about = VERDICT_ABOUT_PROC,
		.after_ns = 5 * NS_M, .bare_after = true, .bare_min_ns = 30 * NS_S, .window = true,
		.evidence = "the process starts more and more threads, and the old ones never end",
		.remedy = "tell each thread when to exit: look for a start without its join or "
			"done signal",
	},
},
[VERDICT_LEFT_OPEN] = {
	.text = {
		.name = "left-open", .kind = VERDICT_LEAK, .about = VERDICT_ABOUT_LEFT,
		.after_ns = 0, .bare_after = false,
		.evidence = "open when its process exited: nothing closed it",
		.remedy = "close it before the process ends, "
			"or on the path that drops its last reference",
	},
},
[VERDICT_STREAM_HALF_OPEN] = {
	.text = {
		.name = "stream-half-open", .kind = VERDICT_LEAK, .about = VERDICT_ABOUT_STREAMS,
		.counted = true,
		.after_ns = NS_M, .bare_after = true,
		.evidence = "a stream is closed on one side, the answer's, or released, "
			"and the other stays open",
		.remedy = "end both sides: read to the end or cancel the reading, "
			"finish or reset the writing",
	},
},
[VERDICT_STREAM_GROWTH] = {
	.text = {
		.name = "stream-growth", .kind = VERDICT_LEAK, .about = VERDICT_ABOUT_STREAMS,
		.counted = true,
		.after_ns = 5 * NS_M, .bare_after = true, .bare_min_ns = 30 * NS_S, .window = true,
		.evidence = "one site opens more and more streams on old connections, "
			"and none of the old ones goes",
		.remedy = "find the path from that site on which a stream is never ended, "
			"and cancel both of its sides there",
	},
},
[VERDICT_STREAM_STARVED] = {
	.text = {
		.name = "stream-starved", .kind = VERDICT_STALL, .about = VERDICT_ABOUT_STREAMS,
		.counted = true,
		.after_ns = NS_M, .bare_after = true,
		.evidence = "the program could open no stream: the peer's limit is used up",
		.remedy = "end the streams that are no longer needed, and give the wait for a new "
			"one a deadline",
	},
},
[VERDICT_MISCOUNT] = {
	.text = {
		.name = "miscount", .kind = VERDICT_LEAK, .about = VERDICT_ABOUT_PROC,
		.after_ns = NS_M, .bare_after = true, .bare_min_ns = 10 * NS_S,
		.evidence = "the program's count of its connections is not what is open, "
			"or it drained twice, or never",
		.remedy = "change the count and tell of its end in one step: one word, one owner",
	},
},
};
/* clang-format on */

/* Facts of the state first, then what a queue shows, then what only the clocks show. */
const uint8_t rule_order[] = {
	VERDICT_NOT_ACCEPTED, VERDICT_DEAD_FD,	   VERDICT_CLOSE_WAIT,	VERDICT_HALF_CLOSED,
	VERDICT_CONNECTING,   VERDICT_EXPECT_BODY, VERDICT_UNREAD,	VERDICT_UNSENT,
	VERDICT_NEVER_USED,   VERDICT_INHERITED,   VERDICT_SILENT_PEER, VERDICT_NONE,
};

const struct verdict_rule *verdict_rule(enum verdict_class class)
{
	if ((unsigned int)class >= VERDICT_MAX || !rules[class].text.name)
		return NULL;
	return &rules[class].text;
}

enum verdict_class verdict_class_by_name(const char *name)
{
	unsigned int i;

	for (i = 0; i < VERDICT_MAX; i++)
		if (rules[i].text.name && strcmp(rules[i].text.name, name) == 0)
			return i;
	return VERDICT_NONE;
}
