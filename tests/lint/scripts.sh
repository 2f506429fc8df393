#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs shellcheck over every script, by its name or its first line.
set -eu

mapfile -t files < <(
	find . \( -name .git -o -path ./build -o -path ./tests/.cache \) -prune -o -type f \
		\( -name '*.sh' -o -name '*.bash' -o -path './.ci/*' \) -print | LC_ALL=C sort
)
shellcheck -x "${files[@]}"
