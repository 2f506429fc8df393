// SPDX-License-Identifier: BSD-2-Clause
/* Reads the words after the verb, by the table of options. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <lostsock/config.h>
#include "base/text.h"
#include "verb/options_table.h"
#include "verb/options_values.h"

#define SETTLE_NS 500000000
#define NAMES_MAX 64 /* that a wrong word is compared with */

static const struct option_row *find_long(const char *name, size_t len)
{
	const struct option_row *r;
	size_t i;

	for (i = 0; (r = options_row(i)); i++)
		if (strlen(r->name) == len && !strncmp(r->name, name, len))
			break;
	return r;
}

static const struct option_row *find_short(char letter)
{
	const struct option_row *r;
	size_t i;

	for (i = 0; (r = options_row(i)); i++)
		if (r->letter == letter)
			break;
	return r;
}

/* The option that has @word in its name, as "listen"; else the one that is nearest to it. */
static const char *option_near(const char *word, const char *const *names)
{
	size_t i;

	for (i = 0; names[i] && strlen(word) > 3; i++)
		if (strstr(names[i], word))
			return names[i];
	return text_nearest(word, names);
}

static int unknown(const char *word, unsigned int verb, char err[OPTIONS_ERROR_LEN])
{
	const char *names[NAMES_MAX + 1] = { 0 }, *near;
	const struct option_row *r;
	char bare[32];
	size_t i, n = 0;

	for (i = 0; (r = options_row(i)) && n < NAMES_MAX; i++)
		if (r->verbs & verb)
			names[n++] = r->name;
	snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(word, "="), word);
	near = option_near(bare + strspn(bare, "-"), names);
	return options_complain(err, "there is no option '%s'%s%s%s", bare,
				near ? " (did you mean --" : "", near ? near : "",
				near ? "?)" : "");
}

/* One option; *@i moves on over its argument. */
static int parse_option(struct options *opt, int argc, char **argv, int *i,
			char err[OPTIONS_ERROR_LEN])
{
	const char *word = argv[*i], *arg = NULL;
	const struct option_row *row;
	size_t len;

	if (word[1] == '-') {
		len = strcspn(word + 2, "=");
		row = find_long(word + 2, len);
		if (word[2 + len])
			arg = word + 3 + len;
	} else {
		row = find_short(word[1]);
		if (word[1] && word[2])
			arg = word + 2;
	}
	if (!row)
		return unknown(word, opt->verb, err);
	if (!(row->verbs & opt->verb))
		return options_complain(err, "--%s does not go with this verb", row->name);
	if (!row->arg && arg)
		return options_complain(err, "--%s takes no value", row->name);
	if (row->arg && !arg) {
		if (*i + 1 >= argc)
			return options_complain(err, "--%s: a value is needed: %s", row->name,
						row->arg);
		arg = argv[++*i];
	}
	return row->set(opt, arg, err);
}

/* A PID, a FILE, or bcc's [interval [count]] in seconds. */
static int parse_word(struct options *opt, const char *word, int nth, char err[OPTIONS_ERROR_LEN])
{
	if (opt->verb == VERB_ATTACH)
		return options_pids(opt, "PID", word, err);
	if (opt->verb & (VERB_RECORD | VERB_REPLAY)) {
		opt->file = word;
		return nth ? options_complain(err, "one FILE is enough: '%.60s' is too many", word)
			   : 0;
	}
	if (opt->verb == VERB_TOP && !isdigit((unsigned char)*word))
		return options_complain(err,
					"unexpected argument '%.40s': processes are chosen by "
					"--comm NAME or --pid PID",
					word);
	if (opt->verb == VERB_TOP && nth == 0)
		return find_long("interval", 8)->set(opt, word, err);
	if (opt->verb == VERB_TOP && nth == 1)
		return find_long("count", 5)->set(opt, word, err);
	return options_complain(err, "unexpected argument '%.60s'", word);
}

int options_parse(struct options *opt, unsigned int verb, int argc, char **argv,
		  char err[OPTIONS_ERROR_LEN])
{
	int i, nth = 0, e = 0;

	memset(opt, 0, sizeof(*opt));
	opt->verb = verb;
	opt->view.color = isatty(STDOUT_FILENO) ? VIEW_COLOR_ALWAYS : VIEW_COLOR_NEVER;
	if (getenv("NO_COLOR") && *getenv("NO_COLOR"))
		opt->view.color = VIEW_COLOR_NEVER;
	verdict_thresholds_init(&opt->thresholds);
	opt->stacks = verb & (VERB_ATTACH | VERB_RUN) ? LS_STACKS_ALL : LS_STACKS_NONE;
	opt->copy = true;
	opt->settle_ns = SETTLE_NS;
	opt->web_listen = "127.0.0.1:9977";
	opt->web_path = "/metrics";
	for (i = 0; i < argc && !e; i++) {
		bool option = argv[i][0] == '-' && argv[i][1];

		/* What follows is COMMAND's own, options too. */
		if (verb == VERB_RUN && (!option || !strcmp(argv[i], "--"))) {
			opt->command = argv + i + option;
			break;
		}
		e = option ? parse_option(opt, argc, argv, &i, err)
			   : parse_word(opt, argv[i], nth++, err);
	}
	if (e || opt->help || opt->list)
		return e;
	if ((verb & (VERB_RECORD | VERB_REPLAY)) && !opt->file)
		return options_complain(err, "a FILE is needed");
	if (verb == VERB_ATTACH && !opt->pid_count)
		return options_complain(err, "a PID is needed");
	if (verb == VERB_RUN && (!opt->command || !opt->command[0]))
		return options_complain(err, "a COMMAND is needed: lostsock run -- COMMAND...");
	return 0;
}

void options_help(FILE *out, unsigned int verb)
{
	const struct option_row *r;
	char left[48];
	size_t i;

	for (i = 0; (r = options_row(i)); i++) {
		char letter[5] = "    ";

		if (!(r->verbs & verb))
			continue;
		if (r->letter)
			snprintf(letter, sizeof(letter), "-%c, ", r->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, r->name, r->arg ? " " : "",
			 r->arg ? r->arg : "");
		fprintf(out, "  %-30s %s\n", left, r->help);
	}
}
