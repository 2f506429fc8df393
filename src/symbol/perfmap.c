// SPDX-License-Identifier: BSD-2-Clause
#include "symbol/perfmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading */

/* A hexadecimal number and the one space behind it; false if there is none. */
static bool get_hex(const char **s, const char *end, uint64_t *value)
{
	const char *p = *s;
	unsigned int digits = 0;

	*value = 0;
	if (end - p > 2 && p[0] == '0' && p[1] == 'x')
		p += 2;
	for (; p < end && digits <= 16; p++, digits++) {
		int d = *p >= '0' && *p <= '9'	 ? *p - '0'
			: *p >= 'a' && *p <= 'f' ? *p - 'a' + 10
			: *p >= 'A' && *p <= 'F' ? *p - 'A' + 10
						 : -1;

		if (d < 0)
			break;
		*value = *value << 4 | (unsigned int)d;
	}
	if (!digits || digits > 16 || p == end || *p != ' ')
		return false;
	*s = p + 1;
	return true;
}

static int make_room(struct perfmap *m, size_t name_len)
{
	void *p;

	if (m->n == m->room) {
		p = realloc(m->entry, (m->room ? 2 * m->room : 256) * sizeof(*m->entry));
		if (!p)
			return -ENOMEM;
		m->entry = p;
		m->room = m->room ? 2 * m->room : 256;
	}
	if (m->names_room - m->names_len < name_len + 1) {
		size_t room = 2 * m->names_room + name_len + 4096;

		p = realloc(m->names, room);
		if (!p)
			return -ENOMEM;
		m->names = p;
		m->names_room = room;
	}
	return 0;
}

static int add_line(struct perfmap *m, const char *s, const char *end)
{
	struct perfmap_entry e = { .order = m->n };
	size_t len;

	if (!get_hex(&s, end, &e.start) || !get_hex(&s, end, &e.size) || s == end || !e.size ||
	    e.start + e.size < e.start || memchr(s, '\0', (size_t)(end - s)) ||
	    m->n >= PERFMAP_ENTRIES_MAX || m->names_len > UINT32_MAX - PERFMAP_NAME_MAX - 1) {
		m->bad++;
		return 0;
	}
	len = (size_t)(end - s) < PERFMAP_NAME_MAX ? (size_t)(end - s) : PERFMAP_NAME_MAX;
	if (make_room(m, len))
		return -ENOMEM;
	e.name = (uint32_t)m->names_len;
	memcpy(m->names + m->names_len, s, len);
	m->names[m->names_len + len] = '\0';
	m->names_len += len + 1;
	m->entry[m->n++] = e;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct perfmap_entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

int64_t perfmap_add(struct perfmap *m, const char *text, size_t len)
{
	const char *s = text, *end = text + len, *eol;
	int err = 0;

	while (!err && s < end && (eol = memchr(s, '\n', (size_t)(end - s)))) {
		err = add_line(m, s, eol);
		s = eol + 1;
	}
	if (m->n)
		qsort(m->entry, m->n, sizeof(*m->entry), by_start);
	return err ? err : s - text;
}

void perfmap_fini(struct perfmap *m)
{
	free(m->entry);
	free(m->names);
	memset(m, 0, sizeof(*m));
}

/* ---- finding */

#define LOOK_BACK 64 /* older, longer code that newer code overlaps */

const char *perfmap_find(const struct perfmap *m, uint64_t ip, uint64_t *start)
{
	const struct perfmap_entry *best = NULL;
	uint32_t low = 0, high = m->n, i;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (m->entry[mid].start <= ip)
			low = mid + 1;
		else
			high = mid;
	}
	for (i = low; i > 0 && low - i < LOOK_BACK; i--) {
		const struct perfmap_entry *e = &m->entry[i - 1];

		if (ip - e->start < e->size && (!best || e->order > best->order))
			best = e;
	}
	if (!best)
		return NULL;
	*start = best->start;
	return m->names + best->name;
}
