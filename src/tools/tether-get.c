// SPDX-License-Identifier: BSD-2-Clause
/*
 * tether-get: fetches URLs over a pool, and reports what came.
 *
 *      tether-get [-c CONNECTIONS] [-n REQUESTS] [--deadline D] [--insecure] URL...
 *
 * Without -n each URL is fetched once and its body goes to standard output; with it bodies are
 * counted and thrown away, and the URLs take turns. D is in seconds, "ms" and "s" are understood.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tether/tether.h>

struct url {
	struct tether_dest dest;
	char host[256];
	const char *target;
};

struct get {
	struct tether_loop *loop;
	struct tether_pool *pool;
	struct tether_scope scope;
	struct url *urls;
	unsigned int n_urls;
	uint64_t connections, requests, deadline_ns;
	uint64_t started, ended, ok, failed, bytes, total_ns, worst_ns;
	uint64_t statuses[6];
	bool print;
	bool insecure;
	int first_error;
};

struct fetch {
	struct get *get;
	const struct url *url;
	uint64_t began_ns;
	int status;
};

static void fetch_next(struct get *get);

static void fetch_over(struct fetch *fetch, int why)
{
	struct get *get = fetch->get;
	uint64_t took_ns = tether_loop_now_ns(get->loop) - fetch->began_ns;

	get->ended++;
	get->total_ns += took_ns;
	if (took_ns > get->worst_ns)
		get->worst_ns = took_ns;
	if (why) {
		get->failed++;
		if (!get->first_error)
			get->first_error = why;
	} else {
		get->ok++;
		get->statuses[fetch->status / 100 < 6 ? fetch->status / 100 : 0]++;
	}
	free(fetch);
	if (get->started < get->requests)
		fetch_next(get);
	else if (get->ended == get->requests)
		tether_pool_shutdown(get->pool, TETHER_S, NULL, NULL);
}

static void on_piece(struct tether_body body, const void *data, size_t len, void *arg)
{
	struct fetch *fetch = arg;

	fetch->get->bytes += len;
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
	fetch->began_ns = tether_loop_now_ns(get->loop);
	err = tether_pool_acquire(get->pool, &fetch->url->dest, get->scope, on_lease, fetch, NULL);
	if (err)
		fetch_over(fetch, err);
}

/* ---- command line ---------------------------------------------------------------------------- */

static int parse_url(struct get *get, struct url *url, const char *text)
{
	bool tls = !strncmp(text, "https://", 8);
	const char *at = strstr(text, "://"), *end, *colon;
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
	url->dest.port = colon ? strtoul(colon + 1, NULL, 10) : tls ? 443 : 80;
	url->target = *end ? end : "/";
	if (!tls)
		return 0;
	return get->insecure ? tether_tls_client_insecure(&url->dest.tls)
			     : tether_tls_client(NULL, &url->dest.tls);
}

static int usage(void)
{
	fputs("usage: tether-get [-c CONNECTIONS] [-n REQUESTS] [--deadline D] [--insecure] "
	      "URL...\n",
	      stderr);
	return 2;
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

static int parse(int argc, char **argv, struct get *get)
{
	static const struct option names[] = {
		{ "deadline", required_argument, NULL, 'd' },
		{ "insecure", no_argument, NULL, 'k' },
		{ 0 },
	};
	int c, i;

	*get = (struct get){ .connections = 1, .deadline_ns = 30 * TETHER_S, .print = true };
	while ((c = getopt_long(argc, argv, "c:n:d:k", names, NULL)) >= 0) {
		if (c == 'c')
			get->connections = strtoull(optarg, NULL, 10);
		else if (c == 'n')
			get->requests = strtoull(optarg, NULL, 10);
		else if (c == 'd')
			get->deadline_ns = parse_duration(optarg);
		else if (c == 'k')
			get->insecure = true;
		else
			return usage();
	}
	get->n_urls = argc - optind;
	if (!get->n_urls || !get->connections || get->connections > 10000 || !get->deadline_ns)
		return usage();
	get->print = !get->requests;
	if (!get->requests)
		get->requests = get->n_urls;
	get->urls = calloc(get->n_urls, sizeof(*get->urls));
	for (i = 0; get->urls && i < argc - optind; i++) {
		if (parse_url(get, &get->urls[i], argv[optind + i])) {
			fprintf(stderr, "tether-get: cannot use %s\n", argv[optind + i]);
			return 2;
		}
	}
	return get->urls ? 0 : 1;
}

static void report(const struct get *get, uint64_t took_ns)
{
	fprintf(stderr, "%" PRIu64 " ok, %" PRIu64 " failed%s%s in %.3f s: %.0f/s\n", get->ok,
		get->failed, get->first_error ? ", first: " : "",
		get->first_error ? strerror(-get->first_error) : "", took_ns / 1e9,
		took_ns ? get->ended * 1e9 / took_ns : 0.0);
	fprintf(stderr,
		"%" PRIu64 " bytes; 2xx %" PRIu64 ", 3xx %" PRIu64 ", 4xx %" PRIu64 ", 5xx %" PRIu64
		"; mean %.1f ms, worst %.1f ms\n",
		get->bytes, get->statuses[2], get->statuses[3], get->statuses[4], get->statuses[5],
		get->ended ? get->total_ns / 1e6 / get->ended : 0.0, get->worst_ns / 1e6);
}

int main(int argc, char **argv)
{
	struct tether_pool_options options = { 0 };
	struct get get;
	uint64_t began_ns, i;
	int status = parse(argc, argv, &get), err;

	if (status)
		return status;
	signal(SIGPIPE, SIG_IGN);
	options.active = options.idle = options.total = get.connections;
	options.waiters = get.connections;
	err = tether_loop_new(NULL, &get.loop);
	if (!err)
		err = tether_pool_new(get.loop, &options, &get.pool);
	if (!err)
		err = tether_scope_new(get.loop, 24 * 3600 * TETHER_S, &get.scope);
	if (err) {
		fprintf(stderr, "tether-get: %s\n", strerror(-err));
		return 1;
	}
	began_ns = tether_loop_now_ns(get.loop);
	for (i = 0; i < get.connections && i < get.requests; i++)
		fetch_next(&get);
	tether_scope_join(get.scope, NULL, NULL);
	tether_loop_run(get.loop);
	report(&get, tether_loop_now_ns(get.loop) - began_ns);
	for (i = 0; i < get.n_urls; i++)
		tether_tls_free(get.urls[i].dest.tls);
	free(get.urls);
	tether_loop_free(get.loop);
	return get.failed ? 1 : 0;
}
