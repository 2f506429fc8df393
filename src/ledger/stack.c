// SPDX-License-Identifier: BSD-2-Clause
/*
 * The functions behind a stack's number. They come one record each, after the stack, in any order:
 * one that is missing reads as unknown. When the innermost comes again, all come again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ledger/internal.h"

#define DEPTH_MAX  256	      /* functions of one stack; recursion deeper than that tells nothing */
#define FRAMES_MAX (1u << 19) /* of all stacks: 24 MiB */
#define TEXT_MAX   4096

static const struct frame unknown = { .function = "", .file = "", .module = "", .build_id = "" };

static struct stack *stack_at(const struct ledger *led, int32_t stack)
{
	if (stack < 0)
		return NULL;
	return slab_get(&led->stacks, index_get(led->by_stack, (Word_t)stack));
}

static struct stack *stack_get(struct ledger *led, int32_t stack)
{
	struct stack *s = stack_at(led, stack);

	if (s)
		return s;
	return slab_get(&led->stacks, index_alloc(&led->by_stack, (Word_t)stack, &led->stacks));
}

static int stack_reserve(struct ledger *led, struct stack *s, uint16_t need)
{
	uint16_t room = s->room ? s->room : 8;
	struct frame *frames;

	if (need <= s->room)
		return 0;
	while (room < need)
		room *= 2;
	if (led->frame_room + (room - s->room) > FRAMES_MAX)
		return -ENOMEM;
	frames = realloc(s->frames, room * sizeof(*frames));
	if (!frames)
		return -ENOMEM;
	led->frame_room += room - s->room;
	s->frames = frames;
	s->room = room;
	return 0;
}

static bool is_unknown(const struct frame *f)
{
	return memcmp(f, &unknown, sizeof(*f)) == 0;
}

/* The record's four strings; false if they do not all end. */
static bool read_texts(const struct ls_frame *rec, const char *text[4])
{
	const char *at = rec->text, *end = (const char *)rec + rec->hdr.len;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		text[i] = at;
		at = memchr(at, 0, (size_t)(end - at));
		if (!at)
			return false;
		at++;
	}
	return true;
}

int stack_apply_frame(struct ledger *led, const struct ls_frame *rec)
{
	struct names *names = &led->frame_names;
	const char *text[4];
	struct stack *s;
	int err;

	if (rec->stack < 0 || !read_texts(rec, text))
		return -EBADMSG;
	if (rec->index >= DEPTH_MAX)
		return 0;
	s = stack_get(led, rec->stack);
	if (!s)
		return -ENOMEM;
	err = stack_reserve(led, s, rec->index + 1);
	if (err)
		return err;
	if (!rec->index && s->n && !is_unknown(&s->frames[0]))
		s->n = 0;
	while (s->n <= rec->index)
		s->frames[s->n++] = unknown;
	s->frames[rec->index] = (struct frame){
		.function = name_intern(names, text[0], TEXT_MAX),
		.file = name_intern(names, text[1], TEXT_MAX),
		.module = name_intern(names, text[2], TEXT_MAX),
		.build_id = name_intern(names, text[3], TEXT_MAX),
		.offset = rec->offset,
		.line = rec->line,
		.flags = rec->flags,
	};
	return 0;
}

void stacks_fini(struct ledger *led)
{
	uint32_t id;

	for (id = 1; id < led->stacks.end; id++) {
		struct stack *s = slab_get(&led->stacks, id);

		if (s)
			free(s->frames);
	}
}

const struct frame *ledger_frame(const struct ledger *led, int32_t stack, uint32_t n)
{
	const struct stack *s = stack_at(led, stack);

	return s && n < s->n ? &s->frames[n] : NULL;
}
