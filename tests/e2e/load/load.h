/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the workload programs share. A workload brings sockets into one known state, says so in one
 * line of JSON on stdout (the ground truth), and stays in it until --hold seconds are over or its
 * stdin, if that is a pipe, is closed. It knows nothing of lostsock.
 *
 * The other end of every connection is a child of the same program, its own process, which dies
 * with it. Parent and child talk over pipes, so that no socket but the ones under test exists.
 */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOAD_REQUEST "GET / HTTP/1.1\r\nHost: load\r\n\r\n"
#define LOAD_ANSWER  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct load_addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

struct load {
	const char *name;
	bool leaky;	  /* --leaky or --mended */
	int count;	  /* --count: connections (threads, ...) to bring into the state */
	double hold;	  /* --hold: seconds to stay in it */
	int family;	  /* --family: AF_INET, AF_INET6 or AF_UNIX */
	const char *mode; /* --mode: a variant, the program's own word */
	double rate;	  /* --rate: opens a second, 0 is as fast as it goes */
	double seconds;	  /* --seconds: how long the changing part lasts */
	double timeout;	  /* --timeout: the timeout that the mended program sets */
	int keep;	  /* --keep: connections left open at the end */
	int port;	  /* --port: a server that runs already, instead of a peer of our own */

	struct load_addr addr; /* where the listener is */
	pid_t peer;
	int in, out; /* pipes between the program and its peer */
	double end;
	bool rope; /* stdin is a pipe: its end ends us */
	char dir[96];
};

static volatile sig_atomic_t load_stopped;

/* --- small things --- */

__attribute__((format(printf, 1, 2), noreturn)) static inline void die(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(err));
	_exit(1);
}

static inline double load_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static inline void load_sleep(double seconds)
{
	struct timespec ts = { (time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9) };

	while (nanosleep(&ts, &ts) && errno == EINTR && !load_stopped)
		;
}

static inline void *load_calloc(int n, size_t size)
{
	void *p = calloc(n > 0 ? n : 1, size);

	if (!p)
		die("calloc");
	return p;
}

static inline void load_thread(void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	errno = pthread_create(&thread, &attr, fn, arg);
	if (errno)
		die("pthread_create");
	pthread_attr_destroy(&attr);
}

/* --- options --- */

__attribute__((noreturn)) static inline void load_usage(const struct load *l)
{
	fprintf(stderr,
		"usage: %s [--leaky|--mended] [--count N] [--hold S] [--family 4|6|unix]\n"
		"       [--mode WORD] [--rate N] [--seconds S] [--timeout S] [--keep N] [--port "
		"N]\n",
		l->name);
	_exit(2);
}

static inline int load_family(const struct load *l, const char *s)
{
	if (!strcmp(s, "4"))
		return AF_INET;
	if (!strcmp(s, "6"))
		return AF_INET6;
	if (!strcmp(s, "unix"))
		return AF_UNIX;
	load_usage(l);
}

static inline void load_on_term(int sig)
{
	(void)sig;
	load_stopped = 1;
}

/* Fields that the caller has set before are its defaults. */
static inline void load_options(struct load *l, int argc, char **argv)
{
	static const struct option options[] = {
		{ "leaky", no_argument, NULL, 'L' },
		{ "mended", no_argument, NULL, 'M' },
		{ "count", required_argument, NULL, 'n' },
		{ "hold", required_argument, NULL, 'h' },
		{ "family", required_argument, NULL, 'f' },
		{ "mode", required_argument, NULL, 'm' },
		{ "rate", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ "keep", required_argument, NULL, 'k' },
		{ "port", required_argument, NULL, 'p' },
		{ 0 },
	};
	struct sigaction on_term = { .sa_handler = load_on_term };
	const char *hold = getenv("LOAD_HOLD");
	struct stat st;
	int c;

	l->name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	l->leaky = true;
	l->count = l->count ? l->count : 8;
	/* LOAD_HOLD: for machines so slow that 20 s are over before all is looked at */
	l->hold = l->hold ? l->hold : hold ? atof(hold) : 20;
	l->family = l->family ? l->family : AF_INET;
	l->timeout = l->timeout ? l->timeout : 30;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'L':
			l->leaky = true;
			break;
		case 'M':
			l->leaky = false;
			break;
		case 'n':
			l->count = atoi(optarg);
			break;
		case 'h':
			l->hold = atof(optarg);
			break;
		case 'f':
			l->family = load_family(l, optarg);
			break;
		case 'm':
			l->mode = optarg;
			break;
		case 'r':
			l->rate = atof(optarg);
			break;
		case 's':
			l->seconds = atof(optarg);
			break;
		case 't':
			l->timeout = atof(optarg);
			break;
		case 'k':
			l->keep = atoi(optarg);
			break;
		case 'p':
			l->port = atoi(optarg);
			break;
		default:
			load_usage(l);
		}
	}
	if (optind != argc || l->count < 0 || l->count > 1000000 || l->hold < 0)
		load_usage(l);
	l->end = load_now() + l->hold;
	l->rope = !fstat(STDIN_FILENO, &st) && S_ISFIFO(st.st_mode);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &on_term, NULL);
	sigaction(SIGINT, &on_term, NULL);
}

/* True if --mode is this word; no --mode at all is the first word that a program asks for. */
static inline bool load_mode(struct load *l, const char *word)
{
	if (!l->mode)
		l->mode = word;
	return !strcmp(l->mode, word);
}

/* --- the peer --- */

static inline void load_on_term_peer(int sig)
{
	(void)sig;
	_exit(0);
}

/* Runs fn in a child that dies with us. Call it before any socket is open. */
static inline pid_t load_fork(struct load *l, void (*fn)(struct load *))
{
	int down[2], up[2];
	pid_t parent = getpid(), pid;

	if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid) {
		close(down[0]);
		close(up[1]);
		l->in = up[0];
		l->out = down[1];
		l->peer = pid;
		return pid;
	}
	signal(SIGTERM, load_on_term_peer);
	signal(SIGINT, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NAME, "peer");
	if (getppid() != parent)
		_exit(0);
	close(down[1]);
	close(up[0]);
	l->in = down[0];
	l->out = up[1];
	l->peer = parent;
	fn(l);
	_exit(0);
}

/* Tells the other process where the listener is, or just "go on"; the other learns it. */
static inline void load_tell(struct load *l)
{
	if (write(l->out, &l->addr, sizeof(l->addr)) != sizeof(l->addr))
		die("tell");
}

static inline void load_learn(struct load *l)
{
	if (read(l->in, &l->addr, sizeof(l->addr)) != sizeof(l->addr))
		_exit(1); /* the other has said why */
}

/* --- sockets --- */

static inline int load_bind(struct load *l, int type)
{
	socklen_t len = sizeof(struct sockaddr_storage);
	struct load_addr *a = &l->addr;
	struct sockaddr_in *in4 = (void *)&a->ss;
	struct sockaddr_in6 *in6 = (void *)&a->ss;
	struct sockaddr_un *un = (void *)&a->ss;
	const char *tmp = getenv("TMPDIR");
	int fd = socket(l->family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	memset(a, 0, sizeof(*a));
	a->ss.ss_family = l->family;
	if (l->family == AF_INET) {
		in4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		a->len = sizeof(*in4);
	} else if (l->family == AF_INET6) {
		in6->sin6_addr = in6addr_loopback;
		a->len = sizeof(*in6);
	} else {
		snprintf(l->dir, sizeof(l->dir), "%s/load.XXXXXX", tmp ? tmp : "/tmp");
		if (!mkdtemp(l->dir))
			die("%s", l->dir);
		snprintf(un->sun_path, sizeof(un->sun_path), "%s/s", l->dir);
		a->len = sizeof(*un);
	}
	if (bind(fd, (void *)&a->ss, a->len))
		die("bind");
	if (getsockname(fd, (void *)&a->ss, &len))
		die("getsockname");
	return fd;
}

static inline int load_listen(struct load *l, int backlog)
{
	int fd = load_bind(l, SOCK_STREAM);

	if (listen(fd, backlog))
		die("listen");
	return fd;
}

static inline int load_accept(int listener)
{
	int fd;

	do
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		die("accept");
	return fd;
}

static inline int load_connect(struct load *l)
{
	int fd = socket(l->addr.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (connect(fd, (void *)&l->addr.ss, l->addr.len))
		die("connect");
	return fd;
}

static inline void load_send(int fd, const char *text)
{
	size_t len = strlen(text);

	if (send(fd, text, len, 0) != (ssize_t)len)
		die("send");
}

static inline ssize_t load_recv(int fd)
{
	char buf[4096];
	ssize_t n;

	do
		n = recv(fd, buf, sizeof(buf), 0);
	while (n < 0 && errno == EINTR && !load_stopped);
	return n;
}

/* One request and its answer. */
static inline void load_ask(int fd)
{
	load_send(fd, LOAD_REQUEST);
	if (load_recv(fd) <= 0)
		die("no answer");
}

/* Waits until fd shows one of these poll events. */
static inline void load_await(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (poll(&p, 1, 10000) != 1)
		die("awaited state did not come");
}

/* The TCP state, as in ss: 1 ESTAB, 2 SYN-SENT, 5 FIN-WAIT-2, 7 UNCONN, 8 CLOSE-WAIT. */
static inline int load_state(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		die("TCP_INFO");
	return info.tcpi_state;
}

static inline void load_await_state(int fd, int state)
{
	double end = load_now() + 10;

	while (load_state(fd) != state) {
		if (load_now() > end)
			die("state %d awaited, it is %d", state, load_state(fd));
		load_sleep(0.01);
	}
}

static inline void load_timeout(int fd, int option, double seconds)
{
	struct timeval tv = { (time_t)seconds, (suseconds_t)((seconds - (time_t)seconds) * 1e6) };

	if (setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv)))
		die("setsockopt timeout");
}

static inline void load_linger0(int fd)
{
	struct linger lg = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
}

/* --- a well-behaved server in one poll loop, and its ill-behaved brothers --- */

enum load_manners {
	LOAD_ANSWERS,	/* answers whatever comes, closes at the end of input */
	LOAD_READS,	/* reads, never answers, closes at the end of input */
	LOAD_MUTE,	/* neither reads nor closes */
	LOAD_HANGS_UP,	/* answers once and closes */
	LOAD_RESETS,	/* answers once and resets */
	LOAD_NEVER_ENDS /* reads, answers, but never closes its end */
};

/* Returns false when the connection is to be closed. */
static inline bool load_serve_one(int fd, enum load_manners manners)
{
	ssize_t n = load_recv(fd);

	if (n <= 0)
		return manners == LOAD_NEVER_ENDS && n == 0;
	if (manners == LOAD_READS)
		return true;
	if (send(fd, LOAD_ANSWER, strlen(LOAD_ANSWER), 0) < 0)
		return false;
	if (manners == LOAD_HANGS_UP || manners == LOAD_RESETS)
		load_sleep(0.01); /* the answer is to be read before the end arrives */
	if (manners == LOAD_RESETS)
		load_linger0(fd);
	return manners != LOAD_HANGS_UP && manners != LOAD_RESETS;
}

__attribute__((noreturn)) static inline void load_serve(int listener, enum load_manners manners)
{
	int n = 1, cap = 16384;
	struct pollfd *p = load_calloc(cap, sizeof(*p));

	p[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
	for (;;) {
		if (poll(p, n, -1) < 0)
			continue;
		for (int i = n - 1; i > 0; i--) {
			if (!p[i].revents)
				continue;
			if (!load_serve_one(p[i].fd, manners)) {
				close(p[i].fd);
				p[i] = p[--n];
			} else if (p[i].revents & (POLLHUP | POLLRDHUP)) {
				p[i].fd = -1 - p[i].fd; /* held, and watched no more */
			}
		}
		if (p[0].revents && n < cap)
			p[n++] = (struct pollfd){
				.fd = load_accept(listener),
				.events = manners == LOAD_MUTE ? 0 : POLLIN | POLLRDHUP,
			};
	}
}

/* --- a well-behaved client --- */

/* Opens --count connections at once, uses each, and keeps them as a pool. */
static inline int *load_pool_open(struct load *l)
{
	int *fds = load_calloc(l->count, sizeof(*fds));

	for (int i = 0; i < l->count; i++)
		fds[i] = load_connect(l);
	for (int i = 0; i < l->count; i++)
		load_ask(fds[i]);
	return fds;
}

/* The peer of a server: such a pool. The last one returned is taken every half second, for ever. */
static inline void load_pool_peer(struct load *l)
{
	int *fds;

	load_learn(l);
	fds = load_pool_open(l);
	load_tell(l);
	for (;;) {
		load_sleep(0.5);
		load_ask(fds[l->count - 1]);
	}
}

/* --- the ground truth, and the end --- */

/* One line of JSON. more: further members, each with a comma before it, printf style. */
__attribute__((format(printf, 5, 6))) static inline void
load_ready(struct load *l, const char *class, const int *fds, int n, const char *more, ...)
{
	va_list ap;

	printf("{\"ready\":true,\"pid\":%d,\"peer_pid\":%d,\"class\":", getpid(), l->peer);
	if (l->leaky && class)
		printf("\"%s\"", class);
	else
		printf("null");
	printf(",\"count\":%d,\"fds\":[", l->count);
	for (int i = 0; fds && i < n; i++)
		printf("%s%d", i ? "," : "", fds[i]);
	printf("]");
	va_start(ap, more);
	vprintf(more, ap);
	va_end(ap);
	printf("}\n");
	fflush(stdout);
}

/* Sleeps; false when the time to hold is over. */
static inline bool load_wait(struct load *l, double seconds)
{
	struct pollfd p = { .fd = l->rope ? STDIN_FILENO : -1, .events = POLLIN };
	double end = load_now() + seconds;
	char c;

	if (end > l->end)
		end = l->end;
	for (;;) {
		double left = end - load_now();

		if (load_stopped || l->end <= load_now())
			return false;
		if (left <= 0)
			return true;
		if (poll(&p, 1, (int)(left * 1000) + 1) > 0 && read(p.fd, &c, 1) <= 0)
			return false;
	}
}

static inline void load_hold(struct load *l)
{
	while (load_wait(l, 3600))
		;
}

/* Ends the peer and removes what was made. Returns main's exit status. */
static inline int load_end(struct load *l)
{
	struct sockaddr_un *un = (void *)&l->addr.ss;

	if (l->peer > 0) {
		kill(l->peer, SIGTERM);
		waitpid(l->peer, NULL, 0);
	}
	if (l->addr.ss.ss_family == AF_UNIX) {
		unlink(un->sun_path);
		*strrchr(un->sun_path, '/') = 0;
		rmdir(un->sun_path);
	}
	return 0;
}
