/* SPDX-License-Identifier: BSD-2-Clause */
/* How options.c reads what follows an option. All return 0 or -EINVAL with one clear line in @err.
 */
#pragma once

#include "verb/options.h"

int options_complain(char err[OPTIONS_ERROR_LEN], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* From 1 to @max. */
int options_number(const char *what, const char *s, uint64_t max, uint64_t *n,
		   char err[OPTIONS_ERROR_LEN]);
/* Longer than nothing. */
int options_duration(const char *what, const char *s, uint64_t *ns, char err[OPTIONS_ERROR_LEN]);
/* "CLASS[,CLASS]"; adds their bits to *@mask. */
int options_classes(const char *what, const char *arg, uint64_t *mask, char err[OPTIONS_ERROR_LEN]);
/* "PID[,PID]"; adds to opt->pids what is not there yet. */
int options_pids(struct options *opt, const char *what, const char *arg,
		 char err[OPTIONS_ERROR_LEN]);
/* A network namespace's inode number: "self", that number, a path, or a name below /run/netns. */
int options_netns(const char *arg, uint32_t *netns, char err[OPTIONS_ERROR_LEN]);
/* A path that the exporter can have its metrics at. */
int options_web_path(const char *what, const char *arg, char err[OPTIONS_ERROR_LEN]);
