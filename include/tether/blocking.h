/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The blocking wrapper: a loop and a pool on a thread of their own, and calls that wait. For
 * programs of threads, and for tools. A client may be used by many threads at a time, a reply by
 * one.
 *
 *      struct tether_client *client;
 *      struct tether_reply *reply;
 *      char buf[4096];
 *      ssize_t n;
 *
 *      tether_client_new(NULL, &client);
 *      if (!tether_client_ask(client, &dest, &request, 5 * TETHER_S, &reply)) {
 *              while ((n = tether_reply_read(reply, buf, sizeof(buf))) > 0)
 *                      fwrite(buf, 1, n, stdout);
 *              tether_reply_free(reply);
 *      }
 *      tether_client_free(client, TETHER_S);
 */
#pragma once

#include <sys/types.h>

#include <tether/base.h>
#include <tether/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tether_client;
struct tether_reply;

/* @options may be NULL. Starts a thread. -EAGAIN, -ENOMEM. */
TETHER_API int tether_client_new(const struct tether_pool_options *options,
				 struct tether_client **client);

/* Refuses new requests, waits @grace_ns for the replies that are not freed, cuts the rest off and
 * joins the thread. Replies that are left read -ECANCELED, and must still be freed. NULL is fine.
 */
TETHER_API void tether_client_free(struct tether_client *client, uint64_t grace_ns);

/* Waits for the head of the answer. @within_ns is for everything, the reading of the body included:
 * it goes on while the caller holds the reply. Errors as of tether_pool_acquire() and of
 * tether_exchange(). */
TETHER_API int tether_client_ask(struct tether_client *client, const struct tether_dest *dest,
				 const struct tether_request *request, uint64_t within_ns,
				 struct tether_reply **reply);

TETHER_API int tether_reply_status(const struct tether_reply *reply);
TETHER_API struct tether_text tether_reply_header(const struct tether_reply *reply,
						  const char *name);

/* At most @len bytes; 0 at the end of the body; -errno. */
TETHER_API ssize_t tether_reply_read(struct tether_reply *reply, void *buf, size_t len);

/* Ends it, read or not. NULL is fine. */
TETHER_API void tether_reply_free(struct tether_reply *reply);

#ifdef __cplusplus
}
#endif
