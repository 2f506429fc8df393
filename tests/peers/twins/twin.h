/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the twins in C and C++ share.
 *
 *	TWIN leaky|mended COUNT PORT [wait]
 *
 * With `wait` a twin prints its pid and opens nothing until a line comes on its standard input,
 *then prints another line when it has opened all, and lives until standard input ends. Without it,
 *it does its work and ends: a test suite for `lostsock run`.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct twin {
	bool leaky;
	bool waits;
	int count;
	int port;
};

static inline void twin_fail(const char *what)
{
	fprintf(stderr, "twin: %s\n", what);
	exit(3);
}

static inline struct twin twin_begin(int argc, char **argv)
{
	struct twin t;
	char c;

	if (argc < 4)
		twin_fail("usage: TWIN leaky|mended COUNT PORT [wait]");
	t.leaky = strcmp(argv[1], "leaky") == 0;
	t.count = atoi(argv[2]);
	t.port = atoi(argv[3]);
	t.waits = argc > 4;
	if (!t.waits)
		return t;
	printf("%d\n", (int)getpid());
	fflush(stdout);
	while (read(0, &c, 1) == 1 && c != '\n')
		;
	return t;
}

static inline int twin_end(const struct twin *t)
{
	char c;

	if (!t->waits)
		return 0;
	puts("opened");
	fflush(stdout);
	while (read(0, &c, 1) == 1)
		;
	return 0;
}
