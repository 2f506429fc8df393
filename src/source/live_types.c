// SPDX-License-Identifier: BSD-2-Clause
/* What types this kernel has, by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "source/live_internal.h"

#define TYPES "/sys/kernel/btf/vmlinux"

/* Several times what a kernel has; only what is read is resident. */
#define TYPES_ROOM (32u << 20)

bool live_has_btf(void)
{
	struct stat st;

	return !stat(TYPES, &st) && st.st_size;
}

static void read_types(struct live_types *t)
{
	FILE *f = fopen(TYPES, "re");

	t->text = malloc(TYPES_ROOM);
	t->bytes = f && t->text ? fread(t->text, 1, TYPES_ROOM, f) : 0;
	if (f)
		fclose(f);
}

/* To look it up properly is to parse all of the kernel's types a second time, which takes a tenth
 * of the whole start; their names stand in them as they are. */
bool live_types_have(struct live_types *t, const char *name)
{
	if (!t->text)
		read_types(t);
	return t->bytes && memmem(t->text, t->bytes, name, strlen(name) + 1); /* with its NUL */
}

void live_types_free(struct live_types *t)
{
	free(t->text);
	*t = (struct live_types){ 0 };
}

bool live_has_type(const char *name)
{
	struct live_types t = { 0 };
	bool has = live_types_have(&t, name);

	live_types_free(&t);
	return has;
}

bool live_probes_need_admin(void)
{
	return !live_has_type("bpf_uprobe_multi_link");
}
