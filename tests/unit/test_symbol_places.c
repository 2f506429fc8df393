// SPDX-License-Identifier: BSD-2-Clause
/*
 * Places in a file, looked for in this very program: its functions by name, and its probes; each
 * where the kernel has mapped it.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define LOSTSOCK_STREAMS_DEFINE
#include "lostsock/streams.h"
#include "symbol/places.h"

__attribute__((noinline)) static int known_function(int n)
{
	lostsock_stream_open(7, (uint64_t)n, LOSTSOCK_PEERS);
	return n + 1;
}

/* As Go names what a program has taken a copy of. */
int copied_function(int n) __asm__("\"example.org/app/vendor/example.org/lib.Open\"");
int copied_function(int n)
{
	return n + 2;
}

int longer_function(int n) __asm__("\"not-example.org/lib.Close\"");
int longer_function(int n)
{
	return n + 3;
}

/* Where in this file @address comes from. */
static uint64_t offset_of(const void *address)
{
	unsigned long long start, end, offset;
	uintptr_t at = (uintptr_t)address;
	FILE *f = fopen("/proc/self/maps", "re");
	uint64_t found = 0;
	char line[PATH_MAX + 128];

	while (!found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx-%llx %*s %llx", &start, &end, &offset) == 3 && at >= start &&
		    at < end)
			found = at - start + offset;
	fclose(f);
	assert_true(found);
	return found;
}

static struct places *open_self(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	struct places *p;

	assert_true(n > 0);
	path[n] = '\0';
	p = places_open((uint32_t)getpid(), 0, 0, path);
	assert_non_null(p);
	return p;
}

static void functions_by_name(void **state)
{
	static const char *const names[] = {
		"known_function",	 "no_such_function",	      "example.org/lib.Open",
		"example.org/lib.Close", "not-example.org/lib.Close", "function"
	};
	uint64_t offset[6];
	struct places *p = open_self();

	memset(offset, 0xff, sizeof(offset));
	places_functions(p, names, 6, offset);
	assert_int_equal(offset[0], offset_of(known_function));
	assert_int_equal(offset[1], 0);
	assert_int_equal(offset[2], offset_of(copied_function));
	assert_int_equal(offset[3], 0); /* another package, whose name only ends like that */
	assert_int_equal(offset[4], offset_of(longer_function));
	assert_int_equal(offset[5], 0); /* nor is a part of a name the name */
	places_close(p);
}

static void what_it_is(void **state)
{
	struct places *p = open_self();

	assert_true(places_is_program(p));
	assert_false(places_is_go(p));
	assert_true(places_fd(p) >= 0);
	places_close(p);
	places_close(NULL);
	errno = 0;
	assert_null(places_open((uint32_t)getpid(), 0, 0, "/etc/passwd"));
	assert_int_equal(errno, ENOEXEC);
	assert_null(places_open((uint32_t)getpid(), 0, 0, "/no/such/file"));
	assert_int_equal(errno, ENOENT);
	assert_null(places_open((uint32_t)getpid(), 0, 0, "/dev/null"));
	assert_int_equal(errno, EINVAL);
}

struct told {
	int fd;
	uint32_t ours, open;
};

static int on_note(void *ctx, const struct places_note *note)
{
	struct told *t = ctx;
	uint8_t code = 0;
	size_t i, args = 0;

	if (strcmp(note->provider, "tether") != 0)
		return 0;
	t->ours++;
	if (strcmp(note->name, "stream_open") != 0)
		return 0;
	t->open++;
	for (i = 0; note->args[i]; i++)
		args += note->args[i] == '@';
	assert_int_equal(args, 3);
	assert_int_equal(note->semaphore, offset_of((const void *)&tether_stream_open_semaphore));
#if defined(__x86_64__)
	assert_int_equal(pread(t->fd, &code, 1, (off_t)note->offset), 1);
	assert_int_equal(code, 0x90); /* the nop that the kernel puts its trap upon */
#endif
	return 0;
}

static int stop(void *ctx, const struct places_note *note)
{
	++*(int *)ctx;
	return -ECANCELED;
}

static void probes_in_notes(void **state)
{
	struct places *p = open_self();
	struct told t = { .fd = places_fd(p) };
	int n = 0;

	assert_int_equal(known_function(1), 2);
	assert_int_equal(places_notes(p, on_note, &t), 0);
	assert_true(t.ours >= 1 && t.open >= 1);
	assert_int_equal(places_notes(p, stop, &n), -ECANCELED);
	assert_int_equal(n, 1);
	places_close(p);
}

/* Cut off at a megabyte, and a byte of its headers turned: a file each. */
static void damage_is_survived(void **state)
{
	static const char *const names[] = { "known_function" };
	char name[] = "/tmp/places.XXXXXX";
	int fd = mkstemp(name), self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	static uint8_t bytes[1 << 20];
	struct told t = { .fd = -1 };
	struct places *p;
	uint64_t offset;
	ssize_t len = read(self, bytes, sizeof(bytes)), at;

	assert_true(len > 4096);
	for (at = 0; at < 1024; at += 7) {
		bytes[at] ^= 0x55;
		assert_int_equal(pwrite(fd, bytes, (size_t)len, 0), len);
		p = places_open((uint32_t)getpid(), 0, 0, name);
		if (p) {
			places_functions(p, names, 1, &offset);
			places_notes(p, stop, &t.ours);
		}
		places_close(p);
		bytes[at] ^= 0x55;
	}
	close(self);
	close(fd);
	unlink(name);
}

/* A sparse file of one segment, of so many sections and segments, whose names are so long. */
static bool opens(uint64_t sections, uint16_t segments, uint64_t names_bytes)
{
	const Elf64_Phdr load = { .p_type = PT_LOAD, .p_filesz = 4096, .p_memsz = 4096 };
	const Elf64_Shdr first = { .sh_size = sections > UINT16_MAX ? sections : 0 };
	const Elf64_Shdr names = { .sh_type = SHT_STRTAB, .sh_offset = 0, .sh_size = names_bytes };
	Elf64_Ehdr eh = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_phoff = sizeof(eh),
		.e_shoff = 65536,
		.e_ehsize = sizeof(eh),
		.e_phentsize = sizeof(load),
		.e_phnum = segments,
		.e_shentsize = sizeof(first),
		.e_shnum = sections > UINT16_MAX ? 0 : (uint16_t)sections,
		.e_shstrndx = 1,
	};
	char name[] = "/tmp/places.XXXXXX";
	int fd = mkstemp(name);
	struct places *p;

	assert_int_equal(pwrite(fd, &eh, sizeof(eh), 0), sizeof(eh));
	assert_int_equal(pwrite(fd, &load, sizeof(load), sizeof(eh)), sizeof(load));
	assert_int_equal(pwrite(fd, &first, sizeof(first), 65536), sizeof(first));
	assert_int_equal(pwrite(fd, &names, sizeof(names), 65536 + sizeof(first)), sizeof(names));
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	p = places_open((uint32_t)getpid(), 0, 0, name);
	if (!p)
		assert_int_equal(errno, ENOEXEC);
	places_close(p);
	close(fd);
	unlink(name);
	return p;
}

/* libelf would believe it, and take as much memory. */
static void tables_no_program_has_are_not_read(void **state)
{
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	skip();
#endif
	assert_true(opens(2, 1, 100));
	assert_true(opens(4096, 128, 1 << 20));
	assert_false(opens(4097, 1, 100));
	assert_false(opens(65536, 1, 100)); /* counted in the first section */
	assert_false(opens(2, 129, 100));
	assert_false(opens(2, PN_XNUM, 100)); /* likewise */
	assert_false(opens(2, 1, (1 << 20) + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_by_name),
		cmocka_unit_test(what_it_is),
		cmocka_unit_test(probes_in_notes),
		cmocka_unit_test(damage_is_survived),
		cmocka_unit_test(tables_no_program_has_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
