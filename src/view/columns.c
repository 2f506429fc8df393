/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The columns of the process table. Adding one is adding a row. Knows rows, and nothing of where
 * they are shown.
 */
#include "view/columns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

/* ---- how they print */

static void print_count(char *buf, size_t len, unsigned int width, uint64_t n)
{
	int took = snprintf(buf, len, "%llu", (unsigned long long)n);

	if (took < 0 || (unsigned int)took > width)
		text_count(buf, len, n);
}

static void print_rate(char *buf, size_t len, unsigned int width, double per_s)
{
	if (per_s > 0 && per_s < 0.005)
		snprintf(buf, len, "<.01");
	else if (per_s < 0.995)
		snprintf(buf, len, per_s > 0 ? "%.2f" : "0", per_s);
	else if (per_s < 9.95)
		snprintf(buf, len, "%.1f", per_s);
	else
		print_count(buf, len, width, (uint64_t)(per_s + 0.5));
}

static void print_pid(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	(void)width;
	snprintf(buf, len, "%u", r->pid);
}

static void print_comm(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	(void)width;
	snprintf(buf, len, "%s%s", r->comm, r->ended ? " (ended)" : "");
}

static void print_container(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	(void)width;
	snprintf(buf, len, "%s", r->container[0] ? r->container : "-");
}

static void print_live(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	print_count(buf, len, width, r->live);
}

static void print_leaked(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	print_count(buf, len, width, r->leaked);
}

static void print_stalled(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	print_count(buf, len, width, r->stalled);
}

static void print_opened_s(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	print_rate(buf, len, width, r->opened_per_s);
}

static void print_closed_s(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	print_rate(buf, len, width, r->closed_per_s);
}

static void print_oldest(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	(void)width;
	if (r->has_oldest)
		text_duration_short(buf, len, r->oldest_ns);
	else
		snprintf(buf, len, "-");
}

static void print_trend(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	cell_trend(buf, len, r->trend, r->trend_n, width);
}

static void print_class(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	(void)width;
	snprintf(buf, len, "%s", class_name(r->worst));
}

static void print_threads(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	print_count(buf, len, width, r->threads);
}

static void print_netns(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	(void)width;
	snprintf(buf, len, "%u", r->netns);
}

static void print_aborted(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	print_count(buf, len, width, r->aborted);
}

static void print_streams(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	if (r->streams.told)
		print_count(buf, len, width, r->streams.live);
	else
		snprintf(buf, len, "-");
}

static void print_half_open(const struct proc_row *r, char *buf, size_t len, unsigned int width)
{
	if (r->streams.told)
		print_count(buf, len, width, r->streams.half_open);
	else
		snprintf(buf, len, "-");
}

/* ---- how they rank: numbers from the most, names from A */

#define MOST_FIRST(field)                                                           \
	static int rank_##field(const struct proc_row *a, const struct proc_row *b) \
	{                                                                           \
		return (a->field < b->field) - (a->field > b->field);               \
	}

MOST_FIRST(live)
MOST_FIRST(leaked)
MOST_FIRST(stalled)
MOST_FIRST(opened_per_s)
MOST_FIRST(closed_per_s)
MOST_FIRST(oldest_ns)
MOST_FIRST(threads)
MOST_FIRST(aborted)

static int rank_streams(const struct proc_row *a, const struct proc_row *b)
{
	return (a->streams.live < b->streams.live) - (a->streams.live > b->streams.live);
}

static int rank_half_open(const struct proc_row *a, const struct proc_row *b)
{
	return (a->streams.half_open < b->streams.half_open) -
	       (a->streams.half_open > b->streams.half_open);
}

static int rank_pid(const struct proc_row *a, const struct proc_row *b)
{
	return (a->pid > b->pid) - (a->pid < b->pid);
}

static int rank_netns(const struct proc_row *a, const struct proc_row *b)
{
	return (a->netns > b->netns) - (a->netns < b->netns);
}

static int rank_comm(const struct proc_row *a, const struct proc_row *b)
{
	return strcmp(a->comm, b->comm);
}

static int rank_container(const struct proc_row *a, const struct proc_row *b)
{
	if (!a->container[0] != !b->container[0]) /* those without one last */
		return !a->container[0] - !b->container[0];
	return strcmp(a->container, b->container);
}

static int rank_class(const struct proc_row *a, const struct proc_row *b)
{
	if (!a->worst != !b->worst)
		return !a->worst - !b->worst;
	return strcmp(class_name(a->worst), class_name(b->worst));
}

/* By how much the live connections rose over the trend. */
static int rank_trend(const struct proc_row *a, const struct proc_row *b)
{
	int64_t rise_a = a->trend_n ? (int64_t)a->trend[a->trend_n - 1] - a->trend[0] : 0;
	int64_t rise_b = b->trend_n ? (int64_t)b->trend[b->trend_n - 1] - b->trend[0] : 0;

	return (rise_a < rise_b) - (rise_a > rise_b);
}

/* ---- how grave they are */

static enum severity plain(const struct proc_row *r)
{
	(void)r;
	return SEVERITY_NONE;
}

static enum severity dim(const struct proc_row *r)
{
	(void)r;
	return SEVERITY_DIM;
}

static enum severity grave_leaked(const struct proc_row *r)
{
	return r->leaked ? SEVERITY_LEAK : SEVERITY_DIM;
}

static enum severity grave_stalled(const struct proc_row *r)
{
	return r->stalled ? SEVERITY_SUSPECT : SEVERITY_DIM;
}

static enum severity grave_any(const struct proc_row *r)
{
	return r->leaked ? SEVERITY_LEAK : r->stalled ? SEVERITY_SUSPECT : SEVERITY_NONE;
}

static enum severity grave_class(const struct proc_row *r)
{
	if (!r->worst)
		return SEVERITY_DIM;
	return class_is_leak(r->worst) ? SEVERITY_LEAK : SEVERITY_SUSPECT;
}

/* In the order they are shown. At 80 columns the first ten ranks fit. */
/* clang-format off */
static const struct column columns[] = {
	{ { "pid", "PID", "process", 7, 7, 1, ALIGN_RIGHT },
	  print_pid, rank_pid, plain },
	{ { "comm", "COMM", "its name", 12, 16, 3, ALIGN_LEFT },
	  print_comm, rank_comm, grave_any },
	{ { "container", "CONTAINER", "its container or systemd unit", 12, 28, 11, ALIGN_LEFT },
	  print_container, rank_container, plain },
	{ { "live", "LIVE", "connections open now", 4, 7, 5, ALIGN_RIGHT },
	  print_live, rank_live, plain },
	{ { "leaked", "LEAKED", "connections and streams held although nobody will use them again", 6, 7, 2,
	    ALIGN_RIGHT },
	  print_leaked, rank_leaked, grave_leaked },
	{ { "stalled", "STALL", "connections waited for although nothing may come", 5, 7, 4,
	    ALIGN_RIGHT },
	  print_stalled, rank_stalled, grave_stalled },
	{ { "opened_s", "OPEN/S", "opened a second", 6, 8, 8, ALIGN_RIGHT },
	  print_opened_s, rank_opened_per_s, plain },
	{ { "closed_s", "CLOS/S", "closed a second", 6, 8, 9, ALIGN_RIGHT },
	  print_closed_s, rank_closed_per_s, plain },
	{ { "oldest", "OLDEST", "age of its oldest leak or stall", 6, 6, 6, ALIGN_RIGHT },
	  print_oldest, rank_oldest_ns, grave_any },
	{ { "trend", "TREND", "live connections at the last snapshots, newest right", 6, 16, 10,
	    ALIGN_RIGHT },
	  print_trend, rank_trend, plain },
	{ { "class", "CLASS", "the class that most of its findings have", 12, 16, 7, ALIGN_LEFT },
	  print_class, rank_class, grave_class },
	{ { "threads", "THREADS", "threads", 7, 7, 0, ALIGN_RIGHT },
	  print_threads, rank_threads, plain },
	{ { "netns", "NETNS", "its network namespace (inode)", 10, 10, 0, ALIGN_RIGHT },
	  print_netns, rank_netns, dim },
	{ { "aborted", "ABORTED", "closed with unread bytes, so that a reset went out", 7, 7, 0,
	    ALIGN_RIGHT },
	  print_aborted, rank_aborted, plain },
	{ { "streams", "STREAMS", "streams open now, where its program tells of them", 7, 7, 0,
	    ALIGN_RIGHT },
	  print_streams, rank_streams, plain },
	{ { "half_open", "HALF", "of these, with one side closed", 6, 7, 0, ALIGN_RIGHT },
	  print_half_open, rank_half_open, plain },
};
/* clang-format on */

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

_Static_assert(COLUMNS <= LAYOUT_MAX, "a layout holds them all");

unsigned int column_count(void)
{
	return COLUMNS;
}

const struct column *column_get(unsigned int i)
{
	return i < COLUMNS ? &columns[i] : NULL;
}

unsigned int column_default_sort(void)
{
	return (unsigned int)column_find("leaked", strlen("leaked"));
}

/* ---- which of them */

int column_find(const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < COLUMNS; i++)
		if (strlen(columns[i].shape.name) == len &&
		    memcmp(columns[i].shape.name, name, len) == 0)
			return (int)i;
	return -1;
}

static int unknown_column(const char *what, const char *name, size_t name_len, char *err,
			  size_t len)
{
	const char *names[COLUMNS + 1] = { NULL };
	char word[TEXT_LEN], raw[TEXT_LEN];
	const char *near;
	unsigned int i;

	for (i = 0; i < COLUMNS; i++)
		names[i] = columns[i].shape.name;
	snprintf(raw, sizeof(raw), "%.*s", (int)name_len, name);
	text_clean(word, sizeof(word), raw);
	near = text_nearest(word, names);
	if (near)
		snprintf(err, len, "%s: no column \"%s\", did you mean \"%s\"?", what, word, near);
	else
		snprintf(err, len, "%s: no column \"%s\" (\"%s help\" lists them)", what, word,
			 what);
	return -EINVAL;
}

static bool set_has(const struct column_set *set, int col)
{
	unsigned int i;

	for (i = 0; i < set->n; i++)
		if (set->col[i] == col)
			return true;
	return false;
}

int column_set_parse(struct column_set *set, const char *spec, char *err, size_t len)
{
	unsigned int i;
	size_t n;
	int col;

	*set = (struct column_set){ .chosen = spec != NULL };
	for (i = 0; !spec && i < COLUMNS; i++)
		if (columns[i].shape.rank)
			set->col[set->n++] = (uint8_t)i;
	for (; spec; spec = spec[n] ? spec + n + 1 : NULL) {
		n = strcspn(spec, ",");
		col = column_find(spec, n);
		if (col < 0)
			return unknown_column("--columns", spec, n, err, len);
		if (!set_has(set, col))
			set->col[set->n++] = (uint8_t)col;
	}
	return 0;
}

void column_set_fit(const struct column_set *set, unsigned int width, struct layout *out)
{
	struct shape shapes[LAYOUT_MAX];
	const struct shape *refs[LAYOUT_MAX];
	unsigned int i;

	for (i = 0; i < set->n; i++) {
		shapes[i] = columns[set->col[i]].shape;
		if (set->chosen)
			shapes[i].rank = (uint8_t)(i + 1);
		refs[i] = &shapes[i];
	}
	layout_fit(out, refs, set->n, width);
	for (i = 0; i < out->n; i++)
		out->col[i] = set->col[out->col[i]];
}

int view_columns_check(const char *spec, char *err, size_t len)
{
	struct column_set set;

	return column_set_parse(&set, spec, err, len);
}

int view_sort_check(const char *key, char *err, size_t len)
{
	if (column_find(key, strlen(key)) >= 0)
		return 0;
	return unknown_column("--sort", key, strlen(key), err, len);
}

void view_columns_help(FILE *out)
{
	unsigned int i;

	for (i = 0; i < COLUMNS; i++)
		fprintf(out, "  %-10s %s%s\n", columns[i].shape.name, columns[i].shape.help,
			columns[i].shape.rank ? "" : " (only where asked for)");
}

/* ---- ranking */

struct order {
	unsigned int key;
	bool reverse;
};

static int rank_row(const void *a, const void *b, void *arg)
{
	const struct order *o = arg;
	int c = columns[o->key].compare(a, b);

	if (o->reverse)
		c = -c;
	c = c ? c : rank_leaked(a, b);
	c = c ? c : rank_stalled(a, b);
	c = c ? c : rank_live(a, b);
	return c ? c : rank_pid(a, b);
}

void rows_sort(struct rows *t, unsigned int key, bool reverse)
{
	struct order o = { .key = key < COLUMNS ? key : column_default_sort(), .reverse = reverse };

	if (t->len)
		qsort_r(t->row, t->len, sizeof(*t->row), rank_row, &o);
}
