/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Findings that somebody knows of and does not want to hear of again: a file of lines, each with
 * conditions of which all must hold. Pure but for reading that file.
 *
 *	# a comment
 *	function:pool_*              any function of the opening, waiting or last empty reader's
 *stack module:libfoo.so*            any module there remote:10.0.0.0/8            the other end: an
 *address, with port or without, or a network class:unread comm:test_*     both must hold
 */
#pragma once

#include "view/view.h"

struct suppress;

#define SUPPRESS_ERROR_LEN 256

/* Reads @path. NULL and errno: @err has one clear line, with the line's number; EINVAL where it is
 * the text that is wrong. */
struct suppress *suppress_read(const char *path, char err[SUPPRESS_ERROR_LEN]);
/* The same from an open file, which is not closed. */
struct suppress *suppress_parse(FILE *in, const char *name, char err[SUPPRESS_ERROR_LEN]);
void suppress_free(struct suppress *s);

/* The first entry that matches @f, counted from 1; 0: none. @s may be NULL. */
uint32_t suppress_find(const struct suppress *s, const struct view_input *in,
		       const struct finding *f);
/* Notes that entry @n has suppressed @count more. */
void suppress_count(struct suppress *s, uint32_t n, uint32_t count);

/* The entries: "leaks.supp", the line's number and its text, and how many it has suppressed. NULL
 * past the last. */
const char *suppress_entry(const struct suppress *s, uint32_t n, uint32_t *line, uint32_t *count);
const char *suppress_name(const struct suppress *s);
