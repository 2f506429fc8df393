// SPDX-License-Identifier: BSD-2-Clause
/*
 * tether-get: fetches URLs over a pool, and reports what came.
 *
 *      tether-get [-c CONNECTIONS] [-n REQUESTS] [--deadline D] [--h3] URL...
 *
 * Without -n each URL is fetched once and its body goes to standard output; with it bodies are
 * counted and thrown away, and the URLs take turns. Links to nothing but libtether's public
 * headers.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tether/tether.h>

#include "get_report.h"

struct url {
	struct tether_dest dest;
	char host[256];
	const char *target;
};

struct get {
	struct tether_loop *loop;
	struct tether_pool *pool;
	struct tether_scope scope; /* of the requests */
	struct tether_scope after; /* of the time after them */
	struct tether_tls *tls;
	struct url *urls;
	unsigned int n_urls;
	uint64_t connections, requests, deadline_ns, hold_ns;
	uint64_t started, ended, began_ns, took_ns;
	const char *ca;
	struct get_report report;
	bool print, insecure, threads, h3;
};

struct fetch {
	struct get *get;
	const struct url *url;
	uint64_t began_ns;
	int status;
};

static void fetch_next(struct get *get);

/* The loop's clock is that of its turn: too coarse for latencies. */
static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * TETHER_S + (uint64_t)now.tv_nsec;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void finish(int status, void *arg)
{
	struct get *get = arg;

	(void)status;
	tether_pool_shutdown(get->pool, TETHER_S, NULL, NULL);
	tether_scope_join(get->after, NULL, NULL);
}

static void all_over(struct get *get)
{
	get->took_ns = now_ns() - get->began_ns;
	if (!get->hold_ns || tether_task_after(get->after, get->hold_ns, finish, get, NULL))
		finish(0, get);
	else
		get_report_print(&get->report, get->took_ns, stderr);
}

static void fetch_over(struct fetch *fetch, int why)
{
	struct get *get = fetch->get;

	get->ended++;
	get_report_add(&get->report, now_ns() - fetch->began_ns, fetch->status, why);
	free(fetch);
	if (get->started < get->requests)
		fetch_next(get);
	else if (get->ended == get->requests)
		all_over(get);
}

static void on_piece(struct tether_body body, const void *data, size_t len, void *arg)
{
	struct fetch *fetch = arg;

	fetch->get->report.bytes += len;
	if (fetch->get->print && len)
		fwrite(data, 1, len, stdout);
	if (len)
		tether_body_read(body, on_piece, fetch);
}

static void on_head(struct tether_body body, int status, void *arg)
{
	struct fetch *fetch = arg;

	fetch->status = status;
	tether_body_read(body, on_piece, fetch);
}

static void on_end(struct tether_body body, int why, void *arg)
{
	(void)body;
	fetch_over(arg, why);
}

static void on_lease(struct tether_lease lease, int status, void *arg)
{
	static const struct tether_body_events events = { on_head, on_end };
	static const struct tether_field fields[] = { { "User-Agent", "tether-get" },
						      { "Accept", "*/*" } };
	struct fetch *fetch = arg;
	struct tether_request request = {
		.target = fetch->url->target,
		.fields = fields,
		.n_fields = 2,
	};

	if (!status) {
		status = tether_exchange(lease, &request, fetch->get->deadline_ns, &events, fetch,
					 NULL);
		if (!status)
			return;
		tether_lease_end(lease, true);
	}
	fetch_over(fetch, status);
}

static int start(struct fetch *fetch)
{
	struct get *get = fetch->get;
	struct tether_scope scope;
	int err;

	/* The wait for a connection is part of the request, and of its deadline. */
	err = tether_scope_child(get->scope, get->deadline_ns, &scope);
	if (err)
		return err;
	err = tether_pool_acquire(get->pool, &fetch->url->dest, scope, on_lease, fetch, NULL);
	tether_scope_join(scope, NULL, NULL);
	return err;
}

static void fetch_next(struct get *get)
{
	struct fetch *fetch = calloc(1, sizeof(*fetch));
	int err;

	if (!fetch) {
		fputs("tether-get: out of memory\n", stderr);
		exit(1);
	}
	fetch->get = get;
	fetch->url = &get->urls[get->started++ % get->n_urls];
	fetch->began_ns = now_ns();
	err = start(fetch);
	if (err)
		fetch_over(fetch, err);
}

/* ---- command line ---------------------------------------------------------------------------- */

static int make_tls(struct get *get, struct url *url)
{
	int err = get->insecure ? tether_tls_client_insecure(&get->tls)
				: tether_tls_client(get->ca, &get->tls);

	url->dest.tls = get->tls;
	return err;
}

static int parse_url(struct get *get, struct url *url, const char *text)
{
	bool tls = !strncmp(text, "https://", 8);
	const char *at = strstr(text, "://"), *end, *colon;
	unsigned long port;
	char *rest = NULL;
	size_t len;

	if (!at || (!tls && strncmp(text, "http://", 7)))
		return -EINVAL;
	at += 3;
	end = at + strcspn(at, "/");
	colon = memchr(at, ':', end - at);
	if (*at == '[') {
		colon = memchr(at, ']', end - at);
		if (!colon)
			return -EINVAL;
		at++;
	}
	len = (colon ? colon : end) - at;
	if (!len || len >= sizeof(url->host))
		return -EINVAL;
	memcpy(url->host, at, len);
	if (colon && *colon == ']')
		colon = colon[1] == ':' ? colon + 1 : NULL;
	url->dest.host = url->host;
	port = colon ? strtoul(colon + 1, &rest, 10) : tls ? 443 : 80;
	if (!port || port > 65535 || (colon && rest != end))
		return -EINVAL;
	url->dest.port = port;
	url->dest.tls = tls ? get->tls : NULL;
	url->dest.h3 = tls && get->h3;
	url->target = *end ? end : "/";
	return tls && !get->tls ? make_tls(get, url) : 0;
}

static int usage(FILE *to)
{
	fputs("usage: tether-get [-c CONNECTIONS] [-n REQUESTS] [--deadline D] [--hold D] "
	      "[--threads] [--h3]\n"
	      "                  [--insecure | --ca FILE] URL...\n",
	      to);
	return to == stdout ? -1 : 2;
}

static uint64_t parse_duration(const char *s)
{
	char *end;
	double n = strtod(s, &end);

	if (!(n > 0) || n > 86400e3)
		return 0;
	if (!strcmp(end, "ms"))
		return n * TETHER_MS;
	return !*end || !strcmp(end, "s") ? n * TETHER_S : 0;
}

static int parse_urls(struct get *get, int argc, char **argv)
{
	int i;

	get->urls = calloc(argc, sizeof(*get->urls));
	if (!get->urls)
		return 1;
	get->n_urls = argc;
	for (i = 0; i < argc; i++) {
		if (parse_url(get, &get->urls[i], argv[i])) {
			fprintf(stderr, "tether-get: cannot use %s\n", argv[i]);
			return 2;
		}
	}
	return 0;
}

static int parse(int argc, char **argv, struct get *get)
{
	static const struct option names[] = {
		{ "deadline", required_argument, NULL, 'd' },
		{ "hold", required_argument, NULL, 'H' },
		{ "threads", no_argument, NULL, 't' },
		{ "h3", no_argument, NULL, '3' },
		{ "insecure", no_argument, NULL, 'k' },
		{ "ca", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	*get = (struct get){ .connections = 1, .deadline_ns = 30 * TETHER_S };
	while ((c = getopt_long(argc, argv, "c:n:d:kh", names, NULL)) >= 0) {
		if (c == 'c')
			get->connections = strtoull(optarg, NULL, 10);
		else if (c == 'n')
			get->requests = strtoull(optarg, NULL, 10);
		else if (c == 'd')
			get->deadline_ns = parse_duration(optarg);
		else if (c == 'H' && !(get->hold_ns = parse_duration(optarg)))
			return usage(stderr);
		else if (c == 't')
			get->threads = true;
		else if (c == '3')
			get->h3 = true;
		else if (c == 'k')
			get->insecure = true;
		else if (c == 'a')
			get->ca = optarg;
		else if (c != 'H')
			return usage(c == 'h' ? stdout : stderr);
	}
	if (optind == argc || !get->connections || get->connections > 10000 || !get->deadline_ns)
		return usage(stderr);
	get->print = !get->requests;
	if (!get->requests)
		get->requests = argc - optind;
	return parse_urls(get, argc - optind, argv + optind);
}

static int open_all(struct get *get)
{
	struct tether_pool_options options = {
		.active = get->connections,
		.idle = get->connections,
		.total = get->connections,
		.waiters = get->connections,
		.threads = get->threads,
	};
	int err = tether_loop_new(NULL, &get->loop);

	if (!err)
		err = tether_pool_new(get->loop, &options, &get->pool);
	if (!err)
		err = tether_scope_new(get->loop, 24 * 3600 * TETHER_S, &get->scope);
	if (!err)
		err = tether_scope_new(get->loop, 48 * 3600 * TETHER_S, &get->after);
	return err;
}

int main(int argc, char **argv)
{
	struct get get;
	int status = parse(argc, argv, &get), err;
	uint64_t i;

	if (status)
		return status < 0 ? 0 : status;
	signal(SIGPIPE, SIG_IGN);
	err = open_all(&get);
	if (err) {
		fprintf(stderr, "tether-get: %s\n", strerror(-err));
		return 1;
	}
	get.began_ns = now_ns();
	for (i = 0; i < get.connections && i < get.requests; i++)
		fetch_next(&get);
	tether_scope_join(get.scope, NULL, NULL);
	tether_loop_run(get.loop);
	if (!get.hold_ns)
		get_report_print(&get.report, get.took_ns, stderr);
	tether_tls_free(get.tls);
	free(get.urls);
	tether_loop_free(get.loop);
	if (get.print && fflush(stdout)) {
		perror("tether-get: standard output");
		return 1;
	}
	return get.report.failed || get.report.ok != get.requests ? 1 : 0;
}
