// SPDX-License-Identifier: BSD-2-Clause
/*
 * The policy (policy.h), from RFC 9110 and 9112. llhttp 8.1 strips a space before the colon, joins
 * folded lines (a folded Transfer-Encoding too), and does not count Host: its callbacks do not show
 * the first two, so the bytes are looked at.
 */
#include "policy.h"

#include <errno.h>
#include <llhttp.h>
#include <string.h>
#include <strings.h>

enum {
	AT_FIRST = 0, /* in the request or status line */
	AT_LINE,      /* first byte of a field, or of the empty line */
	AT_NAME,
	AT_VALUE,
};

/* To the end of the line: the bytes of a value, or of the first line. */
static int skip_line(struct policy_scan *scan, const char **p, const char *end)
{
	const char *lf = memchr(*p, '\n', end - *p);
	const char *stop = lf ? lf : end, *cr;

	if (scan->cr && *p != lf)
		return -EINVAL;
	cr = memchr(*p, '\r', stop - *p);
	if (cr && cr + 1 != stop)
		return -EINVAL;
	scan->cr = cr != NULL && !lf;
	*p = stop;
	if (lf) {
		(*p)++;
		scan->state = AT_LINE;
	}
	return 0;
}

int policy_scan(struct policy_scan *scan, const char *data, size_t len)
{
	const char *p = data, *end = data + len;

	while (p < end) {
		switch (scan->state) {
		case AT_FIRST:
		case AT_VALUE:
			if (skip_line(scan, &p, end))
				return -EINVAL;
			break;
		case AT_LINE:
			if (*p == ' ' || *p == '\t' || *p == ':')
				return -EINVAL;
			scan->state = AT_NAME;
			break;
		case AT_NAME:
			if (*p == ' ' || *p == '\t')
				return -EINVAL;
			/* An LF is that of the empty line; the scan ends with it. */
			if (*p == ':')
				scan->state = AT_VALUE;
			p++;
			break;
		}
	}
	return 0;
}

static bool text_is(struct tether_text text, const char *word)
{
	return text.len == strlen(word) && !strncasecmp(text.at, word, text.len);
}

static int check_coding(struct tether_text value, const struct head *head)
{
	static const char chunked[] = "chunked";
	const size_t n = sizeof(chunked) - 1;

	if (head->major == 1 && head->minor == 0)
		return 400;
	if (text_is(value, chunked))
		return 0;
	/* Understood as far as where it ends, but not what it holds. */
	if (value.len > n && !strncasecmp(value.at + value.len - n, chunked, n) &&
	    (value.at[value.len - n - 1] == ',' || value.at[value.len - n - 1] == ' '))
		return 501;
	return 400;
}

/* An empty Host is allowed by the RFC for targets without authority; nothing else but names,
 * numbers and ports is a host. */
static bool is_host(struct tether_text value)
{
	size_t i;

	for (i = 0; i < value.len; i++) {
		unsigned char c = value.at[i];

		if (c <= ' ' || c >= 0x7f || strchr("/?#@\\<>\"{}|^`,", c))
			return false;
	}
	return true;
}

/* Those of HTTP; llhttp knows RTSP's as well, and the preface of HTTP/2. */
static bool is_method(uint8_t method)
{
	return method < HTTP_SOURCE && method != HTTP_CONNECT;
}

static int check_first_line(const struct head *head)
{
	struct tether_text target = head_target(head);

	if (head->major != 1 || head->minor > 1)
		return 505;
	if (!is_method(head->method))
		return 501;
	if (target.len == 1 && target.at[0] == '*')
		return head->method == HTTP_OPTIONS ? 0 : 400;
	if (!target.len || memchr(target.at, '#', target.len))
		return 400;
	return 0;
}

int policy_request(const struct head *head, struct policy_facts *facts)
{
	unsigned int hosts = 0, codings = 0;
	struct tether_text name, value;
	int status = check_first_line(head);
	size_t i;

	*facts = (struct policy_facts){ 0 };
	for (i = 0; i < head->n && !status; i++) {
		name = head_name(head, i);
		value = head_value(head, i);
		if (name.len == 4 && text_is(name, "host")) {
			if (hosts++ || !is_host(value))
				status = 400;
		} else if (name.len == 6 && text_is(name, "expect") && head->minor) {
			facts->expect = text_is(value, "100-continue");
			status = facts->expect ? 0 : 417;
		} else if (name.len == 17 && text_is(name, "transfer-encoding")) {
			status = codings++ ? 400 : check_coding(value, head);
			facts->chunked = true;
		}
	}
	if (!status && head->minor == 1 && !hosts)
		status = 400;
	return status;
}
