/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every header of tether shares: the export mark, the version, texts, fields, times.
 *
 * Conventions of the whole library
 *  - A function returns 0 or a positive count, or -errno. Nothing prints, nothing exits.
 *  - An object that can end by itself (scope, task, lease, body, call) is a *handle*: a small
 * struct passed by value, whose id is never used twice. A handle whose object is over is refused
 * with -EBADF, a double end too: misuse is an error code, never undefined. A zeroed handle is
 * refused as well. An object that only its owner ends (loop, server, pool, TLS) is a pointer.
 *  - Each object belongs to one loop, and is used on the thread that runs that loop. Functions that
 *    any thread may call say so.
 *  - Every wait has an end. Times are durations in nanoseconds, larger than 0 and at most
 *    TETHER_WITHIN_MAX_NS; there is no value for "for ever", and -ERANGE for trying.
 *  - In an options struct, a field that is zero means the default that stands beside it.
 *  - Callbacks run on the loop's thread, and may call any function of the library.
 *  - `fields`, `data` and other arguments are read during the call only, unless said otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TETHER_VERSION_MAJOR 0
#define TETHER_VERSION_MINOR 1
#define TETHER_VERSION_PATCH 0

#define TETHER_API	     __attribute__((visibility("default")))

#define TETHER_MS	     UINT64_C(1000000)
#define TETHER_S	     UINT64_C(1000000000)
#define TETHER_WITHIN_MAX_NS (366 * 24 * 3600 * TETHER_S)

/* A length that is not known beforehand (chunks in HTTP/1.1, nothing special in HTTP/3). */
#define TETHER_LENGTH_UNKNOWN UINT64_MAX

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that belong to somebody else. Those that the library returns have a NUL behind them. */
struct tether_text {
	const char *at; /* NULL: there is no such text */
	size_t len;
};

/* A header field that is sent. Both are NUL-terminated; neither may hold CR, LF or other control
 * characters (-EINVAL). Framing belongs to the library: Content-Length, Transfer-Encoding and
 * Connection are refused with -EINVAL, Date is added. */
struct tether_field {
	const char *name;
	const char *value;
};

/* "0.1.0": that of the library that runs, which may be newer than this header. */
TETHER_API const char *tether_version(void);

#ifdef __cplusplus
}
#endif
