/* SPDX-License-Identifier: BSD-2-Clause */
/* Recordings: what is written comes back, and whatever a file says is met with a clear answer. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "source/recording.h"
#include "unit/story.h"

#define RECORDS 5

struct files {
	char dir[32];
	char path[64];	      /* of a whole recording of RECORDS records */
	char other[64];	      /* for a test's own */
	unsigned char *whole; /* its bytes */
	size_t len;
};

/* What a pump delivered. */
struct got {
	unsigned int n;
	uint16_t type[RECORDS + 3];
	uint64_t bytes;
	int stop_at, stop_with;
};

static int take(void *ctx, const struct ls_hdr *rec)
{
	struct got *got = ctx;

	if (got->n < RECORDS + 3)
		got->type[got->n] = rec->type;
	got->bytes += rec->len;
	return ++got->n == (unsigned int)got->stop_at ? got->stop_with : 0;
}

static const struct source_identity identity = {
	.boot_id = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
	.realtime_ns = 1700000000 * S_NS,
	.start_ns = 1000 * S_NS,
	.kernel = "6.18.44 x86_64",
	.host = "web-1",
};

/* OPEN, SOCK, a type of a later version, STACK, END; a tenth of a second apart. */
static void write_records(struct recording_writer *w)
{
	struct story s = { .now_ns = 1000 * S_NS };
	struct ls_open open = open_rec(&s, 7, 100, LS_ROLE_CLIENT, 5);
	struct ls_sock row = row_rec(&s, 7, 100, 5, LS_ROLE_CLIENT);
	struct ls_hdr later_type = rec_hdr(LS_TYPE_MAX + 5, sizeof(later_type), 0);
	struct ls_stack stack = { .hdr = rec_hdr(LS_STACK, sizeof(stack), 0), .depth = 1 };
	struct ls_end end = { .hdr = rec_hdr(LS_END, sizeof(end), 0), .cookie = 7 };

	row.hdr.time_ns += S_NS / 10;
	later_type.time_ns = s.now_ns + 2 * S_NS / 10;
	stack.hdr.time_ns = s.now_ns + 3 * S_NS / 10;
	end.hdr.time_ns = s.now_ns + 4 * S_NS / 10;
	assert_int_equal(recording_write(w, &open.hdr), 0);
	assert_int_equal(recording_write(w, &row.hdr), 0);
	assert_int_equal(recording_write(w, &later_type), 0);
	assert_int_equal(recording_write(w, &stack.hdr), 0);
	assert_int_equal(recording_write(w, &end.hdr), 0);
}

static void read_file(const char *path, unsigned char **bytes, size_t *len)
{
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	*bytes = calloc(1, 1 << 20);
	*len = fread(*bytes, 1, 1 << 20, f);
	fclose(f);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static int files_setup(void **state)
{
	struct files *fs = calloc(1, sizeof(*fs));
	char err[RECORDING_ERROR_LEN];
	struct recording_writer *w;

	snprintf(fs->dir, sizeof(fs->dir), "/tmp/recording.XXXXXX");
	if (!mkdtemp(fs->dir)) {
		free(fs);
		return -1;
	}
	snprintf(fs->path, sizeof(fs->path), "%s/whole", fs->dir);
	snprintf(fs->other, sizeof(fs->other), "%s/other", fs->dir);
	w = recording_create(fs->path, &identity, err);
	write_records(w);
	recording_finish(w, NULL, NULL);
	read_file(fs->path, &fs->whole, &fs->len);
	*state = fs;
	return 0;
}

static int files_teardown(void **state)
{
	struct files *fs = *state;

	unlink(fs->path);
	unlink(fs->other);
	rmdir(fs->dir);
	free(fs->whole);
	free(fs);
	return 0;
}

/* Opens, pumps until it says no, closes. Returns what the last pump said. */
struct outcome {
	int err;	 /* of the open */
	int pumped;	 /* of the last pump */
	bool incomplete; /* at its end */
	char why[RECORDING_ERROR_LEN];
	char damage[128];
	struct got got;
};

static struct outcome replay(const char *path)
{
	struct outcome o = { 0 };
	struct source src;

	o.err = recording_open(&src, path, 0, o.why);
	if (o.err)
		return o;
	do
		o.pumped = src.ops->pump(src.arg, take, &o.got);
	while (!o.pumped);
	o.incomplete = recording_incomplete(&src);
	snprintf(o.damage, sizeof(o.damage), "%s", recording_damage(&src));
	src.ops->close(src.arg);
	return o;
}

/* A copy with one change. */
static struct outcome replay_changed(const struct files *fs, size_t at, const void *with, size_t n)
{
	unsigned char *bytes = malloc(fs->len);
	struct outcome o;

	memcpy(bytes, fs->whole, fs->len);
	memcpy(bytes + at, with, n);
	write_file(fs->other, bytes, fs->len);
	free(bytes);
	o = replay(fs->other);
	return o;
}

#define assert_refused(o, text)                        \
	do {                                           \
		struct outcome o_ = (o);               \
		assert_int_equal(o_.err, -EBADMSG);    \
		assert_non_null(strstr(o_.why, text)); \
		assert_null(strchr(o_.why, '\n'));     \
	} while (0)

/* ---- round trip */

static void what_is_written_comes_back(void **state)
{
	static const uint16_t types[] = { LS_OPEN, LS_SOCK, LS_TYPE_MAX + 5, LS_STACK, LS_END };
	struct files *fs = *state;
	struct outcome o = replay(fs->path);

	assert_int_equal(o.err, 0);
	assert_int_equal(o.pumped, -ENODATA);
	assert_false(o.incomplete);
	assert_string_equal(o.damage, "");
	assert_int_equal(o.got.n, RECORDS);
	assert_memory_equal(o.got.type, types, sizeof(types));
	assert_int_equal(o.got.bytes, fs->len - sizeof(struct recording_header));
}

static void identity_comes_back(void **state)
{
	struct files *fs = *state;
	char err[RECORDING_ERROR_LEN];
	struct got got = { 0 };
	struct source src;

	assert_int_equal(recording_open(&src, fs->path, 0, err), 0);
	assert_memory_equal(src.ops->identity(src.arg), &identity, sizeof(identity));
	assert_int_equal(src.ops->now_ns(src.arg), 0);
	assert_int_equal(src.ops->fd(src.arg), -1);
	assert_int_equal(src.ops->snapshot(src.arg, 3, take, &got), -EOPNOTSUPP);
	assert_int_equal(src.ops->pump(src.arg, take, &got), -ENODATA);
	assert_int_equal(src.ops->now_ns(src.arg), 1000 * S_NS + 4 * S_NS / 10);
	src.ops->close(src.arg);
}

static void incomplete_until_finished(void **state)
{
	struct files *fs = *state;
	uint64_t records, bytes;
	char err[RECORDING_ERROR_LEN];
	struct recording_writer *w = recording_create(fs->other, &identity, err);
	struct stat st;
	struct outcome o;

	o = replay(fs->other); /* the header is down at once */
	assert_int_equal(o.err, 0);
	assert_int_equal(o.got.n, 0);
	assert_true(o.incomplete);
	write_records(w);
	assert_int_equal(recording_flush(w), 0);
	o = replay(fs->other);
	assert_int_equal(o.got.n, RECORDS);
	assert_int_equal(o.pumped, -ENODATA);
	assert_true(o.incomplete);
	assert_string_equal(o.damage, "");
	assert_int_equal(recording_finish(w, &records, &bytes), 0);
	assert_false(replay(fs->other).incomplete);
	assert_int_equal(records, RECORDS);
	assert_int_equal(stat(fs->other, &st), 0);
	assert_int_equal(st.st_size, bytes);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* More than the reader's and the writer's buffers, and more than one pump delivers. */
static void long_ones_come_back(void **state)
{
	struct files *fs = *state;
	char err[RECORDING_ERROR_LEN];
	struct recording_writer *w = recording_create(fs->other, &identity, err);
	struct ls_cgroup rec = { .hdr = rec_hdr(LS_CGROUP, sizeof(rec), 1) };
	struct outcome o;
	int i;

	for (i = 0; i < 80000; i++)
		assert_int_equal(recording_write(w, &rec.hdr), 0);
	assert_int_equal(recording_finish(w, NULL, NULL), 0);
	o = replay(fs->other);
	assert_int_equal(o.got.n, 80000);
	assert_int_equal(o.pumped, -ENODATA);
}

/* The longest that a length can say, across the end of the reader's buffer. */
static void longest_records_come_back(void **state)
{
	struct files *fs = *state;
	char err[RECORDING_ERROR_LEN];
	struct recording_writer *w = recording_create(fs->other, &identity, err);
	struct ls_hdr *rec = calloc(1, 65528);
	int i;

	*rec = rec_hdr(LS_TYPE_MAX, 65528, 1);
	for (i = 0; i < 40; i++)
		assert_int_equal(recording_write(w, rec), 0);
	free(rec);
	assert_int_equal(recording_finish(w, NULL, NULL), 0);
	assert_int_equal(replay(fs->other).got.n, 40);
}

static void the_ledger_skips_what_it_does_not_know(void **state)
{
	struct files *fs = *state;
	struct ledger *led = ledger_new(NULL);
	char err[RECORDING_ERROR_LEN];
	struct source src;

	assert_int_equal(recording_open(&src, fs->path, 0, err), 0);
	assert_int_equal(src.ops->pump(src.arg, (source_sink_fn)ledger_apply, led), -ENODATA);
	assert_int_equal(ledger_totals(led)->records, RECORDS);
	assert_int_equal(ledger_totals(led)->opened, 1);
	assert_int_equal(ledger_totals(led)->closed, 1);
	src.ops->close(src.arg);
	ledger_free(led);
}

static void the_sink_may_stop_it(void **state)
{
	struct files *fs = *state;
	char err[RECORDING_ERROR_LEN];
	struct got got = { .stop_at = 2, .stop_with = -ENOSPC };
	struct source src;

	assert_int_equal(recording_open(&src, fs->path, 0, err), 0);
	assert_int_equal(src.ops->pump(src.arg, take, &got), -ENOSPC);
	assert_int_equal(got.n, 2);
	assert_int_equal(src.ops->pump(src.arg, take, &got), -ENODATA); /* goes on behind it */
	assert_int_equal(got.n, RECORDS);
	src.ops->close(src.arg);
}

/* ---- what is no recording */

static void no_file(void **state)
{
	struct outcome o = replay("/nonexistent/recording");

	assert_int_equal(o.err, -ENOENT);
	assert_string_equal(o.why, "/nonexistent/recording: No such file or directory");
	assert_int_equal(replay("/tmp").err, -EISDIR);
}

static void empty_file(void **state)
{
	struct files *fs = *state;

	write_file(fs->other, "", 0);
	assert_refused(replay(fs->other), "empty");
}

static void foreign_files(void **state)
{
	struct files *fs = *state;
	char text[1000];

	memset(text, 'x', sizeof(text));
	write_file(fs->other, text, sizeof(text));
	assert_refused(replay(fs->other), "not a lostsock recording");
	write_file(fs->other, "#!/bin/sh\n", 10); /* shorter than a header */
	assert_refused(replay(fs->other), "not a lostsock recording");
}

static void other_byte_order(void **state)
{
	struct files *fs = *state;
	uint16_t order = 0x0201;

	assert_refused(replay_changed(fs, offsetof(struct recording_header, order), &order, 2),
		       "byte order");
}

static void other_version(void **state)
{
	struct files *fs = *state;
	uint16_t version = RECORDING_VERSION + 1;

	assert_refused(replay_changed(fs, offsetof(struct recording_header, version), &version, 2),
		       "another version");
}

static void damaged_header(void **state)
{
	static const uint32_t lens[] = { 0, 8, 191, 193, 1 << 20, UINT32_MAX };
	struct files *fs = *state;
	unsigned int i;

	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		assert_refused(replay_changed(fs, offsetof(struct recording_header, header_len),
					      &lens[i], 4),
			       "header is damaged");
}

/* A header that has grown is read as far as it is known. */
static void longer_header(void **state)
{
	struct files *fs = *state;
	size_t at = sizeof(struct recording_header);
	unsigned char *bytes = calloc(1, fs->len + 64);
	struct outcome o;

	memcpy(bytes, fs->whole, at);
	memcpy(bytes + at + 64, fs->whole + at, fs->len - at);
	((struct recording_header *)bytes)->header_len = (uint32_t)at + 64;
	write_file(fs->other, bytes, fs->len + 64);
	free(bytes);
	o = replay(fs->other);
	assert_int_equal(o.err, 0);
	assert_int_equal(o.got.n, RECORDS);
}

/* ---- cut short, and damaged in the middle */

/* Where record @n begins. */
static size_t begin_of(const struct files *fs, unsigned int n)
{
	size_t at = sizeof(struct recording_header);

	while (n--)
		at += ((const struct ls_hdr *)(fs->whole + at))->len;
	return at;
}

static void cut_at_every_byte(void **state)
{
	struct files *fs = *state;
	struct outcome o;
	unsigned int whole;
	size_t len;

	for (len = 0; len < fs->len; len++) {
		write_file(fs->other, fs->whole, len);
		o = replay(fs->other);
		if (len < sizeof(struct recording_header)) {
			assert_int_equal(o.err, -EBADMSG);
			assert_non_null(strstr(o.why, len ? "cut short" : "empty"));
			continue;
		}
		for (whole = 0; whole < RECORDS && begin_of(fs, whole + 1) <= len;)
			whole++;
		assert_int_equal(o.err, 0);
		assert_int_equal(o.pumped, -ENODATA);
		assert_int_equal(o.got.n, whole);
		assert_true(o.incomplete); /* also between two records */
		assert_string_equal(o.damage, "");
	}
}

/* What came before is delivered; then the place is named. */
static void damage(struct files *fs, unsigned int n, size_t field, uint16_t with, const char *why)
{
	struct outcome o = replay_changed(fs, begin_of(fs, n) + field, &with, 2);
	char said[128];

	snprintf(said, sizeof(said), "damaged at byte %zu: %s", begin_of(fs, n), why);
	assert_int_equal(o.err, 0);
	assert_int_equal(o.pumped, -EBADMSG);
	assert_int_equal(o.got.n, n);
	assert_true(o.incomplete);
	assert_string_equal(o.damage, said);
}

static void damaged_in_the_middle(void **state)
{
	static const uint16_t lens[] = { 0, 8, 15, 17, 100, 65535 };
	struct files *fs = *state;
	unsigned int n, i;

	for (n = 0; n < RECORDS; n++) {
		for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
			damage(fs, n, offsetof(struct ls_hdr, len), lens[i],
			       "a record of impossible length");
		damage(fs, n, offsetof(struct ls_hdr, type), 0, "a record without a type");
	}
}

static void damage_is_said_again(void **state)
{
	struct files *fs = *state;
	char err[RECORDING_ERROR_LEN];
	struct got got = { 0 };
	struct source src;
	uint16_t zero = 0;

	replay_changed(fs, begin_of(fs, 2), &zero, 2);
	assert_int_equal(recording_open(&src, fs->other, 0, err), 0);
	assert_int_equal(src.ops->pump(src.arg, take, &got), -EBADMSG);
	assert_int_equal(src.ops->pump(src.arg, take, &got), -EBADMSG);
	assert_int_equal(got.n, 2);
	src.ops->close(src.arg);
}

/* ---- pace */

static uint64_t real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * S_NS + (uint64_t)ts.tv_nsec;
}

/* 0.4 s of records at twice the speed: none comes before its time, all have come after 0.2 s. */
static void paced(void **state)
{
	struct files *fs = *state;
	char err[RECORDING_ERROR_LEN];
	struct got got = { 0 };
	struct source src;
	uint64_t start_ns, took_ns;
	int rc;

	assert_int_equal(recording_open(&src, fs->path, 2, err), 0);
	start_ns = real_ns();
	for (;;) {
		rc = src.ops->pump(src.arg, take, &got);
		took_ns = real_ns() - start_ns;
		assert_true(got.n <= 1 + took_ns / (S_NS / 20));
		if (rc)
			break;
		usleep(1000);
	}
	assert_int_equal(rc, -ENODATA);
	assert_int_equal(got.n, RECORDS);
	assert_true(took_ns >= S_NS / 5);
	assert_true(took_ns < 3 * S_NS);
	src.ops->close(src.arg);
}

/* ---- errors of writing */

static void full_disk(void **state)
{
	char err[RECORDING_ERROR_LEN];

	assert_null(recording_create("/dev/full", &identity, err));
	assert_string_equal(err, "/dev/full: No space left on device");
	assert_null(recording_create("/nonexistent/x", &identity, err));
	assert_string_equal(err, "/nonexistent/x: No such file or directory");
}

/* Becomes full after the header: the first error stands, and the flag too. */
static void disk_that_fills_up(void **state)
{
	struct files *fs = *state;
	char err[RECORDING_ERROR_LEN], fd_path[64];
	struct recording_writer *w = recording_create(fs->other, &identity, err);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), fd;
	struct ls_hdr rec = rec_hdr(LS_TYPE_MAX, sizeof(rec), 1);
	char target[64];
	ssize_t n;

	for (fd = 3; fd < 64; fd++) {
		snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", fd);
		n = readlink(fd_path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = 0;
		if (!strcmp(target, fs->other))
			assert_int_equal(dup2(full, fd), fd);
	}
	close(full);
	assert_int_equal(recording_write(w, &rec), 0); /* buffered */
	assert_int_equal(recording_flush(w), -ENOSPC);
	assert_int_equal(recording_write(w, &rec), -ENOSPC);
	assert_int_equal(recording_flush(w), -ENOSPC);
	assert_int_equal(recording_finish(w, NULL, NULL), -ENOSPC);
	assert_true(replay(fs->other).incomplete);
}

/* A pipe cannot be rewound: its reader is told that it may go on, and that is no error. */
static void through_a_pipe(void **state)
{
	struct files *fs = *state;
	char err[RECORDING_ERROR_LEN], path[64];
	struct recording_writer *w;
	unsigned char bytes[4096];
	int ends[2];
	ssize_t n;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	w = recording_create(path, &identity, err);
	assert_non_null(w);
	write_records(w);
	assert_int_equal(recording_finish(w, NULL, NULL), 0);
	n = read(ends[0], bytes, sizeof(bytes));
	assert_int_equal(n, fs->len);
	write_file(fs->other, bytes, (size_t)n);
	assert_int_equal(replay(fs->other).got.n, RECORDS);
	assert_true(replay(fs->other).incomplete);
	close(ends[0]);
	close(ends[1]);
}

#define FILES(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILES(what_is_written_comes_back),
		FILES(identity_comes_back),
		FILES(incomplete_until_finished),
		FILES(long_ones_come_back),
		FILES(longest_records_come_back),
		FILES(the_ledger_skips_what_it_does_not_know),
		FILES(the_sink_may_stop_it),
		FILES(no_file),
		FILES(empty_file),
		FILES(foreign_files),
		FILES(other_byte_order),
		FILES(other_version),
		FILES(damaged_header),
		FILES(longer_header),
		FILES(cut_at_every_byte),
		FILES(damaged_in_the_middle),
		FILES(damage_is_said_again),
		FILES(paced),
		FILES(full_disk),
		FILES(disk_that_fills_up),
		FILES(through_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
