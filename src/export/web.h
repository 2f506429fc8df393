/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HTTP part: a process of its own without any privilege, forked before there are any to
 * inherit. It serves what the collector sends it through a pipe, and asks through another one when
 * somebody wants the findings.
 *
 *      collector ── frames ──▶ HTTP part ◀── HTTP ── Prometheus, a browser
 *                ◀── a byte: findings, please
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WEB_LINGER_S 5 /* how long it says that the collector is gone before it ends itself */

struct web_options {
	const char *listen; /* "127.0.0.1:9977", ":9977", "unix:/run/lostsock.sock" */
	const char *metrics_path;
	const char *config;   /* --web.config.file, NULL: none */
	uint64_t interval_ns; /* time between looks, at the least */
};

struct web {
	pid_t pid;
	int to;		       /* written by channel_send(); does not block */
	int asks;	       /* a byte for each look at the findings; its end: the HTTP part's */
	const char *unix_path; /* to be taken away at the end, NULL: none */
};

/* Forks it, and waits until it listens and has given everything up. 0, or the exit status, with one
 * clear line on stderr by then. No thread and nothing privileged may be there yet. */
int web_start(struct web *web, const struct web_options *opt);
/* Tells it to end in good order, and waits for that. Returns its exit status, 1 if a signal ended
 * it. */
int web_stop(struct web *web);
