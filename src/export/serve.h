/* SPDX-License-Identifier: BSD-2-Clause */
/* What the HTTP part answers. For src/export/ alone. */
#pragma once

#include <tether/tether.h>
#include "export/accept.h"
#include "export/auth.h"
#include "export/channel.h"
#include "export/reply.h"
#include "export/web.h"

#define SERVE_WAITERS_MAX 256
#define SERVE_SAYS_LEN	  256

enum serve_state {
	SERVE_STARTS = 0, /* nothing to show yet */
	SERVE_READY,
	SERVE_ORPHAN, /* the collector is gone */
};

struct serve {
	const struct web_options *opt;
	struct tether_loop *loop;
	struct tether_server *server;
	struct auth *auth; /* NULL: everybody may */
	bool own_names;	   /* asked by any other name, it says nothing (host.h) */
	int64_t cert_end;  /* when its certificate ends, s since 1970; 0: there is none */
	enum serve_state state;
	char says[SERVE_SAYS_LEN]; /* why it is not ready */
	struct reply_body metrics[ACCEPT_FORMATS];
	uint64_t look_ns, gap_ns; /* when the last metrics came, and how long after those before */
	uint64_t unauthorized;
	/* findings: asked for when somebody wants them, and kept for a moment */
	int ask_fd;
	struct reply_body findings;
	uint64_t asked_ns, fresh_ns; /* 0: not asked; until when they are good enough */
	struct tether_call waiter[SERVE_WAITERS_MAX];
	size_t waiters;
};

/* The server's handler; @arg: struct serve. */
void serve_handle(struct tether_call call, void *arg);
/* A frame has come; takes @text over. */
void serve_frame(struct serve *s, enum channel_kind kind, struct channel_text *text);
/* The collector is gone without a word. */
void serve_orphan(struct serve *s);
