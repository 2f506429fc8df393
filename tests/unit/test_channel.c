// SPDX-License-Identifier: BSD-2-Clause
/* Frames over a pipe: cut anywhere, damaged, to a reader who does not read, or who has gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "export/channel.h"

static void make(int fd[2])
{
	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
}

static void test_whole(void **state)
{
	struct channel_reader r = { .fd = -1 };
	struct channel_text *text;
	enum channel_kind kind;
	int fd[2];

	(void)state;
	make(fd);
	r.fd = fd[0];
	assert_int_equal(channel_read(&r, &kind, &text), 0);
	assert_int_equal(channel_send(fd[1], CHANNEL_METRICS, "abc", 3, 100), 0);
	assert_int_equal(channel_send(fd[1], CHANNEL_END, "", 0, 100), 0);
	assert_int_equal(channel_read(&r, &kind, &text), 1);
	assert_int_equal(kind, CHANNEL_METRICS);
	assert_string_equal(text->at, "abc");
	channel_text_drop(channel_text_ref(text));
	channel_text_drop(text);
	assert_int_equal(channel_read(&r, &kind, &text), 1);
	assert_int_equal(kind, CHANNEL_END);
	assert_int_equal(text->len, 0);
	channel_text_drop(text);
	close(fd[1]);
	assert_int_equal(channel_read(&r, &kind, &text), -EPIPE);
	channel_reader_fini(&r);
	close(fd[0]);
}

/* Byte by byte, as a pipe that is full gives it. */
static void test_pieces(void **state)
{
	static const char words[] = "words";
	uint32_t head[2] = { CHANNEL_SAYS, 5 };
	struct channel_reader r = { .fd = -1 };
	struct channel_text *text = NULL;
	enum channel_kind kind;
	char all[sizeof(head) + 5];
	size_t i;
	int fd[2];

	(void)state;
	make(fd);
	r.fd = fd[0];
	memcpy(all, head, sizeof(head));
	memcpy(all + sizeof(head), words, 5);
	for (i = 0; i < sizeof(all); i++) {
		assert_int_equal(write(fd[1], all + i, 1), 1);
		assert_int_equal(channel_read(&r, &kind, &text), i + 1 == sizeof(all));
	}
	assert_non_null(text);
	assert_string_equal(text ? text->at : "", words);
	channel_text_drop(text);
	/* And half a frame, which is given up. */
	assert_int_equal(write(fd[1], all, 10), 10);
	assert_int_equal(channel_read(&r, &kind, &text), 0);
	channel_reader_fini(&r);
	close(fd[0]);
	close(fd[1]);
}

static void test_damaged(void **state)
{
	static const uint32_t heads[][2] = { { CHANNEL_NONE, 1 },
					     { CHANNEL_MAX, 1 },
					     { CHANNEL_SAYS, CHANNEL_TEXT_MAX + 1 } };
	struct channel_text *text;
	enum channel_kind kind;
	size_t i;
	int fd[2];

	(void)state;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct channel_reader r = { .fd = -1 };

		make(fd);
		r.fd = fd[0];
		assert_int_equal(write(fd[1], heads[i], 8), 8);
		assert_int_equal(channel_read(&r, &kind, &text), -EBADMSG);
		channel_reader_fini(&r);
		close(fd[0]);
		close(fd[1]);
	}
}

static void test_no_reader(void **state)
{
	static char much[1 << 20];
	int fd[2];

	(void)state;
	make(fd);
	assert_int_equal(channel_send(fd[1], CHANNEL_METRICS, much, sizeof(much), 10), -ETIMEDOUT);
	close(fd[0]);
	assert_int_equal(channel_send(fd[1], CHANNEL_METRICS, much, sizeof(much), 10), -EPIPE);
	assert_int_equal(channel_send(fd[1], CHANNEL_METRICS, much, CHANNEL_TEXT_MAX + 1u, 10),
			 -EMSGSIZE);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_no_reader),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
