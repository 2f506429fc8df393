/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words and numbers as people write them. Every formatter takes the buffer and its size, always
 * terminates, and returns the buffer so that it can stand in an argument list.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TEXT_LEN 64 /* enough for any of the formats below */

/* "250ms", "3s", "5m", "1.5h", "2d", "1m30s"; a bare number is seconds. Writes nanoseconds.
 * -EINVAL: not a duration; -ERANGE: longer than 10 years. */
int text_parse_duration(const char *s, uint64_t *ns);

/* Two units at most, as in "850ms", "4.2s", "3m 5s", "2h 14m", "6d 3h". Zero is "0s". */
char *text_duration(char *buf, size_t len, uint64_t ns);
/* The same in at most 5 columns: "850ms", "4.2s", "3m05", "2h14", "6d03". */
char *text_duration_short(char *buf, size_t len, uint64_t ns);
/* "0", "999", "1.2k", "12M": at most 4 columns. */
char *text_count(char *buf, size_t len, uint64_t n);
/* "0B", "512B", "1.5KiB", "3.0MiB". */
char *text_bytes(char *buf, size_t len, uint64_t n);

/* The name in @names (NULL-terminated) nearest to @word, NULL if none is near. */
const char *text_nearest(const char *word, const char *const *names);

/* "10.0.0.1:443", "[::1]:80", "*:53" for an unset address. @addr: 4 or 16 bytes by @family. */
char *text_endpoint(char *buf, size_t len, int family, const void *addr, uint16_t port);

/* Copies @s with every byte that is no printable UTF-8 shown as '?': names in the kernel are bytes
 * that anybody may choose. */
char *text_clean(char *buf, size_t len, const char *s);

/* "established", "close_wait" ...: node_exporter's spelling; "unknown" for anything else. */
const char *text_tcp_state(unsigned int state);
