// SPDX-License-Identifier: BSD-2-Clause
/*
 * mhd PORT BYTES: libmicrohttpd with one thread on epoll, answering every GET with so many bytes.
 * The peer of the benchmarks that is a library, too.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum MHD_Result answer(void *arg, struct MHD_Connection *conn, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *len, void **state)
{
	(void)url, (void)version, (void)data, (void)len, (void)state;
	if (strcmp(method, "GET"))
		return MHD_NO;
	return MHD_queue_response(conn, MHD_HTTP_OK, arg);
}

int main(int argc, char **argv)
{
	size_t bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 1024;
	struct MHD_Response *response;
	char *body = malloc(bytes + 1);

	if (!body)
		return 1;
	memset(body, 'x', bytes);
	response = MHD_create_response_from_buffer(bytes, body, MHD_RESPMEM_MUST_FREE);
	MHD_add_response_header(response, "Content-Type", "text/html");
	if (!MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, argc > 1 ? atoi(argv[1]) : 8080, NULL,
			      NULL, answer, response, MHD_OPTION_CONNECTION_LIMIT, 20000u,
			      MHD_OPTION_END))
		return 1;
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
