// SPDX-License-Identifier: BSD-2-Clause
/*
 * .gnu_debugdata: a symbol table of the local functions, xz-compressed into the stripped file, as
 * Fedora and its kin ship it. libdw would decompress it without a bound; here there is one.
 */
#include <gelf.h>
#include <lzma.h>
#include <stdlib.h>

#include "symbol/internal.h"

#define MINI_MAX_BYTES (64u << 20)
#define LZMA_MAX_BYTES (128ull << 20)

/* Doubles the room until it fits. NULL if it never does. */
static char *decompress(const void *in, size_t in_len, size_t *out_len)
{
	size_t room, in_at;
	uint64_t memory;
	char *buf, *p;
	lzma_ret ret;

	for (room = 8 * in_len + 4096, buf = NULL; room <= MINI_MAX_BYTES; room *= 2) {
		p = realloc(buf, room);
		if (!p)
			break;
		buf = p;
		in_at = *out_len = 0;
		memory = LZMA_MAX_BYTES;
		ret = lzma_stream_buffer_decode(&memory, 0, NULL, in, &in_at, in_len,
						(uint8_t *)buf, out_len, room);
		if (ret == LZMA_OK)
			return buf;
		if (ret != LZMA_BUF_ERROR)
			break;
	}
	free(buf);
	return NULL;
}

Elf *minidebug_open(Elf *elf, char **image, uint64_t *bytes)
{
	Elf_Data *data;
	GElf_Shdr shdr;
	Elf_Scn *scn;
	size_t len;
	Elf *mini;

	*image = NULL;
	if (!module_find_section(elf, ".gnu_debugdata", &scn, &shdr) ||
	    shdr.sh_size > MINI_MAX_BYTES / 8)
		return NULL;
	data = elf_rawdata(scn, NULL);
	if (!data || !data->d_buf)
		return NULL;
	*image = decompress(data->d_buf, data->d_size, &len);
	if (!*image)
		return NULL;
	mini = elf_memory(*image, len);
	if (mini && elf_kind(mini) == ELF_K_ELF) {
		*bytes += len;
		return mini;
	}
	if (mini)
		elf_end(mini);
	free(*image);
	*image = NULL;
	return NULL;
}
