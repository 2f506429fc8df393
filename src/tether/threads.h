/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection whose socket is served by two threads, one that receives and one that sends, in
 * place of the loop. All that is decided (TLS, HTTP, deadlines, the end) is decided on the loop:
 * the threads carry bytes. Each passes one piece at a time, by a slot that the other side has to
 * empty before the next.
 *
 * A thread waits in one place only, for its slot or its socket, and always for two things more:
 * that the connection is done, and the deadline. The connection leaves its scope after both were
 * joined.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct outbuf;

/* The connection stands. -EMFILE, -EAGAIN, -ENOMEM: nothing was started. */
int threads_start(struct conn *conn);

void threads_read(struct conn *conn, bool want);
/* conn_written() says when it is out. */
void threads_write(struct conn *conn, struct outbuf *out);
void threads_deadline(struct conn *conn, uint64_t at_ns);

/* Both are told; conn_joined() once they have ended. */
void threads_stop(struct conn *conn);
