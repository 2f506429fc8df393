// SPDX-License-Identifier: BSD-2-Clause
/*
 * tether-serve: serves a directory, and answers /echo with the body that it is sent.
 *
 *      tether-serve [--listen 127.0.0.1:8080] [--threads N] [--tls CERT,KEY [--h3 ADDRESS]] DIR
 *
 * SIGINT and SIGTERM drain it. Links to nothing but libtether's public headers.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tether/tether.h>

#include "files.h"

#define THREADS_MAX 256
#define GRACE_NS    (10 * TETHER_S)

struct options {
	const char *listen, *h3, *cert, *key;
	unsigned int threads;
	const char *dir;
};

static int usage(FILE *to)
{
	fputs("usage: tether-serve [--listen 127.0.0.1:8080] [--threads N] [--tls CERT,KEY "
	      "[--h3 ADDRESS]] DIR\n",
	      to);
	return to == stdout ? 0 : 2;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "threads", required_argument, NULL, 't' },
		{ "tls", required_argument, NULL, 's' },
		{ "h3", required_argument, NULL, '3' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	char *comma;
	int c;

	*o = (struct options){ .listen = "127.0.0.1:8080", .threads = 1 };
	while ((c = getopt_long(argc, argv, "l:t:h", names, NULL)) >= 0) {
		switch (c) {
		case 'l':
			o->listen = optarg;
			break;
		case '3':
			o->h3 = optarg;
			break;
		case 't':
			o->threads = strtoul(optarg, NULL, 10);
			break;
		case 's':
			comma = strchr(optarg, ',');
			if (!comma)
				return usage(stderr);
			*comma = '\0';
			o->cert = optarg;
			o->key = comma + 1;
			break;
		default:
			return c == 'h' ? usage(stdout) - 1 : usage(stderr);
		}
	}
	if (optind + 1 != argc || (o->h3 && !o->cert) || !o->threads || o->threads > THREADS_MAX)
		return usage(stderr);
	o->dir = argv[optind];
	return 0;
}

/* ---- /echo: read a piece, write it, and read on when it has gone ---------------------------- */

static void echo_piece(struct tether_call call, const void *data, size_t len, void *arg);

static void echo_more(struct tether_call call, void *arg)
{
	tether_call_read(call, echo_piece, arg);
}

static void echo_piece(struct tether_call call, const void *data, size_t len, void *arg)
{
	if (!len)
		tether_call_finish(call);
	else if (!tether_call_write(call, data, len))
		tether_call_drained(call, echo_more, arg);
	else
		tether_call_cancel(call);
}

static void echo(struct tether_call call)
{
	struct tether_text type = tether_call_header(call, "content-type");
	struct tether_field field = { "Content-Type",
				      type.at ? type.at : "application/octet-stream" };

	/* Asking for the body first is what says yes to Expect. */
	if (!tether_call_read(call, echo_piece, NULL))
		tether_call_begin(call, 200, &field, 1, tether_call_length(call));
}

static void handle(struct tether_call call, void *arg)
{
	struct tether_text target = tether_call_target(call);

	if (target.len >= 5 && !memcmp(target.at, "/echo", 5) &&
	    (target.len == 5 || target.at[5] == '?'))
		echo(call);
	else
		files_serve(call, arg);
}

/* ---- threads --------------------------------------------------------------------------------- */

struct world {
	struct tether_loop *loops[THREADS_MAX];
	pthread_t threads[THREADS_MAX];
	unsigned int n;
	struct tether_server *server;
};

static void *run(void *arg)
{
	tether_loop_run(arg);
	return NULL;
}

static void done(void *arg)
{
	struct world *w = arg;
	unsigned int i;

	for (i = 0; i < w->n; i++)
		tether_loop_stop(w->loops[i]);
}

static void *wait_for_signal(void *arg)
{
	struct world *w = arg;
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigwait(&set, &sig);
	tether_server_shutdown(w->server, GRACE_NS, done, w);
	return NULL;
}

static int fail(const char *what, int err)
{
	fprintf(stderr, "tether-serve: %s: %s\n", what, strerror(-err));
	return 1;
}

/* Before any thread starts: signals are for the one that waits for them. */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int serve(struct world *w, const struct options *o)
{
	pthread_t waiter;
	unsigned int i;
	uint16_t port;
	int err;

	err = tether_server_listen(w->server, o->listen, &port);
	if (err)
		return fail(o->listen, err);
	fprintf(stderr, "tether-serve: port %u\n", port);
	if (o->h3) {
		err = tether_server_listen_h3(w->server, o->h3, &port);
		if (err)
			return fail(o->h3, err);
		fprintf(stderr, "tether-serve: h3 port %u\n", port);
	}
	err = -pthread_create(&waiter, NULL, wait_for_signal, w);
	for (i = 1; i < w->n && !err; i++)
		err = -pthread_create(&w->threads[i], NULL, run, w->loops[i]);
	if (err)
		return fail("thread", err);
	run(w->loops[0]);
	for (i = 1; i < w->n; i++)
		pthread_join(w->threads[i], NULL);
	pthread_join(waiter, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	struct tether_server_options server = { .handler = handle };
	struct files *files = NULL;
	struct world w = { 0 };
	struct options o;
	int status = parse(argc, argv, &o), err;

	if (status)
		return status < 0 ? 0 : status;
	block_signals();
	err = files_open(o.dir, &files);
	if (err)
		return fail(o.dir, err);
	server.arg = files;
	if (o.cert)
		err = tether_tls_server(o.cert, o.key, &server.tls);
	if (err)
		return fail("tls", err);
	for (; w.n < o.threads && !err; w.n++)
		err = tether_loop_new(NULL, &w.loops[w.n]);
	if (!err)
		err = tether_server_new(w.loops, w.n, &server, &w.server);
	if (err)
		return fail("server", err);
	tether_tls_free(server.tls);
	status = serve(&w, &o);
	tether_server_free(w.server);
	while (w.n)
		tether_loop_free(w.loops[--w.n]);
	files_close(files);
	return status;
}
