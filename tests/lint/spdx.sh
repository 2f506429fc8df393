#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every source names its licence in its first line (a script in its second, after the shebang), and
# it is the one that LICENSE gives to its place.
set -eu

both='GPL-2.0-only OR BSD-2-Clause'
bsd='BSD-2-Clause'

status=0
while IFS= read -r file; do
	file=${file#./}
	case $file in
	bpf/* | vmlinux/* | include/lostsock/*) want=$both other=$both ;;
	# Programs for the kernel that are only tests may be either.
	*.bpf.c | *.bpf.h) want=$bsd other=$both ;;
	*) want=$bsd other=$bsd ;;
	esac
	{ IFS= read -r line || :; [ "${line#\#!}" = "$line" ] || IFS= read -r line || :; } <"$file"
	id=$(sed -nE 's/.*SPDX-License-Identifier: (.*)$/\1/p' <<<"$line" | sed -E 's/ *(\*\/|-->)? *$//')
	if [ "$id" != "$want" ] && [ "$id" != "$other" ]; then
		echo "$file:1: SPDX-License-Identifier is '${id:-missing}', not '$want'"
		status=1
	fi
done < <(
	find . \( -name .git -o -path ./build -o -path ./tests/.cache \) -prune -o -type f \
		\( -name '*.[ch]' -o -name '*.sh' -o -name '*.bash' -o -name '*.py' -o -name '*.8' \
		-o -name Makefile -o -name '*.mk' -o -path './.ci/*' \) -print | LC_ALL=C sort
)
exit $status
