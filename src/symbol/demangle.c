// SPDX-License-Identifier: BSD-2-Clause
/*
 * C++ and Rust names as people wrote them, by libiberty. Without parameters: a site is told by its
 * line, and templates make them longer than a screen.
 */
#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "symbol/internal.h"

/* Names are untrusted, and nested ones cost time and memory. */
#define MANGLED_MAX_BYTES 2048

void demangle(char *buf, size_t len, const char *name)
{
	char *plain = NULL;

	if (strnlen(name, MANGLED_MAX_BYTES) < MANGLED_MAX_BYTES) {
		if (name[0] == '_' && (name[1] == 'R' || name[1] == 'Z'))
			plain = rust_demangle(name, DMGL_NO_OPTS);
		if (!plain && name[0] == '_' && name[1] == 'Z')
			plain = cplus_demangle(name, DMGL_NO_OPTS);
	}
	text_clean(buf, len, plain ? plain : name);
	free(plain);
}
