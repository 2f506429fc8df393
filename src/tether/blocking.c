// SPDX-License-Identifier: BSD-2-Clause
/*
 * The blocking wrapper (tether/blocking.h). Its place: the API is settled, the thread behind it is
 * not written yet, and says so.
 */
#include <errno.h>

#include <tether/blocking.h>

int tether_client_new(const struct tether_pool_options *options, struct tether_client **client)
{
	(void)options;
	(void)client;
	return -ENOSYS;
}

void tether_client_free(struct tether_client *client, uint64_t grace_ns)
{
	(void)client;
	(void)grace_ns;
}

int tether_client_ask(struct tether_client *client, const struct tether_dest *dest,
		      const struct tether_request *request, uint64_t within_ns,
		      struct tether_reply **reply)
{
	(void)client;
	(void)dest;
	(void)request;
	(void)within_ns;
	(void)reply;
	return -ENOSYS;
}

int tether_reply_status(const struct tether_reply *reply)
{
	(void)reply;
	return -ENOSYS;
}

struct tether_text tether_reply_header(const struct tether_reply *reply, const char *name)
{
	(void)reply;
	(void)name;
	return (struct tether_text){ NULL, 0 };
}

ssize_t tether_reply_read(struct tether_reply *reply, void *buf, size_t len)
{
	(void)reply;
	(void)buf;
	(void)len;
	return -ENOSYS;
}

void tether_reply_free(struct tether_reply *reply)
{
	(void)reply;
}
