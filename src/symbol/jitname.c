// SPDX-License-Identifier: BSD-2-Clause
/*
 * What JIT compilers write as a name, taken apart: V8 "JS:*leakOne file:///app.js:10:5", the JVM's
 * agents "Lorg/app/Pool;::borrow" or "void org.app.Pool.borrow(int)", CPython "py::leak:/app.py".
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "symbol/perfmap.h"

/* Copies [s, end) cleaned. */
static void copy(char *buf, size_t len, const char *s, const char *end)
{
	char part[PERFMAP_NAME_MAX + 1];
	size_t n = (size_t)(end - s);

	if (n > PERFMAP_NAME_MAX)
		n = PERFMAP_NAME_MAX;
	memcpy(part, s, n);
	part[n] = '\0';
	text_clean(buf, len, part);
}

/* "/app.js:10:5" or "file:///app.js:10:5": file and line; the column goes. */
static void set_place(struct symbol_frame *f, const char *s)
{
	const char *end = s + strlen(s), *p = end;
	unsigned long number[2] = { 0, 0 };
	int n;

	if (strncmp(s, "file://", 7) == 0)
		s += 7;
	for (n = 0; n < 2; n++) {
		const char *digits = p;

		while (digits > s && digits[-1] >= '0' && digits[-1] <= '9')
			digits--;
		if (digits == p || digits == s || digits[-1] != ':')
			break;
		number[n] = strtoul(digits, NULL, 10);
		p = digits - 1;
	}
	copy(f->file, sizeof(f->file), s, p);
	f->line = (uint32_t)(n == 2 ? number[1] : n == 1 ? number[0] : 0);
}

static const char *v8_place(const char *s)
{
	static const char *const starts[] = { " file://", " node:", " /" };
	const char *p;
	size_t i;

	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		p = strstr(s, starts[i]);
		if (p)
			return p;
	}
	return strrchr(s, ' ');
}

static bool v8_name(const char *name, struct symbol_frame *f)
{
	static const char *const own[] = { "LazyCompile:", "Function:", "JS:", "Script:", "Eval:" };
	static const char *const internal[] = { "Builtin:", "BytecodeHandler:", "Stub:",
						"RegExp:",  "LoadIC:",		"StoreIC:",
						"Handler:" };
	const char *place;
	size_t i;

	for (i = 0; i < sizeof(internal) / sizeof(internal[0]); i++) {
		if (strncmp(name, internal[i], strlen(internal[i])) != 0)
			continue;
		text_clean(f->function, sizeof(f->function), name);
		f->kind = SYMBOL_KIND_RUNTIME;
		return true;
	}
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strncmp(name, own[i], strlen(own[i])) == 0)
			break;
	if (i == sizeof(own) / sizeof(own[0]))
		return false;
	name += strlen(own[i]);
	name += strspn(name, "*~^+'"); /* how far it was optimized */
	place = v8_place(name);
	if (place)
		set_place(f, place + 1);
	copy(f->function, sizeof(f->function), name, place ? place : name + strlen(name));
	if (!*f->function)
		strcpy(f->function, "(anonymous)");
	if (strncmp(f->file, "node:", 5) == 0 || strncmp(f->file, "internal/", 9) == 0)
		f->kind = SYMBOL_KIND_RUNTIME;
	return true;
}

static bool python_name(const char *name, struct symbol_frame *f)
{
	const char *file;

	if (strncmp(name, "py::", 4) != 0)
		return false;
	name += 4;
	file = strrchr(name, ':');
	if (file)
		text_clean(f->file, sizeof(f->file), file + 1);
	copy(f->function, sizeof(f->function), name, file ? file : name + strlen(name));
	return true;
}

/* "Lorg/app/Pool;::borrow" becomes "org.app.Pool.borrow". */
static bool java_descriptor(const char *name, struct symbol_frame *f)
{
	const char *end = strstr(name, ";::");
	char text[PERFMAP_NAME_MAX + 1];
	size_t n, i;

	if (name[0] != 'L' || !end || end - name >= PERFMAP_NAME_MAX)
		return false;
	n = (size_t)(end - name - 1);
	memcpy(text, name + 1, n);
	for (i = 0; i < n; i++)
		if (text[i] == '/')
			text[i] = '.';
	text[n] = '.';
	copy(text + n + 1, sizeof(text) - n - 1, end + 3, end + strlen(end));
	text_clean(f->function, sizeof(f->function), text);
	return true;
}

/* "void org.app.Pool.borrow(int)" becomes "org.app.Pool.borrow". */
static bool java_signature(const char *name, struct symbol_frame *f)
{
	const char *end = strchr(name, '('), *s = end;

	if (!end || end == name || !memchr(name, '.', (size_t)(end - name)))
		return false;
	while (s > name && s[-1] != ' ')
		s--;
	if (s == end)
		return false;
	copy(f->function, sizeof(f->function), s, end);
	return true;
}

void perfmap_name(const char *name, struct symbol_frame *f)
{
	f->kind = SYMBOL_KIND_JIT;
	if (!v8_name(name, f) && !python_name(name, f) && !java_descriptor(name, f) &&
	    !java_signature(name, f))
		text_clean(f->function, sizeof(f->function), name);
}
