// SPDX-License-Identifier: BSD-2-Clause
/* Requests as bytes: to a connection, or to memory from which they can be sent again. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client.h"

static bool is_word(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	for (; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	return p != (const unsigned char *)s;
}

int request_check(const struct tether_request *r, const struct tether_body_events *events)
{
	size_t i;

	if (!r || !events || !r->target || !is_word(r->target))
		return -EINVAL;
	if ((r->method && !is_word(r->method)) || (r->authority && !is_word(r->authority)))
		return -EINVAL;
	if ((r->n_fields && !r->fields) || (r->data && r->length == TETHER_LENGTH_UNKNOWN))
		return -EINVAL;
	for (i = 0; i < r->n_fields; i++)
		if (field_check(&r->fields[i]))
			return -EINVAL;
	return 0;
}

/* Idempotent methods (RFC 9110, 9.2.2). */
bool request_is_safe(const struct tether_request *r, const char *method)
{
	static const char *const safe[] = { "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE" };
	size_t i;

	for (i = 0; i < sizeof(safe) / sizeof(*safe); i++)
		if (!strcmp(method, safe[i]))
			return true;
	return r->replay;
}

/* Where the bytes go: to a connection, or to memory; with neither they are counted. */
struct sink {
	struct conn *conn;
	char *at;
	size_t len;
};

static void put(struct sink *sink, const void *data, size_t len)
{
	if (sink->conn)
		conn_write(sink->conn, data, len);
	else if (sink->at)
		memcpy(sink->at + sink->len, data, len);
	sink->len += len;
}

static void put_text(struct sink *sink, const char *text)
{
	put(sink, text, strlen(text));
}

static void put_length(struct sink *sink, const char *method, uint64_t length)
{
	char line[64];

	if (length == TETHER_LENGTH_UNKNOWN) {
		put_text(sink, "Transfer-Encoding: chunked\r\n");
	} else if (length || !strcmp(method, "POST") || !strcmp(method, "PUT")) {
		snprintf(line, sizeof(line), "Content-Length: %llu\r\n",
			 (unsigned long long)length);
		put_text(sink, line);
	}
}

int request_host(const struct place *place, char *buf, size_t len)
{
	bool six = strchr(place->host, ':');
	char port[8] = "";

	if (place->port != (place->tls ? 443 : 80))
		snprintf(port, sizeof(port), ":%u", place->port);
	return snprintf(buf, len, "%s%s%s%s", six ? "[" : "", place->host, six ? "]" : "", port);
}

static void put_host(struct sink *sink, const struct place *place)
{
	char host[HOST_BYTES];

	request_host(place, host, sizeof(host));
	put_text(sink, host);
}

static void put_request(struct sink *sink, const struct place *place,
			const struct tether_request *r, const char *method)
{
	size_t i;

	put_text(sink, method);
	put_text(sink, " ");
	put_text(sink, r->target);
	put_text(sink, " HTTP/1.1\r\nHost: ");
	if (r->authority)
		put_text(sink, r->authority);
	else
		put_host(sink, place);
	put_text(sink, "\r\n");
	for (i = 0; i < r->n_fields; i++) {
		put_text(sink, r->fields[i].name);
		put_text(sink, ": ");
		put_text(sink, r->fields[i].value);
		put_text(sink, "\r\n");
	}
	put_length(sink, method, r->length);
	put_text(sink, "\r\n");
	if (r->data && r->length)
		put(sink, r->data, r->length);
}

void request_write(struct client_conn *cc, const struct tether_request *r, const char *method)
{
	struct sink sink = { .conn = &cc->conn };

	put_request(&sink, cc->place, r, method);
}

int request_copy(struct client_conn *cc, const struct tether_request *r, const char *method,
		 struct stash *copy)
{
	struct sink sink = { 0 };

	put_request(&sink, cc->place, r, method);
	sink.at = mem_resize(cc->conn.loop, NULL, sink.len);
	if (!sink.at)
		return -ENOMEM;
	copy->bytes = sink.at;
	copy->len = sink.len;
	sink.len = 0;
	put_request(&sink, cc->place, r, method);
	return 0;
}
