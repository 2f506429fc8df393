/* SPDX-License-Identifier: BSD-2-Clause */
/* The JSON output: its members, its null, its ages, and bytes that are no text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include "fake_world.h"
#include "view/sheet.h"

struct fixture {
	struct ledger *led;
	struct verdicts *v;
	struct view_input in;
	char *text;
	json_t *root;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	fake_world(&f->led, &f->v, true);
	f->in = fake_input(f->led, f->v);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	json_decref(f->root);
	free(f->text);
	free(f->led);
	free(f->v);
	free(f);
	return 0;
}

static json_t *dump(struct fixture *f, const struct view_filter *filter, bool all)
{
	json_error_t err;
	size_t len;
	FILE *out;

	json_decref(f->root);
	free(f->text);
	f->text = NULL;
	out = open_memstream(&f->text, &len);
	assert_non_null(out);
	assert_int_equal(view_json(out, &f->in, filter, all), 0);
	fclose(out);
	assert_int_equal(f->text[len - 1], '\n');
	f->root = json_loads(f->text, JSON_REJECT_DUPLICATES, &err);
	if (!f->root)
		fail_msg("%s at line %d", err.text, err.line);
	return f->root;
}

static json_t *item(json_t *root, const char *array, size_t i)
{
	json_t *o = json_array_get(json_object_get(root, array), i);

	assert_non_null(o);
	return o;
}

static size_t length(json_t *root, const char *array)
{
	return json_array_size(json_object_get(root, array));
}

static void assert_text(json_t *o, const char *name, const char *want)
{
	const char *have = json_string_value(json_object_get(o, name));

	assert_non_null(have);
	assert_string_equal(have, want);
}

static void assert_int(json_t *o, const char *name, long long want)
{
	assert_true(json_is_integer(json_object_get(o, name)));
	assert_int_equal(json_integer_value(json_object_get(o, name)), want);
}

static void assert_number(json_t *o, const char *name, double want)
{
	double have = json_number_value(json_object_get(o, name));

	assert_true(json_is_real(json_object_get(o, name)));
	assert_true(have > want - 0.0005 && have < want + 0.0005);
}

static void assert_bool(json_t *o, const char *name, bool want)
{
	assert_true(json_is_boolean(json_object_get(o, name)));
	assert_int_equal(json_is_true(json_object_get(o, name)), want);
}

static void assert_null_at(json_t *o, const char *name)
{
	assert_true(json_is_null(json_object_get(o, name)));
}

static void test_head(void **state)
{
	struct fixture *f = *state;
	json_t *root, *lost, *totals;

	f->led->totals.lost[LS_LOST_RING] = 12;
	f->led->totals.lost[LS_LOST_STACK] = 3;
	root = dump(f, NULL, false);
	lost = json_object_get(root, "lost");
	totals = json_object_get(root, "totals");
	assert_int(root, "schema", 1);
	assert_text(root, "time", "2026-11-21T10:41:42Z");
	assert_text(root, "host", "web-1");
	assert_text(root, "kernel", "6.18.44 x86_64");
	assert_number(root, "interval_s", 2);
	assert_bool(root, "replay", false);
	assert_bool(root, "incomplete", false);
	assert_number(root, "watched_s", 605);
	assert_int(lost, "ring", 12);
	assert_int(lost, "map", 0);
	assert_int(lost, "stack", 3);
	assert_int(lost, "row", 0);
	assert_int(lost, "ledger", 0);
	assert_int(lost, "total", 15);
	assert_int(totals, "opened", 500);
	assert_int(totals, "closed", 400);
	assert_int(totals, "live", 92);
	assert_int(totals, "processes", 5);
	assert_null(json_object_get(root, "connections"));
	assert_null(json_object_get(root, "tasks"));
}

static void test_processes(void **state)
{
	json_t *root = dump(*state, NULL, false), *p = item(root, "processes", 0);

	assert_int_equal(length(root, "processes"), 5);
	assert_int(p, "pid", 4123);
	assert_text(p, "comm", "api-gw");
	assert_text(p, "container", "api-gw.service");
	assert_int(p, "live", 86);
	assert_int(p, "leaked", 80);
	assert_int(p, "stalled", 0);
	assert_number(p, "opened_per_s", 0.298);
	assert_number(p, "oldest_s", 8040);
	assert_number(p, "start_s", 1795257702 - 7200);
	assert_bool(p, "ended", false);
	assert_text(p, "class", "close-wait");
	p = item(root, "processes", 2);
	assert_int(p, "pid", 812);
	assert_null_at(p, "class");
	assert_null_at(p, "oldest_s");
	assert_bool(item(root, "processes", 4), "ended", true);
}

static void test_finding(void **state)
{
	json_t *root = dump(*state, NULL, false), *f = item(root, "findings", 0), *site;

	assert_int_equal(length(root, "findings"), 84);
	assert_text(f, "class", "close-wait");
	assert_text(f, "kind", "leak");
	assert_bool(f, "certain", true);
	assert_bool(item(root, "findings", 3), "certain", false);
	assert_int(f, "count", 1);
	assert_int(f, "pid", 4123);
	assert_int(f, "fd", 7);
	assert_text(f, "proto", "tcp");
	assert_text(f, "family", "inet");
	assert_text(f, "role", "client");
	assert_text(f, "local", "10.0.0.5:40001");
	assert_text(f, "remote", "10.0.0.9:443");
	assert_text(f, "state", "close_wait");
	assert_number(f, "age_s", 8040);
	assert_bool(f, "at_least", true);
	assert_bool(item(root, "findings", 1), "at_least", false);
	assert_number(f, "in_state_s", 4020);
	assert_bool(f, "in_state_at_least", true);
	assert_number(f, "idle_s", 4020);
	assert_number(f, "since_s", 8040);
	assert_text(f, "evidence", "evidence of finding 1");
	assert_text(f, "remedy", "close it: the reader must see EOF or a done signal");
	assert_int(json_object_get(f, "opener"), "tid", 4123);
	site = json_object_get(f, "site");
	assert_int(site, "id", 1);
	assert_text(site, "function", "pool_dial (pool.c:31)");
	assert_int_equal(length(site, "frames"), 5);
	assert_string_equal(json_string_value(item(site, "frames", 0)), "connect");
	assert_string_equal(json_string_value(item(site, "frames", 1)),
			    "libdial.so.1+0x1f2 [9f86d081]");
	assert_int(json_object_get(f, "empty_reader"), "tid", 4125);
	assert_int_equal(length(json_object_get(f, "empty_reader"), "frames"), 2);
	assert_null_at(item(root, "findings", 1), "empty_reader");
}

static void test_holders(void **state)
{
	json_t *f = item(dump(*state, NULL, false), "findings", 0);

	assert_int_equal(length(f, "holders"), 2);
	assert_int(item(f, "holders", 1), "pid", 4200);
	assert_text(item(f, "holders", 1), "comm", "worker");
	assert_int(item(f, "holders", 1), "fd", 9);
}

static void test_waiter(void **state)
{
	json_t *root = dump(*state, NULL, false);
	json_t *f = item(root, "findings", FAKE_LEAKED);
	json_t *waiter = json_object_get(f, "waiter");

	assert_text(f, "kind", "stall");
	assert_int(f, "unread", 2048);
	assert_int(waiter, "tid", 4207);
	assert_text(waiter, "comm", "worker-3");
	assert_text(waiter, "syscall", "read");
	assert_int_equal(length(waiter, "frames"), 2);
	assert_null_at(item(root, "findings", 1), "waiter");
}

/* No thread: what only a thread has is null. */
static void test_goroutine(void **state)
{
	json_t *root = dump(*state, NULL, false);
	json_t *waiter = json_object_get(item(root, "findings", 0), "waiter");

	assert_null_at(waiter, "tid");
	assert_text(waiter, "comm", "api-gw");
	assert_text(waiter, "syscall", "read");
	assert_null_at(waiter, "blocked_s");
	assert_null_at(waiter, "forever");
	assert_int_equal(length(waiter, "frames"), 2);
}

/* Every finding has the same members, whatever it is about. */
static void test_same_members(void **state)
{
	json_t *root = dump(*state, NULL, false);
	json_t *conn = item(root, "findings", 0), *proc = item(root, "findings", 83), *value;
	const char *name;

	assert_text(proc, "class", "died-holding");
	assert_int(proc, "count", 7);
	assert_int_equal(json_object_size(conn), json_object_size(proc));
	json_object_foreach(conn, name, value) assert_non_null(json_object_get(proc, name));
	assert_null_at(proc, "fd");
	assert_null_at(proc, "local");
	assert_null_at(proc, "age_s");
	assert_null_at(proc, "opener");
	assert_null_at(proc, "site");
	assert_int_equal(length(proc, "holders"), 0);
}

static void test_all(void **state)
{
	json_t *root = dump(*state, NULL, true), *c, *t;

	assert_int_equal(length(root, "connections"), 92);
	c = item(root, "connections", 89);
	assert_text(c, "family", "unix");
	assert_text(c, "proto", "unix");
	assert_text(c, "local", "/run/app.sock");
	c = item(root, "connections", 90);
	assert_text(c, "family", "inet6");
	assert_text(c, "remote", "[::1]:443");
	c = item(root, "connections", 91);
	assert_text(c, "role", "listen");
	assert_int(c, "bytes_received", 0);
	assert_text(c, "remote", "*:*");
	assert_null(json_object_get(c, "class"));
	assert_int_equal(length(root, "tasks"), 1);
	t = item(root, "tasks", 0);
	assert_int(t, "pid", 4200);
	assert_bool(t, "forever", true);
	assert_number(t, "blocked_s", 95);
	assert_int(t, "fd", 87);
}

static void test_streams(void **state)
{
	struct fixture *f = *state;
	json_t *root, *o, *s;

	root = dump(f, NULL, true);
	assert_null_at(item(root, "processes", 0), "streams");
	assert_null_at(item(root, "findings", 0), "stream");
	assert_int_equal(length(root, "streams"), 0);
	fake_streams(f->led, f->v);
	root = dump(f, NULL, true);
	o = json_object_get(item(root, "processes", 0), "streams");
	assert_int(o, "live", 3);
	assert_int(o, "half_open", 1);
	assert_int(o, "nonsense", 7);
	assert_int(o, "counter", 2);
	assert_number(o, "opened_per_s", 0.2);
	assert_number(o, "oldest_s", 300);
	assert_null_at(item(root, "processes", 1), "streams");
	o = item(root, "findings", 84);
	assert_text(o, "class", "stream-half-open");
	assert_text(o, "local", "10.0.0.5:40001");
	assert_null_at(o, "waiter");
	assert_null_at(o, "empty_reader");
	assert_text(json_object_get(o, "site"), "function", "pool_dial (pool.c:31)");
	s = json_object_get(o, "stream");
	assert_text(s, "library", "tether");
	assert_text(s, "connection", "42");
	assert_text(s, "stream", "4");
	assert_text(s, "read", "open");
	assert_text(s, "write", "ended");
	assert_text(s, "opened_by", "peer");
	assert_number(s, "write_closed_s", 120);
	assert_int(s, "credit", 0);
	assert_int_equal(length(root, "streams"), 3);
	s = item(root, "streams", 1);
	assert_text(s, "library", "quic-go");
	assert_text(s, "stream", "18446744073709551614");
	assert_null_at(s, "credit");
	assert_text(s, "opened_by", "program");
	s = item(root, "streams", 2);
	assert_null_at(s, "read");
	assert_bool(s, "unidirectional", true);
}

/* "b\xff\x1b[2Jd": neither UTF-8 nor harmless. */
static void test_hostile_name(void **state)
{
	struct fixture *f = *state;
	json_t *root = dump(f, NULL, true);

	assert_text(item(root, "processes", 3), "comm", "b??[2Jd");
	assert_null(strchr(f->text, '\x1b'));
	assert_null(strchr(f->text, '\xff'));
}

static void test_filter(void **state)
{
	struct view_filter by_comm = { .comm = "work" };
	struct view_filter by_container = { .container = "api-gw" };
	struct view_filter by_class = { .class_mask = 1ull << VERDICT_DIED_HOLDING };
	json_t *root = dump(*state, &by_comm, true);

	assert_int_equal(length(root, "processes"), 1);
	assert_int_equal(length(root, "findings"), 3);
	assert_int_equal(length(root, "connections"), 4);
	assert_int_equal(length(root, "tasks"), 1);
	root = dump(*state, &by_container, true);
	assert_int_equal(length(root, "processes"), 1);
	assert_int_equal(length(root, "findings"), 80);
	assert_int_equal(length(root, "tasks"), 0);
	root = dump(*state, &by_class, true);
	assert_int_equal(length(root, "processes"), 1);
	assert_int_equal(length(root, "findings"), 1);
	assert_int_equal(length(root, "connections"), 0);
}

/* One element a line: what grep and diff are used to. */
static void test_lines(void **state)
{
	struct fixture *f = *state;
	unsigned int lines = 0;
	const char *s;

	dump(f, NULL, false);
	for (s = f->text; (s = strchr(s, '\n')); s++)
		lines++;
	assert_int_equal(lines, (1 + 10) + (1 + 5) + 1 + (1 + 84) + 2);
}

static void test_nothing(void **state)
{
	struct fixture *f = *state;
	json_t *root;

	f->led->procs = f->led->conns = f->led->tasks = 1;
	f->v->n = 0;
	root = dump(f, NULL, true);
	assert_int_equal(length(root, "processes"), 0);
	assert_int_equal(length(root, "findings"), 0);
	assert_int_equal(length(root, "connections"), 0);
}

/* ---- docs/JSON.md: `| `name` |` begins the line of a member */

static bool has_member(json_t *value, const char *name)
{
	const char *key;
	json_t *child;
	size_t i;

	json_object_foreach(value, key, child) if (strcmp(key, name) == 0 ||
						   has_member(child, name)) return true;
	json_array_foreach(value, i, child) if (has_member(child, name)) return true;
	return false;
}

static void assert_documented(json_t *value, const char *reference)
{
	char row[64];
	const char *key;
	json_t *child;
	size_t i;

	json_object_foreach(value, key, child)
	{
		snprintf(row, sizeof(row), "\n| `%s` |", key);
		if (!strstr(reference, row))
			fail_msg("docs/JSON.md does not speak of %s", key);
		assert_documented(child, reference);
	}
	json_array_foreach(value, i, child) assert_documented(child, reference);
}

/* What attach and run print: another object, the same reference. */
static json_t *dump_sheet(const struct fixture *f)
{
	FILE *known = fmemopen((void *)(uintptr_t) "comm:nobody", 11, "r"), *out = tmpfile();
	char why[SUPPRESS_ERROR_LEN];
	struct sheet_options opt = { .suppress = suppress_parse(known, "known", why),
				     .json = true };
	struct sheet *s = sheet_new(&opt);
	json_t *root;

	f->led->wait[1] = (struct wait){ .proc = 1, .count = 1, .stack = -1 };
	f->led->waits = 2;
	assert_int_equal(sheet_take_rest(s, &f->in), 0);
	assert_int_equal(sheet_json(out, s, &f->in), 0);
	rewind(out);
	root = json_loadf(out, 0, NULL);
	assert_non_null(root);
	fclose(out);
	fclose(known);
	sheet_free(s);
	suppress_free(opt.suppress);
	return root;
}

/* The reference has a line for every member, and none for a member that there is not. */
static void test_reference(void **state)
{
	static char reference[65536];
	struct fixture *f = *state;
	json_t *root, *sheet;
	FILE *in = fopen("docs/JSON.md", "r");
	char name[64];
	const char *row;
	size_t n;

	if (!in)
		skip(); /* not run from the top of the tree */
	n = fread(reference, 1, sizeof(reference) - 1, in);
	fclose(in);
	reference[n] = '\0';
	fake_streams(f->led, f->v);
	root = dump(f, NULL, true);
	assert_documented(root, reference);
	sheet = dump_sheet(*state);
	assert_documented(sheet, reference);
	for (row = reference; (row = strstr(row, "\n| `")); row++) {
		assert_int_equal(sscanf(row, "\n| `%63[^`]`", name), 1);
		if (!has_member(root, name) && !has_member(sheet, name))
			fail_msg("docs/JSON.md has %s, the output has not", name);
	}
	json_decref(sheet);
}

/* ---- out of memory */

static long allocations_left;

static void *scarce_malloc(size_t size)
{
	if (allocations_left-- > 0)
		return malloc(size);
	errno = ENOMEM;
	return NULL;
}

/* Each allocation fails in turn: an error, no crash, nothing left behind (ASan would say so). */
static void test_no_memory(void **state)
{
	struct fixture *f = *state;
	FILE *out = fopen("/dev/null", "w");
	long n = 0;
	int err;

	assert_non_null(out);
	f->v->f[1] = f->v->f[FAKE_LEAKED];
	f->v->f[2] = f->v->f[f->v->n - 1];
	f->v->n = 3;
	f->led->conns = FAKE_LEAKED + 2;
	fake_streams(f->led, f->v);
	json_set_alloc_funcs(scarce_malloc, free);
	do {
		allocations_left = n++;
		err = view_json(out, &f->in, NULL, false);
		assert_true(err == 0 || err == -ENOMEM);
	} while (err);
	json_set_alloc_funcs(malloc, free);
	fclose(out);
	assert_true(n > 200);
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	FILE *out = fopen("/dev/full", "w");

	if (!out)
		skip();
	assert_int_equal(view_json(out, &f->in, NULL, true), -ENOSPC);
	fclose(out);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_head),	      T(test_processes), T(test_finding),      T(test_holders),
		T(test_waiter),	      T(test_goroutine), T(test_same_members), T(test_all),
		T(test_hostile_name), T(test_filter),	 T(test_lines),	       T(test_nothing),
		T(test_full_disk),    T(test_no_memory), T(test_reference),    T(test_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
