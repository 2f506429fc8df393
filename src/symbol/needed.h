/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which files the dynamic loader is going to map for a program that has not begun yet: so that they
 * can be watched before it does.
 */
#pragma once

#include <stdint.h>

/* Calls @fn with @program, an absolute path, and each library that it needs, in @pid's own root and
 * with the LD_LIBRARY_PATH and LD_PRELOAD of its environment; of a script, with its interpreter.
 * Where a library is there in variants for several CPUs all of them are told of. What it opens as
 * it runs cannot be known. Files are untrusted; what makes no sense is left out. -ENOMEM. */
int needed_files(uint32_t pid, const char *program, void (*fn)(void *ctx, const char *path),
		 void *ctx);
