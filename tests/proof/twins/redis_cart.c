// SPDX-License-Identifier: BSD-2-Clause
/*
 * hiredis: a connection for each cart. The leaky twin forgets it where the key is missing. It goes
 * on, twice a second, until its standard input ends: a server without a timeout, as Redis is by
 * default, never tells it.
 */
#include <hiredis/hiredis.h>
#include <poll.h>
#include "twin.h"

__attribute__((noinline)) static void load_cart(int port, bool leaky)
{
	redisContext *redis = redisConnect("127.0.0.1", port);
	redisReply *reply;

	if (!redis || redis->err)
		twin_fail("redisConnect");
	reply = redisCommand(redis, "GET cart");
	if (!reply)
		twin_fail("redisCommand");
	if (reply->type == REDIS_REPLY_NIL && leaky) {
		freeReplyObject(reply);
		return;
	}
	freeReplyObject(reply);
	redisFree(redis);
}

int main(int argc, char **argv)
{
	struct twin t = twin_begin(argc, argv);
	struct pollfd in = { .fd = 0, .events = POLLIN };

	puts("opened");
	fflush(stdout);
	do
		load_cart(t.port, t.leaky);
	while (poll(&in, 1, 500) == 0);
	return 0;
}
