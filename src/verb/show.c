// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "verb/show.h"
#include "verb/signals.h"
#include "verb/verb.h"
#include "verb/watch.h"

static bool wants_screen(const struct options *opt)
{
	return !opt->once && !opt->json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
}

int show_open(struct show *s, const struct options *opt)
{
	*s = (struct show){ .opt = opt };
	if (signals_block()) {
		fprintf(stderr, "lostsock: cannot block signals: %s\n", strerror(errno));
		return EXIT_FINDINGS;
	}
	if (!wants_screen(opt))
		return 0;
	s->screen = view_top_open(&opt->view);
	if (s->screen)
		return 0;
	fprintf(stderr, "lostsock: no screen here (%s): use --once, or set TERM\n",
		strerror(errno));
	return EXIT_USAGE;
}

void show_close(struct show *s)
{
	view_top_close(s->screen);
	s->screen = NULL;
}

void show_progress(struct show *s, const char *what)
{
	if (s->screen)
		view_top_progress(s->screen, what);
}

static int on_screen(void *ctx, const struct view_input *in)
{
	view_top_update(((struct show *)ctx)->screen, in);
	return 0;
}

static int screen_fd(void *ctx)
{
	return view_top_fd(((struct show *)ctx)->screen);
}

static bool screen_key(void *ctx, const struct view_input *in)
{
	return view_top_input(((struct show *)ctx)->screen, in);
}

static int as_json(void *ctx, const struct view_input *in)
{
	const struct options *opt = ((struct show *)ctx)->opt;

	return view_json(stdout, in, &opt->view.filter, opt->all);
}

static int as_report(void *ctx, const struct view_input *in)
{
	return view_report(stdout, in, &((struct show *)ctx)->opt->view);
}

/* On a terminal, a wait of some seconds says so; in a pipe or a log it would only be noise. */
static void say_waiting(const struct options *opt)
{
	if (opt->once && opt->for_ns && isatty(STDERR_FILENO))
		fprintf(stderr, "lostsock: watching for %.1f s ...\n", opt->for_ns / 1e9);
}

int show_run(struct show *s, struct source *src)
{
	const struct options *opt = s->opt;
	struct watch_ops ops = {
		.report = s->screen   ? on_screen
			  : opt->json ? as_json
				      : as_report,
		.key_fd = s->screen ? screen_fd : NULL,
		.key = s->screen ? screen_key : NULL,
		.last_only = opt->once,
		.tick_cost = WATCH_COST_SCREEN,
	};
	uint64_t found = 0;
	int err;

	say_waiting(opt);
	err = watch_run(src, opt, &ops, s, &found);
	show_close(s);
	if (err == -EPIPE)
		return EXIT_FINE; /* `lostsock top | head` has what it wants */
	if (err) {
		fprintf(stderr, "lostsock: %s\n", strerror(-err));
		return EXIT_FINDINGS;
	}
	return found & opt->fail_on ? EXIT_FINDINGS : EXIT_FINE;
}
