// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "source/stream_operand.h"
#include "source/stream_table.h"

#define TEXT_MAX (1 << 20)

#define QUIC	 "quic-go go github.com/lucas-clemente/quic-go."
#define NGHTTP2	 "nghttp2 libnghttp2.so*,exe nghttp2_session_"

/*
 * The rows that come with lostsock. Functions are watched where they are entered, never where they
 * return: a return probe changes a Go program's stack, which crashes it.
 *
 * quic-go 0.29 (the layouts are of that): the sender that a stream is given is its connection,
 * which knows its end (1 the server, 2 the client), and its streamsMap has the same one.
 * newStream's closures are called when a half is at its end; what they enclose is the stream.
 *
 * nghttp2: a stream is made idle (5) for its priority alone, opening (1) for a request of the
 * peer's, initial (0) for one of our own, and reserved (4) for a push, which may be either's. Its
 * functions are of use where they have names: in a program that is linked with it statically, as
 * Debian's shared library has none.
 */
static const char *const builtin[] = {
	QUIC "newStream open conn=go3 id=go1 how=*(go3+64)+4",
	QUIC "newStream.func1 write-closed conn=*(*(gocontext+8)+456) id=*(*(gocontext+8)+8) how=1",
	QUIC "newStream.func2 read-closed conn=*(*(gocontext+8)+456) id=*(*(gocontext+8)+8) how=1",
	QUIC "(*streamsMap).DeleteStream free conn=*(go1+40) id=go2",
	QUIC "(*connection).handleCloseError conn-close conn=go1",
	NGHTTP2 "open_stream open conn=arg1 id=arg2:s32 how=arg5:u32 if=arg5:u32!=5",
	NGHTTP2 "close_stream free conn=arg1 id=arg2:s32",
	NGHTTP2 "del conn-close conn=arg1",
};

/* ---- words */

struct word {
	const char *name;
	uint16_t record, what;
};

static const struct word events[] = {
	{ "open", LS_STREAM, LS_STREAM_OPEN },
	{ "read-closed", LS_STREAM, LS_STREAM_READ_CLOSED },
	{ "write-closed", LS_STREAM, LS_STREAM_WRITE_CLOSED },
	{ "release", LS_STREAM, LS_STREAM_RELEASE },
	{ "free", LS_STREAM, LS_STREAM_FREE },
	{ "blocked", LS_STREAM, LS_STREAM_BLOCKED },
	{ "credit", LS_STREAM, LS_STREAM_CREDIT },
	{ "conn-open", LS_STREAM_CONN, LS_STREAM_CONN_OPEN },
	{ "conn-close", LS_STREAM_CONN, LS_STREAM_CONN_CLOSE },
	{ "conn-count", LS_STREAM_CONN, LS_STREAM_CONN_COUNT },
};

/* Of the provider: which argument goes where. */
static const struct usdt {
	struct word word;
	int8_t place[LS_PROBE_OPERANDS]; /* of each argument; -1: it is of no use */
	uint8_t args;
} usdt[] = {
#define STREAM(name, what, n)                                                                 \
	{                                                                                     \
		{ name, LS_STREAM, what }, { LS_PROBE_CONN, LS_PROBE_VALUE, LS_PROBE_HOW }, n \
	}
	STREAM("stream_open", LS_STREAM_OPEN, 3),
	STREAM("stream_read_closed", LS_STREAM_READ_CLOSED, 3),
	STREAM("stream_write_closed", LS_STREAM_WRITE_CLOSED, 3),
	STREAM("stream_release", LS_STREAM_RELEASE, 2),
	STREAM("stream_free", LS_STREAM_FREE, 2),
	STREAM("stream_blocked", LS_STREAM_BLOCKED, 3),
#undef STREAM
	{ { "conn_open", LS_STREAM_CONN, LS_STREAM_CONN_OPEN },
	  { LS_PROBE_CONN, LS_PROBE_FD, LS_PROBE_VALUE, LS_PROBE_HOW, LS_PROBE_PROTO },
	  5 },
	{ { "conn_close", LS_STREAM_CONN, LS_STREAM_CONN_CLOSE }, { LS_PROBE_CONN }, 1 },
	{ { "conn_count", LS_STREAM_CONN, LS_STREAM_CONN_COUNT }, { LS_PROBE_VALUE }, 1 },
	{ { "drain_begin", LS_STREAM_CONN, LS_STREAM_DRAIN_BEGIN },
	  { LS_PROBE_CONN, LS_PROBE_VALUE },
	  2 },
	{ { "drain_refused", LS_STREAM_CONN, LS_STREAM_DRAIN_REFUSED }, { LS_PROBE_CONN }, 1 },
	{ { "drain_done", LS_STREAM_CONN, LS_STREAM_DRAIN_DONE }, { LS_PROBE_CONN }, 1 },
};

#define NO_PLACE "'%.40s' is no place: arg1, go2, bx+8, *(ax+0x48) or a number"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What is not told is nothing, and no descriptor. */
static void probe_init(struct ls_probe *p, const struct word *w)
{
	int i;

	memset(p, 0, sizeof(*p));
	p->record = w->record;
	p->what = w->what;
	for (i = 0; i < LS_PROBE_OPERANDS; i++)
		p->operand[i].size = 8;
	p->operand[LS_PROBE_FD].first = -1;
}

int stream_probe_usdt(const char *name, const char *args, struct ls_probe *out)
{
	const struct usdt *u = NULL;
	size_t i;

	for (i = 0; i < COUNT(usdt) && !u; i++)
		if (!strcmp(name, usdt[i].word.name))
			u = &usdt[i];
	if (!u)
		return -ENOENT;
	probe_init(out, &u->word);
	for (i = 0; i < u->args; i++)
		if (stream_operand_usdt(&args, &out->operand[u->place[i]]))
			return -EINVAL;
	return 0;
}

/* ---- rows */

struct place {
	const char *name;
	int line;
	char *err;
};

static int complain(const struct place *at, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int complain(const struct place *at, int code, const char *fmt, ...)
{
	char why[STREAM_TABLE_ERROR_LEN / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	snprintf(at->err, STREAM_TABLE_ERROR_LEN, "%.100s:%d: %s", at->name, at->line, why);
	return code;
}

/* The number of a library, which is new if nobody has named it yet. 0: there are too many. */
static uint32_t library_of(struct stream_table *t, const char *name)
{
	uint32_t i;

	for (i = 1; i <= t->libraries; i++)
		if (!strcmp(t->library[i], name))
			return i;
	if (t->libraries == STREAM_LIBRARIES_MAX)
		return 0;
	t->library[i] = strdup(name);
	if (!t->library[i])
		return 0;
	return t->libraries = i;
}

static int set_event(const struct place *at, struct ls_probe *p, const char *word)
{
	size_t i;

	for (i = 0; i < COUNT(events); i++)
		if (!strcmp(word, events[i].name)) {
			probe_init(p, &events[i]);
			return 0;
		}
	return complain(at, -EINVAL,
			"'%.20s' is no event: open, read-closed, write-closed, release, free, "
			"blocked, credit, conn-open, conn-close or conn-count",
			word);
}

/* "if=WHERE==NUMBER", "if=WHERE!=NUMBER". */
static int set_test(const struct place *at, struct ls_probe *p, char *where)
{
	char *op = strpbrk(where, "=!"), *end = NULL;

	if (op && op[1] == '=' && op[2])
		p->expected = strtoull(op + 2, &end, 0);
	if (!end || *end)
		return complain(at, -EINVAL, "if=WHERE==NUMBER or if=WHERE!=NUMBER, not 'if=%.40s'",
				where);
	p->test = *op == '=' ? LS_PROBE_EQUAL : LS_PROBE_UNEQUAL;
	*op = 0;
	if (stream_operand_parse(where, &p->operand[LS_PROBE_IF]))
		return complain(at, -EINVAL, NO_PLACE, where);
	return 0;
}

static int set_operand(const struct place *at, struct ls_probe *p, char *word)
{
	static const struct {
		const char *name;
		int place;
	} keys[] = {
		{ "conn", LS_PROBE_CONN },   { "id", LS_PROBE_VALUE }, { "how", LS_PROBE_HOW },
		{ "value", LS_PROBE_VALUE }, { "fd", LS_PROBE_FD },
	};
	char *where = strchr(word, '=');
	size_t i;

	if (!where)
		return complain(at, -EINVAL, "conn=WHERE, id=WHERE or how=WHERE, not '%.30s'",
				word);
	*where++ = 0;
	if (!strcmp(word, "if"))
		return set_test(at, p, where);
	for (i = 0; i < COUNT(keys); i++)
		if (!strcmp(word, keys[i].name))
			break;
	if (i == COUNT(keys))
		return complain(at, -EINVAL, "there is no '%.20s=': conn, id, how, if, value or fd",
				word);
	if (stream_operand_parse(where, &p->operand[keys[i].place]))
		return complain(at, -EINVAL, NO_PLACE, where);
	return 0;
}

static int add_row(struct stream_table *t, const struct place *at, const struct ls_probe *probe,
		   char *const word[3])
{
	struct stream_row *more, row = { .probe = *probe };

	if (t->n == STREAM_ROWS_MAX)
		return complain(at, -E2BIG, "more than %d rows", STREAM_ROWS_MAX);
	row.probe.library = library_of(t, word[0]);
	if (!row.probe.library)
		return complain(at, -E2BIG, "more than %d libraries", STREAM_LIBRARIES_MAX);
	more = realloc(t->rows, (t->n + 1) * sizeof(*more));
	if (!more)
		return complain(at, -ENOMEM, "out of memory");
	t->rows = more;
	row.file = strdup(word[1]);
	row.function = strdup(word[2]);
	if (!row.file || !row.function) {
		free(row.file);
		free(row.function);
		return complain(at, -ENOMEM, "out of memory");
	}
	t->rows[t->n++] = row;
	return 0;
}

/* @line is written to. */
static int parse_line(struct stream_table *t, const struct place *at, char *line)
{
	struct ls_probe probe;
	char *word[3], *next;
	int i, err;

	line[strcspn(line, "#")] = 0;
	next = strtok_r(line, " \t\r", &line);
	if (!next)
		return 0;
	for (i = 0; i < 3; i++) {
		word[i] = next;
		next = strtok_r(NULL, " \t\r", &line);
		if (!next)
			return complain(at, -EINVAL,
					"LIBRARY FILE FUNCTION EVENT are needed, and where conn "
					"and id are found");
	}
	if (strlen(word[0]) >= sizeof(((struct ls_library *)0)->name))
		return complain(at, -EINVAL, "a library's name has at most %zu letters",
				sizeof(((struct ls_library *)0)->name) - 1);
	err = set_event(at, &probe, next);
	while (!err && (next = strtok_r(NULL, " \t\r", &line)))
		err = set_operand(at, &probe, next);
	return err ?: add_row(t, at, &probe, word);
}

int stream_table_parse(struct stream_table *t, const char *name, const char *text,
		       char err[STREAM_TABLE_ERROR_LEN])
{
	struct place at = { .name = name, .err = err };
	char *copy = strdup(text), *rest = copy, *line;
	int e = copy ? 0 : -ENOMEM;

	if (!copy)
		snprintf(err, STREAM_TABLE_ERROR_LEN, "out of memory");
	while (!e && (line = strsep(&rest, "\n"))) {
		at.line++;
		e = parse_line(t, &at, line);
	}
	free(copy);
	return e;
}

int stream_table_read(struct stream_table *t, const char *name, char err[STREAM_TABLE_ERROR_LEN])
{
	char *text = calloc(1, TEXT_MAX + 1);
	FILE *f = fopen(name, "re");
	size_t n = 0;
	int e = f && text ? 0 : -errno;

	if (!e) {
		n = fread(text, 1, TEXT_MAX + 1, f);
		e = ferror(f) ? -EIO : n > TEXT_MAX ? -EFBIG : 0;
	}
	if (f)
		fclose(f);
	if (e) {
		snprintf(err, STREAM_TABLE_ERROR_LEN, "%.150s: %s", name, strerror(-e));
	} else {
		text[n] = 0;
		e = stream_table_parse(t, name, text, err);
	}
	free(text);
	return e;
}

struct stream_table *stream_table_new(void)
{
	struct stream_table *t = calloc(1, sizeof(*t));
	char err[STREAM_TABLE_ERROR_LEN];
	size_t i;

	for (i = 0; t && i < COUNT(builtin); i++)
		if (stream_table_parse(t, "built in", builtin[i], err)) {
			stream_table_free(t);
			return NULL;
		}
	return t;
}

void stream_table_free(struct stream_table *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < t->n; i++) {
		free(t->rows[i].function);
		free(t->rows[i].file);
	}
	for (i = 1; i <= t->libraries; i++)
		free(t->library[i]);
	free(t->rows);
	free(t);
}

bool stream_row_matches(const struct stream_row *row, const char *file, bool is_program, bool is_go)
{
	const char *at = row->file;
	char pattern[128];
	size_t len;

	for (; *at; at += len + (at[len] == ',')) {
		len = strcspn(at, ",");
		snprintf(pattern, sizeof(pattern), "%.*s", (int)len, at);
		if (!strcmp(pattern, "go")    ? is_go
		    : !strcmp(pattern, "exe") ? is_program
					      : *pattern && !fnmatch(pattern, file, 0))
			return true;
	}
	return false;
}
