/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pure functions that judge heads: fields that a program would send, the scan of a head's bytes
 * in one piece and in two, and the policy over any fields. What they accept has to be what they
 * promise.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tether/head.h"
#include "tether/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool true_it_is)
{
	if (!true_it_is)
		abort();
}

/* "name\nvalue" as a field to send: one that is accepted cannot add a line to a message. */
static void try_field(const char *text, size_t len)
{
	char copy[512];
	struct tether_field field = { copy, "" };
	char *lf;

	if (len >= sizeof(copy))
		return;
	memcpy(copy, text, len);
	copy[len] = '\0';
	lf = memchr(copy, '\n', len);
	if (lf) {
		*lf = '\0';
		field.value = lf + 1;
	}
	if (field_check(&field))
		return;
	require(*field.name && !strpbrk(field.name, " \t\r\n:"));
	require(!strpbrk(field.value, "\r\n"));
	require(strcasecmp(field.name, "content-length") != 0);
}

/* Where it is cut makes no difference. */
static void try_scan(const char *text, size_t len, size_t cut)
{
	struct policy_scan whole = { 0 }, pieces = { 0 };
	int first, second;

	if (cut > len)
		cut = len;
	first = policy_scan(&whole, text, len);
	second = policy_scan(&pieces, text, cut);
	if (!second)
		second = policy_scan(&pieces, text + cut, len - cut);
	require(first == second);
	if (!first)
		require(whole.state == pieces.state && whole.cr == pieces.cr);
}

/* A line each: the target, then "name:value". */
static void fill(struct head *head, const char *text, size_t len)
{
	const char *end = text + len, *lf, *colon;
	size_t line;

	while (text < end && head->n < HEAD_FIELDS_MAX) {
		lf = memchr(text, '\n', end - text);
		line = (lf ? lf : end) - text;
		colon = memchr(text, ':', line);
		if (!head->used) {
			head->target_len = line;
			head_put(head, text, line);
			head_put(head, "", 1);
		} else if (colon) {
			struct head_field *field = &head->fields[head->n++];

			field->name = head->used;
			field->name_len = colon - text;
			head_put(head, text, field->name_len);
			head_put(head, "", 1);
			field->value = head->used;
			field->value_len = line - field->name_len - 1;
			head_put(head, colon + 1, field->value_len);
			head_put(head, "", 1);
		}
		text += line + (lf != NULL);
	}
}

static void check_accepted(const struct head *head, const struct policy_facts *facts)
{
	unsigned int hosts = 0, codings = 0;
	struct tether_text name, value;
	size_t i;

	for (i = 0; i < head->n; i++) {
		name = head_name(head, i);
		value = head_value(head, i);
		if (name.len == 4 && !strncasecmp(name.at, "host", 4)) {
			hosts++;
			require(!memchr(value.at, ' ', value.len));
		}
		if (name.len == 17 && !strncasecmp(name.at, "transfer-encoding", 17)) {
			codings++;
			require(value.len == 7 && !strncasecmp(value.at, "chunked", 7));
		}
	}
	require(head->major == 1 && head->minor <= 1);
	require(hosts <= 1 && codings <= 1 && facts->chunked == (codings == 1));
	require(!head->minor ? !codings && !facts->expect : hosts == 1);
}

static void try_policy(uint8_t version, uint8_t method, const char *text, size_t len)
{
	static char room[8192];
	static struct head head;
	struct policy_facts facts;
	int status;

	head_init(&head, NULL, room, sizeof(room));
	head.major = version >> 4 & 3;
	head.minor = version & 3;
	head.method = method;
	fill(&head, text, len);
	status = policy_request(&head, &facts);
	require(!status || status == 400 || status == 417 || status == 501 || status == 505);
	if (!status)
		check_accepted(&head, &facts);
	if (head_find(&head, "x").at)
		require(head.n > 0);
	head_fini(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 2;

	if (size < 2 || size > 4000)
		return 0;
	try_field(text, size - 2);
	try_scan(text, size - 2, data[0] | data[1] << 8);
	try_policy(data[0], data[1] % 46, text, size - 2);
	return 0;
}
