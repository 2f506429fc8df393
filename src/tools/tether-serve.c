// SPDX-License-Identifier: BSD-2-Clause
/*
 * tether-serve: serves a directory, and answers /echo with the body that it is sent.
 *
 *      tether-serve [--listen 127.0.0.1:8080] [--threads N] [--tls CERT,KEY] DIR
 *
 * SIGINT and SIGTERM drain it. Links to nothing but libtether's public headers.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <tether/tether.h>

#include "files.h"
#include "serve_options.h"

/* ---- /echo: read a piece, write it, and read on when it has gone ---------------------------- */

static void echo_piece(struct tether_call call, const void *data, size_t len, void *arg);

static void echo_more(struct tether_call call, void *arg)
{
	tether_call_read(call, echo_piece, arg);
}

static int echo_begin(struct tether_call call)
{
	struct tether_text type = tether_call_header(call, "content-type");
	struct tether_field field = { "Content-Type",
				      type.at ? type.at : "application/octet-stream" };

	return tether_call_begin(call, 200, &field, 1, tether_call_length(call));
}

static void echo_next(struct tether_call call, const void *data, size_t len)
{
	if (!len)
		tether_call_finish(call);
	else if (!tether_call_write(call, data, len))
		tether_call_drained(call, echo_more, NULL);
	else
		tether_call_cancel(call);
}

static void echo_piece(struct tether_call call, const void *data, size_t len, void *arg)
{
	(void)arg;
	echo_next(call, data, len);
}

/* The answer begins with the first piece of the body: until then a bad one can still be refused. */
static void echo_first(struct tether_call call, const void *data, size_t len, void *arg)
{
	(void)arg;
	if (echo_begin(call))
		tether_call_cancel(call);
	else
		echo_next(call, data, len);
}

static void handle(struct tether_call call, void *arg)
{
	struct tether_text target = tether_call_target(call);

	if (target.len >= 5 && !memcmp(target.at, "/echo", 5) &&
	    (target.len == 5 || target.at[5] == '?'))
		tether_call_read(call, echo_first, NULL);
	else
		files_serve(call, arg);
}

/* ---- threads --------------------------------------------------------------------------------- */

struct world {
	struct tether_loop **loops;
	pthread_t *threads;
	unsigned int n;
	uint64_t grace_ns;
	struct tether_server *server;
	struct files *files;
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

static void signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

static void *wait_for_signal(void *arg)
{
	struct world *w = arg;
	sigset_t set;
	int sig;

	signals(&set);
	sigwait(&set, &sig);
	tether_server_shutdown(w->server, w->grace_ns, done, w);
	/* A second one does what it does by default, even where a shell had it ignored: at once. */
	sigwait(&set, &sig);
	signal(sig, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	return NULL;
}

static int fail(const char *what, int err)
{
	fprintf(stderr, "tether-serve: %s: %s\n", what, strerror(-err));
	return 1;
}

/* As many connections as the system allows. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Signals are for the thread that waits for them: before any other starts. */
static void prepare(void)
{
	sigset_t set;

	signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_limit();
}

static int serve(struct world *w)
{
	pthread_t waiter;
	unsigned int i;
	int err;

	err = -pthread_create(&waiter, NULL, wait_for_signal, w);
	for (i = 1; i < w->n && !err; i++)
		err = -pthread_create(&w->threads[i], NULL, run, w->loops[i]);
	if (err)
		return fail("thread", err);
	run(w->loops[0]);
	for (i = 1; i < w->n; i++)
		pthread_join(w->threads[i], NULL);
	pthread_cancel(waiter);
	pthread_join(waiter, NULL);
	return 0;
}

static int open_tls(struct serve_options *o)
{
	const char *bad = access(o->cert, R_OK) ? o->cert : access(o->key, R_OK) ? o->key : NULL;
	int err;

	if (bad)
		return fail(bad, -errno);
	err = tether_tls_server(o->cert, o->key, &o->server.tls);
	if (!err)
		return 0;
	fprintf(stderr, "tether-serve: %s and %s are no certificate and its key, in PEM\n", o->cert,
		o->key);
	return 1;
}

static int open_loops(struct world *w, unsigned int n)
{
	int err = 0;

	w->loops = calloc(n, sizeof(struct tether_loop *));
	w->threads = calloc(n, sizeof(pthread_t));
	if (!w->loops || !w->threads)
		return fail("loops", -ENOMEM);
	while (w->n < n && !err) {
		err = tether_loop_new(NULL, &w->loops[w->n]);
		w->n += !err;
	}
	return err ? fail("loops", err) : 0;
}

static int listen_on(const char *option, const char *address, const char *what,
		     int (*open)(struct tether_server *server, const char *address, uint16_t *port),
		     struct tether_server *server)
{
	uint16_t port;
	int err = open(server, address, &port);

	if (err == -EINVAL)
		fprintf(stderr, "tether-serve: %s: \"%s\" is not ADDRESS:PORT\n", option, address);
	else if (err)
		fprintf(stderr, "tether-serve: cannot listen on %s: %s\n", address, strerror(-err));
	else
		fprintf(stderr, "tether-serve: %sport %u\n", what, port);
	return err == -EINVAL ? 2 : err ? 1 : 0;
}

static int open_all(struct world *w, struct serve_options *o)
{
	int err;

	if ((o->cert && open_tls(o)) || open_loops(w, o->threads))
		return 1;
	err = files_open(o->dir, w->loops, w->n, &w->files);
	if (err)
		return fail(o->dir, err);
	w->grace_ns = o->grace_ns;
	o->server.handler = handle;
	o->server.arg = w->files;
	err = tether_server_new(w->loops, w->n, &o->server, &w->server);
	if (err)
		return fail("server", err);
	err = listen_on("--listen", o->listen, "", tether_server_listen, w->server);
	if (!err && o->h3)
		err = listen_on("--h3", o->h3, "h3 ", tether_server_listen_h3, w->server);
	return err;
}

int main(int argc, char **argv)
{
	struct serve_options o;
	struct world w = { 0 };
	int status = serve_options_parse(&o, argc, argv);

	if (status)
		return status - 1;
	prepare();
	status = open_all(&w, &o);
	if (!status)
		status = serve(&w);
	tether_tls_free(o.server.tls);
	tether_server_free(w.server);
	while (w.n)
		tether_loop_free(w.loops[--w.n]);
	free(w.loops);
	free(w.threads);
	files_close(w.files);
	return status;
}
