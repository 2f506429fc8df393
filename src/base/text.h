/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words and numbers as people write them. Every formatter takes the buffer and its size (at least
 * 1), always terminates, and returns the buffer so that it can stand in an argument list.
 * Numbers are cut, not rounded: nothing looks older or larger than it is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TEXT_LEN 64 /* enough for any of the formats below, but text_clean() and AF_UNIX */

/* "250ms", "3s", "5m", "1.5h", "2d", "1m30s"; a bare number is seconds. Writes nanoseconds.
 * -EINVAL: not a duration; -ERANGE: longer than 10 years. *@ns is written on success only. */
int text_parse_duration(const char *s, uint64_t *ns);

/* Two units at most, as in "850ms", "4.2s", "42s", "3m 5s", "2h 14m", "6d 3h"; a second unit that
 * is zero is left out: "3m". Zero is "0s", anything below a millisecond "<1ms". */
char *text_duration(char *buf, size_t len, uint64_t ns);
/* The same in at most 5 columns: "850ms", "4.2s", "42s", "3m05", "2h14", "6d03", "400d", "12y". */
char *text_duration_short(char *buf, size_t len, uint64_t ns);
/* "0", "999", "1.2k", "12M": at most 4 columns. */
char *text_count(char *buf, size_t len, uint64_t n);
/* "0B", "512B", "1.5KiB", "120KiB", "3.0MiB": at most 7 columns. */
char *text_bytes(char *buf, size_t len, uint64_t n);

/* The name in @names (NULL-terminated) nearest to @word, NULL if none is near. */
const char *text_nearest(const char *word, const char *const *names);

/* "10.0.0.1:443", "[::1]:80", "*:53" for an unset address, "10.0.0.1:*" for port 0. @addr: 4 or 16
 * bytes by @family; AF_UNIX: the path as a string, shown as text_clean() does, "*" if it is empty.
 */
char *text_endpoint(char *buf, size_t len, int family, const void *addr, uint16_t port);

/* Copies @s with every byte that is no printable UTF-8 shown as '?': names in the kernel are bytes
 * that anybody may choose. What would reorder or hide text counts as not printable. A character
 * that does not fit is left out whole. */
char *text_clean(char *buf, size_t len, const char *s);

/* "established", "close_wait" ...: node_exporter's spelling; "unknown" for anything else. */
const char *text_tcp_state(unsigned int state);
