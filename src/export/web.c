// SPDX-License-Identifier: BSD-2-Clause
/* The HTTP part's process: how it begins, what it waits for, how it ends (web.h). */
#include "export/certificate.h"
#include "export/host.h"
#include "export/web.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>
#include "export/config.h"
#include "export/listen.h"
#include "export/sandbox.h"
#include "export/serve.h"

#define STATUS_FAILED 1
#define STATUS_USAGE  2
#define GRACE_NS      TETHER_S
#define CONNS_MAX     4096
#define PATIENCE_MS   3000 /* how long its parent waits for its end */

/* The HTTP part from inside. */
struct part {
	struct serve serve;
	struct config config;
	struct channel_reader reader;
	uv_poll_t frames, signals;
	uv_timer_t linger;
	int signal_fd;
	int status;
};

/* ---- its end */

static void drained(void *arg)
{
	tether_loop_stop(((struct part *)arg)->serve.loop);
}

static void end(struct part *p, int status)
{
	if (tether_server_shutdown(p->serve.server, GRACE_NS, drained, p))
		return; /* it does so already */
	p->status = status;
}

static void lingered(uv_timer_t *timer)
{
	end(timer->data, STATUS_FAILED);
}

/* Says so for a while, so that whoever asks is told why there is no answer. */
static void orphaned(struct part *p)
{
	uv_poll_stop(&p->frames);
	fprintf(stderr, "lostsock export: the collector has ended; so will this in %d s\n",
		WEB_LINGER_S);
	serve_orphan(&p->serve);
	uv_timer_start(&p->linger, lingered, WEB_LINGER_S * 1000, 0);
}

/* ---- what it waits for */

static void on_frames(uv_poll_t *poll, int status, int events)
{
	struct part *p = poll->data;
	struct channel_text *text;
	enum channel_kind kind;
	int n;

	(void)status;
	(void)events;
	while ((n = channel_read(&p->reader, &kind, &text)) == 1) {
		if (kind != CHANNEL_END) {
			serve_frame(&p->serve, kind, text);
			continue;
		}
		channel_text_drop(text);
		uv_poll_stop(poll);
		end(p, 0);
		return;
	}
	if (n < 0)
		orphaned(p);
}

/* What the terminal sends, it sends to the collector too, which says when to end. */
static void on_signals(uv_poll_t *poll, int status, int events)
{
	struct part *p = poll->data;
	struct signalfd_siginfo info;

	(void)status;
	(void)events;
	while (read(p->signal_fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGTERM)
			end(p, 0);
}

static int watch_all(struct part *p)
{
	uv_loop_t *uv = tether_loop_uv(p->serve.loop);
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	p->frames.data = p->signals.data = p->linger.data = p;
	err = p->signal_fd < 0 ? -errno : uv_poll_init(uv, &p->frames, p->reader.fd);
	if (!err)
		err = uv_poll_start(&p->frames, UV_READABLE, on_frames);
	if (!err)
		err = uv_poll_init(uv, &p->signals, p->signal_fd);
	if (!err)
		err = uv_poll_start(&p->signals, UV_READABLE, on_signals);
	return err ? err : uv_timer_init(uv, &p->linger);
}

/* ---- its beginning */

static int fail(const char *what, int err)
{
	fprintf(stderr, "lostsock export: %s: %s\n", what, strerror(-err));
	return STATUS_FAILED;
}

/* A file that is there and can be read, or why not. */
static bool readable(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		fail(path, -errno);
		return false;
	}
	close(fd);
	return true;
}

static int open_tls(struct part *p, struct tether_tls **tls)
{
	/* CONFIG_CLIENTS_... */
	static const enum tether_tls_clients clients[] = {
		TETHER_TLS_CLIENTS_NOT_ASKED,	    TETHER_TLS_CLIENTS_ASKED,
		TETHER_TLS_CLIENTS_REQUIRED,	    TETHER_TLS_CLIENTS_VERIFY_GIVEN,
		TETHER_TLS_CLIENTS_VERIFY_REQUIRED,
	};
	const struct config *c = &p->config;
	struct tether_tls_server_options o = {
		.cert_path = c->cert,
		.key_path = c->key,
		.client_ca_path = c->client_ca,
		.clients = clients[c->clients],
		.min_version = c->tls13 ? TETHER_TLS_VERSION_1_3 : TETHER_TLS_VERSION_DEFAULT,
	};

	if (!readable(c->cert) || !readable(c->key) || (c->client_ca && !readable(c->client_ca)))
		return STATUS_FAILED;
	if (!tether_tls_server_with(&o, tls)) {
		p->serve.cert_end = certificate_end(c->cert);
		return 0;
	}
	fprintf(stderr, "lostsock export: %s and %s are no certificate and its key, in PEM%s%s\n",
		c->cert, c->key, c->client_ca ? ", or there is no certificate in " : "",
		c->client_ca ? c->client_ca : "");
	return STATUS_FAILED;
}

static int read_config(struct part *p, struct tether_tls **tls)
{
	char say[CONFIG_ERROR_LEN];
	int err;

	if (!p->serve.opt->config)
		return 0;
	err = config_read(&p->config, p->serve.opt->config, say);
	if (*say)
		fprintf(stderr, "lostsock export: %s\n", say);
	if (err)
		return err == -EINVAL ? STATUS_USAGE : STATUS_FAILED;
	if (p->config.users) {
		p->serve.auth = auth_new(tether_loop_uv(p->serve.loop), &p->config);
		if (!p->serve.auth)
			return fail("basic_auth_users", -errno);
	}
	return p->config.cert ? open_tls(p, tls) : 0;
}

static int open_server(struct part *p, unsigned int passed)
{
	struct tether_server_options o = {
		.handler = serve_handle,
		.arg = &p->serve,
		.handshake_ns = 5 * TETHER_S,
		.header_ns = 5 * TETHER_S,
		.handler_ns = 60 * TETHER_S,
		.write_ns = 60 * TETHER_S,
		.idle_ns = 90 * TETHER_S, /* scrapes a minute apart are of one connection */
		.body_bytes = 1,
		.conns = CONNS_MAX,
	};
	int err = tether_loop_new(NULL, &p->serve.loop);

	if (err)
		return fail("loop", err);
	err = read_config(p, &o.tls);
	if (err)
		return err;
	/* Names are the certificate's to check, and passwords a browser has only for its own. */
	p->serve.own_names =
		!passed && !o.tls && !p->serve.auth && host_is_loopback(p->serve.opt->listen);
	err = tether_server_new(&p->serve.loop, 1, &o, &p->serve.server);
	if (err)
		return fail("server", err);
	err = listen_open(p->serve.server, p->serve.opt->listen, passed, o.tls != NULL,
			  p->serve.opt->metrics_path);
	tether_tls_free(o.tls);
	return err;
}

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= CONNS_MAX + 64)
		return;
	limit.rlim_cur = limit.rlim_max < CONNS_MAX + 64 ? limit.rlim_max : CONNS_MAX + 64;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int run_part(const struct web_options *opt, int from, int asks, unsigned int passed)
{
	struct part *p = calloc(1, sizeof(*p));
	char why[SANDBOX_ERROR_LEN];
	int status, err;

	if (!p)
		return fail("memory", -ENOMEM);
	p->serve.opt = opt;
	p->serve.ask_fd = asks;
	p->reader.fd = from;
	strcpy(p->serve.says, "attaching to the kernel");
	prctl(PR_SET_NAME, "lostsock-http");
	/* Two are enough to check passwords. */
	setenv("UV_THREADPOOL_SIZE", "2", 1);
	raise_limit();
	status = open_server(p, passed);
	if (status)
		return status;
	err = watch_all(p);
	if (err)
		return fail("loop", err);
	if (sandbox_web(why)) {
		fprintf(stderr, "lostsock export: %s\n", why);
		return STATUS_FAILED;
	}
	/* The collector waits for this. */
	if (write(asks, "!", 1) != 1)
		return STATUS_FAILED;
	tether_loop_run(p->serve.loop);
	return p->status;
}

/* ---- from its parent */

static int reap(struct web *web, int patience_ms)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	int status, waited;

	for (waited = 0; waited <= patience_ms; waited += 10) {
		if (waitpid(web->pid, &status, WNOHANG) == web->pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILED;
		nanosleep(&nap, NULL);
	}
	return STATUS_FAILED;
}

static int fork_part(struct web *web, const struct web_options *opt)
{
	int to[2] = { -1, -1 }, asks[2] = { -1, -1 };
	unsigned int passed = listen_passed();

	if (pipe2(to, O_CLOEXEC) || pipe2(asks, O_CLOEXEC) || (web->pid = fork()) < 0)
		return fail("fork", -errno);
	if (!web->pid) {
		close(to[1]);
		close(asks[0]);
		fcntl(to[0], F_SETFL, O_NONBLOCK);
		_exit(run_part(opt, to[0], asks[1], passed));
	}
	close(to[0]);
	close(asks[1]);
	listen_close_passed(passed);
	/* One that systemd has made is for it to take away. */
	web->unix_path = passed ? NULL : listen_unix_path(opt->listen);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	fcntl(to[1], F_SETFL, O_NONBLOCK);
	fcntl(to[1], F_SETPIPE_SZ, 1 << 20); /* fewer turns for what is long */
	web->to = to[1];
	web->asks = asks[0];
	return 0;
}

int web_start(struct web *web, const struct web_options *opt)
{
	char ready;
	int err;

	*web = (struct web){ .to = -1, .asks = -1 };
	err = fork_part(web, opt);
	if (err)
		return err;
	signal(SIGPIPE, SIG_IGN);
	if (read(web->asks, &ready, 1) != 1) {
		close(web->to);
		close(web->asks);
		err = reap(web, PATIENCE_MS);
		return err ? err : STATUS_FAILED;
	}
	fcntl(web->asks, F_SETFL, O_NONBLOCK);
	return 0;
}

int web_stop(struct web *web)
{
	int status;

	channel_send(web->to, CHANNEL_END, "", 0, 1000);
	close(web->to);
	status = reap(web, PATIENCE_MS);
	close(web->asks);
	if (web->unix_path)
		unlink(web->unix_path);
	return status;
}
