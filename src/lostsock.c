// SPDX-License-Identifier: BSD-2-Clause
/* lostsock: finds the sockets programs lose. The verbs are one file each in verb/. */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "verb/verb.h"

struct verb {
	const char *name;
	unsigned int bit;
	int (*run)(const struct options *opt);
	const char *args;
	const char *help;
	const char *examples;
};

static const struct verb verbs[] = {
	{ "top", VERB_TOP, verb_top, "[OPTION...] [SECONDS [COUNT]]",
	  "live table of what processes lose",
	  "  lostsock top                          the whole machine\n"
	  "  lostsock top -p 812,813 --after 10s   two processes, accused after ten seconds\n"
	  "  lostsock top --once --json --for 30s  watch for half a minute, print one object\n" },
	{ "attach", VERB_ATTACH, verb_attach, "[OPTION...] PID[,PID...]...",
	  "one process closely, and a report of it at the end",
	  "  lostsock attach 812                        until it ends, or ^C\n"
	  "  lostsock attach 812 --for 30s --after 5s   half a minute, then the report\n" },
	{ "run", VERB_RUN, verb_run, "[OPTION...] [--] COMMAND...",
	  "a leak gate: run a command, exit 1 if it leaked",
	  "  lostsock run make check                          as whoever called sudo\n"
	  "  lostsock run --junit leaks.xml -- ./test --fast  for a CI system to show\n"
	  "  lostsock run --suppress known.supp -- ./test     but for what is known\n" },
	{ "record", VERB_RECORD, verb_record, "[OPTION...] FILE",
	  "write what the kernel tells to a file", "  lostsock record --for 1m incident.lsk\n" },
	{ "replay", VERB_REPLAY, verb_replay, "[OPTION...] FILE", "any view over a recording",
	  "  lostsock replay incident.lsk --once\n"
	  "  lostsock replay incident.lsk --speed 1\n" },
	{ "export", VERB_EXPORT, verb_export, "[OPTION...]", "metrics for Prometheus, and a page",
	  "  lostsock export                                    on 127.0.0.1:9977\n"
	  "  lostsock export --web.listen-address :9977 --web.config.file web.yml\n" },
	{ "doctor", VERB_DOCTOR, verb_doctor, "[OPTION...]",
	  "what this kernel can give, what is missing, how to get it", "  lostsock doctor\n" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void usage(FILE *out)
{
	size_t i;

	fprintf(out, "lostsock finds the sockets programs lose.\n\n"
		     "usage: lostsock VERB [OPTION...]\n\n");
	for (i = 0; i < VERBS; i++)
		fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].help);
	fprintf(out, "\n`lostsock VERB --help` says more; so does man 8 lostsock.\n");
}

static int verb_help(const struct verb *v)
{
	printf("usage: lostsock %s %s\n%s\n\n", v->name, v->args, v->help);
	options_help(stdout, v->bit);
	printf("\nexamples:\n%s", v->examples);
	return fflush(stdout) ? EXIT_FINDINGS : EXIT_FINE;
}

static int run_verb(const struct verb *v, int argc, char **argv)
{
	struct options opt;
	char err[OPTIONS_ERROR_LEN];

	if (options_parse(&opt, v->bit, argc, argv, err)) {
		fprintf(stderr, "lostsock %s: %s\n", v->name, err);
		return EXIT_USAGE;
	}
	if (opt.help)
		return verb_help(v);
	if (opt.list) {
		opt.list(stdout);
		return fflush(stdout) ? EXIT_FINDINGS : EXIT_FINE;
	}
	return v->run(&opt);
}

static int unknown_verb(const char *word)
{
	const char *names[VERBS + 1] = { 0 }, *near;
	size_t i;

	for (i = 0; i < VERBS; i++)
		names[i] = verbs[i].name;
	if (*word == '-') {
		fprintf(stderr,
			"lostsock: a verb comes first, as in `lostsock top %.40s`; there are ",
			word);
		for (i = 0; i < VERBS; i++)
			fprintf(stderr, "%s%s", i ? ", " : "", names[i]);
		fputc('\n', stderr);
		return EXIT_USAGE;
	}
	near = text_nearest(word, names);
	fprintf(stderr, "lostsock: there is no verb '%.40s'%s%s%s\n", word,
		near ? " (did you mean '"
		     : "; top, attach, run, record, replay, export, doctor are",
		near ? near : "", near ? "'?)" : "");
	return EXIT_USAGE;
}

static const struct verb *find_verb(const char *word)
{
	size_t i;

	for (i = 0; i < VERBS; i++)
		if (!strcmp(word, verbs[i].name))
			return &verbs[i];
	return NULL;
}

static int help(const char *word)
{
	const struct verb *v = find_verb(word);

	if (v)
		return verb_help(v);
	if (*word)
		return unknown_verb(word);
	usage(stdout);
	return EXIT_FINE;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	const struct verb *v;

	/* For the width and the shape of what is drawn; numbers stay as C writes them. */
	setlocale(LC_CTYPE, "");
	if (!strcmp(word, "-h") || !strcmp(word, "--help") || !strcmp(word, "help"))
		return help(argc > 2 ? argv[2] : "");
	if (!strcmp(word, "-V") || !strcmp(word, "--version")) {
		printf("lostsock %s\n", LOSTSOCK_VERSION);
		return EXIT_FINE;
	}
	v = find_verb(word);
	if (v)
		return run_verb(v, argc - 2, argv + 2);
	if (*word)
		return unknown_verb(word);
	usage(stderr);
	return EXIT_USAGE;
}
