/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words and numbers as people write them. Knows nothing of sockets but their addresses' spelling.
 */
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NS_MS	 1000000ull
#define NS_S	 (1000 * NS_MS)
#define NS_M	 (60 * NS_S)
#define NS_H	 (60 * NS_M)
#define NS_D	 (24 * NS_H)
#define NS_YEARS (3653 * NS_D) /* ten years, with three leap days */

/* ---- durations */

static const struct {
	char name[3];
	uint64_t ns;
} units[] = {
	{ "ms", NS_MS }, { "s", NS_S }, { "m", NS_M }, { "h", NS_H }, { "d", NS_D },
};

/* Reads the unit at *@s and moves behind it; 0 if there is none. */
static uint64_t parse_unit(const char **s)
{
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*s, units[i].name, n) == 0) {
			*s += n;
			return units[i].ns;
		}
	}
	return 0;
}

/* "12" or "1.5": whole and fraction apart, so that no digit is lost to a float. */
struct number {
	uint64_t whole;
	uint64_t frac;
	uint64_t scale; /* frac is out of this */
};

static bool parse_number(const char **s, struct number *n)
{
	const char *p = *s;
	bool digits = false;

	*n = (struct number){ .scale = 1 };
	for (; *p >= '0' && *p <= '9'; p++) {
		digits = true;
		if (n->whole < NS_YEARS) /* enough to be out of range in any unit */
			n->whole = n->whole * 10 + (uint64_t)(*p - '0');
	}
	if (digits && *p == '.') {
		digits = false;
		for (p++; *p >= '0' && *p <= '9'; p++) {
			digits = true;
			if (n->scale <
			    1000) { /* finer than anybody means; keeps the product small */
				n->frac = n->frac * 10 + (uint64_t)(*p - '0');
				n->scale *= 10;
			}
		}
	}
	*s = p;
	return digits;
}

int text_parse_duration(const char *s, uint64_t *ns)
{
	uint64_t total = 0, unit, sum;
	struct number n;
	bool first = true;

	do {
		if (!parse_number(&s, &n))
			return -EINVAL;
		unit = parse_unit(&s);
		if (!unit && first && !*s)
			unit = NS_S;
		if (!unit)
			return -EINVAL;
		if (__builtin_mul_overflow(n.whole, unit, &sum) ||
		    __builtin_add_overflow(sum, n.frac * unit / n.scale, &sum) ||
		    __builtin_add_overflow(sum, total, &total))
			total = UINT64_MAX; /* still read on: the rest may be no duration */
		if (total > NS_YEARS)
			total = NS_YEARS + 1;
		first = false;
	} while (*s);
	if (total > NS_YEARS)
		return -ERANGE;
	*ns = total;
	return 0;
}

/* Below a minute both forms agree. */
static char *duration_small(char *buf, size_t len, uint64_t ns)
{
	if (!ns)
		snprintf(buf, len, "0s");
	else if (ns < NS_MS)
		snprintf(buf, len, "<1ms");
	else if (ns < NS_S)
		snprintf(buf, len, "%ums", (unsigned int)(ns / NS_MS));
	else if (ns >= 10 * NS_S || ns % NS_S < NS_S / 10)
		snprintf(buf, len, "%us", (unsigned int)(ns / NS_S));
	else
		snprintf(buf, len, "%u.%us", (unsigned int)(ns / NS_S),
			 (unsigned int)(ns % NS_S / (NS_S / 10)));
	return buf;
}

/* The largest unit that fits in @ns, and the one below it. */
static void duration_split(uint64_t ns, unsigned int count[2], char name[2])
{
	uint64_t big = ns < NS_H ? NS_M : ns < NS_D ? NS_H : NS_D;
	uint64_t small = ns < NS_H ? NS_S : ns < NS_D ? NS_M : NS_H;

	name[0] = ns < NS_H ? 'm' : ns < NS_D ? 'h' : 'd';
	name[1] = ns < NS_H ? 's' : ns < NS_D ? 'm' : 'h';
	count[0] = (unsigned int)(ns / big);
	count[1] = (unsigned int)(ns % big / small);
}

char *text_duration(char *buf, size_t len, uint64_t ns)
{
	unsigned int count[2];
	char name[2];

	if (ns < NS_M)
		return duration_small(buf, len, ns);
	duration_split(ns, count, name);
	if (count[1])
		snprintf(buf, len, "%u%c %u%c", count[0], name[0], count[1], name[1]);
	else
		snprintf(buf, len, "%u%c", count[0], name[0]);
	return buf;
}

char *text_duration_short(char *buf, size_t len, uint64_t ns)
{
	unsigned int count[2];
	char name[2];

	if (ns < NS_M)
		return duration_small(buf, len, ns);
	duration_split(ns, count, name);
	if (ns >= 1000 * NS_D)
		snprintf(buf, len, "%uy", count[0] / 365);
	else if (ns >= 100 * NS_D)
		snprintf(buf, len, "%ud", count[0]);
	else
		snprintf(buf, len, "%u%c%02u", count[0], name[0], count[1]);
	return buf;
}

/* ---- counts and sizes */

/* Writes @n in steps of @base: "1.2k" below ten, "12k" above. @names: one string a step. */
static char *scaled(char *buf, size_t len, uint64_t n, uint64_t base, const char *const *names)
{
	uint64_t rest = 0;
	unsigned int i = 0;

	for (; n >= base; i++) {
		rest = n % base;
		n /= base;
	}
	if (i && n < 10)
		snprintf(buf, len, "%u.%u%s", (unsigned int)n, (unsigned int)(rest * 10 / base),
			 names[i]);
	else
		snprintf(buf, len, "%u%s", (unsigned int)n, names[i]);
	return buf;
}

char *text_count(char *buf, size_t len, uint64_t n)
{
	static const char *const names[] = { "", "k", "M", "G", "T", "P", "E" };

	return scaled(buf, len, n, 1000, names);
}

char *text_bytes(char *buf, size_t len, uint64_t n)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

	return scaled(buf, len, n, 1024, names);
}

/* ---- words */

#define WORD_MAX 48

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edit distance, two neighbours swapped counting as one edit. Both at most WORD_MAX long. */
static unsigned int distance(const char *a, size_t an, const char *b, size_t bn)
{
	unsigned int row[3][WORD_MAX + 1];
	unsigned int *old = row[0], *prev = row[1], *cur = row[2], *tmp;
	size_t i, j;

	for (j = 0; j <= bn; j++)
		prev[j] = (unsigned int)j;
	for (i = 1; i <= an; i++) {
		cur[0] = (unsigned int)i;
		for (j = 1; j <= bn; j++) {
			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1,
				      prev[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cur[j] = min3(cur[j], old[j - 2] + 1, UINT32_MAX);
		}
		tmp = old;
		old = prev;
		prev = cur;
		cur = tmp;
	}
	return prev[bn];
}

const char *text_nearest(const char *word, const char *const *names)
{
	size_t n = strlen(word);
	unsigned int best = (unsigned int)n / 3 + 1, d;
	const char *found = NULL;

	if (!n || n > WORD_MAX)
		return NULL;
	for (; *names; names++) {
		size_t m = strlen(*names);

		if (n >= 3 && strncmp(*names, word, n) == 0)
			return *names;
		if (m > WORD_MAX)
			continue;
		d = distance(word, n, *names, m);
		if (d < best || (d == best && !found)) {
			best = d;
			found = *names;
		}
	}
	return found && best < n ? found : NULL;
}

/* ---- names chosen by others */

/* Code points that print nothing, or change how others print: controls, joiners and marks of
 * direction, separators, the byte order mark, tags. */
static bool printable(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c)
		return false;
	if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e))
		return false;
	if ((c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xfffb))
		return false;
	return c < 0xe0000;
}

/* Length of the printable character at @s, 0 if there is none. */
static size_t utf8_char(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	size_t i;

	if (!n || s[0] > 0xf4)
		return 0;
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0; /* the terminating NUL ends up here too */
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || (c >= 0xd800 && c < 0xe000) || !printable(c))
		return 0;
	return n;
}

char *text_clean(char *buf, size_t len, const char *s)
{
	size_t at = 0;

	while (*s) {
		size_t n = utf8_char((const unsigned char *)s);

		if (at + (n ? n : 1) >= len)
			break;
		if (n)
			memcpy(buf + at, s, n);
		else
			buf[at] = '?';
		at += n ? n : 1;
		s += n ? n : 1;
	}
	buf[at] = '\0';
	return buf;
}

/* ---- sockets */

char *text_endpoint(char *buf, size_t len, int family, const void *addr, uint16_t port)
{
	static const unsigned char unset[16];
	char host[INET6_ADDRSTRLEN] = "", digits[8] = "*";
	size_t n = family == AF_INET6 ? 16 : 4;
	const char *left = "", *right = "";

	if (family == AF_UNIX)
		return text_clean(buf, len, addr && *(const char *)addr ? addr : "*");
	if (port)
		snprintf(digits, sizeof(digits), "%u", port);
	if ((family != AF_INET && family != AF_INET6) || !addr || memcmp(addr, unset, n) == 0 ||
	    !inet_ntop(family, addr, host, sizeof(host))) {
		snprintf(buf, len, "*:%s", digits);
		return buf;
	}
	if (family == AF_INET6) {
		left = "[";
		right = "]";
	}
	snprintf(buf, len, "%s%s%s:%s", left, host, right, digits);
	return buf;
}

const char *text_tcp_state(unsigned int state)
{
	/* By the kernel's enum; the last is a request that has no full socket yet. */
	static const char *const names[] = {
		"unknown",   "established", "syn_sent", "syn_recv",   "fin_wait1",
		"fin_wait2", "time_wait",   "close",	"close_wait", "last_ack",
		"listen",    "closing",	    "syn_recv",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : names[0];
}
