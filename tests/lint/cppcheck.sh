#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# cppcheck over the C of user space, with what tests/lint/cppcheck.txt suppresses. BPF programs are
# left out: the verifier is the stricter judge.
set -eu

mapfile -t files < <(find src tests -name '*.c' ! -name '*.bpf.c' ! -path 'tests/lint/*' | LC_ALL=C sort)
[ ${#files[@]} -gt 0 ] || exit 0

cache=build/cppcheck
mkdir -p "$cache"
cppcheck --quiet --error-exitcode=1 --inline-suppr -j "$(nproc)" --cppcheck-build-dir="$cache" \
	--std=c11 --language=c --library=posix --library=gnu --platform=unix64 \
	--enable=warning,performance,portability --max-configs=4 \
	--suppressions-list=tests/lint/cppcheck.txt \
	--template='{file}:{line}: {severity}: {message} [{id}]' \
	-D_GNU_SOURCE -D__x86_64__ -D__linux__ -DLOSTSOCK_VERSION='"0"' -Iinclude -Isrc "${files[@]}"
