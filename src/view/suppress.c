// SPDX-License-Identifier: BSD-2-Clause
/* Suppressions. Knows no format but its own. */
#include "view/suppress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "view/endpoint.h"
#include "view/frames.h"

#define ENTRIES_MAX    4096
#define CONDITIONS_MAX 8
#define LINE_MAX_LEN   1024

enum what {
	WHAT_NONE = 0,
	WHAT_FUNCTION,
	WHAT_MODULE,
	WHAT_REMOTE,
	WHAT_CLASS,
	WHAT_COMM,
	WHAT_MAX
};

static const char *const names[WHAT_MAX + 1] = {
	[WHAT_NONE] = "",	  [WHAT_FUNCTION] = "function", [WHAT_MODULE] = "module",
	[WHAT_REMOTE] = "remote", [WHAT_CLASS] = "class",	[WHAT_COMM] = "comm",
};

struct condition {
	enum what what;
	char *value; /* in the entry's words */
	/* class */
	enum verdict_class class;
	/* remote: a network; bits < 0: a pattern */
	int bits;
	int family;
	uint8_t addr[16];
	uint16_t port; /* 0: any */
};

struct entry {
	struct condition condition[CONDITIONS_MAX];
	unsigned int conditions;
	uint32_t line;
	uint32_t count;
	char *text;  /* as it stands in the file */
	char *words; /* the same, cut into the conditions' values */
};

struct suppress {
	struct entry *entry;
	uint32_t n;
	char *name;
};

/* ---- reading */

__attribute__((format(printf, 2, 3))) static int complain(char err[SUPPRESS_ERROR_LEN],
							  const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, SUPPRESS_ERROR_LEN, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* "10.0.0.0/8", "10.0.0.0/8:443", "fd00::/8": -ENOENT where it is no network at all. */
static int parse_network(struct condition *c, char why[SUPPRESS_ERROR_LEN])
{
	char addr[INET6_ADDRSTRLEN], *end;
	const char *slash = strchr(c->value, '/');
	unsigned long bits, port = 0;

	c->bits = -1;
	if (!slash || c->value[0] == '/' || (size_t)(slash - c->value) >= sizeof(addr))
		return -ENOENT;
	snprintf(addr, sizeof(addr), "%.*s", (int)(slash - c->value), c->value);
	c->family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(c->family, addr, c->addr) != 1)
		return -ENOENT;
	bits = strtoul(slash + 1, &end, 10);
	if (end != slash + 1 && *end == ':' && end[1])
		port = strtoul(end + 1, &end, 10);
	if (end == slash + 1 || *end || bits > (c->family == AF_INET ? 32 : 128) || port > 65535)
		return complain(why, "'%.60s' is no network: write 10.0.0.0/8 or 10.0.0.0/8:443",
				c->value);
	c->bits = (int)bits;
	c->port = (uint16_t)port;
	return 0;
}

static int parse_class(struct condition *c, char why[SUPPRESS_ERROR_LEN])
{
	const char *all[VERDICT_MAX + 1] = { 0 }, *near;
	unsigned int i, n = 0;

	c->class = verdict_class_by_name(c->value);
	if (c->class != VERDICT_NONE)
		return 0;
	for (i = 1; i < VERDICT_MAX; i++)
		if (verdict_rule(i))
			all[n++] = verdict_rule(i)->name;
	near = text_nearest(c->value, all);
	return complain(why, "there is no class '%.40s'%s%s%s", c->value,
			near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static int parse_condition(struct condition *c, char *word, char why[SUPPRESS_ERROR_LEN])
{
	char *colon = strchr(word, ':');
	const char *near;
	int i, err;

	if (!colon || !colon[1])
		return complain(why, "'%.60s': write WHAT:VALUE, such as function:pool_*", word);
	*colon = '\0';
	for (i = WHAT_FUNCTION; i < WHAT_MAX && strcmp(names[i], word) != 0; i++)
		;
	if (i == WHAT_MAX) {
		near = text_nearest(word, &names[WHAT_FUNCTION]);
		return complain(why, "'%.40s' is nothing to suppress by%s%s%s", word,
				near ? " (did you mean '"
				     : ": function, module, remote, class, comm",
				near ? near : "", near ? "'?)" : "");
	}
	c->what = (enum what)i;
	c->value = colon + 1;
	if (c->what == WHAT_CLASS)
		return parse_class(c, why);
	err = c->what == WHAT_REMOTE ? parse_network(c, why) : 0;
	return err == -ENOENT ? 0 : err;
}

/* Takes over @text. An entry without a condition is none. */
static int parse_line(struct entry *e, char *text, char why[SUPPRESS_ERROR_LEN])
{
	char *at, *word, *comment;
	int err;

	*e = (struct entry){ .text = text, .words = strdup(text) };
	if (!e->words)
		return -ENOMEM;
	for (comment = e->words; (comment = strchr(comment, '#')); comment++)
		if (comment == e->words || comment[-1] == ' ' || comment[-1] == '\t') {
			*comment = '\0';
			break;
		}
	for (word = strtok_r(e->words, " \t\r\n", &at); word;
	     word = strtok_r(NULL, " \t\r\n", &at)) {
		if (e->conditions == CONDITIONS_MAX)
			return complain(why, "more than %d conditions", CONDITIONS_MAX);
		err = parse_condition(&e->condition[e->conditions++], word, why);
		if (err)
			return err;
	}
	return 0;
}

static void entry_fini(struct entry *e)
{
	free(e->text);
	free(e->words);
	*e = (struct entry){ .line = 0 };
}

static int add_line(struct suppress *s, const char *line, uint32_t nr, char why[SUPPRESS_ERROR_LEN])
{
	struct entry *more, *e;
	size_t len = strcspn(line, "\r\n");
	char *text;
	int err;

	if (s->n == ENTRIES_MAX)
		return complain(why, "more than %d suppressions", ENTRIES_MAX);
	text = strndup(line, len);
	more = reallocarray(s->entry, s->n + 1, sizeof(*more));
	if (more)
		s->entry = more;
	if (!text || !more) {
		free(text);
		return -ENOMEM;
	}
	e = &s->entry[s->n];
	err = parse_line(e, text, why);
	e->line = nr;
	if (err || !e->conditions)
		entry_fini(e);
	else
		s->n++;
	return err;
}

struct suppress *suppress_parse(FILE *in, const char *name, char err[SUPPRESS_ERROR_LEN])
{
	struct suppress *s = calloc(1, sizeof(*s));
	char line[LINE_MAX_LEN], why[SUPPRESS_ERROR_LEN] = "out of memory";
	uint32_t nr = 0;
	int e = s && (s->name = strdup(name)) ? 0 : -ENOMEM;

	while (!e && fgets(line, sizeof(line), in)) {
		nr++;
		if (!strchr(line, '\n') && strlen(line) + 1 == sizeof(line))
			e = complain(why, "longer than %d bytes", LINE_MAX_LEN - 2);
		else
			e = add_line(s, line, nr, why);
	}
	if (!e && ferror(in)) {
		e = errno ? -errno : -EIO;
		snprintf(why, sizeof(why), "%s", strerror(-e));
	}
	if (!e)
		return s;
	if (nr)
		snprintf(err, SUPPRESS_ERROR_LEN, "%.80s:%u: %.160s", name, nr, why);
	else
		snprintf(err, SUPPRESS_ERROR_LEN, "%.80s: %.160s", name, why);
	suppress_free(s);
	errno = -e;
	return NULL;
}

struct suppress *suppress_read(const char *path, char err[SUPPRESS_ERROR_LEN])
{
	FILE *in = fopen(path, "re");
	struct suppress *s;
	int e;

	if (!in) {
		snprintf(err, SUPPRESS_ERROR_LEN, "%.160s: %s", path, strerror(errno));
		return NULL;
	}
	s = suppress_parse(in, path, err);
	e = errno;
	fclose(in);
	errno = e;
	return s;
}

void suppress_free(struct suppress *s)
{
	if (!s)
		return;
	while (s->n)
		entry_fini(&s->entry[--s->n]);
	free(s->entry);
	free(s->name);
	free(s);
}

/* ---- matching */

static bool glob(const char *pattern, const char *s)
{
	return fnmatch(pattern, s, 0) == 0;
}

static bool frame_matches(const struct condition *c, const struct frame *f)
{
	const char *slash = strrchr(f->module, '/');

	if (c->what == WHAT_FUNCTION)
		return *f->function && glob(c->value, f->function);
	return *f->module && (glob(c->value, f->module) || (slash && glob(c->value, slash + 1)));
}

static bool stack_matches(const struct condition *c, const struct ledger *led, int32_t stack)
{
	const struct frame *f;
	uint32_t n;

	for (n = 0; stack >= 0 && n < FRAMES_MAX && (f = ledger_frame(led, stack, n)); n++)
		if (frame_matches(c, f))
			return true;
	return false;
}

static bool stacks_match(const struct condition *c, const struct ledger *led,
			 const struct finding *f)
{
	const struct empty *e = finding_empty(led, f);

	return stack_matches(c, led, finding_stack(led, f)) ||
	       stack_matches(c, led, task_stack(led, finding_task(led, f))) ||
	       (e && stack_matches(c, led, e->stack));
}

static bool same_bits(const uint8_t *a, const uint8_t *b, int bits)
{
	int whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	return memcmp(a, b, (size_t)whole) == 0 && (!rest || ((a[whole] ^ b[whole]) & mask) == 0);
}

/* IPv4 in an IPv6 socket's guise. */
static const uint8_t *as_v4(int family, const uint8_t *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (family == AF_INET)
		return addr;
	return family == AF_INET6 && memcmp(addr, mapped, sizeof(mapped)) == 0 ? addr + 12 : NULL;
}

static bool end_matches(const struct condition *c, int family, const void *addr, uint16_t port)
{
	char whole[ENDPOINT_LEN], bare[INET6_ADDRSTRLEN];
	const uint8_t *v4 = as_v4(family, addr);

	if (c->bits >= 0) {
		if (c->port && c->port != port)
			return false;
		if (c->family == AF_INET)
			return v4 && same_bits(c->addr, v4, c->bits);
		return family == AF_INET6 && same_bits(c->addr, addr, c->bits);
	}
	text_endpoint(whole, sizeof(whole), family, addr, port);
	if (strcmp(c->value, whole) == 0 || glob(c->value, whole))
		return true;
	if (family == AF_UNIX || !inet_ntop(family, addr, bare, sizeof(bare)))
		return false;
	return strcmp(c->value, bare) == 0 || glob(c->value, bare);
}

static bool remote_matches(const struct condition *c, const struct ledger *led,
			   const struct finding *f)
{
	const struct conn *k = finding_conn(led, f);
	const struct site *s = f->site ? ledger_site(led, f->site) : NULL;

	if (k && k->family == AF_UNIX)
		return end_matches(c, AF_UNIX, ledger_conn_remote(led, k), 0) ||
		       end_matches(c, AF_UNIX, ledger_conn_local(led, k), 0);
	if (k)
		return end_matches(c, k->family, ledger_conn_remote(led, k), k->rport);
	return s && s->role == LS_ROLE_CLIENT && s->family != AF_UNIX &&
	       end_matches(c, s->family, s->addr, s->port);
}

static bool condition_matches(const struct condition *c, const struct ledger *led,
			      const struct finding *f)
{
	const struct proc *p;

	switch (c->what) {
	case WHAT_FUNCTION:
	case WHAT_MODULE:
		return stacks_match(c, led, f);
	case WHAT_REMOTE:
		return remote_matches(c, led, f);
	case WHAT_CLASS:
		return c->class == f->class;
	case WHAT_COMM:
		p = ledger_proc(led, f->proc);
		return p && glob(c->value, p->comm);
	default:
		return false;
	}
}

uint32_t suppress_find(const struct suppress *s, const struct view_input *in,
		       const struct finding *f)
{
	uint32_t n;
	unsigned int i;

	for (n = 0; s && n < s->n; n++) {
		const struct entry *e = &s->entry[n];

		for (i = 0; i < e->conditions; i++)
			if (!condition_matches(&e->condition[i], in->ledger, f))
				break;
		if (i == e->conditions)
			return n + 1;
	}
	return 0;
}

void suppress_count(struct suppress *s, uint32_t n, uint32_t count)
{
	if (s && n && n <= s->n)
		s->entry[n - 1].count += count;
}

const char *suppress_entry(const struct suppress *s, uint32_t n, uint32_t *line, uint32_t *count)
{
	if (!s || !n || n > s->n)
		return NULL;
	*line = s->entry[n - 1].line;
	*count = s->entry[n - 1].count;
	return s->entry[n - 1].text;
}

const char *suppress_name(const struct suppress *s)
{
	return s ? s->name : "";
}
