// SPDX-License-Identifier: BSD-2-Clause
/* Stacks in words. Reads the ledger; knows nothing of where the words go. */
#include "view/frames.h"

#include <string.h>
#include "base/text.h"
#include "view/endpoint.h"

#define OWN_SHOWN   4 /* of the program's own functions, on one line */
#define ANY_SHOWN   6 /* ... where none is known to be its own */
#define VIA_SHOWN   3 /* on the way to the kernel: the outermost, and the last */
#define ID_SHOWN    8 /* digits of a build id */
#define NAME_SHOWN  96
#define PLACE_SHOWN 48

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

char *frame_text(char *buf, size_t len, const struct frame *f)
{
	char raw[FRAME_LEN];

	if (*f->function && *f->file && f->line)
		snprintf(raw, sizeof(raw), "%.*s (%.*s:%u)", NAME_SHOWN, f->function, PLACE_SHOWN,
			 base_name(f->file), f->line);
	else if (*f->function)
		snprintf(raw, sizeof(raw), "%.*s", NAME_SHOWN, f->function);
	else
		snprintf(raw, sizeof(raw), "%.*s+0x%llx%s%.*s%s", PLACE_SHOWN,
			 *f->module ? base_name(f->module) : "?", (unsigned long long)f->offset,
			 *f->build_id ? " [" : "", ID_SHOWN, f->build_id, *f->build_id ? "]" : "");
	return text_clean(buf, len, raw);
}

int32_t site_stack(const struct ledger *led, uint32_t site)
{
	const struct site *s = site ? ledger_site(led, site) : NULL;

	return s ? s->stack : -1;
}

int32_t finding_stack(const struct ledger *led, const struct finding *f)
{
	const struct stream_site *s =
		f->stream_site ? ledger_stream_site(led, f->stream_site) : NULL;

	return s ? s->stack : site_stack(led, finding_site(led, f));
}

int32_t task_stack(const struct ledger *led, uint32_t task)
{
	const struct task *t = task ? ledger_task(led, task) : NULL;

	return t ? t->stack : -1;
}

/* How many frames there are, and which is the innermost of the program's own: -1 for none. */
static uint32_t measure(const struct ledger *led, int32_t stack, int *own)
{
	const struct frame *f;
	uint32_t n;

	*own = -1;
	for (n = 0; stack >= 0 && n < FRAMES_MAX && (f = ledger_frame(led, stack, n)); n++)
		if (*own < 0 && (f->flags & LS_FRAME_APPLICATION))
			*own = (int)n;
	return n;
}

const struct frame *stack_guilty(const struct ledger *led, int32_t stack)
{
	int own;

	measure(led, stack, &own);
	return own < 0 ? NULL : ledger_frame(led, stack, (uint32_t)own);
}

/* Adds @s where all of it fits. */
static size_t add(char *buf, size_t len, size_t at, const char *before, const char *s)
{
	size_t n = strlen(before) + strlen(s);

	if (at + n + 1 > len)
		return at;
	snprintf(buf + at, len - at, "%s%s", before, s);
	return at + n;
}

/* "  [via curl_easy_perform, Curl_connect ... connect]": from frame @own inwards. */
static size_t add_way(char *buf, size_t len, size_t at, const struct ledger *led, int32_t stack,
		      int own)
{
	char one[FRAME_LEN];
	const char *before = "  [via ";
	int n;

	for (n = own - 1; n >= 0; n--) {
		const struct frame *f = ledger_frame(led, stack, (uint32_t)n);

		if (own - n >= VIA_SHOWN && n > 0) {
			before = " ... ";
			continue;
		}
		if (*f->function)
			text_clean(one, sizeof(one), f->function);
		else
			frame_text(one, sizeof(one), f);
		at = add(buf, len, at, before, one);
		before = ", ";
	}
	return own > 0 ? add(buf, len, at, "", "]") : at;
}

char *stack_text(char *buf, size_t len, const struct ledger *led, int32_t stack)
{
	char one[FRAME_LEN];
	uint32_t all, n, shown = 0;
	size_t at = 0;
	int own;

	all = measure(led, stack, &own);
	buf[0] = '\0';
	for (n = own < 0 ? 0 : (uint32_t)own; n < all; n++) {
		const struct frame *f = ledger_frame(led, stack, n);

		if (own >= 0 && !(f->flags & LS_FRAME_APPLICATION))
			continue;
		if (shown++ == (own < 0 ? ANY_SHOWN : OWN_SHOWN))
			break;
		at = add(buf, len, at, at ? " < " : "", frame_text(one, sizeof(one), f));
	}
	if (own > 0)
		add_way(buf, len, at, led, stack, own);
	return buf;
}
