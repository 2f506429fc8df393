// SPDX-License-Identifier: BSD-2-Clause
/* Messages of HTTP/3 (h3.h): what server and client do in the same way. */
#include <errno.h>
#include <string.h>

#include "h3.h"

void h3_message_bind(struct h3_message *m, struct quic_stream *stream)
{
	m->stream = stream;
	m->method.at = m->method_text;
	stream->owner = m;
}

void h3_message_free(struct h3_message *m)
{
	if (m->authority)
		nghttp3_rcbuf_decref(m->authority);
	if (m->stream)
		m->stream->owner = NULL;
	mem_free(m->conn->q.loop, m);
}

/* ---- fields ---------------------------------------------------------------------------------- */

#define EXTRA	     8
#define NUMBER_BYTES 24

int h3_fields_new(struct tether_loop *loop, size_t n, const struct tether_field *fields,
		  struct h3_fields *out)
{
	size_t bytes = (n + EXTRA) * sizeof(nghttp3_nv) + EXTRA * NUMBER_BYTES, i;

	for (i = 0; i < n; i++)
		bytes += strlen(fields[i].name);
	out->nv = mem_resize(loop, NULL, bytes);
	if (!out->nv)
		return -ENOMEM;
	out->n = 0;
	out->text = (char *)(out->nv + n + EXTRA);
	return 0;
}

static void add(struct h3_fields *f, const char *name, size_t name_len, const char *value,
		size_t len)
{
	f->nv[f->n++] = (nghttp3_nv){ (uint8_t *)name, (uint8_t *)value, name_len, len,
				      NGHTTP3_NV_FLAG_NONE };
}

void h3_fields_add(struct h3_fields *f, const char *name, const char *value, size_t value_len)
{
	add(f, name, strlen(name), value, value_len);
}

void h3_fields_add_number(struct h3_fields *f, const char *name, uint64_t n)
{
	char *end = f->text + NUMBER_BYTES, *p = end;

	f->text = end;
	do
		*--p = '0' + n % 10;
	while (n /= 10);
	h3_fields_add(f, name, p, end - p);
}

void h3_fields_add_all(struct h3_fields *f, const struct tether_field *fields, size_t n)
{
	size_t i, j, len;

	for (i = 0; i < n; i++) {
		len = strlen(fields[i].name);
		for (j = 0; j < len; j++)
			f->text[j] = fields[i].name[j] >= 'A' && fields[i].name[j] <= 'Z'
					     ? fields[i].name[j] | 0x20
					     : fields[i].name[j];
		add(f, f->text, len, fields[i].value, strlen(fields[i].value));
		f->text += len;
	}
}

/* ---- bodies ---------------------------------------------------------------------------------- */

int h3_write(struct quic_stream *stream, const void *data, size_t len)
{
	struct h3_conn *conn = container_of(stream->conn, struct h3_conn, q);

	if (stream->write != SIDE_OPEN)
		return 0;
	if (len && queue_put(stream->conn->loop, &stream->out, data, len))
		return -ENOMEM;
	nghttp3_conn_resume_stream(conn->h3, stream->sid);
	quic_conn_dirty(stream->conn);
	return 0;
}

void h3_finish(struct quic_stream *stream)
{
	struct h3_conn *conn = container_of(stream->conn, struct h3_conn, q);

	quic_stream_shut_write(stream, SIDE_FIN);
	nghttp3_conn_resume_stream(conn->h3, stream->sid);
	quic_conn_dirty(stream->conn);
}

void h3_abort(struct quic_stream *stream, uint64_t code)
{
	struct h3_conn *conn = container_of(stream->conn, struct h3_conn, q);

	nghttp3_conn_shutdown_stream_write(conn->h3, stream->sid);
	nghttp3_conn_shutdown_stream_read(conn->h3, stream->sid);
	quic_stream_cancel_write(stream, code);
	quic_stream_cancel_read(stream, code);
}
