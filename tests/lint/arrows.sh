#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# arrows.sh [ROOT]  the arrows of the design point one way, and the includes show it. Names of
# parts are paths: src/view, bpf, include/lostsock. Prints FILE:LINE of each include that points
# where its part may not look.
set -eu

cd "${1:-.}"

# part              what it may include besides itself ("all": anything of this tree)
rules='
src/base
src/ledger          src/base include/lostsock
src/symbol          src/base include/lostsock
src/source          src/symbol src/base include/lostsock skeleton
src/verdict         src/ledger src/base include/lostsock
src/view            src/verdict src/ledger src/base include/lostsock
src/export          src/base include/tether
src/verb            all
src/static          all
src/lostsock.c      all
src/tether          include/tether
src/tools           include/tether
include/lostsock
include/tether
bpf                 include/lostsock vmlinux
'

# part_of PATH: the part that a file of this tree belongs to.
part_of() {
	case $1 in
	*.skel.h) echo skeleton ;;
	src/*/* | include/*/*) echo "$1" | cut -d/ -f1-2 ;;
	src/*) echo "$1" ;;
	*) echo "${1%%/*}" ;;
	esac
}

# resolve FROM NAME: the file of this tree that FROM means by NAME, nothing if it is none.
resolve() {
	local dir
	case $2 in
	# Made by the build, so it need not be there to be named.
	*.skel.h) echo "$2" && return ;;
	vmlinux.h) echo vmlinux/vmlinux.h && return ;;
	esac
	for dir in "$(dirname "$1")" include src bpf .; do
		if [ -f "$dir/$2" ]; then
			realpath --relative-to=. "$dir/$2"
			return
		fi
	done
}

allowed() { # FROM-PART TO-PART
	local part may
	[ "$1" != "$2" ] || return 0
	while read -r part may; do
		[ "$part" = "$1" ] || continue
		case " $may " in
		*" all "* | *" $2 "*) return 0 ;;
		esac
		return 1
	done <<<"$rules"
	return 1
}

status=0
known=$(awk 'NF { print $1 }' <<<"$rules")
dirs=()
for dir in src bpf include; do
	if [ -d "$dir" ]; then
		dirs+=("$dir")
	fi
done
[ ${#dirs[@]} -gt 0 ] || exit 0

while IFS= read -r file; do
	part=$(part_of "$file")
	if ! grep -qxF "$part" <<<"$known"; then
		echo "$file:1: no rule for $part: add a row to tests/lint/arrows.sh"
		status=1
	fi
done < <(find "${dirs[@]}" -name '*.[ch]' | LC_ALL=C sort)

# FILE:LINE:NAME of every include. <...> counts too, as it would find include/ as well as "..." does.
while IFS=: read -r file line name; do
	from=$(part_of "$file")
	target=$(resolve "$file" "$name")
	[ -n "$target" ] || continue
	to=$(part_of "$target")
	if ! allowed "$from" "$to"; then
		echo "$file:$line: $from may not include $to ($name)"
		status=1
	fi
done < <(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]' "${dirs[@]}" |
	sed -nE 's/^([^:]*:[0-9]+):[^"<]*["<]([^">]*)[">].*/\1:\2/p')
exit $status
