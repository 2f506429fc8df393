// SPDX-License-Identifier: BSD-2-Clause
/*
 * The faulty library: a release that only finishes. Half of the streams stay on both ends for good,
 * the credit with them; and the log names as many as there are.
 */
#include "quic_world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tether/quic_raw.h"

struct trip {
	struct quic_trip quic;
	struct tether_quic_conn conn, server_conn;
	int opened, accepted;
	char log[64];
};

static void on_opened(struct tether_quic_conn conn, void *arg)
{
	((struct trip *)arg)->opened++;
}

static void on_server_opened(struct tether_quic_conn conn, void *arg)
{
	((struct trip *)arg)->server_conn = conn;
}

/* As a handler that has its answer and believes to be done. */
static void on_stream(struct tether_stream stream, void *arg)
{
	struct trip *t = arg;

	t->accepted++;
	assert_int_equal(tether_stream_write(stream, "answer", 6), 0);
	assert_int_equal(tether_stream_release(stream, 0), 0);
}

static int logged(const struct trip *t)
{
	char line[512];
	FILE *f = fopen(t->log, "r");
	int n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "\"fault\":\"half-close\"") && strstr(line, "\"stream\":");
	fclose(f);
	return n;
}

static void test_half_close(void **state)
{
	struct trip *t = test_calloc(1, sizeof(*t));
	struct tether_stream stream;
	int i, refused = 0, fd;

	strcpy(t->log, "/tmp/tether-fault-XXXXXX");
	fd = mkstemp(t->log);
	assert_true(fd >= 0);
	close(fd);
	setenv("TETHER_FAULT", "half-close:every=2", 1);
	setenv("TETHER_FAULT_LOG", t->log, 1);
	t->quic.server.arg = t->quic.client.arg = t;
	t->quic.server.events =
		(struct tether_quic_events){ .opened = on_server_opened, .stream = on_stream };
	t->quic.client.events.opened = on_opened;
	quic_trip_begin(&t->quic);
	assert_int_equal(
		tether_quic_connect(t->quic.scope, &t->quic.dest, &t->quic.client, &t->conn), 0);
	quic_until(&t->quic, &t->opened, 1000);
	for (i = 0; i < 1000 && refused < 500; i++) {
		if (tether_stream_open(t->conn, TETHER_STREAM_BIDI, &stream) == -EAGAIN) {
			refused++;
		} else {
			assert_int_equal(tether_stream_write(stream, "question", 8), 0);
		}
		quic_pass(&t->quic, 10);
	}
	/* A hundred are allowed at a time, and each second one is never given back. */
	assert_int_equal(refused, 500);
	assert_in_range(t->accepted, 199, 200);
	assert_int_equal(logged(t), 100);
	assert_int_equal(raw_find(t->server_conn)->q.n_streams, 100);
	assert_int_equal(tether_loop_count(t->quic.loop).quic_conns, 2);
	quic_trip_end(&t->quic);
	unlink(t->log);
	test_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_half_close) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
