// SPDX-License-Identifier: BSD-2-Clause
/* Heads of messages (head.h). */
#include "head.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core.h"

void head_init(struct head *head, struct tether_loop *loop, char *text, size_t cap)
{
	memset(head, 0, offsetof(struct head, fields));
	head->loop = loop;
	head->text = text;
	head->cap = cap;
	head->limit_bytes = HEAD_BYTES_MAX;
	head->limit_fields = HEAD_FIELDS_MAX;
}

void head_fini(struct head *head)
{
	if (head->grown)
		mem_free(head->loop, head->text);
	head->grown = false;
	head->text = NULL;
}

static int grow(struct head *head, size_t need)
{
	size_t cap = head->cap * 2 > need ? head->cap * 2 : need;
	char *text = mem_resize(head->loop, head->grown ? head->text : NULL, cap);

	if (!text)
		return -ENOMEM;
	if (!head->grown)
		memcpy(text, head->text, head->used);
	head->text = text;
	head->cap = cap;
	head->grown = true;
	return 0;
}

int head_put(struct head *head, const char *data, size_t len)
{
	int err;

	/* Offsets have 16 bits: NULs are counted too. */
	if (len > HEAD_BYTES_MAX || head->used + len > HEAD_BYTES_MAX)
		return -EMSGSIZE;
	if (head->used + len > head->cap) {
		err = grow(head, head->used + len);
		if (err)
			return err;
	}
	memcpy(head->text + head->used, data, len);
	head->used += len;
	return 0;
}

struct tether_text head_target(const struct head *head)
{
	return (struct tether_text){ head->text, head->target_len };
}

struct tether_text head_name(const struct head *head, size_t i)
{
	return (struct tether_text){ head->text + head->fields[i].name, head->fields[i].name_len };
}

struct tether_text head_value(const struct head *head, size_t i)
{
	return (struct tether_text){ head->text + head->fields[i].value,
				     head->fields[i].value_len };
}

struct tether_text head_find(const struct head *head, const char *name)
{
	size_t len = strlen(name), i;

	for (i = 0; i < head->n; i++)
		if (head->fields[i].name_len == len &&
		    !strncasecmp(head->text + head->fields[i].name, name, len))
			return head_value(head, i);
	return (struct tether_text){ NULL, 0 };
}

static bool is_token(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_framing(const char *name)
{
	return !strcasecmp(name, "content-length") || !strcasecmp(name, "transfer-encoding") ||
	       !strcasecmp(name, "connection");
}

int field_check(const struct tether_field *field)
{
	const unsigned char *p;

	if (!field->name || !field->value || !*field->name)
		return -EINVAL;
	for (p = (const unsigned char *)field->name; *p; p++)
		if (!is_token(*p))
			return -EINVAL;
	for (p = (const unsigned char *)field->value; *p; p++)
		if ((*p < ' ' && *p != '\t') || *p == 0x7f)
			return -EINVAL;
	return is_framing(field->name) ? -EINVAL : 0;
}
