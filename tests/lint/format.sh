#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# All C is as clang-format would write it (`make format` does). vmlinux.h may be a generated one.
set -eu

mapfile -t files < <(find src bpf include tests -name '*.[ch]' | LC_ALL=C sort)
[ ${#files[@]} -eq 0 ] || "${CLANG_FORMAT:-clang-format}" --dry-run -Werror --style=file "${files[@]}"
