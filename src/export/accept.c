// SPDX-License-Identifier: BSD-2-Clause
/* Content negotiation (accept.h): a list of ranges, each with parameters, of which q is a weight.
 */
#include "export/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* A piece of the field. */
struct piece {
	const char *at;
	size_t len;
};

static struct piece trim(const char *at, size_t len)
{
	while (len && (*at == ' ' || *at == '\t')) {
		at++;
		len--;
	}
	while (len && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	return (struct piece){ at, len };
}

/* The next piece before @end or the end, trimmed; *@rest moves on. False: there is none. */
static bool next(const char **rest, const char *limit, char end, struct piece *p)
{
	const char *at = *rest, *stop;

	if (at >= limit)
		return false;
	stop = memchr(at, end, (size_t)(limit - at));
	if (!stop)
		stop = limit;
	*p = trim(at, (size_t)(stop - at));
	*rest = stop + 1;
	return true;
}

static bool is(struct piece p, const char *word)
{
	return p.len == strlen(word) && !strncasecmp(p.at, word, p.len);
}

static bool starts(struct piece p, const char *word)
{
	return p.len >= strlen(word) && !strncasecmp(p.at, word, strlen(word));
}

/* "0.7" in thousandths; what is no weight is none at all: 0. */
static int weight(struct piece p)
{
	static const int steps[] = { 100, 10, 1 };
	int q;
	size_t i;

	if (!p.len || (p.at[0] != '0' && p.at[0] != '1') || (p.len > 1 && p.at[1] != '.') ||
	    p.len > 5)
		return 0;
	q = (p.at[0] - '0') * 1000;
	for (i = 2; i < p.len; i++) {
		if (p.at[i] < '0' || p.at[i] > '9')
			return 0;
		q += (p.at[i] - '0') * steps[i - 2];
	}
	return q > 1000 ? 0 : q;
}

/* One element of the list: its name, its weight, and its version if it says one. */
struct element {
	struct piece name, version;
	int q;
};

static bool next_element(const char **rest, const char *limit, struct element *e)
{
	struct piece all, part;
	const char *at, *end;

	if (!next(rest, limit, ',', &all))
		return false;
	*e = (struct element){ .q = 1000 };
	at = all.at;
	end = all.at + all.len;
	if (!next(&at, end, ';', &e->name))
		return true;
	while (next(&at, end, ';', &part)) {
		if (starts(part, "q="))
			e->q = weight((struct piece){ part.at + 2, part.len - 2 });
		else if (starts(part, "version="))
			e->version = (struct piece){ part.at + 8, part.len - 8 };
	}
	return true;
}

const char *accept_content_type(enum accept_format format)
{
	return format == ACCEPT_OPENMETRICS
		       ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		       : "text/plain; version=0.0.4; charset=utf-8";
}

enum accept_format accept_format(const char *field)
{
	const char *at = field ? field : "", *limit = at + strlen(at);
	int open = -1, text = -1, any = 0;
	struct element e;

	while (next_element(&at, limit, &e)) {
		if (is(e.name, "application/openmetrics-text")) {
			/* 0.0.1 differs in nothing that is written here. */
			if (!e.version.at || is(e.version, "1.0.0") || is(e.version, "0.0.1"))
				open = e.q > open ? e.q : open;
		} else if (is(e.name, "text/plain")) {
			if (!e.version.at || is(e.version, "0.0.4"))
				text = e.q > text ? e.q : text;
		} else if (is(e.name, "text/*") || is(e.name, "*/*")) {
			any = e.q > any ? e.q : any;
		}
	}
	if (text < 0)
		text = any;
	return open > 0 && open >= text ? ACCEPT_OPENMETRICS : ACCEPT_TEXT;
}

bool accept_gzip(const char *field)
{
	const char *at = field ? field : "", *limit = at + strlen(at);
	int gzip = -1, any = 0;
	struct element e;

	while (next_element(&at, limit, &e)) {
		if (is(e.name, "gzip") || is(e.name, "x-gzip"))
			gzip = e.q;
		else if (is(e.name, "*"))
			any = e.q;
	}
	return gzip < 0 ? any > 0 : gzip > 0;
}
