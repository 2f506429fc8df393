// SPDX-License-Identifier: BSD-2-Clause
/* The command line of tether-serve (serve_options.h): a table, and one function for each kind. */
#include "serve_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 256
#define DONE(code)  ((code) + 1)

enum kind {
	TEXT = 0,
	PAIR, /* two texts, with a comma between */
	TIME, /* nanoseconds */
	SIZE, /* bytes */
	COUNT,
	HELP,
};

static const struct row {
	const char *name, *arg, *help;
	enum kind kind;
	size_t at; /* in struct serve_options */
} rows[] = {
#define AT(field) offsetof(struct serve_options, field)
	{ "listen", "ADDRESS", "127.0.0.1:8080; [::1]:8080, *:8080; port 0 takes a free one", TEXT,
	  AT(listen) },
	{ "threads", "N", "1: loops, each on a thread of its own", COUNT, AT(threads) },
	{ "tls", "CERT,KEY", "certificate chain and key, PEM files", PAIR, AT(cert) },
	{ "h3", "ADDRESS", "HTTP/3 as well, over UDP; needs --tls", TEXT, AT(h3) },
	{ "header-deadline", "TIME", "10s: a request's first byte to its empty line", TIME,
	  AT(server.header_ns) },
	{ "body-deadline", "TIME", "300s: waiting for a request's body, in all", TIME,
	  AT(server.body_ns) },
	{ "write-deadline", "TIME", "300s: waiting for the peer to read a response, in all", TIME,
	  AT(server.write_ns) },
	{ "idle", "TIME", "75s: between requests", TIME, AT(server.idle_ns) },
	{ "lifetime", "TIME", "1h: of a connection", TIME, AT(server.lifetime_ns) },
	{ "body-limit", "BYTES", "1G: of a request's body", SIZE, AT(server.body_bytes) },
	{ "max-connections", "N", "1000000: open at a time, on each thread", COUNT,
	  AT(server.conns) },
	{ "grace", "TIME", "10s: for what is in flight when it is told to end", TIME,
	  AT(grace_ns) },
	{ "help", NULL, "this text", HELP, 0 },
#undef AT
};
#define ROWS (sizeof(rows) / sizeof(*rows))

static void help(void)
{
	size_t i;

	puts("usage: tether-serve [OPTION...] DIR\n"
	     "Serves the files below DIR, and answers /echo with the body that it is sent.\n");
	for (i = 0; i < ROWS; i++)
		printf("  --%-15s %-9s %s\n", rows[i].name, rows[i].arg ? rows[i].arg : "",
		       rows[i].help);
	puts("\nTIME: 500ms, 10s, 5m, 1h. BYTES: 4096, 64K, 10M, 1G.\n"
	     "SIGTERM and SIGINT drain it; the second one ends it at once.");
}

/* How many letters are to be changed, added or left out to come from one to the other. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[32], i, j, left, up, n = strlen(b);

	if (n >= sizeof(row) / sizeof(*row))
		return n;
	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 0; a[i]; i++) {
		left = row[0];
		row[0] = i + 1;
		for (j = 1; j <= n; j++) {
			up = row[j];
			row[j] = left + (a[i] != b[j - 1]);
			if (up + 1 < row[j])
				row[j] = up + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			left = up;
		}
	}
	return row[n];
}

static int unknown(const char *arg)
{
	const char *nearest = NULL;
	unsigned int best, d;
	char name[32];
	size_t i;

	arg += strspn(arg, "-");
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(arg, "="), arg);
	best = 2 + strlen(name) / 4; /* no further than that */
	for (i = 0; i < ROWS; i++) {
		d = distance(name, rows[i].name);
		if (d < best) {
			best = d;
			nearest = rows[i].name;
		}
	}
	if (nearest)
		fprintf(stderr, "tether-serve: no option --%s; --%s?\n", arg, nearest);
	else
		fprintf(stderr, "tether-serve: no option --%s; try --help\n", arg);
	return DONE(2);
}

/* A whole number and one of @units, which stand for @factors; the first may be left out. */
static int number(const char *s, const char *const *units, const uint64_t *factors, uint64_t *out)
{
	unsigned long long n;
	char *end;
	size_t i;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno)
		return -ERANGE;
	for (i = 0; units[i]; i++)
		if (!strcmp(end, units[i]))
			break;
	if (!units[i])
		return -EINVAL;
	return __builtin_mul_overflow(n, factors[i], out) || !*out ? -ERANGE : 0;
}

static int set(struct serve_options *o, const struct row *row, char *value)
{
	static const char *const times[] = { "ms", "s", "m", "h", NULL };
	static const uint64_t ns[] = { TETHER_MS, TETHER_S, 60 * TETHER_S, 3600 * TETHER_S };
	static const char *const sizes[] = { "", "K", "M", "G", NULL };
	static const uint64_t bytes[] = { 1, 1 << 10, 1 << 20, 1 << 30 };
	static const char *const none[] = { "", NULL };
	void *at = (char *)o + row->at;
	char *comma;
	int err;

	switch (row->kind) {
	case TEXT:
		*(const char **)at = value;
		return 0;
	case PAIR:
		comma = strchr(value, ',');
		if (!comma || comma == value || !comma[1])
			return -EINVAL;
		*comma = '\0';
		((const char **)at)[0] = value;
		((const char **)at)[1] = comma + 1;
		return 0;
	case TIME:
		err = number(value, times, ns, at);
		return !err && *(uint64_t *)at > TETHER_WITHIN_MAX_NS ? -ERANGE : err;
	case SIZE:
		return number(value, sizes, bytes, at);
	default:
		return number(value, none, bytes, at);
	}
}

static int refuse(const struct row *row, const char *value, int err)
{
	static const char *const wanted[] = { [TEXT] = "a text",
					      [PAIR] = "CERT,KEY",
					      [TIME] = "a time such as 500ms, 10s or 5m",
					      [SIZE] = "a size such as 4096, 64K or 10M",
					      [COUNT] = "a whole number" };

	fprintf(stderr, "tether-serve: --%s: \"%s\" is %s%s\n", row->name, value,
		err == -ERANGE ? "out of range" : "not ", err == -ERANGE ? "" : wanted[row->kind]);
	return DONE(2);
}

static int parse_options(struct serve_options *o, int argc, char **argv)
{
	struct option names[ROWS + 1] = { 0 };
	const struct row *row;
	size_t i;
	int c, err, which;

	for (i = 0; i < ROWS; i++)
		names[i] = (struct option){ rows[i].name, rows[i].arg != NULL, NULL, 1 };
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", names, &which)) >= 0) {
		if (c == ':') {
			fprintf(stderr, "tether-serve: %s wants a value\n", argv[optind - 1]);
			return DONE(2);
		}
		if (c != 1)
			return unknown(argv[optind - 1]);
		row = &rows[which];
		if (row->kind == HELP) {
			help();
			return DONE(0);
		}
		err = set(o, row, optarg);
		if (err)
			return refuse(row, optarg, err);
	}
	return 0;
}

int serve_options_parse(struct serve_options *o, int argc, char **argv)
{
	int status;

	*o = (struct serve_options){
		.listen = "127.0.0.1:8080",
		.threads = 1,
		.grace_ns = 10 * TETHER_S,
	};
	status = parse_options(o, argc, argv);
	if (status)
		return status;
	if (o->threads > THREADS_MAX) {
		fprintf(stderr, "tether-serve: --threads: at most %d\n", THREADS_MAX);
		return DONE(2);
	}
	if (optind + 1 != argc) {
		fputs(optind == argc ? "tether-serve: which directory? Try --help\n"
				     : "tether-serve: one directory at a time; try --help\n",
		      stderr);
		return DONE(2);
	}
	if (o->h3 && !o->cert) {
		fputs("tether-serve: --h3 needs --tls\n", stderr);
		return DONE(2);
	}
	o->dir = argv[optind];
	return 0;
}
