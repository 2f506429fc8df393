// SPDX-License-Identifier: BSD-2-Clause
/* The request's half of a call (tether/server.h), and how calls end early. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "server_conn.h"

struct tether_text tether_call_method(struct tether_call handle)
{
	struct call *call = call_find(handle);
	const char *name;

	if (!call)
		return (struct tether_text){ NULL, 0 };
	name = llhttp_method_name((llhttp_method_t)call->head.method);
	return (struct tether_text){ name, strlen(name) };
}

struct tether_text tether_call_target(struct tether_call handle)
{
	struct call *call = call_find(handle);
	struct tether_text target;
	const char *path;

	if (!call)
		return (struct tether_text){ NULL, 0 };
	target = head_target(&call->head);
	if (target.at[0] == '/' || target.at[0] == '*')
		return target;
	/* "http://host/path" */
	path = strstr(target.at, "://");
	path = path ? strchr(path + 3, '/') : NULL;
	if (!path)
		return (struct tether_text){ "/", 1 };
	return (struct tether_text){ path, target.len - (path - target.at) };
}

struct tether_text tether_call_header(struct tether_call handle, const char *name)
{
	struct call *call = call_find(handle);

	return call ? head_find(&call->head, name) : (struct tether_text){ NULL, 0 };
}

int tether_call_header_at(struct tether_call handle, size_t i, struct tether_text *name,
			  struct tether_text *value)
{
	struct call *call = call_find(handle);

	if (!call)
		return -EBADF;
	if (i >= call->head.n)
		return -ENOENT;
	*name = head_name(&call->head, i);
	*value = head_value(&call->head, i);
	return 0;
}

uint64_t tether_call_length(struct tether_call handle)
{
	struct call *call = call_find(handle);

	return call ? call->length : 0;
}

int tether_call_read(struct tether_call handle,
		     void (*got)(struct tether_call call, const void *data, size_t len, void *arg),
		     void *arg)
{
	struct call *call = call_find(handle);

	if (!call)
		return -EBADF;
	if (!got)
		return -EINVAL;
	if (call->got)
		return -EALREADY;
	if (call->empty || call->discard || call->refused)
		return -ENODATA;
	call->got = got;
	call->got_arg = arg;
	if (call->expect)
		call_continue(call);
	call_go_on(call);
	return 0;
}

int tether_call_on_end(struct tether_call handle, void (*over)(int why, void *arg), void *arg)
{
	struct call *call = call_find(handle);

	if (!call)
		return -EBADF;
	if (call->over)
		return -EALREADY;
	call->over = over;
	call->over_arg = arg;
	return 0;
}

int tether_call_cancel(struct tether_call handle)
{
	struct call *call = call_find(handle);

	if (!call)
		return -EBADF;
	if (call->h3)
		h3_call_cancel(call);
	else
		conn_close(&call->sc->conn, -ECANCELED);
	return 0;
}
